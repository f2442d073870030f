"""JAX, explicit sharding: the types of arrays say how eight devices split them."""

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


def gradients(activation):
    """Return a compiled function: loss of leaky neurons, and gradients to weights and alpha."""

    def loss(weight, alpha, x):
        def step(v, current):
            v = 0.9 * v + current @ weight
            spikes = activation(alpha)(v - 1.0)
            assert jax.typeof(spikes).sharding == jax.typeof(v).sharding
            return v - spikes, spikes

        _, spikes = jax.lax.scan(step, jnp.zeros_like(x[0] @ weight), x)
        return ((spikes.sum(0) - 2.0) ** 2).mean()

    return jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))


keys = jax.random.split(jax.random.key(0), 2)
weight, alpha = jax.random.normal(keys[0], (16, 64)) * 0.6, jnp.linspace(2.0, 8.0, 64)
x = jax.random.normal(keys[1], (20, 32, 16))
spiking = gradients(lambda alpha: surrogates.Relaxed(surrogates.Sigmoid(alpha)))
expected = spiking(weight, alpha, x)

with jax.set_mesh(jax.make_mesh((4, 2), ("data", "neurons"), axis_types=(AxisType.Explicit,) * 2)):
    places = P(None, "neurons"), P("neurons"), P(None, "data")
    split = [jax.device_put(a, p) for a, p in zip((weight, alpha, x), places, strict=True)]
    found = spiking(*split)
    smooth = gradients(lambda alpha: lambda v: jnp.tanh(alpha * v))
    said = [
        len(re.findall(COLLECTIVE, f.lower(*split).compile().as_text())) for f in (spiking, smooth)
    ]
for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
    assert abs(theirs).max() > 1e-4
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)
assert 0 < said[0] <= said[1], said  # no more is communicated than with tanh
print("loss", float(found[0]), "as on one device;", said[0], "collectives, tanh", said[1])
