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


def test_the_page_of_decisions_says_as_readme_how_fast_eager_pytorch_is():
    assert times_as_fast() in (ROOT / "docs" / "explanation" / "decisions.md").read_text()


def test_readme_says_how_fast_a_gpu_is():
    text = (ROOT / "docs" / "explanation" / "benchmarks.md").read_text()
    line = text.partition("; PyTorch CUDA: ")[2].partition("\n")[0]
    ranges = [tuple(map(float, r)) for r in re.findall(r"\(([\d.]+) to ([\d.]+)\) at", line)]
    assert len(ranges) == 3
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    assert f"on an H100 {low:g} to {high:g} times, at any size" in README


def test_the_same_sentence_says_everywhere_what_this_is():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    sentence = project["description"] + "."
    assert surrogates.__doc__ == sentence
    assert sentence in README
    assert sentence in " ".join((ROOT / "docs" / "index.md").read_text().split())
    cited = (ROOT / "CITATION.cff").read_text()
    assert f"surrogate-gradients: {sentence[0].lower()}{project['description'][1:]}" in cited
