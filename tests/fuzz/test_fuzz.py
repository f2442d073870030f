"""Cases that once broke a law, replayed; and a few hundred new ones: see `fuzz`."""

from __future__ import annotations

import json

import pytest

from fuzz.drawing import RARE
from fuzz.paths import PATHS, check
from fuzz.runner import fuzz, report, saved
from kinds import Kind


@pytest.mark.long("jax")
@pytest.mark.parametrize("example", saved(), ids=lambda path: path.stem)
def test_examples_that_once_broke_a_law(example):
    case = json.loads(example.read_text())
    case.pop("law")
    missing = Kind[case["kind"]].missing()
    if missing:
        pytest.skip(missing)
    check(case)


@pytest.mark.long
@pytest.mark.parametrize("path", PATHS)
def test_no_case_breaks_a_law(path):
    if all(kind.missing() for kind in PATHS[path]):
        pytest.skip("the library is not installed")
    number = 14 if Kind.JAX in PATHS[path] else 20
    if path in RARE or PATHS[path] == [Kind.JAX]:  # compiled, each of them
        number = 5
    found, checked = fuzz(number, 0, {path: PATHS[path]})
    assert 0 < checked <= number
    told: list[str] = []
    report(found, None, told.append)
    assert not told, "\n".join(told)
