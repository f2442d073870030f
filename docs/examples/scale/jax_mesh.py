"""JAX: a recurrent network over a mesh of eight devices, batch and neurons split."""

import os

# Eight devices of one CPU, to try it. On real devices, leave this out.
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_ENABLE_X64"] = "1"

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import surrogates


def loss(model, x, target):
    """Return the cross-entropy of firing rates, read out."""

    def step(carry, current):
        v, spikes = carry
        v = 0.9 * v - spikes + current @ model["input"] + spikes @ model["recurrent"]
        spikes = model["spike"](v - 1.0)
        return (v, spikes), spikes

    start = jnp.zeros((x.shape[1], 64))
    _, spikes = jax.lax.scan(step, (start, start), x)
    logits = jax.nn.log_softmax(spikes.mean(0) @ model["readout"])
    return -jnp.take_along_axis(logits, target[:, None], 1).mean()


keys = jax.random.split(jax.random.key(0), 4)
model = {
    "input": jax.random.normal(keys[0], (16, 64)) * 0.6,
    "recurrent": jax.random.normal(keys[1], (64, 64)) * 0.1,
    "readout": jax.random.normal(keys[2], (64, 4)) * 0.3,
    # A surrogate is a pytree: its array is a leaf, which is split as the neurons are.
    "spike": surrogates.Relaxed(surrogates.Sigmoid(jnp.full(64, 4.0))),
}
x, target = jax.random.normal(keys[3], (20, 32, 16)), jnp.arange(32) % 4
expected = jax.jit(jax.value_and_grad(loss))(model, x, target)

mesh = jax.make_mesh((4, 2), ("data", "neurons"), axis_types=(AxisType.Auto,) * 2)
columns = {"input": P(None, "neurons"), "recurrent": P(None, "neurons"), "readout": P("neurons")}
places = {**columns, "spike": P("neurons")}
model = {
    name: jax.device_put(part, NamedSharding(mesh, places[name])) for name, part in model.items()
}
x = jax.device_put(x, NamedSharding(mesh, P(None, "data")))
target = jax.device_put(target, NamedSharding(mesh, P("data")))
found = jax.jit(jax.value_and_grad(loss))(model, x, target)
for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
    assert abs(theirs).max() > 1e-4
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)
alpha = found[1]["spike"].surrogate.alpha
print("loss", float(found[0]), "as on one device; the gradient of alpha is", alpha.sharding.spec)
