"""What other libraries call the surrogates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import surrogates
from surrogates._translation import LIBRARIES, translation_page

EVERY_NAME = [(library, name) for library, entry in LIBRARIES.items() for name in entry.makers]


@pytest.mark.parametrize(("library", "name"), EVERY_NAME)
def test_every_name_gives_a_surrogate(library, name):
    required = {"k": 2.0} if name in ("heavi_erfc", "tanh") and library == "norse" else {}
    required |= {"alpha": 2.0} if (library, name) == ("norse", "circ") else {}
    required |= {"max_spike_count": 4} if name == "MultiLevelSpikeCount" else {}
    surrogate = surrogates.from_library(library, name, **required)
    x = np.linspace(-2, 2, 9)
    assert np.all(np.isfinite(surrogate.surrogate_grad(x)))
    spike = surrogate(0.0)
    if name != "MultiLevelSpikeCount" and (library, name) != ("stork", "MultiSpike"):
        assert spike == LIBRARIES[library].at_threshold


# Peaks and half widths at half maximum of the libraries' own code at its defaults, measured.
MEASURED = [
    ("snntorch", "fast_sigmoid", {}, 1, 0.0165),
    ("snntorch", "atan", {}, 1, 0.3183),
    ("snntorch", "sigmoid", {}, 6.25, 0.0705),
    ("norse", "triangle", {}, 0.3, 0.5),
    ("sinabs", "Gaussian", {}, 0.79788, 0.5887),
    ("sinabs", "MultiGaussian", {}, 0.87822, 0.5712),
    ("sinabs", "SingleExponential", {}, 2, 0.3465),
    ("spyx", "tanh", {}, 1, 0.8813),
    ("spyx", "boxcar", {}, 0.5, 0.9999),
    ("spyx", "triangular", {}, 1, 0.25),
    ("spyx", "arctan", {}, 0.31831, 0.1591),
    ("spyx", "superspike", {}, 1, 0.0165),
    ("snnax", "piecewise_surrogate", {}, 1, 0.4999),
    ("stork", "SuperSpike", {}, 1, 0.0207),
    ("slax", "fast_sigmoid", {}, 1, 0.0165),
    ("slax", "atan", {}, 1, 0.3183),
    ("slax", "multi_gauss", {}, 0.73185, 0.3427),
    ("spikingjelly", "Erf", {}, 1.1284, 0.4162),
    ("spikingjelly", "SquarewaveFourierSeries", {}, 0.5, 1.333),
    ("spikingjelly", "S2NN", {}, 1, 0.7203),
]


@pytest.mark.parametrize(("library", "name", "params", "peak", "half_width"), MEASURED)
def test_shapes_measured_in_the_libraries(library, name, params, peak, half_width):
    surrogate = surrogates.from_library(library, name, **params)
    np.testing.assert_allclose(surrogate.peak, peak, rtol=2e-5)
    np.testing.assert_allclose(surrogate.width / 2, half_width, atol=1.2e-4, rtol=5e-4)


def test_wrong_code_of_others_is_not_copied():
    fixed = surrogates.from_library("norse", "super", alpha=10.0)
    np.testing.assert_allclose(fixed.surrogate_grad(0.1), 0.25)
    fixed = surrogates.from_library("snnax", "superspike_surrogate")
    np.testing.assert_allclose(fixed.surrogate_grad(0.1), 0.25)
    fixed = surrogates.from_library("snntorch", "spike_rate_escape")
    assert fixed.surrogate_grad(0.0) == 25.0


def test_unknown_names_list_the_known_ones():
    with pytest.raises(LookupError, match="known are braintools, norse"):
        surrogates.from_library("nengo", "atan")
    with pytest.raises(LookupError, match=r"unknown name 'arctan' of snntorch; known are .*atan"):
        surrogates.from_library("snntorch", "arctan")
    with pytest.raises(TypeError, match=r"snntorch atan\(alpha=2.0\)"):
        surrogates.from_library("snntorch", "atan", slope=1.0)


def test_page_is_what_the_command_prints():
    page = Path(__file__).parents[1] / "docs" / "translation.md"
    assert page.read_text() == translation_page()
