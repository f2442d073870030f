"""Every private name of a framework is on the watch list in docs/maintaining.md, and exists."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
# The link src/surrogates/backends is read as what it links to.
FILES = [p for p in sorted(SRC.rglob("*.py")) if "surrogates/backends/" not in p.as_posix()]
TREES = {path: ast.parse(path.read_text()) for path in FILES}

# Spelled without an underscore, and unstable by their library's own word.
UNSTABLE = ("jax.core", "jax.experimental", "jax.extend", "jax.interpreters", "jax.typeof")


class Row(NamedTuple):
    """A line of the watch list."""

    files: frozenset[str]
    since: tuple[int, ...]
    until: tuple[int, ...]
    may_go: bool
    loss: str


def watch_list() -> dict[str, Row]:
    page = (ROOT / "docs" / "maintaining.md").read_text()
    _, _, section = page.partition("## Private names we depend on\n")
    found = {}
    for line in section.partition("\n## ")[0].splitlines():
        if line.startswith("| `"):
            name, files, _, versions, loss = (cell.strip() for cell in line.strip("|").split(" | "))
            since, until = map(version, versions.split(" to "))
            files = frozenset(re.findall(r"`(.+?)`", files))
            may_go = loss == "nothing"
            found[name.strip("`")] = Row(files, since, until, may_go, loss)
    return found


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("+")[0]))


WATCHED = watch_list()


def names_defined(trees: list[ast.AST]) -> set[str]:
    """Return the names that some file of ours gives to something, as a variable or an attribute."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    found = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    found |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return found | {
        n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)
    }


def private_names(tree: ast.AST, ours: set[str]) -> set[str]:
    """Return the private names of others that a file uses; ``?._name`` of an unknown object."""
    nodes = list(ast.walk(tree))
    imported = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                imported[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                imported[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    found = set(imported.values())
    for node in nodes:
        if isinstance(node, ast.Attribute):
            name = dotted(node, imported)
            is_theirs = node.attr[0] == "_" and node.attr not in ours
            found |= {name} if name else {f"?.{node.attr}"} if is_theirs else set()
    found = {name for name in found if is_private(name)}
    # of torch._C and torch._C.DispatchKey.CPU only the whole name
    return {n for n in found if not any(o.startswith(f"{n}.") for o in found)}


def dotted(node: ast.Attribute, imported: dict[str, str]) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    is_imported = isinstance(node, ast.Name) and node.id in imported
    return ".".join([imported[node.id], *reversed(parts)]) if is_imported else ""


def is_private(name: str) -> bool:
    if name.startswith("surrogates."):
        return False
    hidden = [part for part in name.split(".") if part[0] == "_" and part[-2:] != "__"]
    return bool(hidden) or any(f"{name}.".startswith(f"{unstable}.") for unstable in UNSTABLE)


OURS = names_defined([*TREES.values()])
USED = {path: private_names(tree, OURS) for path, tree in TREES.items()}


def is_watched(name: str) -> bool:
    if name.startswith("?."):
        return any(watched.endswith(name[1:]) for watched in WATCHED)
    return any(f"{name}.".startswith(f"{watched}.") for watched in WATCHED)


@pytest.mark.parametrize("path", [p for p in FILES if USED[p]], ids=lambda p: p.stem)
def test_every_private_name_in_the_source_is_on_the_watch_list(path):
    unknown = sorted(name for name in USED[path] if not is_watched(name))
    assert not unknown, f"add to docs/maintaining.md, Private names we depend on: {unknown}"


@pytest.mark.parametrize("name", WATCHED)
def test_every_name_on_the_watch_list_is_used_where_it_says(name):
    last = f"?.{name.rpartition('.')[2]}"
    users = [
        p
        for p, used in USED.items()
        if last in used or any(f"{u}.".startswith(f"{name}.") for u in used)
    ]
    assert users
    assert len(users) == len(WATCHED[name].files)
    for path in users:
        assert any(path.as_posix().endswith(f"/{file}") for file in WATCHED[name].files), path


@pytest.mark.parametrize("name", WATCHED)
def test_every_name_on_the_watch_list_exists(name):
    library = name.partition(".")[0]
    pytest.importorskip(library)
    installed = version(importlib.metadata.version(library))
    row = WATCHED[name]
    if installed < row.since or (row.may_go and installed > row.until):
        pytest.skip(f"{library} {installed} has it no more, or not yet, and nothing needs it there")
    module, rest = name, []
    while True:
        try:
            target = importlib.import_module(module)
            break
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            rest.insert(0, last)
    for part in rest:
        target = getattr(target, part)


def without_each(library: str, when: str, names: list[str]) -> dict[str, str]:
    """Return what the library gives with each of the names hidden; see hidden_names.py."""
    script = Path(__file__).parent / "hidden_names.py"
    command = [sys.executable, "-W", "ignore", str(script), library, when, *names]
    path = os.pathsep.join([str(SRC), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert not ran.returncode, ran.stderr
    return dict(line.split(" ", 1) for line in ran.stdout.splitlines())


@pytest.mark.long
@pytest.mark.parametrize("library", ["torch", "jax"])
def test_without_a_private_name_numbers_are_the_same_or_an_error_says_what_is_missing(library):
    pytest.importorskip(library)
    installed = version(importlib.metadata.version(library))
    rows = {
        name: row
        for name, row in WATCHED.items()
        if name.startswith(f"{library}.") and row.since <= installed and not row.may_go
    }
    found = without_each(library, "in use", [*rows])
    assert found.keys() == rows.keys()
    for name, result in found.items():
        missing = name.rpartition(".")[2]
        assert result == "same" or (missing in result and "WRONG" not in result), (name, result)
        if rows[name].loss == "A":
            assert result.startswith("ImportError: the backend for arrays of"), (name, result)


@pytest.mark.long
def test_without_a_name_that_serves_speed_numbers_are_the_same():
    pytest.importorskip("torch")
    names = [name for name, row in WATCHED.items() if row.loss == "B"]
    assert without_each("torch", "at import", names) == dict.fromkeys(names, "same")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from torch._C import DispatchKey\nDispatchKey.CPU", {"torch._C.DispatchKey.CPU"}),
        ("from jax.interpreters import ad\nad.Zero", {"jax.interpreters.ad.Zero"}),
        ("import jax\njax.core.Tracer", {"jax.core.Tracer"}),
        ("def f(x):\n    from torch import _C\n    return _C._x(x)", {"torch._C._x"}),
        ("import torch.autograd as a\na.forward_ad._level", {"torch.autograd.forward_ad._level"}),
        ("x._meta", {"?._meta"}),
        ("import torch\ntorch.func.vmap\nself._ours", set()),
        ("from .._surrogate import _Surrogate", set()),
    ],
)
def test_private_names_are_found(text, found):
    assert private_names(ast.parse(text), {"_ours"}) == found
