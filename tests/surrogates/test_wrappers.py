"""The laws by which wrappers compose, over generated nestings and in every kind of array."""

from __future__ import annotations

import copy
import math
import pickle
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import surrogates
from kinds import WITH_TAPE, Kind, assert_like, generator, parameters
from surrogates import Compressed, MultiSpike, Relaxed, Scaled, Ternary

X = np.asarray([-3.0, -2.5, -2.0, -0.75, -0.1, 0.0, 0.3, 1.0, 2.25])

leaves = st.sampled_from(
    [
        surrogates.Sigmoid(4.0),
        surrogates.Sigmoid(2.0, at_threshold=0.0),
        surrogates.GaussianGrad(0.5, 1.0, at_threshold=0.5),
        surrogates.ReluGrad(0.5, 2.0),
        surrogates.InvSquareGrad(3.0),
    ]
)
numbers = st.sampled_from([0.25, 0.5, 1.5, 2.0])


def wrapped(inside):
    return st.one_of(
        st.builds(Scaled, inside, numbers, numbers, st.sampled_from([-0.5, 0.0, 0.25])),
        st.builds(MultiSpike, inside, numbers),
        st.builds(Ternary, inside, numbers),
        st.builds(Compressed, inside, st.sampled_from(["float16", "uint8"])),
        st.builds(Relaxed, inside),
    )


@st.composite
def nestings(draw):
    """Draw a surrogate in up to four wrappers, and the wrappers, the innermost first."""
    leaf = draw(leaves)
    surrogate, wrappers = leaf, []
    for _ in range(draw(st.integers(0, 4))):
        try:
            surrogate = draw(wrapped(st.just(surrogate)))
        except (TypeError, ValueError) as error:
            if not re.search("leave|take|choose", str(error)):  # what to do stands there
                raise
            continue
        wrappers.append(surrogate)
    return leaf, wrappers, surrogate


def emitted(leaf, wrappers):
    """Return the spikes at `X` that the one wrapper that emits says, else the leaf."""
    for wrapper in wrappers:
        if isinstance(wrapper, MultiSpike):
            return np.clip(np.floor(X / wrapper.threshold) + 1, 0, None)
        if isinstance(wrapper, Ternary):
            mirrored = -X - 2 * wrapper.threshold
            return np.heaviside(X, leaf.at_threshold) - np.heaviside(mirrored, leaf.at_threshold)
    return np.heaviside(X, leaf.at_threshold)


def slope(leaf, wrappers):
    """Return the derivative at `X`, from the leaf's alone."""
    amplitude, rate, shift, threshold, residual = 1.0, 1.0, 0.0, None, None
    for wrapper in wrappers:
        if isinstance(wrapper, Scaled):  # r (x - s) goes into what was inside
            amplitude *= wrapper.amplitude
            shift = wrapper.shift + shift / wrapper.rate
            rate *= wrapper.rate
        threshold = wrapper.threshold if isinstance(wrapper, Ternary) else threshold
        residual = wrapper.residual if isinstance(wrapper, Compressed) else residual

    def bump(x):
        return amplitude * leaf.surrogate_grad(rate * (x - shift))

    x = X.astype(np.float16).astype(np.float64) if residual == "float16" else X
    total = bump(x) if threshold is None else bump(x) + bump(-x - 2 * threshold)
    if residual == "uint8":
        step = amplitude * leaf.peak * (1 if threshold is None else 2) / 254
        return np.round(total / step) * step, step
    return total, 0.0


@given(nestings())
def test_spikes_and_derivative_of_a_nesting(kind, nesting):
    leaf, wrappers, surrogate = nesting
    assume(not (kind is Kind.STRICT and surrogate.residual_dtype == "float16"))  # it has none
    x = kind.array(X)
    spikes = surrogate(x)
    assert_like(spikes, x, kind)
    np.testing.assert_array_equal(kind.numpy(spikes), emitted(leaf, wrappers))
    derivative, step = slope(leaf, wrappers)
    for actual in (
        surrogate.surrogate_grad(x),
        surrogates.vjp(surrogate, x)[1](kind.array(np.ones(X.shape))),
        surrogates.jvp(surrogate, x, kind.array(np.ones(X.shape)))[1],
    ):
        assert_like(actual, x, kind)
        # a level of an 8-bit residual may be rounded to either side
        np.testing.assert_allclose(
            kind.numpy(actual), derivative, rtol=1e-12, atol=1.01 * step + 1e-15
        )


