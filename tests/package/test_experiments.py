"""What docs/howto/choose.md says of the experiment is what was measured."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
_spec = importlib.util.spec_from_file_location("scale", DOCS / "experiments" / "scale.py")
scale = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(scale)


@pytest.fixture(scope="module")
def found():
    return json.loads((DOCS / "experiments" / "scale.json").read_text())


def at(found, what, value):
    """Return the accuracies of all shapes at one width or peak."""
    place = found[f"{what}s"].index(value)
    return {name: values[place] for name, values in found[f"by {what}"].items()}


def test_the_table_is_what_was_measured(found):
    page = (DOCS / "howto" / "choose.md").read_text().splitlines()
    for row in scale.table(found):
        assert row in page


def test_the_scale_decides_and_the_shape_hardly_matters(found):
    best = at(found, "width", 1.0).values()
    assert min(best) > 0.95
    assert max(best) - min(best) < 0.01
    assert max(at(found, "width", 0.01).values()) < 0.57
    assert max(at(found, "width", 100.0).values()) < 0.74


def test_heavy_tails_forgive_a_width_that_is_too_small(found):
    narrow = at(found, "width", 0.1)
    assert narrow["fast sigmoid"] > 0.94
    assert max(narrow[name] for name in ("box", "triangle", "Gaussian", "logistic")) < 0.8


def test_fitted_mends_a_surrogate_that_is_too_narrow(found):
    assert min(values[0] for values in found["fitted"].values()) > 0.95


def test_peaks_above_1_do_not_train_a_recurrent_network(found):
    for peak in (0.01, 0.1, 0.3, 1.0):
        assert min(at(found, "peak", peak).values()) > 0.92
    for peak in (3.0, 10.0):
        assert max(at(found, "peak", peak).values()) < 0.8
