"""The numbers of README that the code or a measurement knows."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

import surrogates
from surrogates.definitions import SURROGATES
from surrogates.libraries import LIBRARIES, names_of

ROOT = Path(__file__).parents[2]
README = " ".join((ROOT / "README.md").read_text().split())
REFERENCE = ROOT / "docs" / "reference"


def proven() -> int:
    rows = json.loads((REFERENCE / "accuracy.json").read_text())["rows"]
    return sum(row["framework"] == "symbolic" and row["note"] == "proven" for row in rows)


def networks() -> int:
    found = json.loads((ROOT / "docs" / "experiments" / "scale.json").read_text())
    accuracies = (
        row for what in ("by width", "fitted", "by height") for row in found[what].items()
    )
    return found["seeds"] * sum(len(row) for _, row in accuracies)


def times_as_fast() -> str:
    text = (ROOT / "docs" / "explanation" / "benchmarks.md").read_text()
    eager = next(line for line in text.splitlines() if line.startswith("- **PyTorch eager**"))
    low, high = re.search(r"\(([\d.]+) to ([\d.]+)\) at 1e6 and 1e7 elements", eager).groups()
    return f"{float(low):.0f} to {float(high):.0f} times faster"


@pytest.mark.parametrize(
    "claim",
    [
        f"[{len(SURROGATES)} of them]",
        f"{len(SURROGATES)} surrogates, and their sums",
        f"{sum(bool(names_of(name).makers) for name in LIBRARIES)} public libraries",
        f"[{sum(bool(names_of(name).arguments) for name in LIBRARIES)} of them]",
        f"[{sum(bool(names_of(name).makers) for name in LIBRARIES) - 3} others]",
        f"{proven()} of {len(SURROGATES)} without a gap",
        f"Measured on {networks()} networks",
        times_as_fast(),
    ],
)
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
