"""The import graph is a straight stack, read from the syntax trees; no file is long.

Test files do not get into each other's way, either.
"""

from __future__ import annotations

import ast
import importlib
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from surrogates import backends

SRC = Path(__file__).parents[2] / "src"
# The link src/surrogates/backends is read as what it links to.
FILES = [p for p in sorted(SRC.rglob("*.py")) if "surrogates/backends/" not in p.as_posix()]


def module_of(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(("surrogates", *parts) if parts[0] == "backends" else parts)


# From the ground up; each imports its own layer and those below.
LAYERS = (
    ("_accuracy", "_frozen", "_similar", "backends"),
    ("_arrays", "_docstring", "_maths", "_numeric", "_quadrature", "_recording"),
    ("_area", "_aspects", "_breakpoints", "_parameters", "_stable"),
    ("_declaration",),
    ("_value",),
    ("_several", "_surrogate"),
    ("_curves", "_custom", "_function_form", "_gain", "_vjp", "_wrappers"),
    ("_fitted", "_modules", "definitions"),
    ("libraries",),
    ("_find",),
    ("_check", "_diagnose", "_plot", "schedules"),
    ("_contract",),
    ("testing",),
    ("",),  # surrogates/__init__.py
    ("_demo",),
    ("_cli",),
    ("__main__",),
)


def layer_of(name: str) -> int:
    part = name.removeprefix("surrogates").removeprefix(".").partition(".")[0]
    (layer,) = [i for i, parts in enumerate(LAYERS) if part in parts]
    return layer


MODULES = {module_of(path): path for path in FILES}


def imports_of(name: str, path: Path, text: str) -> set[str]:
    """Return the modules of ours that a module imports anywhere, in a function or for types too."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                parents = parents[: len(parents) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.add(inner if inner in MODULES else base)
    return (found & set(MODULES)) - {name}


@cache
def graph() -> dict[str, set[str]]:
    return {name: imports_of(name, path, path.read_text()) for name, path in MODULES.items()}


def test_no_circle():
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("name", MODULES)
def test_each_imports_its_own_layer_and_those_below(name):
    for other in graph()[name]:
        assert layer_of(other) <= layer_of(name), f"{name} imports {other}"


def test_backends_import_nothing_of_what_stands_on_them():
    for name, imported in graph().items():
        if name.startswith("surrogates.backends"):
            assert all(other.startswith("surrogates.backends") for other in imported), name


def test_no_file_inside_of_a_backend_is_imported_from_above():
    # the modules of PyTorch take what its package exports
    allowed = {"surrogates.backends", "surrogates.backends._torch"}
    for name, imported in graph().items():
        if not name.startswith("surrogates.backends"):
            hooks = {other for other in imported if other.startswith("surrogates.backends")}
            assert hooks <= allowed, name


def test_nothing_above_knows_a_file_of_the_backends_by_its_name():
    above = {name: path for name, path in MODULES.items() if ".backends" not in name}
    texts = [
        (name, node.value)
        for name, path in above.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert len(texts) > 1000
    assert [found for found in texts if "backends._" in found[1]] == []


SEAM = {*vars(backends.Definition)} | {"__dict__"}
MAKERS = {"combine", "replaced", "renewed"}  # what they return is a definition, too


def definitions_in(path: Path) -> list[ast.Attribute]:
    """Return what a file reads of what it names `definition`, or of what makers return."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            value = node.value
            name = getattr(value, "attr", getattr(value, "id", None))
            is_made = isinstance(value, ast.Call) and getattr(value.func, "attr", None) in MAKERS
            if name in ("definition", "surrogate") or is_made:
                found.append(node)
    return found


def test_hooks_read_of_a_definition_what_the_seam_has_and_no_more():
    hooks = [path for name, path in MODULES.items() if name.startswith("surrogates.backends")]
    reads = [(path, node) for path in hooks for node in definitions_in(path)]
    assert len(reads) > 50
    assert [f"{p.name}: {ast.unparse(n)}" for p, n in reads if n.attr not in SEAM] == []


def test_definitions_import_no_framework_and_no_hook():
    foundation = {"surrogates._accuracy", "surrogates._function_form", "surrogates._maths"}
    foundation |= {"surrogates._numeric", "surrogates._parameters", "surrogates._surrogate"}
    for name, imported in graph().items():
        if name.startswith("surrogates.definitions"):
            others = {other for other in imported if not other.startswith(f"{name[:22]}")}
            assert others <= foundation, name


def test_definitions_import_nothing_else_but_numpy_and_the_standard_library():
    for name, path in MODULES.items():
        if name.startswith("surrogates.definitions"):
            nodes = list(ast.walk(ast.parse(path.read_text())))
            imported = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
            imported |= {n.module for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}
            allowed = {"numpy", *sys.stdlib_module_names}
            assert {i.partition(".")[0] for i in imported} <= allowed, name


def test_the_base_class_imports_no_wrapper():
    reached, waiting, edges = set(), ["surrogates._surrogate"], graph()
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += edges[name]
    assert "surrogates._wrappers.wrapper" in edges
    assert not [name for name in reached if name.startswith("surrogates._wrappers")]


@pytest.mark.parametrize("text", ["from . import b", "from .b import c", "import surrogates.b"])
def test_imports_are_found(text, monkeypatch):
    monkeypatch.setitem(MODULES, "surrogates.b", Path("b.py"))
    inside = f"def f():\n    {text}"
    assert imports_of("surrogates.a", Path("a.py"), inside) == {"surrogates.b"}


ROOT = SRC.parent
ALL_FILES = [*FILES, *ROOT.glob("*.py"), *ROOT.glob("tests/**/*.py"), *ROOT.glob("docs/**/*.py")]


@pytest.mark.parametrize("path", ALL_FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_are_short(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    most = 399 if path in FILES else 400
    assert lines <= most or path.parent.name == "definitions"


def test_no_two_test_files_share_a_name():
    """pytest imports them by that name, and could not collect the second."""
    paths = (SRC.parent / "tests").rglob("test_*.py")
    alone = [p.stem for p in paths if not (p.parent / "__init__.py").exists()]
    assert sorted(set(alone)) == sorted(alone)


@pytest.mark.parametrize("value", [1, 2])
def test_a_module_that_a_test_wrote_is_not_imported_by_the_next(value, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(f"value = {value}\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.import_module("mine").value == value
