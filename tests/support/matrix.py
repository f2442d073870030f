"""The matrix of transforms: its cells, what their values should be, and its two files.

A cell is one surrogate under one transform of one framework. Every test with the fixture `cell` is
one; `conftest.py` collects their outcomes. ``python -m nox -s transforms`` writes them to
`docs/reference/transforms.json`, and renders those as `docs/reference/transforms.md`.
"""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from kinds import real_parameters
from surrogates import Surrogate
from surrogates._check.symbolic import Number, with_numbers
from surrogates._parameters import ABOVE_ONE, FINITE, parameters

DOCS = Path(__file__).parents[2] / "docs/reference"
FIRST, SECOND, THIRD = 1e-14, 1e-12, 1e-11  # the bounds of the derivatives, relative


def rows(*names: str) -> Any:
    """Name the rows of the matrix that a test fills, each for every surrogate."""
    return pytest.mark.parametrize("transform", names)


class Cell:
    """A surrogate under a transform: its inputs, and what should come out."""

    def __init__(self, surrogate: Surrogate, record: Callable[[str, Any], None]) -> None:
        self.surrogate = surrogate
        self.name = type(surrogate).__name__
        self._record = record
        self.worst = 0.0
        self._parameter: str | None = None

    @cached_property
    def x(self) -> np.ndarray:
        """Eight random potentials, near the threshold and further away, on no kink."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        return np.concatenate([rng.uniform(-0.15, 0.15, 4), rng.uniform(-2, 2, 4)])

    def derivative(self, order: int = 1) -> np.ndarray:
        """Return the derivative of the spike in float64: NumPy's, or, of higher order, exact.

        The closed form is SymPy's derivative of the definition, on the piece that a point lies on.
        """
        if order == 1:
            return self.surrogate.surrogate_grad(self.x)
        return self._closed_form(self.surrogate, self.x, "x", order - 1, "surrogate_grad")

    def exact(self, method: str) -> np.ndarray:
        """Return the primitive or derivative at `x` in closed form."""
        return self._closed_form(self.surrogate, self.x, "x", 0, method)

    @property
    def parameter(self) -> str:
        """The parameter that the test is at: the first real-valued one, unless in `each`."""
        return self._parameter or self._parameters[0]

    def each(self) -> Iterator[str]:
        """Go through all real-valued parameters, setting `parameter`."""
        for name in self._parameters:
            self._parameter = name
            yield name
        self._parameter = None

    @property
    def _parameters(self) -> list[str]:
        names = real_parameters(type(self.surrogate))
        if not names:
            pytest.skip(f"{self.name} has no parameter")
        return names

    def check_spikes(self, spikes: Any, x: Any = None) -> None:
        """Assert that values are the step of `x`."""
        x = self.x if x is None else np.asarray(x, np.float64)
        np.testing.assert_array_equal(np.asarray(spikes, np.float64), x >= 0)

    @property
    def value(self) -> float:
        """The parameter's default, or another where that is 0: there a term could vanish."""
        return getattr(self.surrogate, self.parameter) or 0.25

    def at(self, value: Any) -> Surrogate:
        """Return the surrogate with its parameter set."""
        return dataclasses.replace(self.surrogate, **{self.parameter: value})

    def parameter_derivative(self, method: str) -> np.ndarray:
        """Return, in closed form, the derivative to the parameter of a method of the surrogate."""
        surrogate = self.at(self.value)
        return self._closed_form(surrogate, self.x, self.parameter, 1, method)

    def relaxed_derivative(self) -> np.ndarray:
        """Return, in closed form, the derivative of the relaxed spike to the parameter.

        That is of the area to the left of `x`: the primitive, with another constant.
        """
        symbol = sympy.Symbol(self.parameter, real=True)
        number = Number(self.value, symbol)
        below = with_numbers(self.at(self.value), {self.parameter: number}).area_below
        slope = sympy.diff(below.expression, symbol) if isinstance(below, Number) else sympy.S(0)
        of_constant = float(sympy.N(slope.subs(symbol, sympy.Float(self.value, 50)), 30))
        return self.parameter_derivative("surrogate_fun") + of_constant

    def raw(self) -> float:
        """Return the unbounded number of a learnable surrogate that belongs to `value`."""
        above = self._interval is ABOVE_ONE
        return self.value if self._interval is FINITE else float(np.log(self.value - above))

    def raw_gradient(self) -> float:
        """Return the gradient of a learnable surrogate's summed spikes to its unbounded number."""
        interval = self._interval
        inner = 1.0 if interval is FINITE else self.value - (interval is ABOVE_ONE)
        return inner * self.relaxed_derivative().sum()

    def require_in_range(self, value: float) -> None:
        """Assert that a value is one that the parameter may take, up to rounding."""
        low, high = self._interval.low, self._interval.high
        assert low * (1 - 1e-6) <= value <= high * (1 + 1e-6)
        assert value > 0 or self._interval is FINITE

    @property
    def _interval(self) -> Any:
        declared = {p.name: p.metadata["interval"] for p in parameters(type(self.surrogate))}
        return declared[self.parameter]

    @staticmethod
    def _closed_form(
        surrogate: Surrogate, points: np.ndarray, variable: str, order: int, method: str
    ) -> np.ndarray:
        values = []
        for point in map(float, points):
            at = point if variable == "x" else float(getattr(surrogate, variable))
            symbol = sympy.Symbol(variable, real=True)
            number = Number(at, symbol)
            if variable == "x":
                expression = getattr(surrogate, method)(number).expression
            else:
                generic = with_numbers(surrogate, {variable: number})
                expression = getattr(generic, method)(Number(point, sympy.Float(point, 50)))
                expression = expression.expression
            derivative = sympy.diff(expression, symbol, order)
            values.append(float(sympy.N(derivative.subs(symbol, sympy.Float(at, 50)), 30)))
        return np.asarray(values)

    def check(self, actual: Any, exact: Any, bound: float) -> None:
        """Assert that values agree, and put the error into the matrix.

        It is relative to the value, or to a thousandth of the largest one where that is more; to
        the largest one where the surrogate states no more.
        """
        actual, exact = np.asarray(actual, np.float64), np.asarray(exact, np.float64)
        assert actual.shape == exact.shape
        share = 1.0 if self.surrogate.accuracy.of_peak else 1e-3
        size = np.maximum(np.abs(exact), np.max(np.abs(exact), initial=0.0) * share)
        difference = np.abs(actual - exact)
        error = float(np.max(difference / np.where(size == 0, 1.0, size), initial=0.0))
        self.worst = max(self.worst, error)
        self._record("error", self.worst)
        self._record("bound", bound)
        assert error <= bound, (actual, exact)

    def order(self, n: int, actual: Any) -> None:
        """Check an n-th derivative of the spike."""
        self.check(actual, self.derivative(n), (FIRST, SECOND, THIRD)[n - 1])