@pytest.mark.parametrize("taped", parameters(WITH_TAPE))
@given(nestings())
def test_gradient_of_a_nesting(taped, nesting):
    if taped.missing():
        pytest.skip(taped.missing())
    leaf, wrappers, surrogate = nesting
    derivative, step = slope(leaf, wrappers)
    gradient = taped.gradient(surrogate, taped.array(X))
    np.testing.assert_allclose(
        taped.numpy(gradient), derivative, rtol=1e-12, atol=1.01 * step + 1e-15
    )


@given(nestings())
def test_a_nesting_survives_the_round_trips(nesting):
    _, _, surrogate = nesting
    scope = vars(surrogates)
    for other in (
        pickle.loads(pickle.dumps(surrogate)),
        copy.deepcopy(surrogate),
        eval(repr(surrogate), scope),
        surrogate.combine(surrogate.partition()[1]),
    ):
        assert other == surrogate
        assert hash(other) == hash(surrogate)


@given(nestings())
def test_a_nesting_is_a_pytree(nesting):
    jax = pytest.importorskip("jax")
    _, _, surrogate = nesting
    leaves, structure = jax.tree_util.tree_flatten(surrogate)
    assert jax.tree_util.tree_unflatten(structure, leaves) == surrogate


@given(nestings())
def test_measures_of_a_nesting_are_those_of_its_bump(nesting):
    leaf, wrappers, surrogate = nesting
    scales = [w for w in wrappers if isinstance(w, Scaled)]
    amplitude = math.prod(w.amplitude for w in scales)
    rate = math.prod(w.rate for w in scales)
    assert math.isclose(surrogate.peak, amplitude * leaf.peak)
    assert math.isclose(surrogate.area, amplitude / rate * leaf.area)
    assert math.isclose(surrogate.width, leaf.width / rate)


ASPECTS = {
    "emission": [MultiSpike, Ternary],
    "residual": [Compressed],
    "gradient of parameters": [Relaxed],
}
CLAIMS = [(a, b, aspect) for aspect, some in ASPECTS.items() for a in some for b in some]


@pytest.mark.parametrize(("outer", "inner", "aspect"), CLAIMS)
def test_two_that_decide_one_aspect(outer, inner, aspect):
    for inside in (inner(surrogates.Sigmoid()), Scaled(inner(surrogates.Sigmoid()))):
        with pytest.raises(
            TypeError, match=f"{inner.__name__} inside decides the {aspect} already"
        ):
            outer(inside)


def test_multi_spike_has_no_spike_at_the_threshold_of_its_own():
    with pytest.raises(TypeError, match=r"at_threshold=0.0 of Sigmoid.* would have no effect"):
        MultiSpike(surrogates.Sigmoid(at_threshold=0.0))


@pytest.mark.parametrize("wrapper", [Scaled, MultiSpike, Ternary, Compressed, Relaxed])
def test_at_threshold_belongs_inside(wrapper):
    with pytest.raises(
        TypeError, match=f"{wrapper.__name__}: at_threshold .* got at_threshold=0.25"
    ):
        wrapper(surrogates.Sigmoid(), at_threshold=0.25)


@pytest.mark.parametrize("wrapper", [MultiSpike, Ternary])
def test_what_decides_the_emission_is_not_sampled(wrapper):
    for surrogate in (wrapper(surrogates.Sigmoid()), Scaled(wrapper(surrogates.Sigmoid()))):
        with pytest.raises(TypeError, match=f"{wrapper.__name__} decides the emission"):
            surrogates.sample(surrogate, np.zeros(3), np.random.default_rng(0))


@pytest.mark.parametrize("wrapper", [Scaled, Relaxed, Compressed])
def test_other_wrappers_are_sampled(wrapper):
    surrogate, x = wrapper(surrogates.Sigmoid()), np.linspace(-1, 1, 101)
    spikes = surrogates.sample(surrogate, x, np.random.default_rng(0))
    expected = surrogates.sample(surrogates.Sigmoid(), x, np.random.default_rng(0))
    np.testing.assert_array_equal(spikes, expected)


