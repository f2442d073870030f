"""Neurons of BrainPy with our surrogate instead of braintools'."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates

jax = pytest.importorskip("jax")
state = pytest.importorskip("brainpy.state")
brainstate = pytest.importorskip("brainstate")
braintools = pytest.importorskip("braintools")
unit = pytest.importorskip("brainunit")

import jax.numpy as jnp

N, STEPS = 6, 5
OWN = braintools.surrogate.Sigmoid(4.0)
OURS = surrogates.to_library("brainpy", surrogates.Sigmoid(4.0))
X = jnp.linspace(0.0, 40.0, STEPS * N).reshape(STEPS, N)
CLASSES = ["IF", "LIF", "ALIF", "ExpIF", "AdExIF", "QuaIF", "AdQuaIF", "Gif"]
CLASSES += ["LIFRef", "ExpIFRef", "AdExIFRef", "AdQuaIFRef", "GifRef"]


def outcome(name, function, compiled=False):
    """Return the spikes, and the gradient of the currents."""
    neuron = getattr(state, name)(N, spk_fun=function)

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
    slopes, found = (jax.jit(gradient) if compiled else gradient)(X)
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


def test_some_neurons_spike():
    assert outcome("LIF", OWN)[0].max() == 1.0


def test_native_is_an_object_of_braintools():
    native = surrogates.to_library("braintools", surrogates.Sigmoid(3.0), native=True)
    assert type(native) is braintools.surrogate.Sigmoid
    assert native.alpha == 3.0
