"""A weighted sum of shapes: what it adds up, and its measures."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

import surrogates
from surrogates import (
    Arctan,
    Boxcar,
    Compressed,
    Dspike,
    ExpEscape,
    GaussianGrad,
    Mixture,
    MultiSpike,
    Relaxed,
    Scaled,
    Sigmoid,
    Spliced,
    StraightThrough,
    Ternary,
    matched,
    rescaled,
)

X = np.concatenate([np.linspace(-5, 5, 1001), [-np.inf, np.inf, -1e30, 1e30]])
HEAVY = Mixture((Sigmoid(8.0), Sigmoid(1.0)), (0.75, 0.25))


def multi_gaussian(h, s, sigma, scale):
    side = GaussianGrad(s * sigma, 1.0)
    return Mixture(
        (GaussianGrad(sigma, 1.0), Scaled(side, shift=sigma), Scaled(side, shift=-sigma)),
        (scale * (1 + h), -scale * h, -scale * h),
    )


# The definitions stay: the first two have peak, width and area in 1 us, where a mixture searches
# for 5 ms, and the third searches in a quarter of the time. The gradients of the first and the
# third take an eighth and half of the time (NumPy, float32, 1e6 elements), that of the second more.
IDENTITIES = [
    (
        surrogates.TanhOffset(3.0),
        Mixture((StraightThrough(), surrogates.TanhGrad(3.0)), (1.0, 1.0)),
    ),
    (
        surrogates.PiecewiseLeakyRelu(0.01, 0.75),
        Mixture((Boxcar(1.5), StraightThrough()), (0.5 / 0.75 - 0.01, 0.01)),
    ),
    (surrogates.MultiGaussianGrad(), multi_gaussian(0.15, 6.0, 0.5, 0.5)),
    (surrogates.MultiGaussianGrad(0.3, 2.0, 1.5, 0.25), multi_gaussian(0.3, 2.0, 1.5, 0.25)),
]


@pytest.mark.parametrize(("definition", "mixture"), IDENTITIES[:2], ids=lambda s: type(s).__name__)
def test_derivatives_that_are_mixtures_to_the_last_bit(definition, mixture):
    np.testing.assert_array_equal(mixture.surrogate_grad(X), definition.surrogate_grad(X))


@pytest.mark.parametrize(("definition", "mixture"), IDENTITIES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("formula", ["surrogate_grad", "surrogate_fun"])
def test_definitions_that_are_mixtures(definition, mixture, formula):
    """Each is exact to 4 ulp of its terms' sizes, which they round one by one, in another order."""
    expected, actual = getattr(definition, formula)(X), getattr(mixture, formula)(X)
    half = 0.5 if formula == "surrogate_fun" else 0.0
    pairs = zip(mixture.weights, mixture.surrogates, strict=True)
    size = half + sum(abs(w) * np.abs(getattr(part, formula)(X) - half) for w, part in pairs)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(actual[~finite], expected[~finite])
    error = np.abs(actual[finite] - expected[finite])
    assert np.all(error <= 4 * np.finfo(float).eps * size[finite])