SHIFTED = [
    (Scaled(surrogates.Sigmoid(4.0), shift=0.5), lambda x: 1 / (1 + np.exp(-4 * (x - 0.5)))),
    (Scaled(surrogates.Sigmoid(4.0), shift=-2.0), lambda x: 1 / (1 + np.exp(-4 * (x + 2)))),
    (
        surrogates.SpikeRateEscape(1.0, 0.5, 1.0),
        lambda x: np.where(x < 1, np.exp(-np.abs(x - 1)) / 2, 1 - np.exp(-np.abs(x - 1)) / 2),
    ),
    (
        surrogates.from_library("sinabs", "Gaussian", mu=0.5, grad_scale=1.0),
        lambda x: np.vectorize(lambda x: math.erfc(-(x - 0.5) / 0.5 / math.sqrt(2)) / 2)(x),
    ),
    (surrogates.InvSquareGrad(2.0), lambda x: 0.5 + x / (1 + 2 * np.abs(x))),
]


@pytest.mark.parametrize(("surrogate", "probability"), SHIFTED, ids=map(str, range(5)))
def test_the_firing_probability_is_the_area_to_the_left(surrogate, probability, kind):
    levels = np.asarray([-50.0, -0.5, 0.0, 0.7, 1.5, 50.0])
    if kind is Kind.DASK:
        pytest.skip("its blocks are NumPy's")
    x = kind.array(levels)
    area = surrogate.formula("area", surrogates.backends.of(x).namespace(x), x)
    np.testing.assert_allclose(kind.numpy(area), probability(levels), atol=1e-12)


class Lopsided(surrogates.Surrogate):
    """A density whose primitive carries a constant of its own."""

    def derivative(self, xp, x):
        return xp.exp(-xp.abs(x)) / 2

    def primitive(self, xp, x):
        return 7 + xp.where(x < 0, xp.exp(-xp.abs(x)) / 2, 1 - xp.exp(-xp.abs(x)) / 2)

    area = 1.0


def test_the_constant_of_a_primitive_is_no_probability():
    spikes = surrogates.sample(Lopsided(), np.full(20_000, -1.0), np.random.default_rng(0))
    assert abs(spikes.mean() - math.exp(-1) / 2) < 0.01
    assert abs(Lopsided().area_below - 0.5) < 1e-15


HALVES = [(Kind.NUMPY, "float16"), (Kind.TORCH, "float16"), (Kind.TORCH, "bfloat16")]
HALVES += [(Kind.JAX, "float16"), (Kind.JAX, "bfloat16")]


def in_half(values, half, kind):
    if kind.missing():
        pytest.skip(kind.missing())
    x = kind.array(np.asarray(values, np.float32))
    if kind is Kind.TORCH:
        import torch

        return x.to(getattr(torch, half))
    return x.astype(half)


def floats(array, kind):
    return kind.numpy(array.float() if kind is Kind.TORCH else array.astype("float32"))


# The gradients to parameters, as the area to the left of x changes with them.


def difference(function, value, step=1e-6):
    return (function(value + step) - function(value - step)) / (2 * step)


class Tall(surrogates.Surrogate):
    """A user's, whose primitive ends at a parameter."""

    height: float = surrogates.parameter(1.0, low=0.0)

    def derivative(self, xp, x):
        return self.height * (1 - xp.tanh(x) ** 2)

    def primitive(self, xp, x):
        return self.height * xp.tanh(x)


class Own(surrogates.Surrogate):
    """A user's, with a primitive of its own."""

    alpha: float = surrogates.parameter(1.0, low=0.0)

    def primitive(self, xp, x):
        return 0.5 + xp.atan(self.alpha * x)


