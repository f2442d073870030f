"""Where a built-in backend, or a library of modules, is named besides the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import surrogates
from surrogates import _modules, backends

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ALWAYS, FOR_TESTS = {"numpy"}, {"array_api_strict"}
LIBRARIES = sorted({*backends._BUILT_IN} - FOR_TESTS)


def named(text: str) -> set[str]:
    """Return the libraries that a text names, as they write themselves: PyTorch, JAX."""
    return {library for library in LIBRARIES if library in text.lower()}


def test_each_is_named_where_the_package_is_described():
    readme = (ROOT / "README.md").read_text()
    line = next(line for line in readme.splitlines() if line.startswith("Surrogate gradients"))
    assert line == surrogates.__doc__.splitlines()[0]
    assert line == f"{PROJECT['description']}."
    assert named(line) == {*LIBRARIES}


def test_each_has_a_paragraph_among_the_hooks():
    page = (ROOT / "docs/explanation/architecture.md").read_text()
    hooks = page.partition("\n## The hooks\n")[2].partition("\n## ")[0]
    assert named(" ".join(re.findall(r"^\*\*(.+?)\*\*", hooks, re.MULTILINE))) == {*LIBRARIES}


def test_each_is_installed_by_an_extra_that_readme_names():
    extras = PROJECT["optional-dependencies"]
    assert {*LIBRARIES} - ALWAYS <= {*extras}
    sentence = re.search(r"`pip install .*?[.:]\s", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    assert {*re.findall(r"`(\w+)`", sentence)} | {"torch"} == {*extras}


def test_the_version_of_each_extra_is_pinned():
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    known = {name.lower().replace("_", "-") for name in pinned}
    for requirements in PROJECT["optional-dependencies"].values():
        for requirement in requirements:
            assert re.match(r"[\w.-]+", requirement)[0] in known


def test_the_tests_know_of_the_arrays_of_each_and_of_no_others():
    files = {path.stem for path in (ROOT / "tests/support/kinds").glob("_*.py")}
    assert files - {"__init__", "_facts"} == {f"_{library}" for library in backends._BUILT_IN}


@pytest.mark.parametrize("function", [surrogates.module, surrogates.learnable])
def test_the_libraries_of_modules_are_the_choices_in_the_docstrings(function):
    choices = re.search(r"framework : \{(.*)\}", function.__doc__)[1]
    assert choices == ", ".join(f'"{name}"' for name in _modules.FRAMEWORKS)


@pytest.mark.parametrize("name", _modules.FRAMEWORKS)
def test_a_library_of_modules_is_named_in_the_docstrings(name):
    for function in (surrogates.module, surrogates.learnable, surrogates.set_spiking_mode):
        assert _modules._LIBRARIES[name].base in function.__doc__
