"""What a derivative amounts to over a sample of membrane potentials, of every kind of array."""

from __future__ import annotations

import math

import numpy as np
import pytest

import kinds
import surrogates
from surrogates import gain


@pytest.mark.long("jax")
@pytest.mark.parametrize("kind", kinds.parameters(kinds.PRECISE))
@pytest.mark.parametrize("axis", [None, -1, (0, 1)])
def test_over_a_sample_it_is_that_of_the_sample(kind, axis):
    kinds.required(kind)
    x = np.random.default_rng(0).uniform(-1, 1.5, (2, 3, 4)).astype(np.float32)
    x[:, 1, 1] = 5.0
    for surrogate in (surrogates.Boxcar(), surrogates.SuperSpike(2.0)):
        derivative = np.asarray(surrogate.surrogate_grad(x), np.float64)
        expected = (
            derivative.mean(axis),
            np.sqrt((derivative**2).mean(axis)),
            (derivative != 0).mean(axis),
            (x >= 0).mean(axis),
        )
        with np.errstate(divide="ignore"):
            expected += (1 / expected[1],)
        keepdims = axis == -1
        found = gain(surrogate, kind.array(x), axis=axis, keepdims=keepdims)
        for value, exact in zip(found, expected, strict=True):
            assert kind.numpy(value).dtype == np.float32
            assert kind.numpy(value).ndim == (3 if keepdims else exact.ndim)
            value = kind.numpy(value).reshape(exact.shape)
            np.testing.assert_allclose(value, exact, rtol=3e-6)


@pytest.mark.long("jax")
@pytest.mark.parametrize(("kind", "half"), kinds.HALVES)
def test_over_a_sample_in_half_precision_it_is_in_single(kind, half):
    x = np.full((300, 300), 0.25, np.float32)
    found = gain(surrogates.Boxcar(height=200.0), kinds.in_half(x, half, kind))
    assert "float32" in str(found.rms.dtype)
    assert float(found.rms) == pytest.approx(200.0)


def test_over_a_sample_the_squares_neither_overflow_nor_vanish():
    x = np.zeros(5, np.float32)
    assert gain(surrogates.Boxcar(height=1e15), x).rms == np.float32(1e15)
    small = surrogates.Scaled(surrogates.Boxcar(height=1e-15), amplitude=1e-15)
    assert gain(small, x).rms == pytest.approx(1e-30)
    nothing = gain(surrogates.Boxcar(), x + 1)
    assert nothing[:4] == (0, 0, 0, 1)
    assert nothing.factor == math.inf


@pytest.mark.parametrize("kind", kinds.parameters(kinds.WITH_TAPE))
def test_over_a_sample_it_is_differentiated(kind):
    kinds.required(kind)
    x = np.asarray([-0.7, -0.2, 0.4], np.float32)
    surrogate = surrogates.SuperSpike(2.0)
    gradient = kind.gradient(lambda x: gain(surrogate, x).rms, kind.array(x))
    wide = x.astype(np.float64)
    step = 1e-6
    expected = [
        (gain(surrogate, wide + step * e).rms - gain(surrogate, wide - step * e).rms) / (2 * step)
        for e in np.eye(3)
    ]
    np.testing.assert_allclose(kind.numpy(gradient), expected, rtol=1e-4)


@pytest.mark.long
def test_in_jax_it_is_compiled_and_batched():
    jax = pytest.importorskip("jax")
    x = jax.numpy.linspace(-2, 1, 12).reshape(3, 4)
    surrogate = surrogates.Sigmoid(2.0)
    expected = gain(surrogate, x, axis=1)
    for function in (
        jax.jit(lambda x: gain(surrogate, x, axis=1)),
        jax.vmap(lambda x: gain(surrogate, x)),
    ):
        for value, exact in zip(function(x), expected, strict=True):
            np.testing.assert_allclose(value, exact, rtol=1e-6)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")
def test_in_pytorch_it_is_compiled_and_batched():
    torch = pytest.importorskip("torch")
    x = torch.linspace(-2, 1, 12).reshape(3, 4)
    surrogate = surrogates.Sigmoid(2.0)
    expected = gain(surrogate, x, axis=1)

    def each(x):
        return gain(surrogate, x, axis=1)

    for function in (
        torch.compile(each, fullgraph=True, backend="eager"),
        torch.func.vmap(lambda x: gain(surrogate, x)),
    ):
        for value, exact in zip(function(x), expected, strict=True):
            torch.testing.assert_close(value, exact)


def test_parameters_that_are_arrays_have_a_gain_over_a_sample():
    alpha = np.asarray([[1.0], [4.0]])
    x = np.linspace(-1, 1, 6).reshape(2, 3)
    found = gain(surrogates.Sigmoid(alpha), x, axis=1)
    for i, value in enumerate((1.0, 4.0)):
        alone = gain(surrogates.Sigmoid(value), x[i])
        np.testing.assert_allclose([part[i] for part in found], alone)


def test_what_is_unknown_of_a_sample_is_nan():
    found = surrogates.gain(surrogates.Boxcar(), np.asarray([0.0, np.nan]))
    assert all(np.isnan([found.mean, found.rms, found.share, found.factor]))
    assert surrogates.gain(surrogates.Boxcar(), np.asarray([3.0])).factor == np.inf


def test_of_an_infinite_derivative_the_gain_is_infinite():
    found = surrogates.gain(surrogates.ExpEscape(), np.asarray([0.0, 1e4]))
    assert (found.mean, found.rms, found.factor) == (np.inf, np.inf, 0.0)


def test_keepdims_is_for_a_sample():
    with pytest.raises(TypeError, match="keepdims=True is for a sample x"):
        surrogates.gain(surrogates.Boxcar(), mean=0.0, std=1.0, keepdims=True)


@pytest.mark.parametrize("odd", ["0", True, 1.0, 0.5j, [0], 3, -4, (0, 3), (0, "1"), {}], ids=repr)
def test_what_is_no_axis_of_the_sample_is_refused(odd):
    for caller in (gain, surrogates.fitted):
        message = (
            f"^{caller.__name__}: axis must be one of the 3 axes of the sample x, .*, got axis="
        )
        with pytest.raises(ValueError, match=message):
            caller(surrogates.Sigmoid(), np.ones((2, 3, 4)), axis=odd)


@pytest.mark.parametrize("odd", [None, 1, "yes", [True]], ids=repr)
def test_keepdims_is_true_or_false(odd):
    with pytest.raises(TypeError, match=r"^gain: keepdims must be True or False, got keepdims="):
        gain(surrogates.Sigmoid(), np.ones(3), keepdims=odd)


def test_a_sample_and_a_distribution_together_are_refused():
    for caller in (gain, surrogates.fitted):
        with pytest.raises(
            TypeError, match=rf"^{caller.__name__}: give one of a sample x, mean= and"
        ):
            caller(surrogates.Sigmoid(), np.ones(3), mean=0.0)