MOVES = {
    "shift of Scaled": (
        lambda p: Relaxed(Scaled(surrogates.Sigmoid(4.0), shift=p)),
        lambda p, x: 1 / (1 + np.exp(-4 * (x - p))),
        0.3,
    ),
    "amplitude of Scaled": (
        lambda p: Scaled(Relaxed(surrogates.Sigmoid(4.0)), amplitude=p),
        lambda p, x: p / (1 + np.exp(-4 * x)),
        0.3,
    ),
    "shift of SpikeRateEscape": (
        lambda p: Relaxed(surrogates.SpikeRateEscape(1.0, 0.5, p)),
        lambda p, x: np.where(x < p, np.exp(x - p) / 2, 1 - np.exp(p - x) / 2),
        0.25,
    ),
    "alpha of SlayerGrad": (
        lambda p: Compressed(Relaxed(surrogates.SlayerGrad(p))),
        lambda p, x: np.where(x < 0, np.exp(p * x), 2 - np.exp(-p * x)) / p,
        1.5,
    ),
    "alpha inside of two Scaled": (
        lambda p: Relaxed(Scaled(Scaled(surrogates.Sigmoid(p), shift=0.2), rate=2.0)),
        lambda p, x: 1 / (1 + np.exp(-p * (2 * x - 0.2))) / 2,
        1.5,
    ),
    "alpha of an own surrogate, scaled": (
        lambda p: Relaxed(Scaled(Own(p), amplitude=2.0, shift=0.2)),
        lambda p, x: 1 + 2 * np.arctan(p * (x - 0.2)),
        1.5,
    ),
    "height of an own surrogate": (
        lambda p: Relaxed(Tall(p)),
        lambda p, x: p * (1 + np.tanh(x)),
        1.5,
    ),
    "height of an own surrogate, scaled": (
        lambda p: Relaxed(Scaled(Tall(p), rate=2.0)),
        lambda p, x: p * (1 + np.tanh(2 * x)) / 2,
        1.5,
    ),
    "amplitude of what ends at a rounding error": (
        lambda p: Relaxed(Scaled(surrogates.ReluGrad(0.39, 3.0), amplitude=p, shift=0.3)),
        lambda p, x: p * (surrogates.ReluGrad(0.39, 3.0).surrogate_fun(x - 0.3) - 0.5 + 0.39 * 4.5),
        0.8,
    ),
    "shift where the area is infinite": (
        lambda p: Relaxed(Scaled(surrogates.StraightThrough(), amplitude=2.0, shift=p)),
        lambda p, x: 0.5 + 2 * (x - p),
        0.3,
    ),
    "threshold of Ternary": (
        lambda p: Ternary(surrogates.Sigmoid(2.0), p),
        lambda p, x: 1 / (1 + np.exp(-2 * x)) - 1 / (1 + np.exp(2 * (x + 2 * p))),
        0.4,
    ),
    "threshold of Ternary, scaled and relaxed": (
        lambda p: Relaxed(Scaled(Ternary(surrogates.Sigmoid(1.0), p), rate=2.0, amplitude=2.0)),
        lambda p, x: 1 / (1 + np.exp(-2 * x)) - 1 / (1 + np.exp(2 * (x + 2 * p))),
        0.4,
    ),
}


@pytest.mark.parametrize("taped", parameters(WITH_TAPE))
@pytest.mark.parametrize("name", MOVES)
def test_the_constant_of_the_primitive_does_not_leak(name, taped):
    if taped.missing():
        pytest.skip(taped.missing())
    surrogate, area, value = MOVES[name]
    x = np.asarray([-0.5, 0.1, 0.9])
    gradient = taped.gradient(
        lambda p: surrogate(p)(taped.array(x)).sum(), taped.array(np.asarray(value))
    )
    expected = difference(lambda p: area(p, x).sum(), value)
    np.testing.assert_allclose(taped.numpy(gradient), expected, rtol=1e-7)


@pytest.mark.parametrize("taped", parameters(WITH_TAPE))
def test_a_threshold_of_multi_spike_has_no_gradient(taped):
    if taped.missing():
        pytest.skip(taped.missing())
    x = taped.array(X)
    for wrap in (lambda s: s, Scaled, Relaxed, Compressed):
        with pytest.raises(NotImplementedError, match="MultiSpike: threshold has no gradient"):
            taped.gradient(
                lambda p: wrap(MultiSpike(surrogates.Sigmoid(), p))(x).sum(),  # noqa: B023
                taped.array(np.asarray(1.5)),
            )


def test_area_below_of_arrays(kind):
    values = np.asarray([1.0, 2.0])
    for make in (
        lambda p: Scaled(surrogates.Sigmoid(p), shift=0.3),
        lambda p: Scaled(Scaled(surrogates.Sigmoid(p)), rate=2.0),
        lambda p: Scaled(Own(p), amplitude=2.0),
        lambda p: Own(p),
    ):
        expected = [make(float(v)).area_below for v in values]
        area = make(kind.array(values)).area_below
        np.testing.assert_allclose(kind.numpy(area), expected, rtol=1e-12)


