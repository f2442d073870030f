"""A shape in a band around the threshold, and nothing outside."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import surrogates
from kinds import Kind, assert_like, every_surrogate, required
from surrogates import (
    Arctan,
    Boxcar,
    Compressed,
    ExpEscape,
    GaussianGrad,
    InvSquareGrad,
    MultiGaussianGrad,
    MultiSpike,
    PiecewiseLeakyRelu,
    Relaxed,
    ReluGrad,
    Scaled,
    Sigmoid,
    SoftLIF,
    SparseFastSigmoid,
    StraightThrough,
    SuperSpikeRescaled,
    Ternary,
    Windowed,
    learnable,
    sample,
    vjp,
)

X = np.concatenate([np.linspace(-2, 2, 1001), [-np.inf, np.inf, 1e30, -0.2, 0.2, np.nan]])
NORMALISED = Windowed(Sigmoid(6.0), 0.5, normalise=True)


# The definition stays, though its gradient takes as long: it has peak, width and area in 1 us,
# where Windowed searches for 1 ms and more, and its tail is no difference of two areas.
@pytest.mark.parametrize("slope", [1.0, 5.0, 100.0])
def test_the_sparse_fast_sigmoid_is_one_to_the_last_bit(slope):
    definition, windowed = SparseFastSigmoid(slope, 0.2), Windowed(InvSquareGrad(slope), 0.2)
    np.testing.assert_array_equal(windowed.surrogate_grad(X), definition.surrogate_grad(X))
    np.testing.assert_array_equal(windowed.surrogate_fun(X), definition.surrogate_fun(X))
    assert windowed.peak == definition.peak
    assert windowed.support == definition.support
    for measure in ("width", "area", "area_below"):
        assert math.isclose(getattr(windowed, measure), getattr(definition, measure), rel_tol=1e-13)


@every_surrogate
def test_any_shape_in_a_band_is_sparse(cls):
    """The sparse gradients of Perez-Nieves and Goodman, of every shape."""
    x = np.concatenate([np.linspace(-2, 2, 1001), [-0.2, 0.2, -np.inf, np.inf]])
    sparse, inside = Windowed(cls(), 0.2), np.abs(x) < 0.2
    expected = np.where(inside, cls().surrogate_grad(x), 0.0)
    np.testing.assert_array_equal(sparse.surrogate_grad(x), expected)
    np.testing.assert_array_equal(sparse(x), cls()(x))


def test_a_straight_through_gradient_in_a_band_is_a_box():
    windowed, box = Windowed(StraightThrough(), 0.5), Boxcar(1.0, closed="neither")
    np.testing.assert_array_equal(windowed.surrogate_grad(X), box.surrogate_grad(X))
    np.testing.assert_array_equal(windowed.surrogate_fun(X), box.surrogate_fun(X))
    for measure in ("peak", "width", "area", "area_below", "support", "_lowest", "_negative"):
        assert getattr(windowed, measure) == getattr(box, measure)


def test_a_normalised_logistic_density_is_dspike():
    b, band = 3.0, 0.5
    x = np.linspace(-0.499, 0.499, 101)
    dspike = b / (2 * np.tanh(b * band)) * (1 - np.tanh(b * x) ** 2)
    np.testing.assert_allclose(NORMALISED.surrogate_grad(x), dspike, rtol=1e-14)
    assert math.isclose(NORMALISED.peak, b / (2 * math.tanh(b * band)), rel_tol=1e-14)
    exact = 2 * min(math.log(1 + math.sqrt(2)) / b, band)
    assert math.isclose(NORMALISED.width, exact, rel_tol=1e-13)
    assert NORMALISED.area == 1.0
    assert NORMALISED.is_distribution


def test_the_primitive_is_continuous_at_the_ends_of_the_band():
    for surrogate in (Windowed(Scaled(Sigmoid(4.0), shift=0.25), 0.5), NORMALISED):
        ends = surrogate.surrogate_fun(np.asarray([-9.0, -0.5, -0.4999999, 0.4999999, 0.5, 9.0]))
        assert ends[0] == ends[1]
        assert ends[4] == ends[5]
        np.testing.assert_allclose([ends[1], ends[4]], ends[2:4], atol=1e-6)
        assert surrogate.surrogate_fun(0.0) == 0.5
        assert math.isclose(ends[5] - ends[0], surrogate.area, rel_tol=1e-14)
    np.testing.assert_allclose(
        NORMALISED.surrogate_fun(np.asarray([-1.0, 1.0])), [0, 1], atol=1e-15
    )


def test_a_firing_probability_begins_at_zero():
    moved = Windowed(Scaled(Sigmoid(4.0), shift=0.25), 0.5, normalise=True)
    assert moved.area_to(np, np.asarray([-3.0, -0.5])).tolist() == [0.0, 0.0]
    assert moved.area_to(np, np.asarray([0.5, 3.0])).tolist() == [1.0, 1.0]
    spikes = sample(moved, np.zeros(4000), np.random.default_rng(0))
    assert abs(spikes.mean() - moved.area_below) < 0.05
    with pytest.raises(ValueError, match="density"):
        sample(Windowed(Sigmoid(4.0), 0.5), np.zeros(3), np.random.default_rng(0))


def test_a_peak_at_an_end_of_the_band():
    moved = Windowed(Scaled(Sigmoid(4.0), shift=2.0), 0.5)
    assert moved.peak == moved.surrogate.surrogate_grad(0.5)
    assert moved.width < 1.0
    assert Windowed(MultiGaussianGrad(), 3.0)._negative
    assert not Windowed(MultiGaussianGrad(), 0.5)._negative


@pytest.mark.parametrize("amplitude", [-1.0, np.asarray([-1.0, -2.0])])
def test_beyond_the_band_the_derivative_of_a_negative_one_is_highest(amplitude):
    negative = Windowed(Scaled(Sigmoid(4.0), amplitude=amplitude), 0.5)
    np.testing.assert_array_equal(negative.peak, 0 * amplitude)
    np.testing.assert_array_equal(negative.width, np.inf + 0 * amplitude)


def test_measures_with_a_value_for_each_channel():
    band = np.asarray([0.05, 2.0])
    many = Windowed(Sigmoid(4.0), band)
    for measure in ("peak", "width", "area", "area_below", "_lowest"):
        each = [getattr(Windowed(Sigmoid(4.0), b), measure) for b in band.tolist()]
        np.testing.assert_allclose(getattr(many, measure), each, rtol=1e-13)
    assert many.support[1].tolist() == [0.05, 2.0]


def test_it_passes_the_emission_on():
    x = np.asarray([-2.5, -1.0, 0.0, 1.0, 2.5])
    np.testing.assert_array_equal(Windowed(MultiSpike(Sigmoid()), 0.5)(x), [0, 0, 1, 2, 3])
    ternary = Windowed(Ternary(Sigmoid(), 1.0), 0.5)
    np.testing.assert_array_equal(ternary(x), [-1, 0, 1, 1, 1])
    np.testing.assert_array_equal(ternary.surrogate_grad(x), [0, 0, 1, 0, 0])
    assert Windowed(Sigmoid(at_threshold=0.25), 0.5)(0.0) == 0.25
    assert Windowed(Compressed(Sigmoid(), "uint8"), 0.5).residual_dtype == "uint8"


def test_it_is_a_value():
    assert pickle.loads(pickle.dumps(NORMALISED)) == NORMALISED
    assert eval(repr(NORMALISED), vars(surrogates)) == NORMALISED
    assert Windowed(Sigmoid(6.0), 0.5) != NORMALISED
    assert NORMALISED.is_fixed


def test_in_every_kind(kind):
    band = kind.array(np.asarray([0.25, 1.0]))
    x = kind.array(np.asarray([[0.5, -0.5], [0.0, -2.0], [-0.25, 1.0]]))
    spikes, pullback = vjp(Windowed(Sigmoid(4.0), band), x)
    slope = pullback(kind.array(np.ones((3, 2))))
    assert_like(slope, x, kind)
    np.testing.assert_array_equal(kind.numpy(spikes), [[1, 0], [1, 0], [0, 1]])
    inside = Sigmoid(4.0).surrogate_grad(np.asarray([[9e9, -0.5], [0.0, 9e9], [9e9, 9e9]]))
    np.testing.assert_allclose(kind.numpy(slope), inside, rtol=1e-15)


@pytest.mark.long("jax")
@pytest.mark.parametrize("normalise", [False, True])
def test_its_primitive_has_its_derivative_for_a_slope_and_the_band_learns(taped, normalise):
    surrogate = Windowed(Sigmoid(4.0), 0.5, normalise)
    x = taped.array(np.asarray([-2.0, -0.5, -0.25, 0.0, 0.25, 0.5, 2.0]))
    slope = taped.gradient(surrogate.surrogate_fun, x)
    exact = taped.numpy(surrogate.surrogate_grad(x))
    np.testing.assert_allclose(taped.numpy(slope), exact, rtol=1e-14)

    theta, step = taped.array(np.asarray([0.5])), 1e-6
    x = taped.array(np.asarray([-2.0, -0.3, 0.1, 2.0]))
    learned = taped.gradient(lambda t: Relaxed(Windowed(Sigmoid(4.0), t, normalise))(x), theta)
    areas = [
        Windowed(Sigmoid(4.0), 0.5 + d, normalise).area_to(np, taped.numpy(x)).sum()
        for d in (-step, step)
    ]
    rise = (areas[1] - areas[0]) / (2 * step)
    np.testing.assert_allclose(taped.numpy(learned), [rise], rtol=1e-7)


def test_learned_by_name():
    pytest.importorskip("torch")
    module = learnable(Windowed(GaussianGrad(), 0.5), "band", "sigma", framework="torch")
    assert [*module.raw] == ["band", "surrogate/sigma"]


def test_what_is_refused():
    for band in (0.0, -1.0, math.inf, math.nan, "a", np.asarray([1.0, 0.0])):
        with pytest.raises(ValueError, match="Windowed: band must be a positive finite number"):
            Windowed(Sigmoid(), band)
    with pytest.raises(TypeError, match="normalise must be True or False, got normalise=1"):
        Windowed(Sigmoid(), 0.5, normalise=1)
    for shape in (Scaled(Sigmoid(), -1.0), Scaled(Boxcar(1.0), shift=9.0)):
        with pytest.raises(ValueError, match=r"Windowed: the area of .* within band=0\.5 .*choose"):
            Windowed(shape, 0.5, normalise=True)
    with pytest.raises(TypeError, match="Windowed takes a surrogate"):
        Windowed(3, 0.5)


def test_a_normalised_derivative_of_numbers_is_exact_in_single_precision():
    narrow = Windowed(ReluGrad(width=1000.0), 2.0**-20, normalise=True)
    for dtype in (np.float16, np.float32, np.float64):
        slope = Windowed(ReluGrad(width=4096.0), 2.0**-10, normalise=True).surrogate_grad(dtype(0))
        np.testing.assert_allclose(slope, 512, rtol=1e-3 if dtype is np.float16 else 1e-6)
    np.testing.assert_allclose(narrow.surrogate_grad(np.float32(0)), 2.0**19, rtol=1e-6)


def test_a_large_area_below_the_band_costs_no_accuracy():
    flat = Windowed(SuperSpikeRescaled(2.0**-20), normalise=True)
    np.testing.assert_allclose(flat.surrogate_fun(1.0), 1.0, rtol=1e-14)
    far_below = Windowed(PiecewiseLeakyRelu(w=1e3), 1e15)
    np.testing.assert_allclose(Windowed(far_below, normalise=True).surrogate_grad(0.0), 0.5)


def test_an_area_beyond_single_precision_is_a_divisor_all_the_same():
    """It was infinite as a number of float32: the derivative was 0, or NaN with a warning."""
    high = Windowed(Scaled(Scaled(StraightThrough(), 1e14), 1e14), 1e14, normalise=True)
    x = np.asarray([0.0, 1e13, 1e15], np.float32)
    np.testing.assert_allclose(high.surrogate_grad(x), [5e-15, 5e-15, 0.0], rtol=1e-6)


def test_xla_does_not_merge_the_steps_of_a_division_by_what_it_does_not_hold():
    jax = pytest.importorskip("jax")
    high = Windowed(Scaled(Scaled(StraightThrough(), 1e14), 1e14), 1e14, normalise=True)
    derivative = jax.jit(high.surrogate_grad)(jax.numpy.zeros(1, "float32"))
    np.testing.assert_allclose(derivative, [5e-15], rtol=1e-6)


@pytest.mark.parametrize("moved", [0.0, np.asarray(2.25e10, np.float32)])
def test_beyond_a_band_whose_area_overflows_the_derivative_is_zero(moved):
    inside = Windowed(ExpEscape(delta_u=5.5e11), 8.4e13, normalise=True)
    x = np.asarray([1.2e27, -1.2e27, 0.0, 7e13], np.float32)
    derivative = Scaled(inside, shift=moved).surrogate_grad(x)
    np.testing.assert_array_equal(derivative, [0.0, 0.0, 0.0, np.inf])
    with pytest.raises(ValueError, match="give x in float64"):
        sample(Scaled(inside, shift=moved), x, np.random.default_rng(0))


def test_an_area_of_arrays_that_overflows_gives_nan_and_no_zero_in_silence():
    band = np.asarray([1e14, 1.0], np.float32)
    high = Windowed(Scaled(Scaled(StraightThrough(), 1e14), 1e14), band, normalise=True)
    derivative = high.surrogate_grad(np.zeros(2, np.float32))
    np.testing.assert_allclose(derivative, [np.nan, 0.5], rtol=1e-6)


def test_an_area_that_rounding_loses_is_refused_before_levels_are_looked_for():
    with pytest.raises(ValueError, match=r"the area of .* within band"):
        Windowed(Compressed(SoftLIF(tau_ref=3.65e14), residual="uint8"), normalise=True)


def test_the_area_of_arrays_in_single_precision_is_checked_in_double():
    widths = np.asarray([16.0, 1e15], np.float32)
    assert Windowed(ReluGrad(width=widths), normalise=True).normalise


def test_an_infinite_area_cannot_be_made_1():
    with pytest.raises(ValueError, match="is inf, and only a positive and finite one can be made"):
        Windowed(ExpEscape(), 1e10, normalise=True)
    both_sides = Windowed(Scaled(ExpEscape(), shift=-8192.0))
    with pytest.raises(ValueError, match="is inf, and only a positive and finite one can be made"):
        Windowed(both_sides, normalise=True)


@pytest.mark.parametrize(
    "around", [lambda it: it, lambda it: Scaled(it, 2.0)], ids=["alone", "scaled"]
)
def test_a_narrow_normalised_window_keeps_its_digits_in_single_precision(around):
    narrow = around(Windowed(Arctan(2.0), 1e-5, normalise=True))
    x = np.linspace(-9e-6, 9e-6, 7)
    expected = narrow.surrogate_grad(x)
    for function in (narrow.surrogate_grad, lambda x: surrogates.vjp(narrow, x)[1](x * 0 + 1)):
        np.testing.assert_allclose(function(x.astype(np.float32)), expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["peak", "area", "area_below", "width"])
def test_a_measure_without_arrays_is_a_float_of_python(name):
    inside = Scaled(InvSquareGrad(2.0), 2.0)
    for surrogate in (Windowed(inside, 0.7), Windowed(inside, 0.7, normalise=True)):
        assert type(getattr(surrogate, name)) is float


def test_the_area_to_a_point_is_a_share_of_that_within():
    windowed = Windowed(Sigmoid(2.0), 0.5, normalise=True)
    x = np.asarray([-0.6, -0.3, 0.0, 0.4, 0.5])
    np.testing.assert_allclose(windowed.area_to(np, x), windowed.surrogate_fun(x), atol=1e-15)


@pytest.mark.parametrize("normalise", [False, True])
def test_the_largest_slope_is_the_peak_where_the_derivative_is_highest_at_zero(normalise):
    windowed = Windowed(Sigmoid(2.0), 0.5, normalise)
    assert windowed._largest_slope == pytest.approx(windowed.peak, rel=1e-12)


@pytest.mark.parametrize("kind", [Kind.TORCH, Kind.JAX, Kind.DASK])
@pytest.mark.parametrize("amplitude", [0.0, -1.0])
def test_of_an_array_an_area_that_cannot_be_made_1_gives_nan(amplitude, kind):
    required(kind)
    inside = Scaled(Sigmoid(), kind.array(np.full(3, amplitude)))
    window = Windowed(inside, normalise=True)
    x = kind.array(np.asarray([-2.0, 0.5, 1.0]))
    derivative = kind.numpy(window.surrogate_grad(x))
    np.testing.assert_array_equal(derivative, [0.0, np.nan, 0.0])
    assert np.isnan(kind.numpy(window.surrogate_fun(x))).all()


@pytest.mark.long
def test_in_a_compiled_function_an_area_that_cannot_be_made_1_gives_nan(torch, jax):
    def derivative(x, amplitude):
        return Windowed(Scaled(Sigmoid(), amplitude), normalise=True).surrogate_grad(x)

    compiled = torch.compile(derivative, backend="aot_eager", fullgraph=True)
    for amplitude in (0.0, -1.0):
        assert np.isnan(jax.jit(derivative)(0.5, amplitude))
        for given in (amplitude, torch.tensor(amplitude)):
            assert torch.isnan(compiled(torch.tensor(0.5), given))