def gather(report: pytest.TestReport) -> dict[str, Any] | None:
    """Return the cell of the matrix that a report of pytest tells the outcome of."""
    properties = dict(report.user_properties)
    if "cell" not in properties or not (report.when == "call" or report.skipped or report.failed):
        return None
    place, framework, transform, surrogate = properties["cell"]
    if hasattr(report, "wasxfail"):
        reason = report.wasxfail.removeprefix("reason: ")
        outcome, value = "limit", f"{reason} (`{properties['message']}`)"
    elif report.skipped:
        outcome, value = "not tested", report.longrepr[2].removeprefix("Skipped: ")
    else:
        outcome = report.outcome
        value = float(f"{properties['error']:.1e}") if "error" in properties else None
    return {
        "place": place,
        "row": (framework, transform),
        "surrogate": surrogate,
        "outcome": outcome,
        "value": value,
        "bound": properties.get("bound"),
    }


def write(cells: list[dict[str, Any]], versions: dict[str, str], docs: Path = DOCS) -> None:
    """Write the matrix as data and as a page; surrogates that were not run keep their cells."""
    file = docs / "transforms.json"
    rows = _kept(json.loads(file.read_text()), {cell["surrogate"] for cell in cells}, versions)
    for cell in sorted(cells, key=lambda c: c["place"]):
        framework, transform = cell["row"]
        empty = {"framework": framework, "transform": transform, "bound": None}
        row = rows.setdefault(cell["row"], empty)
        row["bound"] = row["bound"] or cell["bound"]
        row.setdefault(cell["outcome"], {})[cell["surrogate"]] = cell["value"]
    lines = ",\n".join(json.dumps(row) for row in rows.values())
    text = f'{{"versions": {json.dumps(versions)},\n"rows": [\n{lines}\n]}}\n'
    file.write_text(text)
    (docs / "transforms.md").write_text(render(json.loads(text)))