@pytest.mark.parametrize("taped", parameters(WITH_TAPE))
def test_eight_bits_with_arrays_that_nobody_can_check(taped):
    if taped.missing():
        pytest.skip(taped.missing())
    x = taped.array(np.zeros(3))
    alpha = taped.array(np.asarray([1.0, -1.0, 0.5]))
    surrogate = Compressed(surrogates.GaussianGrad(0.5, alpha), "uint8")
    gradient = taped.numpy(taped.gradient(surrogate, x))
    expected = surrogates.GaussianGrad(0.5, 1.0).surrogate_grad(0.0)
    np.testing.assert_allclose(gradient, [expected, np.nan, expected / 2], rtol=1e-6)


def test_eight_bits_with_arrays_of_numpy():
    surrogate = Compressed(surrogates.GaussianGrad(0.5, np.asarray([1.0, 0.5])), "uint8")
    assert np.all(surrogate.surrogate_grad(np.zeros(2)) > 0.1)
    for inside in (
        surrogates.GaussianGrad(0.5, np.asarray([1.0, -1.0])),
        Scaled(surrogates.ExpEscape(), np.asarray([1.0, 2.0])),
        Scaled(surrogates.Sigmoid(), np.asarray([1.0, 0.0])),
    ):
        with pytest.raises(ValueError, match="8 bits hold a derivative from 0 to a finite peak"):
            Compressed(inside, "uint8")


@pytest.mark.parametrize("taped", parameters(WITH_TAPE))
def test_relaxed_in_half_precision(taped):
    if taped.missing():
        pytest.skip(taped.missing())
    x = taped.array(np.asarray([0.0, 1.0], np.float16))
    amplitude = taped.array(np.asarray(1e5))
    surrogate = lambda p: Relaxed(Scaled(surrogates.Sigmoid(4.0), amplitude=p))  # noqa: E731
    gradient = taped.gradient(lambda p: surrogate(p)(x).sum(), amplitude)
    expected = 0.5 + 1 / (1 + math.exp(-4))
    np.testing.assert_allclose(taped.numpy(gradient), expected, rtol=2e-3)
    slope = taped.numpy(
        taped.gradient(Relaxed(surrogates.Sigmoid(taped.array(np.asarray(1e6)))), x)
    )
    np.testing.assert_array_equal(slope, [np.inf, 0])


@pytest.mark.parametrize(("half_kind", "half"), HALVES)
def test_eight_bits_of_a_small_peak_in_half_precision(half_kind, half):
    x = in_half(np.linspace(-1, 1, 9), half, half_kind)
    surrogate = surrogates.rescaled(surrogates.Sigmoid(4.0), peak=1e-3)
    actual = floats(Compressed(surrogate, "uint8").surrogate_grad(x), half_kind)
    exact = surrogate.surrogate_grad(floats(x, half_kind))
    np.testing.assert_allclose(actual, exact, atol=1e-3 / 508, rtol=2.0**-8)


# What is computed on x without being a formula.


def test_multi_spike_counts_exactly(kind):
    x = kind.array(np.asarray([-1e-17, -1e-300, 0.0, 1 - 2**-53, 1.0, np.inf, -np.inf, np.nan]))
    largest = float(np.finfo(np.float64).max)
    expected = [0, 0, 1, 1, 2, largest, 0, 0]
    np.testing.assert_array_equal(kind.numpy(MultiSpike(surrogates.Sigmoid())(x)), expected)
    nearest = MultiSpike(surrogates.Sigmoid(), 1.0, rounding="nearest", offset=0.5)
    x = kind.array(np.asarray([-1e-17, 0.0, 1e-17, 1 - 2**-53, 1.0, 1 + 2**-52, 2.0, 3.0]))
    np.testing.assert_array_equal(kind.numpy(nearest(x)), [0, 0, 1, 1, 2, 2, 2, 4])


