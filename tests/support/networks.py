"""Networks with a surrogate in them, of each library that has modules."""

from __future__ import annotations

import numpy as np
import pytest

VALUES = np.asarray([[-0.6, -0.1, 0.2], [0.0, 0.5, -0.3]])


class Library:
    """A library of modules: its name, and how its arrays are made and read."""

    def __init__(self, name):
        pytest.importorskip({"flax": "flax.nnx"}.get(name, name))
        self.name = name

    def array(self, values):
        if self.name == "torch":
            import torch

            return torch.asarray(np.asarray(values, np.float32))
        import jax.numpy as jnp

        return jnp.asarray(values, jnp.float32)

    def read(self, array):
        return np.asarray(array.detach() if self.name == "torch" else array)

    def gradient(self, function, x):
        if self.name == "torch":
            x = x.clone().requires_grad_()
            function(x).sum().backward()
            return x.grad.numpy()
        import jax

        return np.asarray(jax.grad(lambda x: function(x).sum())(x))


def perceptron(library, spike):
    """Return a network with a surrogate between two layers."""
    if library.name == "torch":
        import torch

        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(3, 3), spike, torch.nn.Linear(3, 1))
    import jax

    if library.name == "flax":
        from flax import nnx

        rngs = nnx.Rngs(0)
        return nnx.Sequential(nnx.Linear(3, 3, rngs=rngs), spike, nnx.Linear(3, 1, rngs=rngs))
    import equinox as eqx

    first, second = jax.random.split(jax.random.key(0))
    layers = [eqx.nn.Linear(3, 3, key=first), eqx.nn.Lambda(spike), eqx.nn.Linear(3, 1, key=second)]
    return eqx.nn.Sequential(layers)


def spike_of(library, network):
    """Return the module of the surrogate in a perceptron."""
    layer = network.layers[1] if library.name != "torch" else network[1]
    return layer.fn if library.name == "equinox" else layer
