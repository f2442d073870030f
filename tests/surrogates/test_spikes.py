"""Other spikes than the step: several, signed, and the one at the threshold."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

import surrogates
from kinds import HALVES, WITH_TAPE, assert_like, every_surrogate, floats, in_half
from surrogates import Compressed, MultiSpike, Relaxed, Scaled, Sigmoid


@pytest.mark.parametrize("at_threshold", [0.0, 0.5, 1.0])
@every_surrogate
def test_at_threshold(cls, at_threshold, kind):
    x = kind.array(np.asarray([-1.0, -0.0, 0.0, 1.0, np.nan]))
    surrogate = cls(at_threshold=at_threshold)
    spikes = surrogate(x)
    assert_like(spikes, x, kind)
    expected = np.heaviside([-1.0, -0.0, 0.0, 1.0], at_threshold)
    np.testing.assert_array_equal(kind.numpy(spikes), [*expected, 0])
    np.testing.assert_array_equal(
        kind.numpy(surrogate.surrogate_grad(x)), kind.numpy(cls().surrogate_grad(x))
    )


V = np.asarray([-2.5, -1.0, -0.3, 0.4, 0.9, 1.0, 1.6, 2.0, 2.5, 3.7, 40.0])
EMISSIONS = [
    (surrogates.MultiSpike(surrogates.SlayerGrad()), np.maximum(np.floor(V), 0)),
    (
        surrogates.MultiSpike(surrogates.SlayerGrad(), max_spikes=3),
        np.clip(np.floor(V), 0, 3),
    ),
    (
        surrogates.MultiSpike(surrogates.SlayerGrad(), 1.0, 10, rounding="nearest", offset=0.5),
        np.clip(np.round(V - 1 + 0.5), 0, 10),
    ),
    (surrogates.Ternary(surrogates.SlayerGrad()), (V >= 1) * 1.0 - (V <= -1)),
    (surrogates.Ternary(surrogates.SlayerGrad(), threshold=0.0), np.sign(V - 1)),
]


@pytest.mark.parametrize(("surrogate", "expected"), EMISSIONS, ids=repr)
def test_other_emissions(surrogate, expected, kind):
    x = kind.array(V - 1.0)
    spikes = surrogate(x)
    assert_like(spikes, x, kind)
    np.testing.assert_array_equal(kind.numpy(spikes), expected)
    _, pullback = surrogates.vjp(surrogate, x)
    derivative = surrogate.surrogate_grad(V - 1.0)
    np.testing.assert_allclose(
        kind.numpy(pullback(kind.array(np.ones(V.shape)))), derivative, rtol=1e-13, atol=1e-300
    )


@pytest.mark.parametrize(("surrogate", "expected"), EMISSIONS, ids=repr)
def test_other_emissions_are_differentiated_as_the_surrogate(surrogate, expected, taped):
    x = taped.array(V - 1.0)
    gradient = taped.numpy(taped.gradient(surrogate, x))
    np.testing.assert_allclose(gradient, surrogate.surrogate_grad(V - 1.0), rtol=1e-13, atol=1e-300)


def test_ternary_has_both_thresholds():
    surrogate = surrogates.Ternary(surrogates.ReluGrad(alpha=1.0, width=0.5), threshold=1.0)
    v = np.asarray([-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(surrogate.surrogate_grad(v - 1), [0.5, 0.0, 0.5])
    assert surrogate.surrogate_fun(0.0) == 0.5


@pytest.mark.parametrize("arguments", [{"max_spikes": 0}, {"max_spikes": 1.5}, {"rounding": "up"}])
def test_multi_spike_refuses_nonsense(arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=f"MultiSpike: {name} must be"):
        surrogates.MultiSpike(surrogates.SlayerGrad(), **arguments)


def test_array_parameters_inside_a_wrapper(kind):
    inner = surrogates.Sigmoid(kind.array(np.asarray([1.0, 2.0, 3.0])))
    surrogate = surrogates.Scaled(inner, amplitude=kind.array(np.asarray([1.0, 0.5, 0.25])))
    definition, arrays = surrogate.partition()
    assert len(arrays) == 2
    hash(definition)
    x = kind.array(np.full((2, 3), 0.3))
    expected = [
        a * surrogates.Sigmoid(k).surrogate_grad(0.3) for a, k in ((1, 1), (0.5, 2), (0.25, 3))
    ]
    np.testing.assert_allclose(
        kind.numpy(surrogate.surrogate_grad(x)), [expected, expected], rtol=1e-14
    )
    if kind in WITH_TAPE:
        gradient = kind.numpy(kind.gradient(surrogate, x))
        np.testing.assert_allclose(gradient, [expected, expected], rtol=1e-14)


def test_a_class_where_a_surrogate_is_wanted():
    for wrapper in (surrogates.MultiSpike, surrogates.Ternary, surrogates.Scaled):
        with pytest.raises(TypeError, match="takes a surrogate such as"):
            wrapper(surrogates.Sigmoid)
    with pytest.raises(TypeError, match="other must be a surrogate"):
        surrogates.matched(surrogates.Sigmoid(), surrogates.ERF, by="width")


def test_multi_spike_has_no_spike_at_the_threshold_of_its_own():
    with pytest.raises(TypeError, match=r"at_threshold=0.0 of Sigmoid.* would have no effect"):
        MultiSpike(surrogates.Sigmoid(at_threshold=0.0))


def test_a_threshold_of_multi_spike_has_no_gradient(taped):
    x = taped.array(np.asarray([-3.0, -0.75, 0.0, 0.3, 2.25]))
    for wrap in (lambda s: s, Scaled, Relaxed, Compressed):
        with pytest.raises(NotImplementedError, match="MultiSpike: threshold has no gradient"):
            taped.gradient(
                lambda p: wrap(MultiSpike(surrogates.Sigmoid(), p))(x),  # noqa: B023
                taped.array(np.asarray(1.5)),
            )


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


@pytest.mark.parametrize(
    "multi",
    [
        MultiSpike(Sigmoid(), threshold=0.5),
        MultiSpike(Sigmoid(), threshold=1e-10),
        MultiSpike(Sigmoid(), threshold=1e-15, rounding="nearest"),
        MultiSpike(Sigmoid(), max_spikes=1e300),
    ],
    ids=["0.5", "1e-10", "1e-15", "most"],
)
@pytest.mark.parametrize(
    ("half", "dtype"),
    HALVES,
    ids=[f"{dtype}-{kind.name.lower()}" for kind, dtype in HALVES],
)
def test_several_spikes_are_a_finite_number_in_half_precision(multi, dtype, half):
    x = in_half([-np.inf, -2.0, 2.0, 6e4, np.inf, np.nan], dtype, half)
    spikes = multi(x)
    assert_like(spikes, x, half)
    counts = floats(spikes, half).astype(np.float64)
    largest = 65504.0 if dtype == "float16" else 3.3895313892515355e38
    np.testing.assert_array_equal(counts[[0, 1, 4, 5]], [0.0, 0.0, largest, 0.0])
    exact = np.floor(np.asarray([2.0, 6e4]) / multi.threshold + multi.offset)
    np.testing.assert_allclose(counts[2:4], np.minimum(exact, largest), rtol=2**-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_several_spikes_are_a_finite_number(dtype, kind):
    x = kind.array(np.asarray([-np.inf, np.finfo(dtype).max, np.inf, np.nan], dtype))
    for threshold in (1.0, 1e-10):
        spikes = MultiSpike(Sigmoid(), threshold=threshold)(x)
        assert_like(spikes, x, kind)
        largest = np.finfo(dtype).max
        np.testing.assert_array_equal(kind.numpy(spikes), [0, largest, largest, 0])