@pytest.mark.parametrize(("half_kind", "half"), HALVES)
def test_multi_spike_counts_in_half_precision(half_kind, half):
    x = in_half([-1e-3, -2e-4, 0.995, 300.0, -1.0], half, half_kind)
    spikes = MultiSpike(surrogates.Sigmoid())(x)
    assert spikes.dtype == x.dtype
    np.testing.assert_array_equal(floats(spikes, half_kind)[[0, 1, 2, 4]], [0, 0, 1, 0])
    tiny = floats(MultiSpike(surrogates.Sigmoid(), threshold=1e-10)(x), half_kind)
    assert np.all(np.isfinite(tiny))
    huge = floats(MultiSpike(surrogates.Sigmoid(), threshold=1e10)(x), half_kind)
    np.testing.assert_array_equal(huge, [0, 0, 1, 1, 0])


@pytest.mark.parametrize(("half_kind", "half"), HALVES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_wider_parameter_does_not_widen_the_spikes(half_kind, half, dtype):
    x = in_half([-0.5, 0.5], half, half_kind)
    p = half_kind.array(np.asarray([1.0, 2.0], dtype))
    for surrogate in (
        surrogates.Sigmoid(p),
        Compressed(surrogates.Sigmoid(p)),
        Relaxed(surrogates.Sigmoid(p)),
        Scaled(surrogates.Sigmoid(), amplitude=p),
        Ternary(surrogates.Sigmoid(), p),
        MultiSpike(surrogates.Sigmoid(), p),
    ):
        results = [surrogate(x), surrogate.surrogate_grad(x), surrogate.surrogate_fun(x)]
        results.append(surrogates.vjp(surrogate, x)[1](x))
        if half_kind in WITH_TAPE:
            results.append(half_kind.gradient(surrogate, x))
        for result in results:
            assert result.dtype == x.dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rounding", ["floor", "nearest"])
def test_multi_spike_counts_as_fractions_do(rounding, dtype, kind):
    rng = np.random.default_rng(0)
    for threshold in (0.1, 0.3, 1 / 3, 0.7, 1e-10, 3e7):
        threshold = float(np.dtype(dtype).type(threshold))
        multiples = np.arange(40) * np.asarray(threshold, dtype)
        near = np.nextafter(multiples, rng.choice([-np.inf, np.inf], 40).astype(dtype))
        near = near[1:]  # but for a subnormal number, which JAX takes for 0
        values = np.concatenate([multiples, near, multiples + np.asarray(threshold / 2, dtype)])
        for offset in (0.0, 0.5, 1.0):
            spike = MultiSpike(surrogates.Sigmoid(), threshold, rounding=rounding, offset=offset)
            exact = [Fraction(float(v)) / Fraction(threshold) + Fraction(offset) for v in values]
            counts = [math.floor(q) if rounding == "floor" else round(q) for q in exact]
            np.testing.assert_array_equal(
                kind.numpy(spike(kind.array(values))), np.maximum(counts, 0)
            )


def test_probability_zero_never_spikes(monkeypatch):
    backend = surrogates.backends.of(np.zeros(1))
    monkeypatch.setattr(type(backend), "uniform", lambda self, g, x: np.zeros(x.shape))
    x = np.asarray([-1e5, -1.0, 0.0])
    spikes = surrogates.sample(surrogates.Boxcar(), x, np.random.default_rng(0))
    np.testing.assert_array_equal(spikes, [0, 0, 1])


@pytest.mark.parametrize(("half_kind", "half"), HALVES)
def test_rare_random_spikes_in_half_precision(half_kind, half):

    p = 3.35e-4  # the probability of Sigmoid(4) at -2
    count = 400_000
    x = in_half(np.full(count, -2.0), half, half_kind)
    spikes = surrogates.sample(surrogates.Sigmoid(4.0), x, generator(half_kind))
    assert spikes.dtype == x.dtype
    assert abs(floats(spikes, half_kind).sum() - p * count) < 5 * math.sqrt(p * count)
    certain = in_half(np.full(count, 60.0), half, half_kind)
    assert floats(
        surrogates.sample(surrogates.Sigmoid(4.0), certain, generator(half_kind)), half_kind
    ).all()


def test_several_arrays_at_every_depth_come_back_to_their_places():
    a, b, c, d = (np.asarray([v, v + 1.0]) for v in (1.0, 3.0, 5.0, 7.0))
    inside = surrogates.GaussianGrad(a, b)
    for surrogate in (Scaled(inside, c, d), Relaxed(Scaled(Compressed(inside), rate=c))):
        definition, arrays = surrogate.partition()
        assert len(arrays) == (4 if isinstance(surrogate, Scaled) else 3)
        assert definition.combine(arrays) == surrogate