@pytest.mark.parametrize(("definition", "mixture"), IDENTITIES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("measure", ["peak", "area", "area_below", "width", "_lowest"])
def test_measures_of_definitions_that_are_mixtures(definition, mixture, measure):
    expected, actual = getattr(definition, measure), getattr(mixture, measure)
    assert math.isclose(actual, expected, rel_tol=1e-13, abs_tol=1e-15)
    assert mixture.support == definition.support
    assert mixture._negative == definition._negative


def test_bdspike_is_one():
    """As github.com/brain-intelligence-lab/surrogate_module_learning has it, commit 6df6420.

    Its models/spiking_layer.py clips x to the band, so the derivative stays constant beyond.
    """
    bdspike = Mixture((Dspike(2.5, 2.0), Dspike(1.0, 2.0)), (1.2, -0.2))
    wide, narrow = (
        b / (2 * np.tanh(2 * b)) * (1 - np.tanh(b * X.clip(-2, 2)) ** 2) for b in (1, 2.5)
    )
    as_computed = 1.2 * narrow - 0.2 * wide
    inside = np.abs(X) <= 2
    close = {"rtol": 1e-13, "atol": 1e-15}
    np.testing.assert_allclose(bdspike.surrogate_grad(X)[inside], as_computed[inside], **close)
    end = as_computed[-1]
    beyond = Mixture((bdspike, StraightThrough(), Boxcar(4.0)), (1.0, end, -end))
    np.testing.assert_allclose(beyond.surrogate_grad(X), as_computed, **close)


def test_a_mixture_of_densities_is_exact_in_both_tails():
    assert HEAVY.is_distribution
    x = np.asarray([-300.0, -30.0, 30.0])
    exact = 0.75 * Sigmoid(8.0).surrogate_fun(x) + 0.25 * Sigmoid(1.0).surrogate_fun(x)
    np.testing.assert_allclose(HEAVY.surrogate_fun(x), exact, rtol=4e-16)
    spikes = surrogates.sample(HEAVY, np.zeros(1000), np.random.default_rng(0))
    assert abs(spikes.mean() - 0.5) < 0.05


def test_its_primitive_is_the_integral_and_a_half_at_zero():
    mixture = Mixture((Sigmoid(3.0), Scaled(GaussianGrad(0.5, 2.0), shift=0.4)), (0.5, -0.2))
    assert mixture.surrogate_fun(0.0) == 0.5
    x = np.linspace(-3, 3, 2001)
    middle, step = (x[1:] + x[:-1]) / 2, x[1] - x[0]
    rise = np.diff(mixture.surrogate_fun(x)) / step
    np.testing.assert_allclose(rise, mixture.surrogate_grad(middle), atol=1e-5)


@pytest.mark.parametrize("shift", [0.0, 3.0, -50.0])
@pytest.mark.parametrize("rate", [1.0, 1e3])
def test_a_bump_away_from_zero_is_found(shift, rate):
    mixture = Mixture((Sigmoid(0.1), Scaled(Sigmoid(4.0), 1.0, rate, shift)), (1.0, 2.0))
    there = np.linspace(-1, 1, 20001) / rate + shift
    assert math.isclose(mixture.peak, mixture.surrogate_grad(there).max(), rel_tol=1e-8)
    assert mixture.peak >= mixture.surrogate_grad(shift)
    above = there[mixture.surrogate_grad(there) >= mixture.peak / 2]
    assert math.isclose(mixture.width, above[-1] - above[0], rel_tol=1e-3)


def test_negative_weights_that_leave_it_positive():
    mixture = Mixture((GaussianGrad(1.0, 1.0), GaussianGrad(0.9, 1.0)), (2.0, -0.5))
    assert not mixture._negative
    assert mixture._lowest == 0.0
    assert Mixture((GaussianGrad(1.0, 1.0), GaussianGrad(2.0, 1.0)), (2.0, -1.5))._negative


def test_a_part_without_weight_counts_for_nothing():
    mixture = Mixture((StraightThrough(), Boxcar(2.0, 0.5)), (0.0, 1.0))
    assert (mixture.area, mixture.area_below, mixture.support) == (1.0, 0.5, (-1.0, 1.0))
    np.testing.assert_array_equal(mixture.surrogate_fun(X), Boxcar(2.0, 0.5).surrogate_fun(X))


def test_measures_with_a_value_for_each_channel():
    alpha, weight = np.asarray([2.0, 8.0]), np.asarray([0.25, 0.75])
    mixture = Mixture((Sigmoid(alpha), Arctan(3.0)), (weight, 1 - weight))
    for measure in ("peak", "area", "area_below", "width", "_lowest", "_largest_slope"):
        one_by_one = [
            getattr(Mixture((Sigmoid(a), Arctan(3.0)), (w, 1 - w)), measure)
            for a, w in zip(alpha.tolist(), weight.tolist(), strict=True)
        ]
        np.testing.assert_allclose(getattr(mixture, measure), one_by_one, rtol=1e-14)
    assert mixture.is_distribution
    assert mixture.support[0].tolist() == [-math.inf] * 2


def test_it_is_a_value():
    for other in (pickle.loads(pickle.dumps(HEAVY)), copy.deepcopy(HEAVY)):
        assert other == HEAVY
        assert hash(other) == hash(HEAVY)
    assert eval(repr(HEAVY), vars(surrogates)) == HEAVY
    assert Mixture([Sigmoid(8), Sigmoid(1)], np.asarray([0.75, 0.25])) == HEAVY
    assert Mixture((Sigmoid(8.0), Sigmoid(1.0)), (0.25, 0.75)) != HEAVY
    assert tuple(HEAVY.surrogates) == (Sigmoid(8.0), Sigmoid(1.0))
    assert len(HEAVY.weights) == 2
    assert HEAVY.weights[-1] == 0.25
    assert HEAVY.is_fixed


def test_scales_of_a_mixture():
    scaled = rescaled(HEAVY, peak=0.5, width=2.0)
    assert math.isclose(scaled.peak, 0.5)
    assert math.isclose(scaled.width, 2.0)
    assert math.isclose(matched(HEAVY, Sigmoid(), "area").area, 1.0)
    half = scaled.surrogate_grad(np.asarray([-1.0, 1.0]))
    np.testing.assert_allclose(half, 0.25, rtol=1e-12)


def test_its_own_at_threshold_holds():
    mixture = Mixture((Sigmoid(), Arctan(at_threshold=0.25)), (1, 1), at_threshold=0.25)
    assert mixture(0.0) == 0.25
    assert eval(repr(mixture), vars(surrogates)) == mixture


@pytest.mark.parametrize("wrapper", [MultiSpike, Ternary, Relaxed, Compressed])
def test_parts_are_shapes(wrapper):
    for part in (wrapper(Sigmoid()), Scaled(wrapper(Sigmoid()))):
        with pytest.raises(TypeError, match=rf"Mixture: .*{wrapper.__name__} decides .* around"):
            Mixture((Sigmoid(), part), (1, 1))
    wrapper(Mixture((Sigmoid(), Arctan()), (1, 1)))


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ((Sigmoid(), (1.0,)), TypeError, "surrogates must be a sequence"),
        (((Sigmoid(),), 1.0), TypeError, r"weights must be a sequence .* got weights=1\.0"),
        (((Sigmoid(),), np.asarray(1.0)), TypeError, "weights must be a sequence"),
        (((Sigmoid(),), (1.0, 2.0)), ValueError, "got 2 weights for 1 surrogates"),
        (((), ()), ValueError, "one at least"),
        (((Sigmoid(), 3), (1.0, 2.0)), TypeError, "takes surrogates such as .* got 3"),
        (((Sigmoid(), Arctan()), (1.0, -1.0)), ValueError, r"must not sum to 0.*change one"),
        (((Sigmoid(), Arctan()), (0.1 + 0.2, -0.3)), ValueError, "must not sum to 0"),
        (((Sigmoid(), Arctan()), np.asarray([[1, 0.0], [1, 0]])), ValueError, "must not sum to 0"),
        (((Sigmoid(), Arctan()), (1.0, math.inf)), ValueError, r"weights\[1\] must be a finite"),
        (((Sigmoid(), Arctan()), (1.0, "a")), ValueError, r"got weights\[1\]='a'"),
        (((Sigmoid(), Arctan(at_threshold=0)), (1, 1)), TypeError, "give it to the whole"),
    ],
)
def test_what_is_refused(given, error, said):
    with pytest.raises(error, match=f"Mixture.*{said}"):
        Mixture(*given)


