"""A recurrent network of leaky integrate-and-fire neurons in PyTorch: each library's own neuron.

Input currents come from 64 input channels by one matrix product for all steps; each neuron then
runs step by step, with its own recurrent weights. The loss is the mean square of the firing rates'
distance from a target. What differs between the libraries' neurons (a synaptic current in norse's,
the reset's place) stays as their authors made it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

import surrogates
from surrogates import Arctan

from . import by_hand, measure
from .contenders import compiled_by_torch
from .networks import AUTOCAST, CHEAPEST, LEARNED, OURS
from .networks import CHANNELS as PER_CHANNEL
from .peers import installed

CHANNELS = 64
SEGMENT = 20  # steps that are recomputed together

Neuron = Callable[[torch.Tensor], torch.Tensor]  # from currents (steps, batch, hidden) to spikes


class Plain(torch.nn.Module):
    """A neuron of three lines, around any surrogate."""

    def __init__(self, hidden: int, spike: Callable[..., Any], recompute: bool = False) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(hidden, hidden) / hidden**0.5)
        self.spike, self.recompute = spike, recompute
        self.step = self._step

    def _step(self, v: Any, z: Any, current: Any) -> Any:
        v = 0.9 * v + current + z @ self.weight - z
        return v, self.spike(v - 1.0)

    def _segment(self, v: Any, z: Any, currents: Any) -> Any:
        spikes = []
        for current in currents:
            v, z = self.step(v, z, current)
            spikes.append(z)
        return v, z, torch.stack(spikes)

    def forward(self, currents: Any) -> Any:
        v = z = torch.zeros_like(currents[0])
        if not self.recompute:
            return self._segment(v, z, currents)[2]
        spikes = []
        for part in currents.split(SEGMENT):
            v, z, out = checkpoint(self._segment, v, z, part, use_reentrant=False)
            spikes.append(out)
        return torch.cat(spikes)


class Snntorch(torch.nn.Module):
    def __init__(self, hidden: int, spike: Any) -> None:
        super().__init__()
        import snntorch

        self.step = snntorch.RLeaky(beta=0.9, linear_features=hidden, spike_grad=spike)

    def forward(self, currents: Any) -> Any:
        spikes, z, v = [], torch.zeros_like(currents[0]), torch.zeros_like(currents[0])
        for current in currents:
            z, v = self.step(current, z, v)
            spikes.append(z)
        return torch.stack(spikes)


class Spikingjelly(torch.nn.Module):
    def __init__(self, hidden: int, spike: Any) -> None:
        super().__init__()
        from spikingjelly.activation_based import neuron

        self.step = neuron.LIFNode(tau=10.0, decay_input=False, surrogate_function=spike)
        self.recurrent = torch.nn.Linear(hidden, hidden)

    def forward(self, currents: Any) -> Any:
        self.step.reset()
        spikes, z = [], torch.zeros_like(currents[0])
        for current in currents:
            z = self.step(current + self.recurrent(z))
            spikes.append(z)
        return torch.stack(spikes)


class Norse(torch.nn.Module):
    def __init__(self, hidden: int, spike: Any) -> None:
        super().__init__()
        from norse.torch import LIFParameters, LIFRecurrentCell

        alpha = torch.as_tensor(100.0)
        self.step = LIFRecurrentCell(hidden, hidden, LIFParameters(method="super", alpha=alpha))
        # The cell has input weights of its own: the identity, without a gradient.
        del self.step.input_weights
        self.step.input_weights = torch.eye(hidden)
        self.spike = spike

    def forward(self, currents: Any) -> Any:
        import norse.torch.functional.lif as functional

        swap: Any = contextlib.nullcontext()
        if self.spike is not None:  # norse takes its surrogates by name alone
            swap = mock.patch.object(functional, "threshold", lambda x, *_: self.spike(x))
        spikes, state = [], self.step.initial_state(currents[0])
        with swap:
            for current in currents:
                z, state = self.step(current, state)
                spikes.append(z)
        return torch.stack(spikes)


class Sinabs(torch.nn.Module):
    def __init__(self, hidden: int, spike: Any) -> None:
        super().__init__()
        from sinabs import activation, layers

        gradient = activation.SingleExponential()
        self.layer = layers.LIFRecurrent(
            tau_mem=10.0,
            rec_connect=torch.nn.Linear(hidden, hidden),
            spike_fn=activation.SingleSpike if spike is None else _AsSinabs(spike),
            surrogate_grad_fn=gradient,
            norm_input=False,
        )

    def forward(self, currents: Any) -> Any:
        self.layer.reset_states()
        return self.layer(currents.transpose(0, 1)).transpose(0, 1)


class _AsSinabs:
    required_states = ("v_mem",)

    def __init__(self, spike: Any) -> None:
        self.spike = spike

    def apply(self, v_mem: Any, spike_threshold: Any, gradient: Any) -> Any:
        return self.spike(v_mem - spike_threshold)


def eager(hidden: int, with_peers: bool = True) -> dict[str, Callable[[], torch.nn.Module]]:
    """Return the networks by name, each made when called."""
    ours = Arctan(2.0)
    networks: dict[str, Callable[[], torch.nn.Module]] = {
        "plain neuron, ours": lambda: Plain(hidden, ours),
        "plain neuron, ours, float16": lambda: Plain(
            hidden, surrogates.Compressed(ours, "float16")
        ),
        "plain neuron, ours, bfloat16": lambda: Plain(
            hidden, surrogates.Compressed(ours, "bfloat16")
        ),
        "plain neuron, ours, uint8": lambda: Plain(hidden, surrogates.Compressed(ours, "uint8")),
        "plain neuron, ours, spikes as bits": lambda: _Packed(Plain(hidden, ours), bits=True),
        "plain neuron, ours, spikes as bytes": lambda: _Packed(Plain(hidden, ours), bits=False),
        "plain neuron, ours, recomputed": lambda: Plain(hidden, ours, recompute=True),
        f"{OURS}, {LEARNED}": lambda: Plain(
            hidden, surrogates.learnable(ours, "alpha", framework="torch")
        ),
        f"plain neuron, by hand, {LEARNED}": lambda: Plain(hidden, _Learned()),
        f"{OURS}, {PER_CHANNEL}": lambda: Plain(hidden, Arctan(torch.full((hidden,), 2.0))),
        f"{OURS}, {AUTOCAST}": lambda: _Autocast(Plain(hidden, ours)),
        CHEAPEST: lambda: Plain(hidden, by_hand.torch_straight_through()),
        f"{CHEAPEST}, {AUTOCAST}": lambda: _Autocast(
            Plain(hidden, by_hand.torch_straight_through())
        ),
    }
    if not (with_peers and installed("torch")):
        return networks
    import snntorch.surrogate
    from spikingjelly.activation_based import surrogate as jelly

    translated = surrogates.from_library
    return networks | {
        "plain neuron, snntorch atan": lambda: Plain(hidden, snntorch.surrogate.atan(2.0)),
        "plain neuron, spikingjelly ATan": lambda: Plain(hidden, jelly.ATan(2.0)),
        f"plain neuron, snntorch atan, {AUTOCAST}": lambda: _Autocast(
            Plain(hidden, snntorch.surrogate.atan(2.0))
        ),
        "snntorch RLeaky, its own": lambda: Snntorch(hidden, snntorch.surrogate.atan()),
        "snntorch RLeaky, ours": lambda: Snntorch(hidden, translated("snntorch", "atan")),
        "spikingjelly LIFNode, its own": lambda: Spikingjelly(hidden, jelly.ATan()),
        "spikingjelly LIFNode, ours": lambda: Spikingjelly(
            hidden, translated("spikingjelly", "ATan")
        ),
        "norse LIFRecurrentCell, its own": lambda: Norse(hidden, None),
        "norse LIFRecurrentCell, ours": lambda: Norse(
            hidden, translated("norse", "super", alpha=1.0)
        ),
        "sinabs LIFRecurrent, its own": lambda: Sinabs(hidden, None),
        "sinabs LIFRecurrent, ours": lambda: Sinabs(
            hidden, translated("sinabs", "SingleExponential")
        ),
    }


COMPILED = (  # the networks whose step is compiled
    "plain neuron, ours",
    f"{OURS}, {LEARNED}",
    f"plain neuron, by hand, {LEARNED}",
    f"{OURS}, {PER_CHANNEL}",
    CHEAPEST,
    "plain neuron, ours, float16",
    "plain neuron, ours, uint8",
    "plain neuron, snntorch atan",
    "plain neuron, spikingjelly ATan",
    "snntorch RLeaky, its own",
    "snntorch RLeaky, ours",
    "norse LIFRecurrentCell, its own",
)


def compiled(hidden: int, with_peers: bool = True) -> dict[str, Callable[[], torch.nn.Module]]:
    """Return some of the networks with a compiled step; the loop over time stays in Python.

    The whole loop compiled is 200 copies of the step: minutes of compilation for each network.
    """

    def make(network: Callable[[], Any]) -> Any:
        made = network()
        made.step = compiled_by_torch(made.step)
        return made

    chosen = {name: n for name, n in eager(hidden, with_peers).items() if name in COMPILED}
    return {name: lambda n=n: make(n) for name, n in chosen.items()}


ON_CUDA = (  # the networks that run on a GPU
    "plain neuron, ours",
    "plain neuron, ours, float16",
    "plain neuron, ours, uint8",
    f"{OURS}, {LEARNED}",
    f"plain neuron, by hand, {LEARNED}",
    f"{OURS}, {PER_CHANNEL}",
    f"{OURS}, {AUTOCAST}",
    CHEAPEST,
    f"{CHEAPEST}, {AUTOCAST}",
    "plain neuron, snntorch atan",
    "plain neuron, spikingjelly ATan",
    f"plain neuron, snntorch atan, {AUTOCAST}",
    "snntorch RLeaky, its own",
    "snntorch RLeaky, ours",
    "spikingjelly LIFNode, its own",
    "spikingjelly LIFNode, ours",
    "sinabs LIFRecurrent, its own",
    "sinabs LIFRecurrent, ours",
)


def on_cuda(hidden: int, with_peers: bool = True) -> dict[str, Callable[[], torch.nn.Module]]:
    """Return some of the networks on a GPU."""

    def make(network: Callable[[], torch.nn.Module]) -> torch.nn.Module:
        with torch.device("cuda"):
            return network().to("cuda")

    chosen = {name: n for name, n in eager(hidden, with_peers).items() if name in ON_CUDA}
    return {name: lambda n=n: make(n) for name, n in chosen.items()}


class _Learned(torch.nn.Module):
    """A Function by hand with a learnable alpha, held as its logarithm as ours is."""

    def __init__(self) -> None:
        super().__init__()
        self.raw = torch.nn.Parameter(torch.tensor(by_hand.ALPHAS["Arctan"]).log())
        self.function = by_hand.torch_learned("Arctan")

    def forward(self, x: Any) -> Any:
        return self.function(x, self.raw)


class _Autocast(torch.nn.Module):
    """A network whose matrix products are in bfloat16."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, currents: Any) -> Any:
        with torch.autocast(currents.device.type, dtype=torch.bfloat16):
            return self.network(currents)


