"""The conditions on a recurrent layer, as the authors' program has them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from surrogates import stable_gain, stable_peak

W = np.random.default_rng(0).normal(0.02, 0.1, (50, 50))


def dampening(w, decay, threshold):
    """``optimize_dampening_a`` of https://github.com/LuCeHe/lif_stability, for a first layer."""
    n = w.shape[0]
    return w.min() / (w.max() * ((n - 1) * w.min() - threshold)) * (1 - decay)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.95])
def test_condition_iii(decay):
    assert stable_peak(W, decay=decay) == pytest.approx(dampening(W, decay, 1.0), rel=1e-14)
    wide = stable_peak(W, decay=decay, threshold=0.3)
    assert wide == pytest.approx(dampening(W, decay, 0.3), rel=1e-14)
    for reset in ("to zero", "to zero before input"):
        found = stable_peak(W, decay=decay, reset=reset)
        assert found == pytest.approx(dampening(W, decay, 0.0), rel=1e-14)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.95])
def test_condition_iv(decay):
    square = 49 * (W**2).mean()

    # what equation_IV_sub_reset, _mult_reset1 and _mult_reset2 of that program return is 0
    found = stable_gain(W, decay=decay, threshold=0.7) ** 2
    assert -1 + decay**2 + (square + 0.7**2) * found == pytest.approx(0, abs=1e-13)
    found = stable_gain(W, decay=decay, reset="to zero") ** 2
    assert -2 + decay**2 + square * found == pytest.approx(0, abs=1e-13)
    found = stable_gain(W, decay=decay, reset="to zero before input") ** 2
    assert -1 + decay**2 / 2 + square * found == pytest.approx(0, abs=1e-13)


@pytest.mark.parametrize("condition", [stable_peak, stable_gain])
@pytest.mark.parametrize(
    ("weights", "arguments", "message"),
    [
        (np.ones((2, 3)), {"decay": 0.5}, r"of shape \(n, n\).*got shape \(2, 3\)"),
        (np.full((2, 2), math.nan), {"decay": 0.5}, "weights must be finite"),
        (W, {"decay": 1.5}, "decay must be a number from 0 to 1, got decay=1.5"),
        (W, {"decay": 0.5, "threshold": 0.0}, "threshold must be positive, got threshold=0.0"),
        (W, {"decay": 0.5, "reset": "none"}, "reset must be one of .*got reset='none'"),
        (0 * W, {"decay": 0.5, "reset": "to zero"}, "no positive value fulfils the condition"),
    ],
)
def test_bad_input_is_refused(condition, weights, arguments, message):
    with pytest.raises(ValueError, match=message):
        condition(weights, **arguments)


def test_weights_that_excite_alone_may_have_no_stable_peak():
    with pytest.raises(ValueError, match="stable_peak: no positive value"):
        stable_peak(np.full((3, 3), 0.1), decay=0.5)