def _kept(
    matrix: dict[str, Any], run: set[str], versions: dict[str, str]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the rows of a matrix without the surrogates that were run anew."""
    if not surrogates_of(matrix) - run:
        return {}
    if matrix["versions"] != versions:
        raise ValueError(
            f"the cells of other surrogates are of {matrix['versions']}, these are of {versions}: "
            "run all surrogates, without -k"
        )
    for row in matrix["rows"]:
        for outcome in {*OUTCOMES} & row.keys():
            row[outcome] = {name: v for name, v in row[outcome].items() if name not in run}
            if not row[outcome]:
                del row[outcome]
    return {(row["framework"], row["transform"]): row for row in matrix["rows"]}


OUTCOMES = ("passed", "failed", "limit", "not tested")

HEAD = """\
# Transforms, tried with every surrogate

Does a transform of your framework work with a surrogate? The tests tried each of them with all
{count} surrogates:

{summary}

What the frameworks themselves cannot do, with the error that you would meet:

{limits}

*Not tested* means that the machine had no such device. A transform of a parameter *works* without
the surrogates that have no parameter.

## How it was tested

The tests write this page: `python -m nox -s transforms` runs one test for each transform and
surrogate, keeps the outcomes in [transforms.json](transforms.json), and renders them here. This
run: {versions}.

Each transform was tested with each of the {count} surrogates at its default parameters, in float64,
on random potentials. *Error* is the largest error of all surrogates. First derivatives are compared
with NumPy in float64; higher ones, and NumPy itself, with the closed form of the definition (SymPy,
to 30 digits). The error is relative to the value, or to a thousandth of the largest value where
that is more, and must stay below the *bound*. A row without these two checks something else, such
as a type or the number of compilations. Rows with a hypergradient (the derivative of a weight
gradient with respect to a parameter) compare with central differences. The gradcheck of a spike is
that of its primitive, since a step has no differences to compare with.

## Details
"""


def render(matrix: dict[str, Any]) -> str:
    """Return the page of the matrix: a summary for one screen, and the details folded behind it."""
    versions = ", ".join(f"{name} {version}" for name, version in matrix["versions"].items())
    total = len(surrogates_of(matrix))
    tables: dict[str, list[dict[str, Any]]] = {}
    for row in matrix["rows"]:
        tables.setdefault(row["framework"], []).append(row)
    summary = ["| transforms of | work | fail | limit | not tested | surrogates x transforms |"]
    summary.append("|---" * 6 + "|")
    for framework, rows in tables.items():
        counts = [sum(outcome_of(row) == outcome for row in rows) for outcome in OUTCOMES]
        passed = sum(len(row.get("passed", {})) for row in rows)
        summary.append(f"| {framework} | {' | '.join(map(str, counts))} | {passed} passed |")
    limits = [
        f"- {row['framework']}, {row['transform']}: {reason}"
        for row in matrix["rows"]
        for reason in dict.fromkeys(row.get("limit", {}).values())
    ]
    told = {"summary": "\n".join(summary), "limits": "\n".join(limits)}
    page = [HEAD.format(versions=versions, count=total, **told)]
    for framework, rows in tables.items():
        page += [
            f"<details>\n<summary>{framework}: {len(rows)} transforms</summary>\n",
            "| transform | surrogates | error | bound | |",
            "|---|---|---|---|---|",
            *(_line(row, total) for row in rows),
            "\n</details>\n",
        ]
    return "\n".join(page)


def outcome_of(row: dict[str, Any]) -> str:
    """Return the worst outcome of a transform; a surrogate without a parameter does not count."""
    return next(o for o in ("failed", "limit", "passed", "not tested") if row.get(o))


def surrogates_of(matrix: dict[str, Any]) -> set[str]:
    """Return the names of the surrogates that a matrix tells of."""
    cells = (row.get(outcome, {}) for row in matrix["rows"] for outcome in OUTCOMES)
    return {name for names in cells for name in names}


def _line(row: dict[str, Any], total: int) -> str:
    passed = row.get("passed", {})
    errors = [error for error in passed.values() if error is not None]
    worst = f"{max(errors):.1e}" if errors else ""
    bound = f"{row['bound']:.0e}" if errors else ""
    count = f"{len(passed)} of {total}"
    if len(passed) == total:
        count = f"all {len(passed)}"
    notes = [
        f"**{outcome}**: {reason}"
        for outcome in OUTCOMES[1:]
        for reason in dict.fromkeys(row.get(outcome, {}).values())
    ]
    return f"| {row['transform']} | {count} | {worst} | {bound} | {'; '.join(notes)} |"


def declared(module: Any) -> set[tuple[str, str]]:
    """Return the frameworks and transforms of the rows that the tests of a module fill."""
    found = set()
    for test in vars(module).values():
        marks = {m.args[0]: m.args[1] for m in _marks(test) if m.name == "parametrize"}
        if "transform" in marks:
            default = [getattr(module, "FRAMEWORK", None)]
            for param in marks.get("framework", default):
                framework = param if isinstance(param, str) else param.values[0]
                found |= {(framework, transform) for transform in marks["transform"]}
    return found


def _marks(test: Any) -> list[Any]:
    return getattr(test, "pytestmark", []) if callable(test) else []


def central_difference(function: Any, value: Any) -> Any:
    """Return the derivative of a function, by six points."""
    step = 2.0**-10 * value
    pairs = ((1, 45.0), (2, -9.0), (3, 1.0))
    rise = sum(w * (function(value + n * step) - function(value - n * step)) for n, w in pairs)
    return rise / (60 * step)
