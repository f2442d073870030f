"""Neurons of BrainPy with our surrogate instead of braintools'."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import surrogates

jax = pytest.importorskip("jax")
state = pytest.importorskip("brainpy.state")
brainstate = pytest.importorskip("brainstate")
braintools = pytest.importorskip("braintools")
unit = pytest.importorskip("brainunit")

import jax.numpy as jnp

from neurons_jax import assert_copies_do_the_same, assert_trained_alike

N, STEPS = 6, 5
OWN = braintools.surrogate.Sigmoid(4.0)
OURS = surrogates.to_library("brainpy", surrogates.Sigmoid(4.0))
X = jnp.linspace(0.0, 40.0, STEPS * N).reshape(STEPS, N)
CLASSES = ["IF", "LIF", "ALIF", "ExpIF", "AdExIF", "QuaIF", "AdQuaIF", "Gif"]
CLASSES += ["LIFRef", "ExpIFRef", "AdExIFRef", "AdQuaIFRef", "GifRef"]
# For what depends on our surrogate alone: a linear one, one that rests and adapts, a general one.
THREE = ["LIF", "AdExIFRef", "Gif"]


def outcome(name, function, compiled=False, x=X, again=lambda neuron: neuron):
    """Return the spikes, and the gradient of the currents."""
    neuron = again(getattr(state, name)(N, spk_fun=function))

    def spikes(x):
        found, dt = [], 0.1 * unit.ms
        brainstate.nn.init_all_states(neuron)
        for step, current in enumerate(x):
            with brainstate.environ.context(t=step * dt, dt=dt):
                found.append(neuron(current * unit.mA))
        return jnp.stack(found)

    def loss(x):
        found = spikes(x)
        return (jnp.linspace(0.5, 1.5, N) * found).sum(), found

    gradient = jax.grad(loss, has_aux=True)
    slopes, found = (jax.jit(gradient) if compiled else gradient)(x)
    return found, slopes


@pytest.mark.parametrize("name", CLASSES)
def test_neuron(name):
    own = outcome(name, OWN)
    assert np.abs(own[1]).max() > 0.0
    for compiled in (False, True):
        ours = outcome(name, OURS, compiled)
        np.testing.assert_array_equal(ours[0], own[0])
        size = float(np.abs(own[1]).max())
        np.testing.assert_allclose(ours[1], own[1], rtol=1e-5, atol=1e-5 * size)


@pytest.mark.parametrize(("dtype", "precision"), [("bfloat16", "bf16"), ("float64", 64)])
@pytest.mark.parametrize("name", THREE)
@pytest.mark.usefixtures("double_precision")
def test_dtype(name, dtype, precision):
    with brainstate.environ.context(precision=precision):
        own, ours = (outcome(name, function, x=X.astype(dtype)) for function in (OWN, OURS))
    assert [a.dtype for a in ours] == [a.dtype for a in own]
    assert ours[1].dtype == dtype
    assert (ours[0] == own[0]).mean() > 0.9
    tolerance = {"bfloat16": 0.1, "float64": 1e-12}[dtype] * float(np.abs(own[1]).max())
    slopes = (np.asarray(slopes, np.float64) for slopes in (ours[1], own[1]))
    np.testing.assert_allclose(*slopes, rtol=0.0, atol=tolerance)


@pytest.mark.parametrize("name", THREE)
def test_copies_and_training(name):
    assert_copies_do_the_same(partial(outcome, name, OURS))
    assert_trained_alike(partial(outcome, name, OWN), partial(outcome, name, OURS), X, 0.5)


def test_some_neurons_spike():
    assert outcome("LIF", OWN)[0].max() == 1.0


def test_native_is_an_object_of_braintools():
    native = surrogates.to_library("braintools", surrogates.Sigmoid(3.0), native=True)
    assert type(native) is braintools.surrogate.Sigmoid
    assert native.alpha == 3.0