def test_relaxed_finds_undeclared_arrays_in_a_part():
    class Hidden(surrogates.Surrogate):
        def __init__(self, beta):
            self.beta = beta

        def primitive(self, xp, x):
            return self.beta * x

    with pytest.raises(TypeError, match=r"Relaxed: beta of .* would get no gradient"):
        Relaxed(Mixture((Sigmoid(), Scaled(Hidden(np.ones(2)))), (1, 1)))


def test_parts_of_ones_own():
    class Own(surrogates.Surrogate):
        def derivative(self, xp, x):
            return 1 / (1 + x * x)

    mixture = Mixture((Own(), Sigmoid(4.0)), (1.0, 1.0))
    assert mixture.peak == 2.0
    assert not mixture.is_traceable
    np.testing.assert_array_equal(mixture.surrogate_grad(np.asarray([0.0])), [2.0])
    with pytest.raises(TypeError, match=r"Relaxed: .* defines no primitive"):
        Relaxed(Mixture((Own(), Sigmoid(np.asarray([1.0]))), (1.0, 1.0)))


def test_weights_in_half_precision_are_checked_in_double():
    one = Mixture((Sigmoid(),), np.asarray([1.0], np.float16))
    assert one.weights[0] == 1.0
    large = Mixture((Sigmoid(), Arctan()), (1e14, np.asarray(0.0, np.float16)))
    np.testing.assert_allclose(large.surrogate_grad(0.0), 1e14)
    assert Sigmoid(np.float16(2.0)) == Sigmoid(2.0)


