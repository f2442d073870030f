"""Every surrogate in every framework: the same spikes, the same derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import surrogates
from kinds import (
    WITH_TAPE,
    Kind,
    assert_like,
    assert_within_ulps,
    every_dtype,
    every_surrogate,
    parameters,
    potentials,
    surrogates_of,
)


def derivative_bound(surrogate, derivative):
    """Return the stated accuracy of a derivative, in ulp.

    4 ulp for the arithmetic, and 3 for each e-fold below the peak: an exponential magnifies the
    rounding errors of its argument by that argument.
    """
    peak = np.abs(surrogate.surrogate_grad(0.0))
    with np.errstate(divide="ignore", over="ignore"):
        return 4 + 3 * np.abs(np.log(np.abs(derivative) / peak))


@every_dtype
@every_surrogate
@given(data=st.data())
def test_spikes_are_equal_everywhere(cls, dtype, kind, data):
    surrogate = data.draw(surrogates_of(cls))
    values = data.draw(potentials(dtype))
    x = kind.array(values)
    spikes = surrogate(x)
    assert_like(spikes, x, kind)
    np.testing.assert_array_equal(kind.numpy(spikes), (values >= 0).astype(dtype))


@every_dtype
@every_surrogate
@given(data=st.data())
def test_derivative_agrees_with_numpy_float64(cls, dtype, kind, data):
    surrogate = data.draw(surrogates_of(cls))
    values = data.draw(potentials(dtype))
    x = kind.array(values)
    derivative = surrogate.surrogate_grad(x)
    assert_like(derivative, x, kind)
    exact = surrogate.surrogate_grad(values.astype(np.float64))
    assert_within_ulps(kind.numpy(derivative), exact, derivative_bound(surrogate, exact))


@every_dtype
@every_surrogate
@given(data=st.data())
def test_primitive_agrees_with_numpy_float64(cls, dtype, kind, data):
    surrogate = data.draw(surrogates_of(cls))
    values = data.draw(potentials(dtype))
    x = kind.array(values)
    primitive = surrogate.surrogate_fun(x)
    assert_like(primitive, x, kind)
    exact = surrogate.surrogate_fun(values.astype(np.float64))
    actual = kind.numpy(primitive)
    unit = np.finfo(dtype).eps * np.maximum(np.abs(exact), _largest_term(surrogate))
    with np.errstate(invalid="ignore"):
        close = np.abs(actual - exact) <= 8 * unit * _conditioning(surrogate, values)
    assert np.all(close | (actual == exact) | np.isnan(exact))


def _largest_term(surrogate):
    # The two terms of a primitive cancel where it is small.
    return max(0.5, surrogate.alpha) if isinstance(surrogate, surrogates.GaussianGrad) else 0.5


def _conditioning(surrogate, values):
    # QPseudoSpike below alpha = 1 grows as exp(t): its argument's rounding is magnified by t.
    if not isinstance(surrogate, surrogates.QPseudoSpike) or surrogate.alpha >= 1:
        return 1.0
    return 1 + np.log1p(np.abs(values.astype(np.float64)))


@every_dtype
@every_surrogate
@pytest.mark.parametrize("taped", parameters(WITH_TAPE))
@given(data=st.data())
def test_framework_differentiates_the_spike_by_the_derivative(cls, dtype, taped, data):
    if taped.missing():
        pytest.skip(taped.missing())
    surrogate = data.draw(surrogates_of(cls))
    x = taped.array(data.draw(potentials(dtype)))
    gradient = taped.gradient(surrogate, x)
    assert_like(gradient, x, taped)
    expected = taped.numpy(surrogate.surrogate_grad(x))
    assert_within_ulps(taped.numpy(gradient), expected.astype(np.float64), 2)


@every_dtype
@every_surrogate
@pytest.mark.parametrize("taped", parameters(WITH_TAPE))
@given(data=st.data())
def test_framework_differentiates_the_primitive_to_the_derivative(cls, dtype, taped, data):
    if taped.missing():
        pytest.skip(taped.missing())
    surrogate = data.draw(surrogates_of(cls))
    values = data.draw(potentials(dtype))
    values = values[(np.abs(values) < 8) & (np.abs(values) != getattr(surrogate, "width", None))]
    x = taped.array(values)
    gradient = taped.numpy(taped.gradient(surrogate.surrogate_fun, x))
    expected = taped.numpy(surrogate.surrogate_grad(x))
    bound = 64 * np.finfo(dtype).eps * surrogate.surrogate_grad(0.0)
    assert np.all(np.abs(gradient - expected) <= bound)


@every_dtype
@every_surrogate
@given(data=st.data())
def test_vjp_and_jvp_multiply_by_the_derivative(cls, dtype, kind, data):
    surrogate = data.draw(surrogates_of(cls))
    shape = data.draw(st.sampled_from([(), (5,)]))
    x = kind.array(data.draw(potentials(dtype, shape)))
    vector = kind.array(np.full(shape, -1.5, dtype))
    spikes, pullback = surrogates.vjp(surrogate, x)
    same_spikes, tangent = surrogates.jvp(surrogate, x, vector)
    expected = kind.numpy(surrogate.surrogate_grad(x)) * np.asarray(-1.5, dtype)
    for array in (spikes, same_spikes):
        assert_like(array, x, kind)
        np.testing.assert_array_equal(kind.numpy(array), kind.numpy(surrogate(x)))
    for array in (pullback(vector), tangent):
        assert_like(array, x, kind)
        np.testing.assert_array_equal(kind.numpy(array), expected)


@every_surrogate
@pytest.mark.parametrize("half", ["float16", "bfloat16"])
@pytest.mark.parametrize("half_kind", parameters([Kind.NUMPY, *WITH_TAPE, Kind.CUPY]))
def test_half_precision_is_single_precision_rounded_once(cls, half, half_kind):
    if half_kind.missing():
        pytest.skip(half_kind.missing())
    if half == "bfloat16" and half_kind in (Kind.NUMPY, Kind.CUPY):
        pytest.skip("NumPy and CuPy have no bfloat16")
    surrogate = cls()
    single = half_kind.array(np.linspace(-4, 4, 33, dtype=np.float32))  # exact in both
    for function in (surrogate, surrogate.surrogate_fun, surrogate.surrogate_grad):
        actual = function(_cast(single, half, half_kind))
        assert half in str(actual.dtype)
        expected = _cast(function(single), half, half_kind)
        assert bool((actual == expected).all())


def _cast(x, name, kind):
    if kind in (Kind.TORCH, Kind.TORCH_CUDA):
        import torch

        return x.to(getattr(torch, name))
    return x.astype(name)


@every_surrogate
def test_nan_and_infinities(cls, kind):
    surrogate = cls()
    x = kind.array(np.asarray([-np.inf, np.inf, np.nan]))
    np.testing.assert_array_equal(kind.numpy(surrogate(x)), [0, 1, 0])
    derivative = kind.numpy(surrogate.surrogate_grad(x))
    np.testing.assert_array_equal(derivative, [0, 0, np.nan])
    primitive = kind.numpy(surrogate.surrogate_fun(x))
    far = surrogate.surrogate_fun(np.asarray([-1e300, 1e300]))
    np.testing.assert_allclose(primitive[:2], far, rtol=1e-15)
    assert np.isnan(primitive[2])


@every_surrogate
def test_derivative_is_even_to_the_bit(cls, kind):
    values = np.geomspace(1e-30, 1e30, 301)
    derivative = cls().surrogate_grad
    np.testing.assert_array_equal(
        kind.numpy(derivative(kind.array(values))), kind.numpy(derivative(kind.array(-values)))
    )


def test_negative_zero_spikes(kind):
    x = kind.array(np.asarray([-0.0, 0.0]))
    np.testing.assert_array_equal(kind.numpy(surrogates.slayer_grad(x)), [1, 1])
