"""One shape below the threshold and another above it."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import surrogates
from kinds import assert_like
from surrogates import (
    Arctan,
    Compressed,
    FakeNumericalGrad,
    GaussianGrad,
    InvSquareGrad,
    MultiSpike,
    NonzeroSignLog,
    Relaxed,
    Scaled,
    Sigmoid,
    SlayerGrad,
    Spliced,
    StraightThrough,
    learnable,
    vjp,
)

X = np.concatenate([np.linspace(-5, 5, 1001), [-np.inf, np.inf, -1e30, 1e30, -0.0, np.nan]])
ASYMMETRIC = Spliced(Sigmoid(4.0), GaussianGrad(1.0, 3.0))
NOTHING = Scaled(StraightThrough(), 0.0)

# The definitions stay: they have peak, width and area in 1 us, where Spliced searches for 5 ms and
# more, and their gradients take from 1/36 to all of the time (NumPy, float32, 1e6 elements).
IDENTITIES = [
    (surrogates.S2NN(3.0, 0.5), Spliced(Sigmoid(3.0), Scaled(NonzeroSignLog(1.0), 0.5))),
    (surrogates.S2NN(4.0, 1.0), Spliced(Sigmoid(4.0), NonzeroSignLog(1.0))),
    (surrogates.GradedSlayer(0.5, 1.0), Spliced(SlayerGrad(2.0), StraightThrough())),
    (surrogates.SuperSpikeMemClamp(3.0), Spliced(InvSquareGrad(3.0), StraightThrough())),
    (
        surrogates.LeakyRelu(0.2, 0.7),
        Spliced(Scaled(StraightThrough(), 0.2), Scaled(StraightThrough(), 0.7)),
    ),
    (
        surrogates.LeakyRelu(0.7, -0.2),
        Spliced(Scaled(StraightThrough(), 0.7), Scaled(StraightThrough(), -0.2)),
    ),
    (surrogates.LogTailedRelu(0.0), Spliced(NOTHING, FakeNumericalGrad(1.0), closed="below")),
    (
        surrogates.LogTailedRelu(0.25),
        Spliced(Scaled(StraightThrough(), 0.25), FakeNumericalGrad(1.0), closed="below"),
    ),
]
every_identity = pytest.mark.parametrize(
    ("definition", "spliced"), IDENTITIES, ids=lambda s: type(s).__name__
)


@every_identity
def test_derivatives_of_definitions_to_the_last_bit(definition, spliced):
    np.testing.assert_array_equal(spliced.surrogate_grad(X), definition.surrogate_grad(X))


@every_identity
def test_primitives_of_definitions(definition, spliced):
    actual, expected = spliced.surrogate_fun(X), definition.surrogate_fun(X)
    np.testing.assert_allclose(actual, expected, rtol=4e-16, atol=4e-16)


@every_identity
@pytest.mark.parametrize("measure", ["peak", "area", "area_below", "width", "_lowest"])
def test_measures_of_definitions(definition, spliced, measure):
    actual, expected = getattr(spliced, measure), getattr(definition, measure)
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)
    assert spliced._negative == definition._negative


def test_the_primitive_is_continuous_and_a_half_at_zero():
    moved = Spliced(Scaled(Sigmoid(4.0), 1.5, 2.0, 0.25), Scaled(Arctan(2.0), -0.5, 1.0, -1.0))
    assert moved.surrogate_fun(0.0) == 0.5
    own = surrogates.Custom(lambda x: 1 / (1 + x * x), np.arctan)  # 0 at 0
    x = np.asarray([-1.0, 0.0, 1.0])
    np.testing.assert_allclose(Spliced(own, own).surrogate_fun(x), 0.5 + np.arctan(x))
    near = moved.surrogate_fun(np.asarray([-1e-12, 1e-12]))
    np.testing.assert_allclose(near, 0.5, atol=1e-11)
    step = 1e-3
    x = np.arange(-3, 3, step) + step / 2  # 0 is at an end of an interval
    rise = (moved.surrogate_fun(x + step / 2) - moved.surrogate_fun(x - step / 2)) / step
    np.testing.assert_allclose(rise, moved.surrogate_grad(x), atol=1e-5)


@pytest.mark.parametrize("below", [0.5, 2.0])
def test_a_sharpness_and_a_height_for_each_side(below):
    """The asymmetric shapes of Herranz-Celotti and Rouat: one side is damped, or sharper."""
    spliced = Spliced(Scaled(InvSquareGrad(3.0), 0.7), InvSquareGrad(3.0 * below))
    x = X[np.isfinite(X)]
    sharpness, height = np.where(x < 0, 3.0, 3.0 * below), np.where(x < 0, 0.7, 1.0)
    expected = height / (1 + sharpness * np.abs(x)) ** 2
    np.testing.assert_allclose(spliced.surrogate_grad(x), expected, rtol=1e-15)
    assert spliced.peak == 1.0
    assert math.isclose(spliced.area, 0.7 / 3.0 + 1 / (3.0 * below), rel_tol=1e-14)


def test_areas():
    assert ASYMMETRIC.area == 2.0
    assert ASYMMETRIC.area_below == 0.5
    both = Spliced(StraightThrough(), Sigmoid())
    assert (both.area, both.area_below) == (math.inf, math.inf)
    assert math.isnan(Spliced(StraightThrough(), Scaled(StraightThrough(), -1.0)).area)
    signs = np.asarray([1.0, -1.0, 0.0])
    areas = Spliced(StraightThrough(), Scaled(StraightThrough(), amplitude=signs)).area
    np.testing.assert_array_equal(areas, [math.inf, math.nan, math.inf])
    moved = Spliced(Sigmoid(4.0), Scaled(Sigmoid(4.0), shift=1.0))
    assert math.isclose(moved.area, 0.5 + Sigmoid(4.0).surrogate_fun(1.0))
    triangle = surrogates.ReluGrad(1.0, 1.0)
    assert Spliced(triangle, Scaled(triangle, rate=0.5)).support == (-1.0, 2.0)
    # the part above is infinite where it is not taken
    assert Spliced(Sigmoid(4.0), Spliced(StraightThrough(), Sigmoid(4.0))).area == 1.0


def test_the_support_where_a_part_lies_on_the_other_side():
    triangle = surrogates.ReluGrad(1.0, 1.0)
    left, right = sorted((Scaled(triangle, shift=s) for s in (3.0, -3.0)), key=lambda s: s.support)
    assert (left.support, right.support) == ((-4.0, -2.0), (2.0, 4.0))
    assert Spliced(right, triangle).support == (0.0, 1.0)
    assert Spliced(triangle, left).support == (-1.0, 0.0)
    assert Spliced(right, right).support == (2.0, 4.0)
    assert Spliced(left, left).support == (-4.0, -2.0)


def test_a_firing_probability_is_the_area_to_the_left():
    skewed = Spliced(Sigmoid(8.0), Sigmoid(2.0))
    assert skewed.is_distribution
    x = np.asarray([-20.0, -0.5, 0.0, 0.5])
    exact = np.where(x < 0, Sigmoid(8.0).surrogate_fun(x), Sigmoid(2.0).surrogate_fun(x))
    np.testing.assert_allclose(skewed.area_to(np, x), exact, rtol=1e-15)
    wide = Spliced(GaussianGrad(1.0, 3.0), Sigmoid(4.0))
    x = np.asarray([-5.0, 0.0, 50.0])
    np.testing.assert_allclose(
        wide.area_to(np, x), [wide.below.area_to(np, x)[0], 1.5, 2.0], rtol=1e-14
    )


def test_which_part_has_the_threshold():
    jump = {"below": Scaled(StraightThrough(), 2.0), "above": StraightThrough()}
    assert Spliced(**jump).surrogate_grad(0.0) == 1.0
    assert Spliced(**jump, closed="below").surrogate_grad(0.0) == 2.0
    with pytest.raises(ValueError, match=r"Spliced: closed must be one of .* got closed='left'"):
        Spliced(**jump, closed="left")


def test_it_is_a_value():
    assert pickle.loads(pickle.dumps(ASYMMETRIC)) == ASYMMETRIC
    assert eval(repr(ASYMMETRIC), vars(surrogates)) == ASYMMETRIC
    assert Spliced(Sigmoid(), Arctan()) != Spliced(Arctan(), Sigmoid())
    assert ASYMMETRIC.is_fixed
    definition, arrays = Spliced(Sigmoid(np.ones(2)), Arctan(np.full(2, 3.0))).partition()
    assert definition.combine(arrays) == Spliced(Sigmoid(arrays[0]), Arctan(arrays[1]))


def test_in_every_kind(kind):
    alpha = kind.array(np.asarray([1.0, 4.0]))
    surrogate = Spliced(Sigmoid(alpha), Arctan(3.0))
    x = kind.array(np.asarray([[0.5, -0.5], [0.0, -2.0]]))
    spikes, pullback = vjp(surrogate, x)
    slope = pullback(kind.array(np.ones((2, 2))))
    assert_like(slope, x, kind)
    np.testing.assert_array_equal(kind.numpy(spikes), [[1, 0], [1, 0]])
    below, above = (kind.numpy(part.surrogate_grad(x)) for part in surrogate.parts)
    exact = np.where(kind.numpy(x) < 0, below, above)
    np.testing.assert_allclose(kind.numpy(slope), exact, rtol=1e-15)


@pytest.mark.long("jax")
def test_its_primitive_has_its_derivative_for_a_slope_and_parameters_learn(taped):
    for closed in ("above", "below"):
        surrogate = Spliced(Scaled(Sigmoid(4.0), 2.0), Arctan(1.0), closed)
        x = taped.array(np.asarray([-0.5, 0.0, 0.5]))
        slope = taped.gradient(surrogate.surrogate_fun, x)
        exact = taped.numpy(surrogate.surrogate_grad(x))
        np.testing.assert_allclose(taped.numpy(slope), exact, rtol=1e-15)

    def spikes(theta):
        return Relaxed(Spliced(Sigmoid(theta[0]), Sigmoid(theta[1])))(x)

    def areas(theta):
        return Sigmoid(theta[0]).surrogate_fun(x[:1]) + Sigmoid(theta[1]).surrogate_fun(x[2:])

    theta = taped.array(np.asarray([2.0, 3.0]))
    learned, expected = (taped.gradient(f, theta) for f in (spikes, areas))
    np.testing.assert_allclose(taped.numpy(learned), taped.numpy(expected), rtol=1e-14)


def test_learned_by_name():
    pytest.importorskip("torch")
    with pytest.raises(ValueError, match=r"2 parameters 'alpha'.*below\.alpha, above\.alpha"):
        learnable(Spliced(Sigmoid(), Arctan()), "alpha", framework="torch")
    module = learnable(Spliced(Sigmoid(), Arctan()), "above.alpha", framework="torch")
    assert [*module.raw] == ["above/alpha"]
    assert [*learnable(ASYMMETRIC, "sigma", framework="torch").raw] == ["above/sigma"]


def test_parts_are_shapes():
    for part in (MultiSpike(Sigmoid()), Compressed(Sigmoid()), Relaxed(Sigmoid())):
        for given in ((part, Sigmoid()), (Sigmoid(), part)):
            with pytest.raises(TypeError, match=r"Spliced: .* decides .* put it around the whole"):
                Spliced(*given)
    with pytest.raises(TypeError, match=r"Spliced takes surrogates such as .* got 3"):
        Spliced(Sigmoid(), 3)
    with pytest.raises(TypeError, match=r"Spliced: at_threshold=0\.0 .* give it to the whole"):
        Spliced(Sigmoid(), Sigmoid(at_threshold=0.0))
    assert Spliced(Sigmoid(), Sigmoid(), at_threshold=0.5)(0.0) == 0.5
