"""The matrix in the documentation is that of the tests.

Whole as of its making: a new surrogate or transform need not be there yet.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

import matrix
from surrogates.definitions import SURROGATES

MATRIX = json.loads((matrix.DOCS / "transforms.json").read_text())


def test_page_is_rendered_from_the_data():
    assert (matrix.DOCS / "transforms.md").read_text() == matrix.render(MATRIX)


@pytest.mark.parametrize("name", ["arrays", "jax", "torch"])
def test_every_row_is_one_of_the_tests(name):
    names = (path.stem for path in Path(__file__).parent.glob(f"test_transforms_{name}*.py"))
    declared = {row for n in names for row in matrix.declared(importlib.import_module(n))}
    frameworks = {framework for framework, _ in declared}
    rows = [
        (r["framework"], r["transform"]) for r in MATRIX["rows"] if r["framework"] in frameworks
    ]
    assert len(rows) > 10
    assert len(rows) == len({*rows})
    assert {*rows} <= declared


@pytest.mark.parametrize("row", MATRIX["rows"], ids=lambda row: row["transform"])
def test_every_surrogate_passed_or_it_says_why_not(row):
    assert "failed" not in row
    outcomes = [row.get(outcome, {}) for outcome in ("passed", "limit", "not tested")]
    names = [name for outcome in outcomes for name in outcome]
    assert sorted(names) == sorted(matrix.surrogates_of(MATRIX))
    assert {*names} <= {*SURROGATES}
    errors = [error for error in row.get("passed", {}).values() if error is not None]
    assert all(error <= row["bound"] for error in errors)
    assert all(map(str.strip, (row.get("limit", {}) | row.get("not tested", {})).values()))


def test_a_run_of_some_surrogates_keeps_the_cells_of_the_others(tmp_path):
    def cell(name, value):
        row = {"row": ("PyTorch", "backward"), "place": 0, "bound": 1.0}
        return {**row, "surrogate": name, "outcome": "passed", "value": value}

    def passed():
        return json.loads((tmp_path / "transforms.json").read_text())["rows"][0]["passed"]

    (tmp_path / "transforms.json").write_text('{"versions": {}, "rows": []}')
    matrix.write([cell("One", 0.1), cell("Other", 0.2)], {"torch": "2"}, tmp_path)
    matrix.write([cell("One", 0.3)], {"torch": "2"}, tmp_path)
    assert passed() == {"One": 0.3, "Other": 0.2}
    with pytest.raises(ValueError, match=r"other surrogates are of .*'2'.*run all surrogates"):
        matrix.write([cell("One", 0.4)], {"torch": "3"}, tmp_path)
    matrix.write([cell("One", 0.4), cell("Other", 0.4)], {"torch": "3"}, tmp_path)
    assert passed() == {"One": 0.4, "Other": 0.4}
