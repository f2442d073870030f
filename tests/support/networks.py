"""Networks with a surrogate in them, of each library that has modules."""

from __future__ import annotations

import numpy as np
import pytest

from surrogates import Sigmoid, module
from surrogates._modules import FRAMEWORKS

VALUES = np.asarray([[-0.6, -0.1, 0.2], [0.0, 0.5, -0.3]])


class Library:
    """What the tests know of a library of modules: a class for each, which is named for it."""

    needed: str
    """The module that must be there."""

    is_frozen = False
    """Whether its modules do not change, so that `set_spiking_mode` returns a new model."""

    takes_numpy = True
    """Whether its arrays meet those of NumPy."""

    def __init__(self):
        pytest.importorskip(self.needed)
        self.name = type(self).__name__.lower()

    def array(self, values, dtype="float32"):
        """Return numbers as an array; this, `read` and `gradient` are those of JAX."""
        import jax.numpy as jnp

        return jnp.asarray(values, dtype)

    def sharing(self, values):
        """Return an array on the memory of one of NumPy, or that one where modules take it."""
        return values

    def read(self, array):
        """Return an array as one of NumPy."""
        return np.asarray(array)

    def gradient(self, function, x):
        """Return the gradient of ``sum(function(x))``."""
        import jax

        return np.asarray(jax.grad(lambda x: function(x).sum())(x))

    def slope(self, module, x):
        """Return the gradient of ``sum(module(x))`` to the only number that the module learns."""
        raise NotImplementedError

    def sequential(self, *spikes):
        """Return a network of modules of surrogates alone."""
        raise NotImplementedError

    def perceptron(self, spike):
        """Return a network with a surrogate between two layers."""
        raise NotImplementedError

    def spike_of(self, network):
        """Return the module of the surrogate in a perceptron."""
        return network.layers[1]

    def weight_of(self, network):
        """Return the weights of the first layer of a perceptron."""
        return network.layers[0].weight

    def holding(self, surrogate):
        """Return a network with a surrogate that is no module, and where an error says it is."""
        return self.perceptron(surrogate), "layers.1"

    def trained(self, network, x, mask=None):
        """Return a network after 3 steps of AdamW, as its users take them.

        With a rate of 0.5 and a weight decay of 0.5; `mask` says what decays, in JAX.
        """
        raise NotImplementedError


def adamw(mask):
    optax = pytest.importorskip("optax")
    return optax.adamw(0.5, weight_decay=0.5, mask=mask)


class Torch(Library):
    needed = "torch"
    takes_numpy = False

    def array(self, values, dtype="float32"):
        import torch

        return torch.asarray(np.asarray(values)).to(getattr(torch, dtype))

    def sharing(self, values):
        import torch

        return torch.from_numpy(values)

    def read(self, array):
        return np.asarray(array.detach())

    def gradient(self, function, x):
        x = x.clone().requires_grad_()
        function(x).sum().backward()
        return x.grad.numpy()

    def slope(self, module, x):
        module(x).sum().backward()
        (parameter,) = module.parameters()
        return parameter.grad

    def sequential(self, *spikes):
        import torch

        return torch.nn.Sequential(*spikes)

    def perceptron(self, spike):
        import torch

        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(3, 3), spike, torch.nn.Linear(3, 1))

    def spike_of(self, network):
        return network[1]

    def weight_of(self, network):
        return network[0].weight

    def holding(self, surrogate):
        import torch

        network = self.sequential(torch.nn.Identity(), module(Sigmoid(), "torch"))
        network[0].neurons = {"first": [surrogate]}
        return network, "0.neurons"

    def trained(self, network, x, mask=None):
        import torch

        optimiser = torch.optim.AdamW(network.parameters(), lr=0.5, weight_decay=0.5)
        for _ in range(3):
            optimiser.zero_grad()
            network(x).sum().backward()
            optimiser.step()
        return network


class Flax(Library):
    needed = "flax.nnx"

    def slope(self, module, x):
        import jax
        from flax import nnx

        (slope,) = jax.tree.leaves(nnx.grad(lambda module: module(x).sum())(module))
        return slope

    def sequential(self, *spikes):
        from flax import nnx

        return nnx.Sequential(*spikes)

    def perceptron(self, spike):
        from flax import nnx

        rngs = nnx.Rngs(0)
        return nnx.Sequential(nnx.Linear(3, 3, rngs=rngs), spike, nnx.Linear(3, 1, rngs=rngs))

    def weight_of(self, network):
        return network.layers[0].kernel[...]

    def trained(self, network, x, mask=None):
        from flax import nnx

        optimiser = nnx.Optimizer(network, adamw(mask), wrt=nnx.Param)

        @nnx.jit
        def step(network, optimiser):
            optimiser.update(network, nnx.grad(lambda network: network(x).sum())(network))

        for _ in range(3):
            step(network, optimiser)
        return network


class Equinox(Library):
    needed = "equinox"
    is_frozen = True

    def slope(self, module, x):
        import equinox as eqx
        import jax

        (slope,) = jax.tree.leaves(eqx.filter_grad(lambda module: module(x).sum())(module))
        return slope

    def sequential(self, *spikes):
        import equinox as eqx

        return eqx.nn.Sequential([eqx.nn.Lambda(spike) for spike in spikes])

    def perceptron(self, spike):
        import equinox as eqx
        import jax

        first, second = jax.random.split(jax.random.key(0))
        layers = [eqx.nn.Linear(3, 3, key=first), eqx.nn.Lambda(spike)]
        return eqx.nn.Sequential([*layers, eqx.nn.Linear(3, 1, key=second)])

    def spike_of(self, network):
        return network.layers[1].fn

    def holding(self, surrogate):
        return self.perceptron(surrogate), "layers.1.fn"

    def trained(self, network, x, mask=None):
        import equinox as eqx
        import jax

        optimiser = adamw(mask)
        for chosen in (eqx.is_array, eqx.is_inexact_array):  # both are in use
            state = optimiser.init(eqx.filter(network, chosen))

            @eqx.filter_jit
            def step(network, state):
                gradient = eqx.filter_grad(lambda network: jax.vmap(network)(x).sum())(network)
                held = eqx.filter(network, chosen)  # noqa: B023
                updates, state = optimiser.update(gradient, state, held)
                return eqx.apply_updates(network, updates), state

            for _ in range(3):
                network, state = step(network, state)
        return network


LIBRARIES = {cls.__name__.lower(): cls for cls in Library.__subclasses__()}
if missing := {*FRAMEWORKS} - {*LIBRARIES}:
    raise ImportError(
        f"surrogates makes modules of {', '.join(missing)}, but tests/support/networks.py has no "
        "class of that name: see CONTRIBUTING.md, 'Modules of another library'"
    )
