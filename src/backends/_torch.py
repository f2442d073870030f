"""PyTorch: an `autograd.Function`, and plain arithmetic where a Function does not work.

* Eager, and while `torch.compile` traces: a Function with `backward` and a generated `vmap` rule.
  It has no `jvp`: Dynamo refuses a Function with one ("Unsupported custom jvp";
  https://github.com/pytorch/pytorch/issues/180284), and in nested forward mode, as in
  ``jacfwd(jacfwd(f))``, PyTorch calls it with forward mode switched off: the result is 0.
* In forward mode therefore, and while exporting, and while Dynamo traces inside a `torch.func`
  transform: arithmetic. In the last case Dynamo would inline the Function's `forward` and drop
  its derivative in silence (https://github.com/pytorch/pytorch/issues/192985, 193279).
"""

from __future__ import annotations

import math
from typing import Any

import array_api_compat.torch
import torch
from torch._C._functorch import peek_interpreter_stack
from torch.autograd import forward_ad

from ._backend import Backend

Tensor = torch.Tensor

# Nodes of the two-point Gauss-Legendre rule on [0, 1].
_NODES = (0.5 - math.sqrt(1 / 12), 0.5 + math.sqrt(1 / 12))


class TorchBackend(Backend):
    """Differentiates by autograd, `torch.func` and forward mode, eager and compiled."""

    def spike(self, definition: Any, x: Tensor, arrays: tuple[Tensor, ...]) -> Tensor:
        """Return the step of `x`, in the form that suits what is tracing it."""
        if _needs_arithmetic():
            return _arithmetic(x, definition, arrays)
        if torch.compiler.is_compiling() and not (x.requires_grad and torch.is_grad_enabled()):
            # Dynamo hands `forward` a context that it does not take, if it has variadic arguments.
            return (x >= 0).to(x.dtype)
        spikes: Tensor = _Spike.apply(x, definition, *arrays)  # type: ignore[no-untyped-call]
        return spikes

    def namespace(self, x: Tensor) -> Any:
        """Return the array-API namespace of PyTorch, without a cache that Dynamo warns of."""
        return array_api_compat.torch

    def erfc(self, x: Tensor) -> Tensor:
        """Return the complementary error function."""
        result: Tensor = torch.special.erfc(x)
        return result


def _needs_arithmetic() -> bool:
    # `_current_level` and `peek_interpreter_stack` are private, and present in 2.11 to 2.15.
    if forward_ad._current_level >= 0:
        return True
    if not torch.compiler.is_compiling():
        return False
    # isinstance, since under Dynamo an empty stack is not None but None's wrapper
    in_transform = not isinstance(peek_interpreter_stack(), type(None))
    return in_transform or torch.compiler.is_exporting()


class _Spike(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, definition: Any, *arrays: Tensor) -> Tensor:
        # A zero of each parameter: where vmap batches a parameter it must batch the spikes too,
        # or the gradient of an unbatched x comes out too large by the batch size.
        threshold = sum((torch.zeros_like(array) for array in arrays), 0.0)
        return (x >= threshold).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        x, ctx.definition, *arrays = inputs
        ctx.save_for_backward(x, *arrays)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        x, *arrays = ctx.saved_tensors
        grad = cotangent * ctx.definition.combine(arrays).surrogate_grad(x)
        # no gradient of the parameters: the step does not depend on them
        return (grad, None, *(None for _ in arrays))


def _arithmetic(x: Tensor, definition: Any, arrays: tuple[Tensor, ...]) -> Tensor:
    # H(x0) plus the integral of the derivative d from x0 to x, at x = x0: the value is H. The
    # two-point Gauss rule integrates cubics exactly, so the first four derivatives are those of d.
    surrogate = definition.combine(arrays)
    frozen = x.detach()
    step = torch.where(torch.isfinite(frozen), x - frozen, 0.0)  # inf - inf would be NaN
    slopes = [surrogate.surrogate_grad(frozen + node * step) for node in _NODES]
    carrier: Tensor = step * ((slopes[0] + slopes[1]) / 2)
    return (frozen >= 0).to(x.dtype) + carrier


BACKEND = TorchBackend()
