"""Scaled, rescaled and matched: the same shape at another scale."""

from __future__ import annotations

import math

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate
from surrogates import (
    Scaled,
    Sigmoid,
    SlayerGrad,
)


@every_surrogate
def test_scaled(cls):
    surrogate = cls()
    for peak, width in ((2.5, None), (None, 0.7), (2.5, 0.7)):
        finite = [np.isfinite(surrogate.peak), width is None or np.isfinite(surrogate.width)]
        if not all(finite):
            with pytest.raises(ValueError, match="only a finite, positive"):
                surrogates.rescaled(surrogate, peak=peak, width=width)
            continue
        changed = surrogates.rescaled(surrogate, peak=peak, width=width)
        np.testing.assert_allclose(changed.peak, peak or surrogate.peak)
        np.testing.assert_allclose(changed.width, width or surrogate.width)
        x = np.linspace(-2, 2, 41)
        rate = surrogate.width / width if width else 1.0
        factor = (peak or surrogate.peak) / surrogate.peak
        np.testing.assert_allclose(
            changed.surrogate_grad(x), factor * surrogate.surrogate_grad(rate * x), rtol=1e-13
        )
        assert abs(changed.surrogate_fun(0.0) - 0.5) < 1e-15


def test_scaled_wants_positive_numbers():
    with pytest.raises(ValueError, match="rescaled: peak must be a positive finite number"):
        surrogates.rescaled(surrogates.Sigmoid(), peak=-1.0)
    with pytest.raises(ValueError, match=r"rescaled: width must be a positive .* got width=-1"):
        surrogates.rescaled(surrogates.Sigmoid(), width=-1)


def test_rescaled_says_what_the_height_is_called():
    with pytest.raises(TypeError, match=r"takes peak= and width=, got height=2.0; .* called peak"):
        surrogates.rescaled(surrogates.Sigmoid(), height=2.0)


class OfPrimitive(surrogates.Surrogate):
    """A user's, with a primitive alone."""

    alpha: float = surrogates.parameter(1.0, low=0.0)

    def primitive(self, xp, x):
        return 0.5 + xp.atan(self.alpha * x)


@pytest.mark.parametrize("by", ["peak", "width", "area"])
def test_matched(by):
    one, other = surrogates.InvSquareGrad(7.0), surrogates.GaussianGrad(0.3, 0.9)
    changed = surrogates.matched(one, other, by)
    np.testing.assert_allclose(getattr(changed, by), getattr(other, by))
    with pytest.raises(ValueError, match="by must be"):
        surrogates.matched(one, other, "shape")


def test_area_below_of_arrays(kind):
    values = np.asarray([1.0, 2.0])
    for make in (
        lambda p: Scaled(surrogates.Sigmoid(p), shift=0.3),
        lambda p: Scaled(Scaled(surrogates.Sigmoid(p)), rate=2.0),
        lambda p: Scaled(OfPrimitive(p), amplitude=2.0),
        lambda p: OfPrimitive(p),
    ):
        expected = [make(float(v)).area_below for v in values]
        area = make(kind.array(values)).area_below
        np.testing.assert_allclose(kind.numpy(area), expected, rtol=1e-12)


