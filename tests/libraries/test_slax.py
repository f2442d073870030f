"""The neurons of slax with our surrogate instead of its own."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import surrogates

jax = pytest.importorskip("jax")
slax = pytest.importorskip("slax.models.neurons")
own_surrogates = pytest.importorskip("slax.models.surrogates")

import jax.numpy as jnp

from neurons_jax import assert_copies_do_the_same, assert_trained_alike

pytestmark = pytest.mark.usefixtures("double_precision")

OWN = own_surrogates.fast_sigmoid(25.0)
OURS = surrogates.to_library("slax", surrogates.from_library("slax", "fast_sigmoid"))
X = np.random.default_rng(3).normal(0.5, 1.0, (5, 6))


def outcome(name, function, compiled=False, x=X, again=lambda neuron: neuron):
    """Return the spikes, and the gradient of the currents."""
    neuron = again(getattr(slax, name)(spike_fn=function))
    start = {state: jnp.zeros(6, x.dtype) for state in ("Vmem", "Spk_t", "B_t")}
    variables = neuron.init(jax.random.key(0), dict(start), jnp.asarray(x[0]))

    def loss(x):
        carry, spikes = start, []
        for current in x:
            carry, spike = neuron.apply(variables, dict(carry), 3.0 * current)
            spikes.append(spike)
        found = jnp.stack(spikes)
        return (jnp.linspace(0.5, 1.5, 6).astype(x.dtype) * found).sum(), found

    gradient = jax.grad(loss, has_aux=True)
    slopes, found = (jax.jit(gradient) if compiled else gradient)(jnp.asarray(x))
    return found, slopes


@pytest.mark.parametrize("name", ["LIF", "LTC"])
def test_neuron(name):
    own = outcome(name, OWN)
    assert 0.0 < own[0].mean() < 1.0
    for compiled in (False, True):
        ours = outcome(name, OURS, compiled)
        np.testing.assert_array_equal(ours[0], own[0])
        np.testing.assert_allclose(ours[1], own[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.1)])
@pytest.mark.parametrize("name", ["LIF", "LTC"])
def test_dtype(name, dtype, tolerance):
    own, ours = (outcome(name, function, x=jnp.asarray(X, dtype)) for function in (OWN, OURS))
    assert (ours[0] == own[0]).mean() > 0.9
    size = float(np.abs(own[1]).max())
    slopes = (np.asarray(slopes, np.float64) for slopes in (ours[1], own[1]))
    np.testing.assert_allclose(*slopes, rtol=tolerance, atol=tolerance * size)


@pytest.mark.parametrize("name", ["LIF", "LTC"])
def test_copies_and_training(name):
    assert_copies_do_the_same(partial(outcome, name, OURS))
    assert_trained_alike(partial(outcome, name, OWN), partial(outcome, name, OURS), X, 0.5)
