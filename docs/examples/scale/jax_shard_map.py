"""JAX, shard_map: each of eight devices runs the same code on its part, and you communicate."""

import os

# Eight devices of one CPU, to try it. On real devices, leave this out.
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_ENABLE_X64"] = "1"

import re

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

import surrogates

COLLECTIVE = r"(?:all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)\("
mesh = jax.make_mesh((4, 2), ("data", "neurons"), axis_types=(AxisType.Auto,) * 2)


def loss(activation, weight, alpha, x):
    """Return the loss of leaky neurons, of all of them or of a part."""

    def step(v, current):
        v = 0.9 * v + current @ weight
        spikes = activation(alpha)(v - 1.0)
        return v - spikes, spikes

    _, spikes = jax.lax.scan(step, jnp.zeros_like(x[0] @ weight), x)
    return ((spikes.sum(0) - 2.0) ** 2).mean()


def gradients(activation):
    """Return the loss of all parts, gradients to weight and alpha, and how many collectives."""

    def local(weight, alpha, x):
        return jax.lax.pmean(loss(activation, weight, alpha, x), ("data", "neurons"))

    places = P(None, "neurons"), P("neurons"), P(None, "data")
    mapped = jax.shard_map(local, mesh=mesh, in_specs=places, out_specs=P())
    compiled = jax.jit(jax.value_and_grad(mapped, (0, 1))).lower(*arguments).compile()
    return compiled(*arguments), len(re.findall(COLLECTIVE, compiled.as_text()))


relaxed = lambda alpha: surrogates.Relaxed(surrogates.Sigmoid(alpha))  # noqa: E731
weight, x = (
    jax.random.normal(jax.random.key(k), s) for k, s in enumerate([(16, 64), (20, 32, 16)])
)
arguments = weight * 0.6, jnp.linspace(2.0, 8.0, 64), x
expected = jax.jit(jax.value_and_grad(lambda *a: loss(relaxed, *a), (0, 1)))(*arguments)
found, said = gradients(relaxed)
for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
    assert abs(theirs).max() > 1e-4
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)
_, of_tanh = gradients(lambda alpha: lambda v: jnp.tanh(alpha * v))
assert 0 < said <= of_tanh  # no more is communicated than with tanh
print("loss", float(found[0]), "as on one device;", said, "collectives, tanh", of_tanh)
