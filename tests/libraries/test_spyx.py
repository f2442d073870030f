"""Every neuron of spyx with our surrogate instead of its own."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import surrogates

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")
spyx = pytest.importorskip("spyx.nn")
axn = pytest.importorskip("spyx.axn")

import jax.numpy as jnp

pytestmark = pytest.mark.usefixtures("double_precision")

N, STEPS = 6, 5
OWN = axn.superspike(25.0)
OURS = surrogates.to_library("spyx", surrogates.from_library("spyx", "superspike"))
X = np.random.default_rng(3).normal(1.0, 1.0, (STEPS, 2, N))
CLASSES = ["IF", "LIF", "ALIF", "CuBaLIF", "RIF", "RLIF", "RCuBaLIF", "PSU_LIF"]


def made(name, function):
    return getattr(spyx, name)((N,), activation=function, rngs=nnx.Rngs(7))


def spikes_of(neuron, x):
    state, spikes = neuron.initial_state(x.shape[1]), []
    for current in x:
        spike, state = neuron(current, state)
        spikes.append(spike)
    return jnp.stack(spikes)


def loss(neuron, x):
    weights = jnp.linspace(0.5, 1.5, x.size).reshape(x.shape).astype(x.dtype)
    return (weights * spikes_of(neuron, x)).sum()


def gradients(neuron, x, compiled=False):
    """Return the gradients of the parameters, and of the currents."""
    graph, state = nnx.split(neuron)

    def of_state(state, x):
        return loss(nnx.merge(graph, state), x)

    gradient = jax.grad(of_state, argnums=(0, 1))
    return jax.tree.leaves((jax.jit(gradient) if compiled else gradient)(state, x))


def assert_close(ours, own, tolerance):
    assert len(ours) == len(own)
    for mine, theirs in zip(ours, own, strict=True):
        size = float(np.abs(theirs).max())
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * size)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_spikes_and_gradients(name, dtype, tolerance):
    x = jnp.asarray(X, dtype)
    own, ours = made(name, OWN), made(name, OURS)
    spikes = spikes_of(own, x)
    assert 0.0 < spikes.mean() < 1.0
    np.testing.assert_array_equal(spikes_of(ours, x), spikes)
    expected = gradients(own, x)
    assert_close(gradients(ours, x), expected, tolerance)
    assert_close(gradients(ours, x, compiled=True), expected, tolerance)
    for again in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert_close(gradients(again, x), expected, tolerance)


@pytest.mark.parametrize("name", CLASSES)
def test_half_precision(name):
    x = jnp.asarray(X, "bfloat16")
    own, ours = made(name, OWN), made(name, OURS)
    same = spikes_of(ours, x) == spikes_of(own, x)
    assert same.mean() > 0.9
    found, expected = (
        [np.asarray(slopes, np.float64) for slopes in gradients(neuron, x)]
        for neuron in (ours, own)
    )
    assert_close(found, expected, 0.1)


@pytest.mark.parametrize("name", CLASSES)
def test_training(name):
    optax = pytest.importorskip("optax")
    found = []
    for function in (OWN, OURS):
        graph, state = nnx.split(made(name, function))
        optimiser = optax.sgd(0.05)
        moments, losses = optimiser.init(state), []
        for _ in range(3):
            value, slopes = jax.value_and_grad(
                lambda state: (spikes_of(nnx.merge(graph, state), X) - 0.5).sum() ** 2  # noqa: B023
            )(state)
            updates, moments = optimiser.update(slopes, moments)
            state = optax.apply_updates(state, updates)
            losses.append(float(value))
        found.append(losses)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)


def test_arrays_belong_to_the_state_of_the_neuron():
    alpha = jnp.full(N, 25.0)
    surrogate = surrogates.InvSquareGrad(alpha, at_threshold=0.0)
    neuron = made("LIF", surrogates.to_library("spyx", surrogate))
    assert any(leaf is alpha for leaf in jax.tree.leaves(nnx.state(neuron)))
    x = jnp.asarray(X)
    np.testing.assert_array_equal(spikes_of(neuron, x), spikes_of(made("LIF", OWN), x))


def test_native_is_its_own_function():
    native = surrogates.to_library("spyx", OURS, native=True)
    x = jnp.asarray(X)
    assert_close(gradients(made("LIF", native), x), gradients(made("LIF", OWN), x), 0.0)
