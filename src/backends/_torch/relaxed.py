"""PyTorch, eager: the spike of `Relaxed`, whose parameters have a gradient too.

In the forms that PyTorch records, the gradient of a parameter costs many passes over memory and
keeps each of their results. This Function keeps `x` and the parameters alone. Where its backward is
itself recorded, it differentiates the recorded form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .._backend import Definition
from .compressed import widened
from .namespaces import double, single
from .program import emitted, learned_gradients, relaxed_gradients
from .state import apply_of, fresh, is_plain, is_unwatched

Tensor = torch.Tensor
Bound = Callable[[torch.dtype, list[Any]], tuple[list[Any], list[Any]]]


def learned(
    definition: Definition,
    x: Tensor,
    numbers: list[Tensor],
    bound: Bound,
    general: Callable[..., Tensor],
) -> Tensor | None:
    """Return the spikes of `Relaxed`, whose parameters are unbounded numbers of an optimiser.

    ``bound(dtype, numbers)`` are the parameters and their slopes, by which the gradient goes on
    without being recorded. None where ``general(x, *numbers)`` must be taken.
    """
    if not torch.is_grad_enabled() or definition.comparison is None:
        return None
    if definition.residual_dtype is not None or not is_plain(x, *numbers):
        return None
    if not (x.is_cpu or x.is_cuda) or x.dtype not in (torch.float32, torch.float64):
        return None
    if not all(n.dtype is x.dtype and n.device == x.device and n.numel() == 1 for n in numbers):
        return None
    spikes: Tensor = _apply_learned(x, definition, bound, general, *numbers)
    return spikes


class RelaxedSpike(torch.autograd.Function):
    """The spikes of ``general(x, *arrays)``, differentiated as these are."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        kept: Tensor | None,
        definition: Definition,
        general: Callable[..., Tensor],
        *arrays: Tensor,
    ) -> Tensor:
        """Return the spikes."""
        ctx.definition, ctx.general, ctx.dtype = definition, general, x.dtype
        ctx.save_for_backward(x if kept is None else kept, *arrays)
        return emitted(definition, x, arrays)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        """Return the gradients of `x` and of the parameters."""
        x, *arrays = ctx.saved_tensors
        if x.dtype is not ctx.dtype:
            x = widened(x, ctx.dtype)
        _, _, _, _, *wanted = needed = ctx.needs_input_grad
        grads = None
        # they were plain in forward; hooks of saved tensors may have moved them
        if is_unwatched(cotangent) and all(a.device == cotangent.device for a in (x, *arrays)):
            grads = relaxed_gradients(ctx.definition, x, cotangent, tuple(arrays), wanted)
            if grads is not None and ctx.definition.residual_dtype == "uint8":
                levels = ctx.definition.combine(arrays).surrogate_grad(x)
                grads[0] = cotangent * levels
        if grads is None:
            grads = _recorded_gradients(ctx.general, (x, *arrays), cotangent, (needed[0], *wanted))
        return (grads[0], None, None, None, *grads[1:])


apply_relaxed = apply_of(RelaxedSpike)


def has_short_form(definition: Definition, number: int) -> bool:  # under Dynamo only
    """Return whether the gradient of each array follows from the derivative and the area."""
    return all(definition.area_powers(index) is not None for index in range(number))


class TracedRelaxedSpike(torch.autograd.Function):  # under Dynamo only
    """The spikes of `Relaxed` while Dynamo traces, where `has_short_form`.

    For the recorded form a compiler keeps masks, and parameters as large as `x`; for this one `x`.
    """

    @staticmethod
    def forward(x: Tensor, definition: Definition, *arrays: Tensor) -> Tensor:
        """Return the spikes."""
        return fresh(definition, definition.combine(arrays).emit(x).to(x.dtype))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        """Keep `x` and the parameters."""
        x, ctx.definition, *arrays = inputs
        ctx.save_for_backward(x, *arrays)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        """Return the gradients of `x` and of the parameters, 0 where the area has none."""
        x, *arrays = ctx.saved_tensors
        definition = ctx.definition
        surrogate = definition.combine(arrays)
        wide = x if x.dtype == torch.float64 else x.float()
        xp = double if wide.dtype is torch.float64 else single
        slope = surrogate.formula("derivative", xp, wide)
        is_live = torch.isfinite(wide) & torch.isfinite(slope)
        grads = []
        for index, array in enumerate(arrays):
            power, scale = definition.area_powers(index)
            moment = power * (wide * slope)
            if scale:
                area = surrogate.formula("area", xp, wide)
                is_live = is_live & torch.isfinite(area)
                moment = moment + scale * area
            moment = cotangent.to(wide.dtype) * torch.where(is_live, moment, 0.0)
            total = moment.sum_to_size(array.shape) if array.ndim else moment.sum()
            grads.append(total / array)
        return ((cotangent * slope.to(x.dtype)).to(x.dtype), None, *grads)


def traced_relaxed(x: Tensor, definition: Definition, *arrays: Tensor) -> Tensor:
    """Return the spikes of `Relaxed` while a compiler traces, where `has_short_form`."""
    spikes: Tensor = TracedRelaxedSpike.apply(x, definition, *arrays)  # type: ignore[no-untyped-call]
    return spikes


class _LearnedSpike(torch.autograd.Function):
    """The spikes of ``general(x, *numbers)``, as `learned` has them."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        definition: Definition,
        bound: Bound,
        general: Callable[..., Tensor],
        *numbers: Tensor,
    ) -> Tensor:
        ctx.definition, ctx.bound, ctx.general = definition, bound, general
        ctx.save_for_backward(x, *numbers)
        return emitted(definition, x, ())

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        x, *numbers = ctx.saved_tensors
        of_x, _, _, _, *wanted = ctx.needs_input_grad
        found = None
        # they were plain in forward; hooks of saved tensors may have moved them
        if is_unwatched(cotangent) and all(a.device == cotangent.device for a in (x, *numbers)):
            # to read a number would wait for a device
            known = numbers if x.is_cuda else [number.item() for number in numbers]
            bounds = ctx.bound(x.dtype, known)
            found = learned_gradients(ctx.definition, x, cotangent, bounds, wanted)
        if found is None:
            inputs = (x, *numbers)
            grads = _recorded_gradients(ctx.general, inputs, cotangent, (of_x, *wanted))
            return (grads[0], None, None, None, *grads[1:])
        grads = found[1]
        if not x.is_cuda:
            grads = [n.new_full(n.shape, v) for n, v in zip(numbers, grads, strict=True)]
        return (found[0], None, None, None, *grads)


_apply_learned = apply_of(_LearnedSpike)


def _recorded_gradients(
    general: Callable[..., Tensor],
    inputs: tuple[Tensor, ...],
    cotangent: Tensor,
    needed: tuple[bool, ...],
) -> list[Tensor | None]:
    is_recorded = torch.is_grad_enabled()
    with torch.enable_grad():
        if is_recorded:
            # one may have been computed from another, whose gradient goes on from here by itself
            inputs = tuple(a.view_as(a) for a in inputs)
        else:
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