@pytest.mark.parametrize("shift", [-0.7, 0.0, 0.4])
@pytest.mark.parametrize("inner", [Sigmoid(4.0), surrogates.SpikeRateEscape(1.0, 0.5, 1.0)])
def test_primitive_of_scaled_is_shifted_as_its_derivative(inner, shift, kind):
    surrogate = Scaled(inner, amplitude=2.0, rate=3.0, shift=shift)
    x, step = np.asarray([-0.61, -0.2, 0.1, 0.3, 0.55]), 1e-4
    above, below = (kind.numpy(surrogate.surrogate_fun(kind.array(x + h))) for h in (step, -step))
    slope = (above - below) / (2 * step)
    np.testing.assert_allclose(slope, surrogate.surrogate_grad(x), rtol=1e-6)
    expected = 2.0 * inner.surrogate_grad(3.0 * (x - shift))
    np.testing.assert_allclose(surrogate.surrogate_grad(x), expected, rtol=1e-13)
    area = surrogate.surrogate_fun(x) - surrogate.surrogate_fun(x[:1])
    inside = inner.surrogate_fun(3.0 * (x - shift)) - inner.surrogate_fun(3.0 * (x[:1] - shift))
    np.testing.assert_allclose(area, 2.0 / 3.0 * inside, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("at_threshold", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("by", ["peak", "width", "area"])
def test_matched_and_scaled_spike_as_the_surrogate_at_threshold(by, at_threshold, kind):
    surrogate = Sigmoid(at_threshold=at_threshold)
    x = kind.array(np.asarray([-0.1, 0.0, 0.1]))
    for changed in (
        surrogates.matched(surrogate, SlayerGrad(), by),
        surrogates.rescaled(surrogate, peak=2.0),
        surrogates.rescaled(surrogate, width=2.0),
    ):
        np.testing.assert_array_equal(kind.numpy(changed(x)), [0.0, at_threshold, 1.0])


@pytest.mark.parametrize("shift", [-1000.0, -1e4, 0.0, 2.0])
@pytest.mark.filterwarnings("error")
def test_scaled_where_the_surrogate_inside_is_infinite(shift):
    surrogate = surrogates.Scaled(surrogates.ExpEscape(), shift=shift)
    x = np.asarray([-1.0, 0.0, 1.0, 100.0, np.inf])
    primitive = surrogate.surrogate_fun(x)
    assert not np.isnan(primitive).any()
    assert primitive[1] == 0.5
    assert np.all(primitive[1:] >= primitive[:-1])
    nothing = surrogates.Scaled(surrogates.ExpEscape(), amplitude=0.0, shift=shift)
    np.testing.assert_array_equal(nothing.surrogate_grad(x), 0.0)
    np.testing.assert_array_equal(nothing.surrogate_fun(x), 0.5)
    assert nothing.area == nothing.peak == 0.0
    assert surrogate.area_below > 0


def test_peak_of_a_negative_amplitude_is_the_largest_value():
    down = surrogates.Scaled(surrogates.Sigmoid(), amplitude=-2.0)
    assert down.peak == 0.0
    hat = surrogates.MultiGaussianGrad()  # negative to its sides
    x = np.linspace(-10, 10, 200_001)
    for amplitude in (-0.5, -2.0):
        largest = surrogates.Scaled(hat, amplitude=amplitude)
        np.testing.assert_allclose(largest.peak, largest.surrogate_grad(x).max(), rtol=1e-8)


def test_a_flat_one_has_no_width():
    assert Scaled(surrogates.Sigmoid(), amplitude=0.0).width == math.inf
    assert Scaled(surrogates.Sigmoid(), amplitude=-1.0).width == math.inf


def test_the_primitive_stays_within_its_largest_term():
    """Nearly: by it `check` measures its error."""
    x = np.linspace(-20, 20, 2001)
    for amplitude, rate in ((2.0, 4.0), (-3.0, 0.25), (0.5, 1.0)):
        surrogate = Scaled(surrogates.SquarewaveFourierSeries(), amplitude, rate)
        size = np.max(np.abs(surrogate.surrogate_fun(x)))
        assert 0.5 * surrogate._largest_term < size < 1.5 * surrogate._largest_term


def test_nothing_is_negative_at_amplitude_0():
    inside = surrogates.MultiGaussianGrad()
    amplitudes = np.asarray([-1.0, 0.0, 1.0])
    assert [bool(Scaled(inside, a)._negative) for a in amplitudes] == [True, False, True]
    np.testing.assert_array_equal(Scaled(inside, amplitudes)._negative, [True, False, True])
