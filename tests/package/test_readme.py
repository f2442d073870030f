"""The numbers of README that a measurement knows; of what is counted see test_pages.py."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

import surrogates

ROOT = Path(__file__).parents[2]
README = " ".join((ROOT / "README.md").read_text().split())


def networks() -> int:
    found = json.loads((ROOT / "docs" / "experiments" / "scale.json").read_text())
    accuracies = (row for what in ("by width", "fitted", "by peak") for row in found[what].items())
    return found["seeds"] * sum(len(row) for _, row in accuracies)


def times_as_fast() -> str:
    text = (ROOT / "docs" / "explanation" / "benchmarks.md").read_text()
    eager = next(line for line in text.splitlines() if line.startswith("- **PyTorch eager**"))
    low, high = re.search(r"\(([\d.]+) to ([\d.]+)\) at 1e6 and 1e7 elements", eager).groups()
    return f"{float(low):.0f} to {float(high):.0f} times faster"


@pytest.mark.parametrize("claim", [f"Measured on {networks()} networks", times_as_fast()])
def test_a_number_of_readme(claim):
    assert claim in README


def test_the_same_sentence_says_everywhere_what_this_is():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    sentence = project["description"] + "."
    assert surrogates.__doc__ == sentence
    assert sentence in README
    assert sentence in " ".join((ROOT / "docs" / "index.md").read_text().split())
    cited = (ROOT / "CITATION.cff").read_text()
    assert f"surrogate-gradients: {sentence[0].lower()}{project['description'][1:]}" in cited
