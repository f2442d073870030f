"""Networks of other libraries' neurons, with their surrogate and with ours: what must agree."""

from __future__ import annotations

import copy
import gc
import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

INPUTS, NEURONS, STEPS, BATCH = 5, 6, 5, 3
SEED = 7

Function = Any  # what a neuron takes for a surrogate
Make = Callable[[Function], torch.nn.Module]
Run = Callable[[torch.nn.Module, torch.Tensor], torch.Tensor]


class Network(torch.nn.Module):
    """A linear layer and neurons."""

    def __init__(self, make: Make, run: Run, function: Function) -> None:
        super().__init__()
        torch.manual_seed(SEED)
        np.random.seed(SEED)  # noqa: NPY002  # which some neurons draw their parameters from
        self.linear = torch.nn.Linear(INPUTS, NEURONS)
        with torch.no_grad():
            self.linear.weight.mul_(3.0)
            self.linear.bias.add_(0.25)
        self.neuron = make(function)
        self.run = run

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the spikes of all steps."""
        return self.run(self.neuron, self.linear(x))


def step_by_step(neuron: Any, currents: torch.Tensor) -> torch.Tensor:
    """Call the neuron, which keeps its state, with each step."""
    results = [neuron(current) for current in currents]
    # The spikes come first where there is more.
    return torch.stack([r[0] if isinstance(r, (list, tuple)) else r for r in results])


def inputs(dtype: torch.dtype) -> torch.Tensor:
    generator = torch.Generator().manual_seed(SEED)
    return torch.randn(STEPS, BATCH, INPUTS, generator=generator).to(dtype)


def outcome(network: Any, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """Return the spikes, and the gradients of all parameters."""
    torch.manual_seed(SEED)  # some neurons draw noise
    network = network.to(dtype)
    spikes = network(inputs(dtype))
    weights = torch.linspace(0.5, 1.5, spikes.numel()).to(spikes).reshape(spikes.shape)
    (weights * spikes).sum().backward()
    found = [spikes.detach()]
    for parameter in network.parameters():
        if parameter.grad is not None:
            found.append(parameter.grad.clone())
            parameter.grad = None
    return found


def assert_same(ours: list[torch.Tensor], own: list[torch.Tensor], tolerance: float) -> None:
    assert len(ours) == len(own)
    torch.testing.assert_close(ours[0], own[0], rtol=0.0, atol=0.0, check_dtype=False)
    # of the largest, since the gradient of a bias before a normalisation is 0 but for rounding
    size = max(gradient.abs().max().item() for gradient in own[1:])
    for mine, theirs in zip(ours[1:], own[1:], strict=True):
        torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance * size)


def spikes_and_gradients(make: Make, run: Run, own: Function, ours: Function) -> None:
    """Spikes are equal and gradients within rounding, in single and double precision."""
    for dtype, tolerance in {torch.float32: 1e-5, torch.float64: 1e-12}.items():
        theirs = taken(make, run, own, dtype)
        assert theirs is not None or dtype is not torch.float32
        if theirs is not None:
            if theirs[0].dtype is torch.float32:  # some emit it whatever the dtype
                tolerance = 1e-5
            assert_same(outcome(Network(make, run, ours), dtype), theirs, tolerance)
            assert theirs[0].min() < theirs[0].max()  # some spike
            assert any(gradient.abs().max() > 0.0 for gradient in theirs[1:])


def half_precision(make: Make, run: Run, own: Function, ours: Function) -> None:
    """It runs in bfloat16 where the neuron does, and spikes are nearly all the same.

    Own functions round after each operation, or go on in float32; ours round once.
    """
    theirs = taken(make, run, own, torch.bfloat16)
    if theirs is not None:
        found = outcome(Network(make, run, ours), torch.bfloat16)
        assert (found[0] == theirs[0]).float().mean() > 0.9
        assert all(gradient.isfinite().all() for gradient in found[1:])


def taken(make: Make, run: Run, own: Function, dtype: torch.dtype) -> list[torch.Tensor] | None:
    """Return the outcome with the library's own function, None if the neuron refuses the dtype."""
    try:
        return outcome(Network(make, run, own), dtype)
    except (RuntimeError, TypeError, ValueError):
        if dtype is torch.float32:
            raise
        return None


def copies(make: Make, run: Run, own: Function, ours: Function) -> None:
    """A copy, a pickle and a file give the same network, as far as the neuron allows any."""
    expected = outcome(Network(make, run, ours))
    for again in (copy.deepcopy, pickled, filed):
        try:
            other = again(Network(make, run, ours))
        except Exception as error:
            try:
                again(Network(make, run, own))
            except type(error):
                continue  # also with the library's own function
            raise
        assert_same(outcome(other), expected, 0.0)
    other = Network(make, run, ours)
    other.load_state_dict(Network(make, run, ours).state_dict())
    assert_same(outcome(other), expected, 0.0)


def pickled(network: Network) -> Network:
    return pickle.loads(pickle.dumps(network))


def filed(network: Network) -> Network:
    file = io.BytesIO()
    torch.save(network, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def training(make: Make, run: Run, own: Function, ours: Function) -> None:
    """Three steps of an optimiser give the same losses."""
    assert losses(Network(make, run, ours)) == losses(Network(make, run, own))


def losses(network: Network) -> list[float]:
    found = []
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05)
    for _ in range(3):
        torch.manual_seed(SEED)
        loss = ((network(inputs(torch.float32)) - 0.5) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found.append(round(loss.item(), 6))
    return found


def compiled(make: Make, run: Run, own: Function, ours: Function) -> None:
    """torch.compile gives the same; where it refuses the neuron, it does with any function."""
    expected = outcome(Network(make, run, ours))
    try:
        found = outcome_compiled(Network(make, run, ours))
    except Exception as error:
        try:
            outcome_compiled(Network(make, run, own))
        except type(error):
            return
        # Dynamo has failed at random, as in an IndexError from its guards: ours would fail again.
        found = outcome_compiled(Network(make, run, ours))
    assert_same(found, expected, 1e-6)


def outcome_compiled(network: Network) -> list[torch.Tensor]:
    """Return the outcome of the compiled network, with nothing compiled before."""
    torch.compiler.reset()
    gc.collect()
    gc.disable()  # a collection while Dynamo makes guards can change what they are about to read
    try:
        return outcome(torch.compile(network, backend="aot_eager"))
    finally:
        gc.enable()


CHECKS = [spikes_and_gradients, half_precision, copies, training, compiled]
