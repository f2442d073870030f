"""Arrays split over eight devices: losses, gradients and communication as if nothing were there."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest

import surrogates
from kinds import others_long
from surrogates import Arctan, Compressed, MultiSpike, Relaxed, Scaled, Sigmoid, Ternary

jax = pytest.importorskip("jax")
jnp = jax.numpy
if not hasattr(jax, "set_mesh"):
    pytest.skip("this JAX has no explicit sharding", allow_module_level=True)
AxisType, P = jax.sharding.AxisType, jax.sharding.PartitionSpec
COLLECTIVE = re.compile(r"(?:all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)\(")
STEPS, BATCH, INPUTS, NEURONS = 5, 8, 3, 4
WEIGHT = np.random.default_rng(0).normal(1.0, 0.5, (INPUTS, NEURONS))
CURRENTS = np.random.default_rng(1).uniform(0, 1, (STEPS, BATCH, INPUTS))
ALPHA = np.linspace(1.0, 2.0, NEURONS)

NEURON = {
    "tanh": lambda alpha: lambda x: jnp.tanh(alpha * x),
    "number": lambda alpha: Sigmoid(2.0),
    "at_threshold": lambda alpha: Sigmoid(2.0, at_threshold=0.5),
    "channel": Arctan,
    "scaled": lambda alpha: Scaled(Arctan(alpha), amplitude=alpha),
    "several": lambda alpha: MultiSpike(Arctan(alpha), jax.lax.stop_gradient(alpha)),
    "signed": lambda alpha: Ternary(Arctan(alpha), threshold=0.5),
    "relaxed": lambda alpha: Relaxed(Arctan(alpha)),
    "float16": lambda alpha: Compressed(Arctan(alpha), "float16"),
    "uint8": lambda alpha: Compressed(Arctan(2.0), "uint8"),
}
surrogate_neurons = pytest.mark.parametrize("name", [name for name in NEURON if name != "tanh"])


def loss(weight, alpha, currents, name):
    """Return the loss of a layer that learns its weights and, where it can, its slopes."""

    def step(v, current):
        v = 0.9 * v + current @ weight
        spikes = NEURON[name](alpha)(v - 1.0)
        return v - spikes, spikes

    _, spikes = jax.lax.scan(step, jnp.zeros_like(currents[0] @ weight), currents)
    return ((spikes.sum(0) - 2.0) ** 2).mean()


def both(name):
    return jax.value_and_grad(partial(loss, name=name), argnums=(0, 1))


def alone(name):
    return jax.jit(both(name))(WEIGHT, ALPHA, CURRENTS)


def close(actual, expected):
    for one, other in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def mesh_of(axis_type):
    return jax.make_mesh((4, 2), ("data", "model"), axis_types=(axis_type,) * 2)


def split(mesh, array, *spec):
    return jax.device_put(array, jax.sharding.NamedSharding(mesh, P(*spec)))


def collectives(function, *arguments):
    return len(COLLECTIVE.findall(function.lower(*arguments).compile().as_text()))


@pytest.fixture(params=["Auto", "Explicit"])
def mesh(request):
    mesh = mesh_of(getattr(AxisType, request.param))
    with jax.set_mesh(mesh):
        yield mesh


@pytest.mark.long
@surrogate_neurons
def test_a_layer_split_over_batch_and_neurons(name, mesh):
    arguments = (
        split(mesh, WEIGHT, None, "model"),
        split(mesh, ALPHA, "model"),
        split(mesh, CURRENTS, None, "data"),
    )
    close(jax.jit(both(name))(*arguments), alone(name))
    of_tanh = collectives(jax.jit(both("tanh")), *arguments)
    assert of_tanh > 0
    assert collectives(jax.jit(both(name)), *arguments) <= of_tanh


@pytest.mark.long
@surrogate_neurons
def test_a_layer_in_shard_map(name):
    mesh = mesh_of(AxisType.Auto)

    def step_of(name):
        def local(weight, alpha, currents):
            return jax.lax.pmean(loss(weight, alpha, currents, name), ("data", "model"))

        specs = (P(None, "model"), P("model"), P(None, "data"))
        mapped = jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=P())
        return jax.jit(jax.value_and_grad(mapped, argnums=(0, 1)))

    arguments = (WEIGHT, ALPHA, CURRENTS)
    close(step_of(name)(*arguments), alone(name))
    of_tanh = collectives(step_of("tanh"), *arguments)
    assert of_tanh > 0
    assert collectives(step_of(name), *arguments) <= of_tanh


X = np.linspace(-1.3, 1.2, BATCH * NEURONS).reshape(BATCH, NEURONS)
FULL = np.linspace(1.0, 2.0, BATCH * NEURONS).reshape(BATCH, NEURONS)
SPLITS = {  # of x, and of a parameter
    "less": (("data", None), ()),
    "more": ((), ("data", None)),
    "otherwise": (("data", None), (None, "model")),
}
FORMS = {
    "channel": Arctan,
    "kink": surrogates.QPseudoSpike,
    "several": lambda alpha: MultiSpike(Arctan(2.0), alpha),
    "signed": lambda alpha: Ternary(Arctan(2.0), alpha),
    "relaxed": lambda alpha: Relaxed(Arctan(alpha)),
    "float16": lambda alpha: Compressed(Arctan(alpha), "float16"),
    "uint8": lambda alpha: Compressed(Arctan(alpha), "uint8"),
}


def all_of(form, x, alpha):
    x, surrogate = jnp.asarray(x), FORMS[form](jnp.asarray(alpha))
    return (
        surrogate(x),
        jax.grad(lambda x: (surrogate(x) * x).sum())(x),
        surrogate.surrogate_grad(x),
        surrogate.surrogate_fun(x),
    )


@pytest.fixture
def explicit():
    mesh = mesh_of(AxisType.Explicit)
    with jax.set_mesh(mesh):
        yield mesh


@pytest.mark.parametrize("splits", others_long(SPLITS, "otherwise"))
@pytest.mark.parametrize("form", others_long(FORMS, "several"))
def test_a_parameter_that_is_split_less_or_more_or_otherwise_than_x(form, splits, explicit):
    of_x, of_alpha = SPLITS[splits]
    arguments = split(explicit, X, *of_x), split(explicit, FULL, *of_alpha)
    close(jax.jit(partial(all_of, form))(*arguments), all_of(form, X, FULL))


@pytest.mark.parametrize("form", others_long(["channel", "several", "relaxed"], "several"))
def test_a_parameter_that_is_split_more_than_x_eagerly(form, explicit):
    arguments = split(explicit, X), split(explicit, FULL, "data", None)
    close(all_of(form, *arguments), all_of(form, X, FULL))


@pytest.mark.parametrize("form", others_long(FORMS, "several"))
def test_one_value_for_each_channel_of_what_is_split_over_the_batch(form, explicit):
    arguments = split(explicit, X, "data", None), split(explicit, ALPHA)
    close(jax.jit(partial(all_of, form))(*arguments), all_of(form, X, ALPHA))


@pytest.mark.long
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
def test_samples_of_an_array_that_is_split(compiled, explicit):
    def sampled(x, alpha, key):
        return surrogates.sample(Sigmoid(alpha), x, key)

    def slope(x, alpha, key):
        return jax.grad(lambda x: (sampled(x, alpha, key) * x).sum())(x)

    key = jax.random.key(3)
    expected = sampled(jnp.asarray(X), jnp.asarray(ALPHA), key)
    expected_slope = slope(jnp.asarray(X), jnp.asarray(ALPHA), key)
    assert 0 < expected.mean() < 1
    if compiled:
        sampled, slope = jax.jit(sampled), jax.jit(slope)
    for of_x, of_alpha in ((), ("model",)), (("data", None), ()), ((None, "model"), ("model",)):
        x, alpha = split(explicit, X, *of_x), split(explicit, ALPHA, *of_alpha)
        close(sampled(x, alpha, key), expected)
        close(slope(x, alpha, key), expected_slope)
        if compiled:
            assert collectives(sampled, x, alpha, key) == 0


@pytest.mark.parametrize("form", ["channel", "several", "relaxed"])
def test_a_parameter_that_is_split_more_than_x_and_closed_over(form, explicit):
    x, alpha = split(explicit, X), split(explicit, FULL, "data", None)
    close(jax.jit(lambda x: all_of(form, x, alpha))(x), all_of(form, X, FULL))
