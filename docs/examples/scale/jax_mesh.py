"""JAX: a recurrent network over a mesh of eight devices, batch and neurons split."""

import os

# Eight devices of one CPU, to try it. On real devices, leave this out.
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_ENABLE_X64"] = "1"

import re

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import surrogates

COLLECTIVE = r"(?:all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)\("
mesh = jax.make_mesh((4, 2), ("data", "neurons"), axis_types=(AxisType.Auto,) * 2)


def loss(model, x):
    """Return how far the firing rates are from 0.3."""

    def step(carry, current):
        v, spikes = carry
        v = 0.9 * v - spikes + current @ model["input"] + spikes @ model["recurrent"]
        spikes = model["spike"](v - 1.0)
        return (v, spikes), spikes

    start = jnp.zeros((x.shape[1], 64))
    _, spikes = jax.lax.scan(step, (start, start), x)
    return ((spikes.mean(0) - 0.3) ** 2).mean(0).sum()


def trained(model, x):
    """Return loss and gradients of the split model, and how many collectives compute them."""
    columns = {"input": P(None, "neurons"), "recurrent": P(None, "neurons"), "spike": P("neurons")}
    model = {k: jax.device_put(a, NamedSharding(mesh, columns[k])) for k, a in model.items()}
    x = jax.device_put(x, NamedSharding(mesh, P(None, "data")))
    compiled = jax.jit(jax.value_and_grad(loss)).lower(model, x).compile()
    return compiled(model, x), len(re.findall(COLLECTIVE, compiled.as_text()))


keys = jax.random.split(jax.random.key(0), 3)
weights = {"input": 0.6 * jax.random.normal(keys[0], (16, 64))}
weights["recurrent"] = 0.1 * jax.random.normal(keys[1], (64, 64))
x, alpha = jax.random.normal(keys[2], (20, 32, 16)), jnp.full(64, 4.0)
# A surrogate is a pytree: its array is a leaf, which is split as the neurons are.
model = {**weights, "spike": surrogates.Relaxed(surrogates.Sigmoid(alpha))}
smooth = {**weights, "spike": jax.tree_util.Partial(lambda alpha, v: jnp.tanh(alpha * v), alpha)}
expected = jax.jit(jax.value_and_grad(loss))(model, x)
(found, said), (_, of_tanh) = trained(model, x), trained(smooth, x)
for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
    assert abs(theirs).max() > 1e-4
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)
assert 0 < said <= of_tanh  # no more is communicated than with tanh
alpha = found[1]["spike"].surrogate.alpha
print("alpha is split by", alpha.sharding.spec, "in", said, "collectives, tanh", of_tanh)
