"""PyTorch: the spike of a surrogate that stores less than `x`, see `surrogates.Compressed`.

The residual, which is what is stored, is computed outside of the Function and passed to it as an
argument. So autograd records how it comes from `x`, and a second derivative can pass through it. An
integer residual has no gradient: the second derivative would be zero in silence, so it raises.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from .._backend import BEYOND, Definition
from .program import gradient
from .state import fresh, in_transform, is_unwatched

Tensor = torch.Tensor
_ROUNDED_UP = (torch.float16, torch.bfloat16)
_BEYOND = {torch.float16: BEYOND["float16"], torch.bfloat16: BEYOND["bfloat16"]}


def spike(definition: Definition, x: Tensor, arrays: tuple[Tensor, ...]) -> Tensor:
    """Return the spikes; autograd saves ``definition.kept(x)`` instead of `x`."""
    surrogate = definition.combine(arrays)
    if definition.residual_dtype != "uint8":
        kept, tie = surrogate.kept(x), None
    else:
        kept, tie = surrogate.kept(x.detach()), _tie(x)
    spikes: Tensor = _Spike.apply(x, kept, tie, definition, *arrays)  # type: ignore[no-untyped-call]
    return spikes


class _Spike(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, kept: Tensor, tie: Tensor | None, definition: Definition, *arrays: Tensor
    ) -> Tensor:
        x = batched_like(x, arrays)
        return fresh(definition, definition.combine(arrays).emit(x).to(x.dtype))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        _, kept, tie, ctx.definition, *arrays = inputs
        ctx.dtype = output.dtype
        ctx.tied = tie is not None
        ctx.save_for_backward(kept, *([tie] if ctx.tied else []), *arrays)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        kept, *arrays = ctx.saved_tensors
        grad = tie = None
        if ctx.tied:
            tie, *arrays = arrays
        # 8 bits are no x, and bfloat16 makes of the largest float16 what is beyond it
        is_x = kept.is_floating_point() and (ctx.dtype, kept.dtype) != _ROUNDED_UP
        if is_x and not arrays and is_unwatched(kept, cotangent):
            grad = gradient(ctx.definition, widened(kept, ctx.dtype), cotangent)
        if grad is None:
            grad = cotangent * ctx.definition.combine(arrays).restored(kept, ctx.dtype)
            grad = grad.to(ctx.dtype)
        if tie is not None and torch.is_grad_enabled():  # this backward is itself recorded
            grad = _Nondifferentiable.apply(grad, tie)  # type: ignore[no-untyped-call]
        return (grad, None, None, None, *(None for _ in arrays))


def widened(kept: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what was kept as `x`: that of `Backend`, in place, in a fifth of the time."""
    x = kept.to(dtype)
    beyond = _BEYOND.get(kept.dtype)
    if beyond is not None and dtype is not kept.dtype:
        x.nan_to_num_(math.nan, beyond, -beyond)
    return x


def nondifferentiable(result: Tensor, *sources: Tensor) -> Tensor:
    """Return `result`, which raises when it is differentiated with respect to `sources`."""
    refusing: Tensor = _Nondifferentiable.apply(result, *map(_tie, sources))  # type: ignore[no-untyped-call]
    return refusing


def batched_like(x: Tensor, arrays: tuple[Tensor, ...]) -> Tensor:
    """Return `x`, batched if one of the arrays is.

    Where vmap batches a parameter it must batch the spikes too, or the gradient of an unbatched `x`
    comes out too large by the batch size. Elsewhere it would cost a pass, and with a DTensor that
    is split otherwise than `x` a gather. (Dynamo sees no Function inside vmap.)
    """
    if torch.compiler.is_dynamo_compiling() or not in_transform():
        return x
    for array in arrays:
        x = x + torch.zeros_like(array, dtype=x.dtype)
    return x


def _tie(x: Tensor) -> Tensor:
    """Return a tensor without elements that autograd still traces back to `x`."""
    return x.unsqueeze(-1)[..., :0].clone()


class _Nondifferentiable(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(grad: Tensor, *ties: Tensor) -> Tensor:
        return grad.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        if any(ctx.needs_input_grad[1:]):
            raise NotImplementedError(
                'Compressed(surrogate, "uint8") has a first derivative only: its 8 bits do not '
                'tell the second; take "float16" or "bfloat16", or the surrogate without Compressed'
            )
        return (cotangent, *(None for _ in ctx.needs_input_grad[1:]))
