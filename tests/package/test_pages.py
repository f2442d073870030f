"""What stands on the pages that docs/pages.py writes is true; it need not be complete."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

from surrogates.definitions import SURROGATES
from surrogates.libraries._page import page

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"

pytest.importorskip("mpmath")
_spec = importlib.util.spec_from_file_location("pages", ROOT / "docs" / "pages.py")
pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pages)
MEASURED = json.loads((REFERENCE / "accuracy.json").read_text())


def rows_between(path: Path, name: str) -> list[str]:
    _, _, rest = path.read_text().partition(f"<!-- {name} -->\n")
    table, found, _ = rest.partition(f"<!-- end of {name} -->\n")
    assert found
    return [line for line in table.splitlines() if line.startswith("| `")]


def test_every_row_of_the_surrogates_is_that_of_the_class():
    rows = rows_between(REFERENCE / "surrogates.md", "surrogates")
    assert len(rows) >= 36
    assert not {*rows} - {*pages.surrogates_table()}


def test_every_row_of_the_libraries_is_that_of_their_files():
    rows = [r for r in (REFERENCE / "libraries.md").read_text().splitlines() if r[:1] == "|"]
    assert len(rows) > 80
    assert not {*rows} - {*page().splitlines()}


def test_every_accuracy_is_what_was_measured_and_is_stated():
    rows = rows_between(REFERENCE / "accuracy.md", "measured")
    assert len(rows) >= 36
    assert not {*rows} - {*pages.accuracy_table(MEASURED)}
    assert not [row for row in MEASURED["rows"] if row["failure"]]


def test_every_gain_is_what_is_computed():
    rows = rows_between(ROOT / "docs/howto/gain.md", "gains")
    assert len(rows) >= 36
    assert not {*rows} - {*pages.gains_table()}


def test_a_table_is_replaced_and_the_rest_stays():
    text = "a\n<!-- t -->\nold\n<!-- end of t -->\nb\n"
    new = pages.between(text, "t", ["new"])
    assert new == "a\n<!-- t -->\n\nnew\n\n<!-- end of t -->\nb\n"
    assert pages.between(new, "t", ["new"]) == new
    with pytest.raises(ValueError, match="there is no line"):
        pages.between(text, "other", [])


@pytest.mark.parametrize(("path", "around", "found"), pages.numbers(MEASURED))
def test_no_number_is_more_than_what_is_counted(path, around, found):
    text = path.read_text()
    numbers = pages.written(text, around)
    assert all(a <= b for a, b in zip(numbers, found, strict=True)), "run python -m nox -s pages"
    more = tuple(1000 + number for number in found)
    assert pages.written(pages.counted(text, around, more), around) == more
    assert pages.counted(text, around, numbers) == text
    with pytest.raises(ValueError, match="found it 0 times"):
        pages.counted("", around, found)


@pytest.mark.parametrize("picture", ["surrogates-light.svg", "surrogates-dark.svg"])
def test_every_surrogate_of_the_readmes_picture_exists(picture):
    names = re.findall(r"<text[^>]*>(\w+)</text>", (ROOT / "docs" / picture).read_text())
    assert len(names) >= 36
    assert not {*names} - {*SURROGATES}
