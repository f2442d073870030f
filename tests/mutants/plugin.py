"""For pytest: which test runs which line, how long it takes, and which test fails first."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

# Of the tests that run for every surrogate, those of these: one of each kind of formula.
SAMPLE = {
    "Arctan",
    "ExpEscape",
    "GaussianGrad",
    "MultiGaussianGrad",
    "PeriodicExponential",
    "PiecewiseLeakyRelu",
    "QPseudoSpikeUnit",
    "Sigmoid",
    "SquarewaveFourierSeries",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    from surrogates.definitions import SURROGATES

    def is_wanted(item: Any) -> bool:
        values = getattr(getattr(item, "callspec", None), "params", {}).values()
        names = {getattr(value, "__name__", "") for value in values} & set(SURROGATES)
        return names <= SAMPLE

    kept = [item for item in items if is_wanted(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


class Mapper:
    """Records the lines of `source` that each test runs."""

    def __init__(self, source: Path, target: Path) -> None:
        import coverage

        self.source, self.target = source, target
        self.coverage = coverage.Coverage(data_file=None, source=[str(source)], config_file=False)
        self.coverage.start()
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        self.coverage.switch_context(item.nodeid)
        result = yield
        self.coverage.switch_context("")
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # A test that fails, or is skipped, on the code as it is cannot find a mutant.
        if report.when == "call" and report.outcome == "passed" and not hasattr(report, "wasxfail"):
            self.seconds[report.nodeid] = report.duration

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        data = self.coverage.get_data()
        tests = {test: number for number, test in enumerate(self.seconds)}
        lines: dict[str, dict[int, list[int]]] = {}
        for file in data.measured_files():
            path = os.path.relpath(os.path.realpath(file), self.source)
            lines[path] = {
                line: sorted(tests[test] for test in contexts if test in tests)
                for line, contexts in data.contexts_by_lineno(file).items()
            }
        found = {"seconds": self.seconds, "lines": lines}
        self.target.write_text(json.dumps(found))


class Finder:
    """Remembers the first test that failed."""

    failed: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid
