"""The formulas, held against other sources than themselves."""

from __future__ import annotations

import inspect
import pickle
import weakref

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import surrogates
from kinds import Kind, every_surrogate, required
from strategies import potentials, surrogates_of
from surrogates._parameters import (
    ABOVE_ONE,
    COUNT,
    FINITE,
    NON_NEGATIVE,
    POSITIVE,
    parameters,
)
from surrogates.definitions import SURROGATES, function_name
from surrogates.definitions._bases import UnitArea

mpmath = pytest.importorskip("mpmath")
from surrogates._check.accuracy import kinks, largest  # noqa: E402
from surrogates._check.formulas import compiled  # noqa: E402


def test_seed_page_examples():
    triangle = surrogates.relu_grad.__signature__.parameters
    assert triangle["alpha"].default == 0.3
    x = np.asarray([-2, -0.5, 0, 0.5, 2])
    np.testing.assert_allclose(
        surrogates.ReluGrad().surrogate_grad(x), [0, 0.15, 0.3, 0.15, 0], rtol=1e-15
    )
    x = np.asarray([-0.1, 0, 0.1])
    np.testing.assert_allclose(
        surrogates.InvSquareGrad().surrogate_grad(x), [1 / 121, 1, 1 / 121], rtol=1e-15
    )
    x = np.asarray([-1.0, 0, 1])
    np.testing.assert_allclose(
        surrogates.GaussianGrad().surrogate_grad(x), [0.05399, 0.39894, 0.05399], atol=5e-6
    )
    x = np.asarray([-2.0, -1, 0, 1, 2])
    np.testing.assert_allclose(surrogates.SlayerGrad().surrogate_grad(x), np.exp(-np.abs(x)))


@every_surrogate
def test_each_is_public_as_a_class_and_as_a_function(cls):
    assert {cls.__name__, function_name(cls)} <= set(surrogates.__all__)
    assert getattr(surrogates, cls.__name__) is cls
    assert getattr(surrogates, function_name(cls)).surrogate is cls


@every_surrogate
def test_each_is_traced_and_what_derives_from_it_is_not(cls):
    assert cls.traceable
    assert not type("Mine", (cls,), {}).traceable


@every_surrogate
@given(data=st.data())
def test_derivative_is_the_derivative_of_the_primitive(cls, data):
    surrogate = data.draw(surrogates_of(cls))
    x = data.draw(st.floats(-8, 8))
    sizes = [v for v in vars(surrogate).values() if isinstance(v, float) and v > 0]
    step = 1e-3 * min([1.0, *sizes, *(1 / v for v in sizes)])
    half = getattr(surrogate, "threshold", 1.0) / 2
    periodic = half * np.round(x / half)  # of those that repeat without end, the one next to x
    places = [*kinks(surrogate), periodic, getattr(surrogate, "shift", 0.0)]
    assume(all(abs(abs(x) - abs(kink)) > 4 * step for kink in places))
    # Six points: the error of the formula is of order step^6, far below the rounding error.
    offsets = np.asarray([-3, -2, -1, 1, 2, 3])
    weights = np.asarray([-1, 9, -45, 45, -9, 1]) / 60
    values = surrogate.surrogate_fun(x + step * offsets)
    assume(np.all(np.isfinite(values)))
    slope = np.dot(weights, values) / step
    derivative = surrogate.surrogate_grad(x)
    size = max(np.max(np.abs(values)), largest(surrogate, "primitive"))  # of its terms, too
    height = surrogate.peak if surrogate.accuracy.of_peak else abs(derivative)
    assert abs(slope - derivative) <= 1e-8 * height + 4e-15 * size / step


@every_surrogate
@given(data=st.data())
def test_primitive_is_one_half_at_zero(cls, data):
    surrogate = data.draw(surrogates_of(cls))
    half = surrogate.surrogate_fun(np.asarray([-0.0, 0.0]))
    np.testing.assert_allclose(half, 0.5, rtol=1e-14 * max(1.0, surrogate._largest_term))


@every_surrogate
@given(data=st.data())
def test_primitive_rises_where_the_derivative_is_not_negative(cls, data):
    surrogate = data.draw(surrogates_of(cls))
    if surrogate._negative:
        return
    x = np.sort(np.asarray(data.draw(st.lists(st.floats(-8, 8), min_size=2, max_size=20))))
    assert np.all(surrogate.surrogate_grad(x) >= 0)
    primitive = np.clip(surrogate.surrogate_fun(x), -1e300, 1e300)  # of infinities no difference
    slack = 1e-13 * np.maximum(np.abs(primitive[1:]), max(0.5, surrogate._largest_term))
    assert np.all(np.diff(primitive) >= -slack)


WHOLE_RANGE = {
    POSITIVE: st.floats(-15, 15).map(lambda e: 10.0**e),
    NON_NEGATIVE: st.one_of(st.just(0.0), st.floats(-15, 15).map(lambda e: 10.0**e)),
    FINITE: st.floats(-1e15, 1e15),
    ABOVE_ONE: st.floats(-6, 15).map(lambda e: min(1 + 10.0**e, 1e15) + 1e-9),
    COUNT: st.integers(1, 50),
}


@pytest.mark.long
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_surrogate
@settings(max_examples=max(200, settings().max_examples))  # or what the profile says
@given(data=st.data())
def test_parameters_over_their_whole_range(cls, dtype, data):
    values = {p.name: WHOLE_RANGE[p.metadata["interval"]] for p in parameters(cls)}
    surrogate = data.draw(st.builds(cls, **values))
    x = data.draw(potentials(dtype, (5,)))
    x = np.where(np.isnan(x), x.dtype.type(0), x)
    derivative, primitive = surrogate.surrogate_grad(x), surrogate.surrogate_fun(x)
    assert not np.any(np.isnan(derivative))
    assert not np.any(np.isnan(primitive))
    if not surrogate._negative:
        assert np.all(derivative >= 0)
    if isinstance(surrogate, UnitArea):
        assert np.all((primitive >= 0) & (primitive <= 1))
    half = surrogate.surrogate_fun(np.zeros(1, dtype))
    slack = 16 * np.finfo(dtype).eps * max(0.5, surrogate._largest_term)
    np.testing.assert_allclose(half, 0.5, rtol=0, atol=slack)


def test_identities():
    x = np.linspace(-3, 3, 121)

    def same(one, other, factor=1.0):
        np.testing.assert_allclose(
            one.surrogate_grad(x), factor * other.surrogate_grad(x), rtol=1e-13, atol=1e-15
        )

    s = surrogates
    same(s.PiecewiseExp(3.0), s.SlayerGrad(3.0), 1.5)
    same(s.SoftSign(3.0), s.InvSquareGrad(3.0), 1.5)
    same(s.PiecewiseQuadratic(0.7), s.ReluGrad(0.49, 1 / 0.7))
    same(s.ERF(3.0), s.GaussianGrad(1 / (3 * np.sqrt(2)), 1.0))
    same(s.SuperSpike(3.0), s.InvSquareGrad(1.0), 3.0)
    same(s.TanhGrad(3.0), s.Sigmoid(6.0), 2 / 3)
    same(s.QPseudoSpike(1.0), s.NonzeroSignLog(1.0))
    same(s.QPseudoSpike(2.0), s.InvSquareGrad(2 / 3))
    same(s.QPseudoSpikeUnit(2.0), s.InvSquareGrad(2.0))
    same(s.PiecewiseLeakyRelu(0.0, 1.5), s.Boxcar(3.0, 1 / 3))
    same(s.MultiGaussianGrad(h=0.0, sigma=0.7, scale=0.4), s.GaussianGrad(0.7, 0.4))
    same(s.SpikeRateEscape(2.0, 3.0, shift=0.0), s.SlayerGrad(2.0), 3.0)
    same(s.SlantedBox(0.75, 0.4, tilt=0.0), s.Boxcar(1.5, 0.4))
    same(s.TwoSidedBox(0.3, 0.3, 1.5, 1.5), s.Boxcar(3.0, 0.2, closed="neither"))


@pytest.mark.parametrize("kind", [Kind.TORCH, Kind.JAX])
def test_at_the_end_of_a_piece_a_parameter_has_the_slope_of_one_side(kind):
    required(kind)

    def ramp(beta):
        return surrogates.Relaxed(surrogates.HardTanhRamp(beta))(kind.array(np.full(1, 0.01)))

    def box(band):
        x = kind.array(np.asarray([-0.5, 0.5]))
        return surrogates.Dspike(band=band).surrogate_grad(x)

    assert kind.numpy(kind.gradient(ramp, kind.array(np.full(1, 100.0)))) == pytest.approx(0.0)
    inside = surrogates.Dspike(band=0.5 + 1e-6).surrogate_grad(0.5)
    slope = (inside - surrogates.Dspike(band=0.5).surrogate_grad(0.5)) / 1e-6
    found = kind.numpy(kind.gradient(box, kind.array(np.full(2, 0.5))))
    assert found == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize(("sigma", "place"), [(1.0, -40.0), (1.0, 40.0), (1e-3, 1.0), (0.5, -20.0)])
@pytest.mark.parametrize("kind", [Kind.TORCH, Kind.JAX])
def test_softlif_has_one_slope_where_its_pieces_meet(kind, sigma, place):
    required(kind)
    x = kind.array(np.asarray([place * (1 - 1e-7), place, place * (1 + 1e-7)]))
    below, there, above = kind.numpy(kind.gradient(surrogates.SoftLIF(sigma).surrogate_grad, x))
    assert there == pytest.approx((below + above) / 2, rel=1e-5)


def test_soft_lif_becomes_the_rate_of_a_neuron_as_sigma_falls():
    x = np.concatenate([-np.geomspace(1e-3, 1e3, 61), np.geomspace(1e-3, 1e3, 61)])
    sharp = surrogates.SoftLIF(1e-6, tau_rc=0.03, tau_ref=0.004)
    above = np.maximum(x, 1e-3)
    rate = np.where(x > 0, 1 / (0.004 + 0.03 * np.log1p(1 / above)), 0)
    np.testing.assert_allclose(sharp.formula("area", np, x)[61:], rate[61:], rtol=1e-13)
    slope = 0.03 * rate**2 / (above * (1 + above))
    np.testing.assert_allclose(sharp.surrogate_grad(x)[61:], slope[61:], rtol=1e-13)
    # below, the rate falls no faster than 1 / |x|, in units of sigma
    assert np.all(sharp.formula("area", np, x)[:61] < 1 / (0.03 * -x[:61] * 1e6))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("measure", ["peak", "width"])
def test_measures_of_soft_lif_do_not_overflow_in_a_narrow_dtype(measure, dtype):
    sigma = np.asarray([1e-4, 1.0, 6e4], dtype)
    each = getattr(surrogates.SoftLIF(sigma, 1e15, 1e-15), measure)
    alone = [getattr(surrogates.SoftLIF(float(v), 1e15, 1e-15), measure) for v in sigma]
    np.testing.assert_allclose(each, alone, rtol=1e-5)


def test_the_accuracy_of_soft_lif_is_that_of_its_largest_sigma(kind):
    stated = [surrogates.SoftLIF(sigma).accuracy.ulp for sigma in (0.5, np.e, 1e15)]
    np.testing.assert_allclose(stated, [9, 11, 9 + 30 * np.log(10)], rtol=1e-15)
    of_array = surrogates.SoftLIF(kind.array(np.asarray([0.5, np.e]))).accuracy.ulp
    assert of_array == stated[1 if isinstance(kind.array(np.ones(2)), np.ndarray) else 2]
    assert surrogates.SoftLIF(np.ones((0, 3))).accuracy.ulp == 9


@pytest.mark.parametrize("sigma", [1e-15, 0.02, 1.0, 1e15])
@pytest.mark.parametrize("ratio", [1e-30, 0.1, 1e30])
def test_peak_and_width_of_soft_lif_over_its_range(sigma, ratio):
    """Of a bump that rises and falls once, by golden section and bisection in many digits."""
    tau_ref = np.sqrt(ratio)
    surrogate = surrogates.SoftLIF(sigma, 1 / tau_ref, tau_ref)
    with mpmath.workdps(60):
        derivative = compiled(surrogate, "g'(x)")
        slope = lambda u: derivative(u * mpmath.mpf(sigma))  # noqa: E731
        low, high = mpmath.mpf(-150), mpmath.mpf(150)
        while high - low > 1e-20:
            third = (high - low) / 3
            if slope(low + third) < slope(high - third):
                low += third
            else:
                high -= third
        top = slope(low)
        edges = []
        for side in (-1, 1):
            inside, outside = mpmath.mpf(0), mpmath.mpf(1)
            while slope(low + side * outside) > top / 2:
                inside, outside = outside, 2 * outside
            for _ in range(80):
                middle = (inside + outside) / 2
                if slope(low + side * middle) > top / 2:
                    inside = middle
                else:
                    outside = middle
            edges.append(inside)
        assert surrogate.peak == pytest.approx(float(top), rel=1e-12)
        assert surrogate.width == pytest.approx(float(sum(edges) * sigma), rel=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_limits_of_dspike(dtype):
    """A box as its temperature falls, the logistic density as it grows; in both formulas."""
    x = np.linspace(-2, 2, 129, dtype=dtype)
    for small in (1e-4, 1e-8, 1e-15):
        cold = surrogates.Dspike(small, 1.25)
        box = surrogates.Boxcar(2.5, 0.4)
        np.testing.assert_allclose(cold.surrogate_grad(x), box.surrogate_grad(x), rtol=3e-7)
        np.testing.assert_allclose(cold.surrogate_fun(x), box.surrogate_fun(x), atol=2e-7)
    hot, sigmoid = surrogates.Dspike(40.0, 1.25), surrogates.Sigmoid(80.0)
    inside = x[np.abs(x) <= 1.25]
    np.testing.assert_array_equal(hot.surrogate_grad(inside), sigmoid.surrogate_grad(inside))
    np.testing.assert_allclose(hot.surrogate_fun(x), sigmoid.surrogate_fun(x), atol=1e-43)


@pytest.mark.parametrize(
    ("closed", "ends"),
    [("both", (1, 1)), ("neither", (0, 0)), ("left", (1, 0)), ("right", (0, 1))],
)
def test_ends_of_the_band_of_dspike(closed, ends):
    surrogate = surrogates.Dspike(closed=closed)
    inside = surrogate.surrogate_grad(np.nextafter(0.5, 0.0))
    at_ends = surrogate.surrogate_grad(np.asarray([-0.5, 0.5]))
    np.testing.assert_allclose(at_ends, np.multiply(ends, inside), rtol=1e-14)
    around = np.asarray([np.nextafter(0.5, 0.0), 0.5, np.nextafter(0.5, 1.0)])
    tail = surrogate.surrogate_fun(-around)
    assert tail[0] > tail[1] == tail[2] == 0.0  # the primitive is continuous there
    np.testing.assert_allclose(tail[0], inside * (0.5 - around[0]), rtol=1e-12)
    np.testing.assert_array_equal(surrogate.surrogate_fun(around)[1:], 1.0)


def test_two_sided_box_is_open_and_belongs_to_the_right_at_the_threshold():
    surrogate = surrogates.TwoSidedBox(0.25, 1.0, below=0.5, above=2.0)
    x = np.asarray([-0.5, -0.25, -0.0, 0.0, 1.0, 2.0])
    np.testing.assert_array_equal(surrogate.surrogate_grad(x), [0, 0.5, 0.5, 0.5, 0.5, 0])
    np.testing.assert_array_equal(surrogates.TwoSidedBox(beta=2.0).surrogate_grad(x[2:4]), 2.0)


@pytest.mark.parametrize(
    ("surrogate", "limits"),
    [
        (surrogates.InvSquareGrad(4.0), (0.25, 0.75)),
        (surrogates.SlayerGrad(4.0), (0.25, 0.75)),
        (surrogates.GaussianGrad(2.0, 1.0), (0.0, 1.0)),
        (surrogates.ReluGrad(0.5, 1.0), (0.25, 0.75)),
        (surrogates.QPseudoSpike(3.0), (-0.5, 1.5)),
        (surrogates.QPseudoSpike(0.5), (-np.inf, np.inf)),
        (surrogates.QPseudoSpike(1.0), (-np.inf, np.inf)),
    ],
)
def test_limits_of_the_primitive(surrogate, limits):
    np.testing.assert_array_equal(surrogate.surrogate_fun(np.asarray([-np.inf, np.inf])), limits)


@pytest.mark.parametrize("alpha", [1 - 1e-6, 1 - 1e-13, 1.0, 1 + 1e-13, 1 + 1e-7, 1 + 1e-6])
def test_q_pseudo_spike_is_accurate_around_its_removable_singularity(alpha):
    with mpmath.workdps(50):
        base = 1 + 2 * mpmath.mpf(0.5) / (mpmath.mpf(alpha) + 1)
        scale = (mpmath.mpf(alpha) + 1) / 2
        q = 1 - mpmath.mpf(alpha)
        exact = 0.5 + scale * (mpmath.log(base) if q == 0 else (base**q - 1) / q)
    value = surrogates.QPseudoSpike(alpha).surrogate_fun(0.5)
    assert abs(value - float(exact)) <= 4 * np.spacing(float(exact))


@every_surrogate
def test_surrogates_are_values(cls):
    surrogate = cls()
    names = [p.name for p in parameters(cls)]
    twos = cls(**dict.fromkeys(names, 2))
    assert twos == cls(**dict.fromkeys(names, np.float32(2.0)))
    assert hash(twos) == hash(cls(**dict.fromkeys(names, 2.0)))
    assert not names or twos != cls(**dict.fromkeys(names, 3.0))
    assert twos != cls(**dict.fromkeys(names, 2), at_threshold=0.0)
    assert pickle.loads(pickle.dumps(surrogate)) == surrogate
    assert weakref.ref(surrogate)() is surrogate
    assert eval(repr(surrogate), vars(surrogates)) == surrogate
    with pytest.raises(AttributeError):
        surrogate.at_threshold = 0.5


@every_surrogate
def test_function_form_is_the_class(cls):
    function = getattr(surrogates, function_name(cls))
    form, own = inspect.signature(function).parameters, inspect.signature(cls).parameters
    assert list(form) == ["x", *own]
    assert all(form[name] == own[name] for name in own)
    x = np.asarray([-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(function(x, at_threshold=0.5), [0, 0.5, 1])
    np.testing.assert_array_equal(function(x=x), [0, 1, 1])


@pytest.mark.long
@pytest.mark.parametrize(
    ("cls", "name"),
    [(c, p.name) for c in SURROGATES.values() for p in parameters(c) if p.name != "n"],
    ids=lambda v: v if isinstance(v, str) else v.__name__,
)
def test_array_parameters_broadcast(cls, name, kind):
    values = np.linspace(-2, 2, 12).reshape(4, 3) + 0.01
    channels = np.asarray([1.0, 1.5, 3.0])
    if parameters(cls)[0].metadata["interval"] == ABOVE_ONE:
        channels = channels + 0.5
    surrogate = cls(**{name: kind.array(channels)})
    x = kind.array(values)
    for method in ("surrogate_grad", "surrogate_fun"):
        columns = [getattr(cls(**{name: c}), method)(values[:, i]) for i, c in enumerate(channels)]
        actual = kind.numpy(getattr(surrogate, method)(x))
        np.testing.assert_allclose(actual, np.stack(columns, axis=1), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(kind.numpy(surrogate(x)), values >= 0)


def test_array_parameter_that_does_not_fit(kind):
    surrogate = surrogates.SlayerGrad(kind.array(np.ones(3)))
    for call in (surrogate, surrogate.surrogate_grad):
        with pytest.raises(ValueError, match=r"shape \(3,\) does not broadcast .* shape \(2,\)"):
            call(kind.array(np.ones(2)))


def test_array_parameter_of_another_library():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="convert one of them"):
        surrogates.SlayerGrad(torch.ones(3))(np.ones(3))
    with pytest.raises(TypeError, match="convert one of them"):
        surrogates.SlayerGrad(np.ones(3))(torch.ones(3))


def test_the_primitive_of_spike_rate_escape_keeps_its_digits_far_from_the_peak():
    x = np.asarray([-3.0, -0.5, 0.98, 1.0, 3.0])
    for shift in (70510.6015625, -70510.6015625):
        surrogate = surrogates.SpikeRateEscape(beta=1.5e-5, shift=shift)
        exact = surrogate.surrogate_fun(x) - 0.5
        rise = surrogate.surrogate_fun(x.astype(np.float32)) - np.float32(0.5)
        np.testing.assert_allclose(rise, exact, rtol=1e-6)
