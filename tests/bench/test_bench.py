"""The benchmark runs, on tiny sizes and without peers, and its page is what its data renders to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import measure, plots, report
from bench.peers import OURS, PEERS
from bench.plan import TINY
from surrogates import from_library

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_rendered_from_the_data():
    data = json.loads((DOCS / "benchmarks.json").read_text())
    assert (DOCS / "benchmarks.md").read_text() == report.page(data)


@pytest.mark.long
def test_every_race_runs_and_is_reported(tmp_path, torch, jax):
    from bench.collect import collect

    data = json.loads(json.dumps(collect(TINY)))
    assert not data["problems"]
    assert data["texts"] == {"Sigmoid": {"forward and backward": True, "forward alone": True}}
    page = report.page(data)
    for text in ("## NumPy", "## PyTorch eager", "## JAX jit", "## JAX eager", "uint8", "no GPU"):
        assert text in page
    pytest.importorskip("matplotlib")
    for figure in plots.draw(data, tmp_path):
        assert figure.stat().st_size > 1000


@pytest.mark.parametrize("name", OURS)
def test_peers_have_the_shape_that_they_are_raced_with(name):
    # Up to a factor and, for a family of one exponent, a scale of x, which cost nothing.
    for peer in PEERS[name]:
        translated = from_library(peer.library, peer.name, **peer.parameters)
        stretch = translated.width / OURS[name].width
        ours, theirs = OURS[name], translated
        for x in (0.1, 0.7, 1.3):
            expected = ours.surrogate_grad(x) / ours.peak
            assert theirs.surrogate_grad(x * stretch) / theirs.peak == pytest.approx(expected)


def test_rounds_are_interleaved_and_ratios_are_within_rounds():
    calls = []
    contenders = {name: lambda name=name: calls.append(name) for name in "ab"}
    result = measure.race(contenders, seconds=0.0, fewest=4)
    assert [entry["rounds"] for entry in result.values()] == [4, 4]
    doubled = {"samples": [2.0, 4.0, 90.0]}
    assert measure.ratio(doubled, {"samples": [1.0, 2.0, 3.0]}) == 2.0
    assert {"a", "b"} == set(calls)
