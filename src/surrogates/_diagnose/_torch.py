"""Running a network of PyTorch for a diagnosis: hooks on tensors see its gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from .._arrays import on_host
from .._modules import _torch as _modules
from .._surrogate import Surrogate
from ..backends._torch import in_transform
from ._keep import copied, kept
from ._record import Layer, Recorder, replaced, squares


def run(recorder: Recorder, model: Any, batch: tuple[Any, ...], loss: Any) -> None:
    """Run a copy of a network forward and backward."""
    if isinstance(model, torch.nn.Module):
        try:
            model = copy.deepcopy(model)
        except RuntimeError as error:
            raise RuntimeError(
                "diagnose: the network cannot be copied, since it holds results of its last run; "
                "reset or detach the states of its neurons first, or hand over a function that "
                "resets them and runs the network: diagnose(run, x)"
            ) from error
        named = model.named_modules()
        recorder.modules = [(module, name or type(module).__name__) for name, module in named]
    seen: list[torch.Tensor] = []
    trained = {id(p) for p in model.parameters()} if isinstance(model, torch.nn.Module) else None
    recorder.tap = partial(_tap, recorder, seen, trained)
    devices = sorted({p.device.index or 0 for p in _tensors((model, batch)) if p.is_cuda})
    with (
        torch.random.fork_rng(devices),
        torch.compiler.set_stance("force_eager"),
        # the short way past what is recorded
        replaced(_modules, "learned", lambda *arguments: None),
        kept(None if isinstance(model, torch.nn.Module) else model),
    ):
        with torch.enable_grad():
            output = model(*copied(recorder, batch, _tensors(batch)))
            total = _signed_sum(output) if loss is None else loss(output)
        recorder.tap = _untapped  # activation checkpoints call again
        if not (total.requires_grad and seen):
            if any(layer.potentials for layer in recorder.layers.values()):
                recorder.cannot_tell("gradients: no output of the network depends on a surrogate")
            return
        # not backward(), which would leave gradients in what was not copied
        torch.autograd.grad(total, seen, allow_unused=True)


def _tap(
    recorder: Recorder,
    seen: list[torch.Tensor],
    trained: set[int] | None,
    layer: Layer,
    surrogate: Surrogate,
    x: torch.Tensor,
    spike: Callable[[Any], Any],
) -> Any:
    if in_transform():
        recorder.cannot_tell(
            f"potentials of {layer.name}: it runs inside torch.vmap or another transform of "
            "torch.func, where values cannot be looked at; call the network on the batch without it"
        )
        return spike(x)
    if not torch.is_grad_enabled():
        recorder.cannot_tell(f"gradients of {layer.name}: it runs under torch.no_grad")
        spikes = spike(x)
    else:
        # an alias, whose gradient is that of this call alone; a copy of what may change in place
        x = x.view_as(x) if x.requires_grad else x.detach().clone().requires_grad_()
        seen.append(x)
        spikes = spike(x)
        x.register_hook(lambda gradient: layer.leaving.append(squares(on_host(gradient))))
        out = spikes.view_as(spikes)
        out.register_hook(lambda gradient: layer.arriving.append(squares(on_host(gradient))))
        spikes = out
    if trained is not None:
        layer.untrained = _untrained(surrogate, trained)
    with torch.no_grad():
        layer.add(x, spikes, surrogate.surrogate_grad(x))
    return spikes


def _untrained(surrogate: Surrogate, trained: set[int]) -> list[str]:
    """Return the paths of Parameters that a surrogate holds, and the network does not have."""
    definition, arrays = surrogate.partition()
    return [
        path
        for path, array in zip(definition.array_paths, arrays, strict=True)
        if isinstance(array, torch.nn.Parameter) and array.requires_grad
        if id(array) not in trained
    ]


def _untapped(
    layer: Layer, surrogate: Surrogate, x: torch.Tensor, spike: Callable[[Any], Any]
) -> Any:
    return spike(x)


def _tensors(part: Any) -> list[torch.Tensor]:
    if isinstance(part, torch.Tensor):
        return [part]
    if isinstance(part, torch.nn.Module):
        return [*part.parameters(), *part.buffers()]
    if isinstance(part, dict):
        return [tensor for inside in part.values() for tensor in _tensors(inside)]
    if isinstance(part, (list, tuple)):
        return [tensor for inside in part for tensor in _tensors(inside)]
    return []


def _signed_sum(output: Any) -> torch.Tensor:
    """Return the sum of all floating-point outputs, each with a random sign."""
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros((), requires_grad=False)
    for tensor in _tensors(output):
        if tensor.is_floating_point():
            signs = torch.randint(0, 2, tensor.shape, generator=generator).to(tensor) * 2 - 1
            total = total.to(tensor.device) + (tensor * signs).sum()
    return total