def test_measures_of_infinite_parts_are_told_without_a_warning():
    infinite = ExpEscape()
    both = Mixture((infinite, infinite), (1.0, np.asarray([-2.0, 1.0])))
    np.testing.assert_array_equal(both.area, [np.nan, np.inf])
    assert np.isnan(Mixture((infinite, infinite), (1.0, -2.0)).area)
    assert not Mixture((infinite,), (-1.0,)).is_distribution


@pytest.mark.parametrize("nothing", [0.0, np.asarray([0.0])], ids=["number", "array"])
def test_what_has_no_share_does_not_make_a_measure_nan(nothing):
    dip = Scaled(Sigmoid(), -1.0)
    for surrogate in (
        Mixture((dip, ExpEscape()), (1.0, nothing)),
        Mixture((dip, Scaled(ExpEscape(), nothing)), (1.0, 1.0)),
        Spliced(dip, Scaled(ExpEscape(), nothing)),
    ):
        np.testing.assert_array_equal(np.isfinite(surrogate._largest_slope), True)
        np.testing.assert_array_equal(surrogate._negative, True)


def test_the_larger_of_two_measures_may_be_infinite():
    steep = Spliced(Sigmoid(), Scaled(ExpEscape(), np.asarray([1.0, 0.0])))
    np.testing.assert_array_equal(steep._largest_slope, [np.inf, Sigmoid().peak])


def test_the_area_to_a_point_of_parts_without_weight():
    x = np.asarray([-1.0, 0.0, 1.0])
    mixture = Mixture((Sigmoid(4.0), StraightThrough()), (np.asarray(1.0), np.asarray(0.0)))
    np.testing.assert_allclose(mixture.area_to(np, x), Sigmoid(4.0).area_to(np, x), rtol=1e-15)


def test_weights_sum_to_zero_by_their_size():
    parts = (Sigmoid(4.0), Sigmoid(2.0))
    assert Mixture(parts, (1e-20, 1e-20)).area == 2e-20
    with pytest.raises(ValueError, match="must not sum to 0"):
        Mixture(parts, (1e8, -np.nextafter(1e8, 0.0)))


@pytest.mark.filterwarnings("error")
def test_an_infinite_peak_is_found_without_a_warning():
    assert Mixture((ExpEscape(),), (1.0,)).peak == np.inf


@pytest.mark.parametrize("make", [float, lambda number: np.asarray([number, number])])
def test_a_derivative_that_rises_for_ever_has_its_peak_at_infinity(make):
    valley = Mixture((Sigmoid(), surrogates.QPseudoSpike(0.1)), (make(-1.0), make(-0.5)))
    both_sides = surrogates.Spliced(Scaled(surrogates.SoftSign(), amplitude=make(-2.0)), valley)
    slope = surrogates.Spliced(Sigmoid(), Scaled(surrogates.StraightThrough(), make(3.0)))
    for surrogate, peak in ((valley, 0.0), (both_sides, 0.0), (slope, 3.0)):
        np.testing.assert_array_equal(surrogate.peak, make(peak))