class _Packed(torch.nn.Module):
    """A network whose saved spikes are stored as bits or bytes until backward."""

    def __init__(self, network: torch.nn.Module, bits: bool) -> None:
        super().__init__()
        self.network, self.bits = network, bits

    def forward(self, currents: Any) -> Any:
        with torch.autograd.graph.saved_tensors_hooks(self.pack, self.unpack):
            return self.network(currents)

    def pack(self, tensor: torch.Tensor) -> Any:
        """Store a tensor as bits or bytes where it comes straight from a surrogate."""
        if not type(tensor.grad_fn).__name__.endswith("SpikeBackward"):
            return tensor
        spikes = tensor.detach().to(torch.bool)
        if self.bits:
            spikes = torch.from_numpy(np.packbits(spikes.numpy(), axis=-1))
        return spikes, tensor.shape[-1], tensor.dtype

    def unpack(self, packed: Any) -> torch.Tensor:
        if isinstance(packed, torch.Tensor):
            return packed
        spikes, width, dtype = packed
        if self.bits:
            spikes = torch.from_numpy(np.unpackbits(spikes.numpy(), axis=-1, count=width))
        return spikes.to(dtype)


class Training:
    """Forward and backward of a network on one batch."""

    def __init__(self, make: Any, steps: int, batch: int, hidden: int) -> None:
        torch.manual_seed(0)
        inputs = (torch.rand(steps, batch, CHANNELS) < 0.1).float()
        into = torch.randn(CHANNELS, hidden) / CHANNELS**0.5 * 2
        self.network = make()
        self.device = next(self.network.parameters()).device
        self.inputs = inputs.to(self.device)
        self.into = torch.nn.Parameter(into.to(self.device))
        self.spikes = steps * batch * hidden

    def loss(self) -> torch.Tensor:
        rates = self.network(self.inputs @ self.into).mean(0)
        return ((rates - 0.2) ** 2).mean()

    def step(self) -> None:
        self.into.grad = None
        for parameter in self.network.parameters():
            parameter.grad = None
        self.loss().backward()
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def peak_memory(self) -> int | None:
        """Return the most memory of a step besides what was there: of the GPU, or the process."""
        if self.device.type != "cuda":
            return measure.peak_memory(self.step)
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        self.step()
        return torch.cuda.max_memory_allocated() - before

    def kept_per_spike(self) -> float:
        """Return the bytes that autograd keeps, parameters and inputs aside, of each spike."""
        known = {p.untyped_storage().data_ptr() for p in (*self.network.parameters(), self.into)}
        known.add(self.inputs.untyped_storage().data_ptr())
        network = self.network
        store = network.pack if isinstance(network, _Packed) else lambda tensor: tensor
        storages: dict[int, int] = {}
        alive = []

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            stored = store(tensor)
            stored = stored if isinstance(stored, torch.Tensor) else stored[0]
            alive.append(stored)  # or the next one might take its place
            storage = stored.untyped_storage()
            if storage.data_ptr() not in known:
                storages[storage.data_ptr()] = storage.nbytes()
            return tensor

        inner = network.network if isinstance(network, _Packed) else network
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            inner(self.inputs @ self.into)
        return sum(storages.values()) / self.spikes

    def gradient(self) -> torch.Tensor:
        """Return the gradient of all weights, those of a surrogate's parameters aside."""
        self.step()
        named = self.network.named_parameters()
        parameters = (self.into, *(p for name, p in named if "raw" not in name))
        return torch.cat([p.grad.flatten() for p in parameters if p.grad is not None]).double()
