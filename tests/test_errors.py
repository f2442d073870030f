"""What a user reads who passes the wrong thing."""

from __future__ import annotations

import math

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate

WRONG = [0, 0.0, -1.0, math.nan, math.inf, True, "1", None, [1.0], 1j]


@every_surrogate
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_parameter_that_is_not_a_positive_finite_number(cls, value):
    for name in cls.__dataclass_fields__:
        if cls is surrogates.GaussianGrad and name == "alpha":
            continue  # an amplitude: see below
        with pytest.raises(ValueError, match=name) as error:
            cls(**{name: value})
        assert cls.__name__ in str(error.value)
        assert f"{name}={value!r}" in str(error.value)
        assert "positive finite number" in str(error.value)


def test_amplitude_may_be_any_finite_number():
    assert surrogates.GaussianGrad(alpha=-2).surrogate_grad(0.0) < 0
    with pytest.raises(ValueError, match="alpha must be a finite number"):
        surrogates.GaussianGrad(alpha=math.nan)


@pytest.mark.parametrize("values", [[1.0, 0.0], [1.0, math.nan], [[-1.0]]])
def test_array_parameter_out_of_range(values):
    with pytest.raises(ValueError, match="ReluGrad: width must be"):
        surrogates.ReluGrad(width=np.asarray(values))


def test_integer_array_parameter():
    with pytest.raises(ValueError, match="floating-point dtype"):
        surrogates.ReluGrad(width=np.asarray([1, 2]))


CALLS = {
    "call": lambda x: surrogates.SlayerGrad()(x),
    "function": surrogates.slayer_grad,
    "primitive": lambda x: surrogates.SlayerGrad().surrogate_fun(x),
    "derivative": lambda x: surrogates.SlayerGrad().surrogate_grad(x),
    "vjp": lambda x: surrogates.vjp(surrogates.SlayerGrad(), x),
    "jvp": lambda x: surrogates.jvp(surrogates.SlayerGrad(), x, x),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("x", [[0.5], (0.5,), "0.5", 1, True, None, 1j], ids=repr)
def test_what_is_no_array(call, x):
    with pytest.raises(TypeError, match="convert it first") as error:
        CALLS[call](x)
    assert type(x).__name__ in str(error.value)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "complex128"])
def test_array_of_another_dtype(call, dtype, kind):
    x = kind.array(np.ones(3, dtype))
    remedy = "real part" if dtype == "complex128" else "float32"
    with pytest.raises(TypeError, match=remedy) as error:
        CALLS[call](x)
    assert dtype in str(error.value)
    assert "SlayerGrad" in str(error.value)


@pytest.mark.parametrize("call", ["call", "primitive", "derivative"])
def test_python_float_comes_back_as_a_numpy_scalar(call):
    assert type(CALLS[call](0.5)) is np.float64
    assert type(CALLS[call](np.float32(0.5))) is np.float32


def test_python_floats_in_vjp_and_jvp():
    spike, pullback = surrogates.vjp(surrogates.ReluGrad(), 0.5)
    assert (spike, pullback(2.0)) == (1.0, 0.3)
    assert surrogates.jvp(surrogates.ReluGrad(), 0.5, 2.0) == (1.0, 0.3)


def test_cotangent_of_another_shape(kind):
    x = kind.array(np.ones((2, 3)))
    _, pullback = surrogates.vjp(surrogates.SlayerGrad(), x)
    with pytest.raises(ValueError, match=r"shape \(3,\).* shape \(2, 3\)"):
        pullback(kind.array(np.ones(3)))
    with pytest.raises(ValueError, match="the tangent has shape"):
        surrogates.jvp(surrogates.SlayerGrad(), x, kind.array(np.ones(3)))


def test_pullback_does_not_see_later_edits_of_x():
    x = np.asarray([0.0, 0.5])
    _, pullback = surrogates.vjp(surrogates.ReluGrad(), x)
    x += 10
    np.testing.assert_allclose(pullback(np.ones(2)), [0.3, 0.15])


def test_any_memory_layout():
    x = np.linspace(-2, 2, 24).reshape(4, 6)
    for view in (x.T, x[::2, ::-3], np.asfortranarray(x)):
        expected = surrogates.SlayerGrad().surrogate_grad(np.ascontiguousarray(view))
        np.testing.assert_array_equal(surrogates.SlayerGrad().surrogate_grad(view), expected)
        np.testing.assert_array_equal(surrogates.slayer_grad(view), view >= 0)
