from __future__ import annotations

import os

# Before JAX is imported: without it JAX makes float32 of every float64.
os.environ["JAX_ENABLE_X64"] = "1"
# Eight devices of one CPU, for what JAX does with many.
os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
)
if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has a core; more threads would wait
    os.environ |= {"OMP_NUM_THREADS": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"}

import gc
import importlib.metadata
import math
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

from kinds import PRECISE, WITH_TAPE, Kind, parameters, required
from surrogates._parameters import parameters as parameters_of
from surrogates.definitions import FAMILIES, SURROGATES

# Derandomised: a red run means a change of ours. No deadline: the first call compiles.
settings.register_profile("default", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("few", settings.get_profile("default"), max_examples=5)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(params=parameters(PRECISE), scope="session")
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of array that is installed here."""
    return required(request.param)


@pytest.fixture(params=parameters(WITH_TAPE), scope="session")
def taped(request: pytest.FixtureRequest) -> Kind:
    """Each of them that differentiates by itself."""
    return required(request.param)


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """pytest's folder; what was imported from it is forgotten, since others use its name too."""
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        file = vars(module).get("__file__") if isinstance(module, ModuleType) else None
        if file and tmp_path in Path(file).parents:
            del sys.modules[name]


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def jax():
    return pytest.importorskip("jax")


@pytest.fixture(params=SURROGATES.values(), ids=SURROGATES.keys())
def cell(request: pytest.FixtureRequest, transform: str) -> Any:
    """Each surrogate: one cell of the matrix in the row `transform` of the module's framework."""
    import matrix  # here, since it imports SymPy

    record = request.node.user_properties
    framework = getattr(request.module, "FRAMEWORK", None) or request.getfixturevalue("framework")
    record.append(("cell", (request.node.place, framework, transform, request.param.__name__)))
    return matrix.Cell(request.param(), lambda name, value: record.append((name, value)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-transforms", action="store_true", help="write the matrix of transforms to docs"
    )
    parser.addoption(
        "--quick",
        action="store_true",
        help="of the long tests, those of three surrogates, or of one; full runs all",
    )
    parser.addoption("--rest", action="store_true", help="the tests that --quick leaves out")
    parser.addoption(
        "--thin",
        action="store_true",
        help="with --rest, of each test a tenth of the surrogates, a third of other cases",
    )
    parser.addoption(
        "--quickest", action="store_true", help="in all files, one surrogate of each family"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--thin") and not config.getoption("--rest"):
        raise pytest.UsageError("--thin is a part of --rest: say --rest --thin")


# What takes most of the time, and is the same for every formula, mostly.
LONG = {
    "test_accuracy_ranges",
    "test_agreement",
    "test_check",
    "test_compressed",
    "test_gain",
    "test_measures",
    "test_mlx",
    "test_program_torch",
    "test_relaxed",
    "test_relaxed_accuracy",
    "test_tape",
    "test_testing",
    "test_torch",
    "test_torch_cuda_parameters",
    "test_torch_modes",
    "test_torch_parameters",
    "test_transforms_arrays",
    "test_transforms_jax",
    "test_transforms_jax_parameters",
    "test_transforms_mlx",
    "test_transforms_torch",
    "test_transforms_torch_parameters",
}
# One surrogate for each family: the one that most neuron libraries offer. (S2NN ties with two, and
# has two formulas; the square wave ties with the exponential, and has a parameter that counts.)
STAND_INS = {
    "Arctan",
    "GaussianGrad",
    "InvSquareGrad",
    "ReluGrad",
    "S2NN",
    "Sigmoid",
    "SlayerGrad",
    "SquarewaveFourierSeries",
}
# Of these, one with a special function, one with edges, one whose two sides differ.
THREE = {"GaussianGrad", "ReluGrad", "S2NN"}
# For what is marked as long in the files above: the one that takes least.
ONE = {"ReluGrad"}
# else a name that is none would leave tests out of the quick run in silence
assert ONE <= THREE <= STAND_INS <= {*SURROGATES}, (THREE, STAND_INS)


def _others(family: Any) -> list[type]:
    """Return the classes of a family that its stand-in, or else its first class, stands for."""
    classes = [c for c in SURROGATES.values() if c.__module__ == family.__name__]
    stand_ins = [c for c in classes if c.__name__ in STAND_INS] or classes[:1]
    return [c for c in classes if c not in stand_ins]


OTHERS = {cls for family in FAMILIES for cls in _others(family)}
NOT_THREE = {cls for cls in SURROGATES.values() if cls.__name__ not in THREE}
NOT_ONE = {cls for cls in SURROGATES.values() if cls.__name__ not in ONE}

# What the name of a test has of the surrogate that it is of.
OF_SURROGATES = {*SURROGATES} | {p.name for cls in SURROGATES.values() for p in parameters_of(cls)}


def _classes(item: pytest.Item) -> set[type]:
    """Return the surrogates that a test is of; none if it is of all of them, or of none."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return {p for p in parameters if isinstance(p, type) and p in SURROGATES.values()}


def _is_long(item: pytest.Item) -> bool:
    """Return whether a test is marked as long; ``long("jax")`` is for a name with "jax" in it."""
    name = item.name.partition("[")[2].lower()
    marks = item.iter_markers("long")
    return any(not mark.args or any(word in name for word in mark.args) for mark in marks)


def _is_for_later(item: pytest.Item, everywhere: bool) -> bool:
    """Return whether a test is of a surrogate that another one stands for, or long and of none."""
    classes, is_long = _classes(item), _is_long(item)
    if not classes:
        return is_long
    if item.module.__name__ in LONG:
        return not classes.isdisjoint(NOT_ONE if is_long else NOT_THREE)
    return (everywhere or is_long) and not classes.isdisjoint(OTHERS)


def _thinned(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """Return a tenth of each row of surrogates and a third of other cases, always the same."""
    rows = defaultdict(list)
    for item in items:
        classes = _classes(item)
        words = item.callspec.id.split("-") if classes else ()
        others = (word for word in words if word not in OF_SURROGATES)
        rows[10 if classes else 3, item.module, item.originalname, *others].append(item)
    for row in rows.values():
        row.sort(key=lambda item: zlib.crc32(item.nodeid.encode()))
    return {
        item for (share, *_), row in rows.items() for item in row[: math.ceil(len(row) / share)]
    }


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for place, item in enumerate(items):
        item.place = place
        for name in ("distributed", "docs_js", "kernels"):
            if name in item.keywords and name not in config.option.markexpr:
                session = name.replace("_", "-")
                item.add_marker(pytest.mark.skip(reason=f"run by nox -s {session}"))
    everywhere, rest = config.getoption("--quickest"), config.getoption("--rest")
    if everywhere or rest or config.getoption("--quick"):
        later = {item for item in items if _is_for_later(item, everywhere)}
        left_out = {*items} - later if rest else later
        if config.getoption("--thin"):
            left_out |= later - _thinned(later)
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=list(left_out))


def pytest_collection_finish() -> None:
    gc.freeze()  # else each whole collection looks at tens of thousands of tests, and at SymPy


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    if call.excinfo is not None:
        first_line = f"{call.excinfo.typename}: {call.excinfo.value}".split("\n")[0]
        item.user_properties.append(("message", first_line[:160].replace("|", "/")))
    return (yield)


_cells: list[dict] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "cell" in dict(report.user_properties):
        import matrix

        cell = matrix.gather(report)
        if cell is not None:
            _cells.append(cell)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--write-transforms") and not hasattr(
        session.config, "workerinput"
    ):
        packages = ("numpy", "torch", "jax", "dask", "array-api-strict", "equinox", "flax", "onnx")
        versions = {"python": ".".join(map(str, sys.version_info[:3]))}
        versions |= {name: importlib.metadata.version(name) for name in packages}
        import matrix

        matrix.write(_cells, versions)
