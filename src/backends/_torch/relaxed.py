"""PyTorch on CPU, eager: the spike of `Relaxed`, whose parameters have a gradient too.

In the forms that PyTorch records, the gradient of a parameter costs many passes over memory and
keeps each of their results. This Function keeps `x` and the parameters alone. Where its backward is
itself recorded, it differentiates the recorded form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .._backend import Definition
from .program import emitted, relaxed_gradients
from .state import is_unwatched

Tensor = torch.Tensor


class RelaxedSpike(torch.autograd.Function):
    """The spikes of ``general(x, *arrays)``, differentiated as these are."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        definition: Definition,
        general: Callable[..., Tensor],
        *arrays: Tensor,
    ) -> Tensor:
        """Return the spikes."""
        ctx.definition, ctx.general = definition, general
        ctx.save_for_backward(x, *arrays)
        return emitted(definition, x, arrays)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        """Return the gradients of `x` and of the parameters."""
        x, *arrays = ctx.saved_tensors
        _, _, _, *wanted = needed = ctx.needs_input_grad
        grads = None
        # they were plain in forward; hooks of saved tensors may have moved them
        if is_unwatched(cotangent) and all(a.device == cotangent.device for a in (x, *arrays)):
            grads = relaxed_gradients(ctx.definition, x, cotangent, tuple(arrays), wanted)
        if grads is None:
            grads = _recorded_gradients(ctx.general, (x, *arrays), cotangent, (needed[0], *wanted))
        return (grads[0], None, None, *grads[1:])


def _recorded_gradients(
    general: Callable[..., Tensor],
    inputs: tuple[Tensor, ...],
    cotangent: Tensor,
    needed: tuple[bool, ...],
) -> list[Tensor | None]:
    is_recorded = torch.is_grad_enabled()
    with torch.enable_grad():
        if not is_recorded:
            inputs = tuple(a.detach().requires_grad_() for a in inputs)
        chosen = [a for a, is_needed in zip(inputs, needed, strict=True) if is_needed]
        spikes = general(*inputs)
        if not spikes.requires_grad:  # `S2NN.epsilon` has no effect
            return [None for _ in needed]
        found = torch.autograd.grad(
            spikes, chosen, cotangent, create_graph=is_recorded, allow_unused=True
        )
    grads = iter(found)
    return [next(grads) if is_needed else None for is_needed in needed]
