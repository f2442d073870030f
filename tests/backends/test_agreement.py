"""Every surrogate in every framework: the same spikes, the same derivatives."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import surrogates
from kinds import (
    WITH_TAPE,
    Kind,
    assert_like,
    every_dtype,
    every_surrogate,
    floats,
    parameters,
    required,
)
from stated import assert_as_stated
from strategies import potentials, surrogates_of
from surrogates._check.accuracy import kinks as kinks_of
from surrogates._parameters import parameters as declared


@every_dtype
@every_surrogate
@given(data=st.data())
def test_spikes_are_equal_everywhere(cls, dtype, kind, data):
    surrogate = data.draw(surrogates_of(cls))
    values = data.draw(potentials(dtype, kind=kind))
    x = kind.array(values)
    spikes = surrogate(x)
    assert_like(spikes, x, kind)
    np.testing.assert_array_equal(kind.numpy(spikes), (values >= 0).astype(dtype))


@pytest.mark.long("jax")
@every_dtype
@every_surrogate
@pytest.mark.parametrize(
    ("function", "method"), [("derivative", "surrogate_grad"), ("primitive", "surrogate_fun")]
)
@given(data=st.data())
def test_formula_agrees_with_numpy_float64(cls, dtype, kind, function, method, data):
    surrogate = data.draw(surrogates_of(cls))
    values = data.draw(potentials(dtype, kind=kind))
    x = kind.array(values)
    actual = getattr(surrogate, method)(x)
    assert_like(actual, x, kind)
    exact = getattr(surrogate, method)(values.astype(np.float64))
    assert_as_stated(surrogate, function, kind.numpy(actual), exact, kind)


@pytest.mark.long("jax")
@every_dtype
@every_surrogate
@given(data=st.data())
def test_framework_differentiates_the_spike_by_the_derivative(cls, dtype, taped, data):
    surrogate = data.draw(surrogates_of(cls))
    values = data.draw(potentials(dtype, kind=taped))
    x = taped.array(values)
    gradient = taped.gradient(surrogate, x)
    assert_like(gradient, x, taped)
    exact = surrogate.surrogate_grad(values.astype(np.float64))
    assert_as_stated(surrogate, "derivative", taped.numpy(gradient), exact, taped)


@pytest.mark.long("jax")
@every_dtype
@every_surrogate
@given(data=st.data())
def test_framework_differentiates_the_primitive_to_the_derivative(cls, dtype, taped, data):
    surrogate = data.draw(surrogates_of(cls))
    values = data.draw(potentials(dtype, kind=taped))
    kinks = [*map(abs, kinks_of(surrogate)), *np.arange(17) / 2]
    smooth = (np.abs(values) < 8) & ~np.isin(np.abs(values), kinks)
    other = next(v for v in (0.3, 0.7, 1.1) if v not in kinks)
    x = taped.array(np.where(smooth, values, values.dtype.type(other)))
    gradient = taped.numpy(taped.gradient(surrogate.surrogate_fun, x))
    expected = taped.numpy(surrogate.surrogate_grad(x))
    largest = max(1.0, float(np.max(np.abs(expected), initial=0)), surrogate._largest_term)
    tolerance = 2000 * np.finfo(dtype).eps
    with np.errstate(invalid="ignore"):
        close = np.abs(gradient - expected) <= tolerance * largest
    assert np.all(close | (gradient == expected))


@pytest.mark.long("jax")
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
    required(half_kind)
    if half == "bfloat16" and half_kind in (Kind.NUMPY, Kind.CUPY):
        pytest.skip("NumPy and CuPy have no bfloat16")
    surrogate = cls()
    single = half_kind.array(np.linspace(-4, 4, 33, dtype=np.float32))  # exact in both
    for function in (surrogate, surrogate.surrogate_fun, surrogate.surrogate_grad):
        actual = function(half_kind.astype(single, half))
        assert half in str(actual.dtype)
        with np.errstate(over="ignore"):
            expected = half_kind.astype(function(single), half)
        assert np.array_equal(floats(actual, half_kind), floats(expected, half_kind))


@every_surrogate
def test_nan_and_infinities(cls, kind):
    surrogate = cls()
    x = kind.array(np.asarray([-np.inf, np.inf, np.nan]))
    np.testing.assert_array_equal(kind.numpy(surrogate(x)), [0, 1, 0])
    derivative = kind.numpy(surrogate.surrogate_grad(x))
    np.testing.assert_array_equal(np.isnan(derivative), [False, False, True])
    if np.isfinite(surrogate.area):
        np.testing.assert_array_equal(derivative[:2], [0, 0])
    primitive = kind.numpy(surrogate.surrogate_fun(x))
    np.testing.assert_array_equal(np.isnan(primitive), [False, False, True])
    if np.isfinite(surrogate.area):
        np.testing.assert_allclose(np.diff(primitive[:2]), surrogate.area, rtol=1e-14)


@every_surrogate
def test_at_infinity_the_dtype_does_not_matter(cls, kind):
    for surrogate in three_of_each(cls):
        for method in ("surrogate_grad", "surrogate_fun"):
            exact = getattr(surrogate, method)(np.asarray([-np.inf, np.inf]))
            for dtype in ("float32", "float64"):
                x = kind.array(np.asarray([-np.inf, np.inf], dtype))
                found = kind.numpy(getattr(surrogate, method)(x))
                with np.errstate(over="ignore"):
                    rounded = exact.astype(dtype)
                np.testing.assert_allclose(found, rounded, rtol=1e3 * np.finfo(dtype).eps)


ASYMMETRIC = {
    "ExpEscape",
    "GradedSlayer",
    "HardTanhRamp",
    "HeavisideGrad",
    "LeakyRelu",
    "LogTailedRelu",
    "LogisticRamp",
    "MultiSpikeSuper",
    "PeriodicExponential",
    "S2NN",
    "SlantedBox",
    "SoftLIF",
    "SpikeRateEscape",
    "SuperSpikeMemClamp",
}


@every_surrogate
def test_derivative_is_even_to_the_bit(cls, kind):
    values = np.geomspace(1e-30, 1e30, 301)
    derivative = cls().surrogate_grad
    there, here = (
        kind.numpy(derivative(kind.array(-values))),
        kind.numpy(derivative(kind.array(values))),
    )
    assert np.array_equal(there, here) == (cls.__name__ not in ASYMMETRIC)


def test_negative_zero_spikes(kind):
    x = kind.array(np.asarray([-0.0, 0.0]))
    np.testing.assert_array_equal(kind.numpy(surrogates.slayer_grad(x)), [1, 1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_surrogate
def test_second_derivative_is_a_number_however_far_out(cls, taped, dtype):
    largest = float(np.finfo(dtype).max)
    sizes = np.concatenate([np.geomspace(1e-3, largest / 2, 200), [largest]])
    x = taped.array(np.concatenate([-sizes, sizes]).astype(dtype))
    second = taped.numpy(taped.gradient(cls().surrogate_grad, x))
    assert not np.isnan(second).any()


def three_of_each(cls):
    """Return surrogates with their defaults, and with half and three times each number."""
    found = [cls()]
    for parameter in declared(cls):
        for factor in (0.5, 3.0):
            with contextlib.suppress(ValueError):  # a count, or out of its range
                found.append(cls(**{parameter.name: factor * (parameter.default or 1.0)}))
    return found


@pytest.mark.long
@every_surrogate
def test_primitive_has_the_slope_of_the_derivative_where_formulas_change(cls, taped):
    """Where two pieces meet, and a library differentiates both of them, or each by half."""
    for surrogate in three_of_each(cls):
        found = [k for k in kinks_of(surrogate) if k < 1e6]
        x = np.resize([sign * k for k in found for sign in (1, -1)], 24)  # JAX compiles each shape
        x = np.where(np.isfinite(surrogate.surrogate_grad(x)), x, 0.0)
        slope = taped.numpy(taped.gradient(surrogate.surrogate_fun, taped.array(x)))
        around = [np.nextafter(x, -np.inf), x, np.nextafter(x, np.inf)]
        sides = np.stack([surrogate.surrogate_grad(place) for place in around])
        size = surrogate._largest_slope
        room = 1e-12 * (size if np.isfinite(size) else 1.0) + 1e-9 * np.abs(sides).max(axis=0)
        assert (sides.min(axis=0) - room <= slope).all(), surrogate
        assert (slope <= sides.max(axis=0) + room).all(), surrogate


@pytest.mark.long
@every_surrogate
def test_parameters_have_the_slope_of_a_difference_where_formulas_change(cls, taped):
    for surrogate in three_of_each(cls):
        x = np.resize([sign * k for k in kinks_of(surrogate) if k < 1e6 for sign in (1, -1)], 24)
        for name in (p.name for p in declared(cls) if p.type != "int"):
            value = getattr(surrogate, name)
            step = 1e-6 * (value or 1.0)
            try:
                near = [replace(surrogate, **{name: value + s * step}) for s in (-1, 0, 1)]
            except ValueError:  # at the end of its range
                continue
            for method in ("surrogate_fun", "surrogate_grad"):

                def of_parameter(array, name=name, method=method, surrogate=surrogate, x=x):
                    values = getattr(replace(surrogate, **{name: array}), method)(taped.array(x))
                    return values + 0 * array  # of which some do not depend on it

                slope = taped.numpy(taped.gradient(of_parameter, taped.array(np.full(24, value))))
                below, here, above = (getattr(s, method)(x) for s in near)
                with np.errstate(invalid="ignore"):
                    sides = np.stack([here - below, above - here]) / step
                room = 1e-4 * np.abs(sides).sum(axis=0) + 1e-5 * np.abs(here) + 1e-8
                known = np.isfinite(sides).all(axis=0)
                inside = (sides.min(axis=0) - room <= slope) & (slope <= sides.max(axis=0) + room)
                assert (inside | ~known).all(), (surrogate, name, method)
