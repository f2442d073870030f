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

from . import _torch_residual
from ._backend import Backend
from ._torch_program import gradient, is_plain, is_unwatched, step

Tensor = torch.Tensor

# Nodes of the two-point Gauss-Legendre rule on [0, 1].
_NODES = (0.5 - math.sqrt(1 / 12), 0.5 + math.sqrt(1 / 12))


class TorchBackend(Backend):
    """Differentiates by autograd, `torch.func` and forward mode, eager and compiled."""

    @property
    def differentiates(self) -> bool:
        """Whether PyTorch differentiates: not what is exported for inference."""
        return not torch.onnx.is_in_onnx_export()

    def spike(self, definition: Any, x: Tensor, arrays: tuple[Tensor, ...]) -> Tensor:
        """Return the spikes, in the form that suits what is tracing them."""
        spikes: Tensor
        if definition.residual_dtype is not None:
            tracked = x.requires_grad and torch.is_grad_enabled()
            if tracked and not (_needs_arithmetic() or torch.onnx.is_in_onnx_export()):
                return _torch_residual.spike(definition, x, arrays)
        if not torch.compiler.is_compiling() and not arrays and is_plain(x):
            return _eager_spike(definition, x)
        if torch.onnx.is_in_onnx_export():
            spikes = definition.combine(arrays).emit(x)  # a model for inference: the step alone
        elif _needs_arithmetic():
            spikes = _arithmetic(x, definition, arrays)
        elif torch.compiler.is_compiling() and not (x.requires_grad and torch.is_grad_enabled()):
            # Dynamo hands `forward` a context that it does not take, if it has variadic arguments.
            spikes = definition.combine(arrays).emit(x)
        else:
            spikes = _Spike.apply(x, definition, *arrays)  # type: ignore[no-untyped-call]
        return spikes

    def namespace(self, x: Tensor) -> Any:
        """Return the array-API namespace of PyTorch, without a cache that Dynamo warns of."""
        return array_api_compat.torch

    def copy(self, x: Tensor) -> Tensor:
        """Return a copy of `x`."""
        return x.clone()

    def constant(self, x: Tensor) -> Tensor:
        """Return `x` as a constant to differentiation."""
        return x.detach()

    def once(self, function: Any, *arrays: Tensor) -> Tensor:
        """Return ``function(*arrays)``, whose differentiation raises NotImplementedError."""
        return _torch_residual.once(function(*(a.detach() for a in arrays)), *arrays)

    def derivative(self, function: Any, x: Tensor) -> Tensor:
        """Return the derivative of an elementwise function, by `torch.func.vjp`."""
        pullback: Any = torch.func.vjp(function, x)[1]
        derivative: Tensor = pullback(torch.ones_like(x))[0]
        return derivative

    def uniform(self, generator: Any, x: Tensor) -> Tensor:
        """Return random numbers from a `torch.Generator` on the device of `x`."""
        if not isinstance(generator, torch.Generator):
            raise TypeError(f"expected a torch.Generator, got {generator!r}")
        return torch.rand(
            x.shape,
            generator=generator,
            dtype=torch.promote_types(x.dtype, torch.float32),
            device=x.device,
        )

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


def _eager_spike(definition: Any, x: Tensor) -> Tensor:
    if x.requires_grad and torch.is_grad_enabled():
        spikes: Tensor = _EagerSpike.apply(x, definition)  # type: ignore[no-untyped-call]
        return spikes
    return _step(definition, x)


def _step(definition: Any, x: Tensor) -> Tensor:
    comparison = definition.comparison
    spikes: Tensor = definition.emit(x) if comparison is None else step(x, comparison)
    return spikes


class _EagerSpike(torch.autograd.Function):
    """`_Spike` where no transform can see it: PyTorch calls this older form faster."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, definition: Any) -> Tensor:
        ctx.definition = definition
        ctx.save_for_backward(x)
        return _step(definition, x)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        grad = None
        # x was plain in forward; hooks of saved tensors may have moved it
        if is_unwatched(cotangent) and x.device == cotangent.device:
            grad = gradient(ctx.definition, x, cotangent)
        if grad is None:
            grad = cotangent * ctx.definition.surrogate_grad(x).to(x.dtype)
        return grad, None


class _Spike(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, definition: Any, *arrays: Tensor) -> Tensor:
        # A zero of each parameter: where vmap batches a parameter it must batch the spikes too,
        # or the gradient of an unbatched x comes out too large by the batch size.
        for array in arrays:
            x = x + torch.zeros_like(array, dtype=x.dtype)
        spikes: Tensor = definition.combine(arrays).emit(x)
        return spikes

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        x, ctx.definition, *arrays = inputs
        ctx.save_for_backward(x, *arrays)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        x, *arrays = ctx.saved_tensors
        grad = cotangent * ctx.definition.combine(arrays).surrogate_grad(x).to(x.dtype)
        # no gradient of the parameters: the step does not depend on them
        return (grad, None, *(None for _ in arrays))


def _arithmetic(x: Tensor, definition: Any, arrays: tuple[Tensor, ...]) -> Tensor:
    # The spike at x0 plus the integral of the derivative d from x0 to x, taken at x = x0: the value
    # is the spike. The two-point Gauss rule integrates cubics exactly, so the first four
    # derivatives are those of d. Infinite and NaN x are left out, as inf - inf would be NaN.
    surrogate = definition.combine(arrays)
    live = torch.where(torch.isfinite(x.detach()), x, 0.0)
    frozen = live.detach()
    step = live - frozen
    slopes = [surrogate.exact_grad(frozen + node * step) for node in _NODES]
    carrier: Tensor = step * ((slopes[0] + slopes[1]) / 2)
    spikes: Tensor = surrogate.emit(x.detach()) + carrier
    return spikes


BACKEND = TorchBackend()
