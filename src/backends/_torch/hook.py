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

from typing import Any

import torch
from torch.compiler import is_dynamo_compiling

from .._arithmetic import arithmetic
from .._backend import Backend, Definition
from . import compressed
from .namespaces import double, single
from .program import emitted, gradient
from .relaxed import TracedRelaxedSpike, apply_relaxed, has_short_form
from .state import (
    apply_of,
    fresh,
    has_tangent,
    is_onnx_export,
    is_plain,
    is_recorded,
    is_unwatched,
    needs_arithmetic,
    needs_arithmetic_in_dynamo,
)

Tensor = torch.Tensor
_FLOAT64 = torch.float64


class TorchBackend(Backend):
    """Differentiates by autograd, `torch.func` and forward mode, eager and compiled."""

    no_out = (
        "PyTorch may record the product, and what is written to has a history of its own; "
        "call out.copy_(pullback(cotangent))"
    )

    @property
    def differentiates(self) -> bool:
        """Whether PyTorch differentiates: not what is exported for inference."""
        return not is_onnx_export()

    def spike(self, definition: Definition, x: Tensor, arrays: tuple[Tensor, ...]) -> Tensor:
        """Return the spikes, in the form that suits what is tracing them."""
        spikes: Tensor
        in_dynamo = is_dynamo_compiling()
        if not in_dynamo and is_plain(x, *arrays) and not (arrays and definition.residual_dtype):
            _require_defined(definition, arrays)
            return _eager_spike(definition, x, arrays)
        if (  # under Dynamo only
            in_dynamo
            and not arrays
            and definition.residual_dtype is None
            and not needs_arithmetic_in_dynamo()
        ):
            spikes = _TracedSpike.apply(x, definition)  # type: ignore[no-untyped-call]
            return spikes
        _require_defined(definition, arrays)
        recorded = is_recorded(x)
        if is_onnx_export():
            spikes = definition.combine(arrays).emit(x)  # a model for inference: the step alone
        elif needs_arithmetic(x, *arrays):
            # PyTorch's tangent of a number times a 0-dimensional float32 is a float64
            vector = x if x.ndim > 0 else x.reshape(1)
            spikes = arithmetic(self.namespace(x), self.constant, definition, vector, arrays)
            return spikes if x.ndim > 0 else spikes.reshape(())
        elif in_dynamo and not recorded:  # under Dynamo only
            # Dynamo hands `forward` a context that it does not take, if it has variadic arguments.
            spikes = definition.combine(arrays).emit(x)
        elif recorded and _keeps_less(definition, x):
            spikes = compressed.spike(definition, x, arrays)
        else:
            spikes = _Spike.apply(x, definition, *arrays)  # type: ignore[no-untyped-call]
        return spikes.to(x.dtype)  # which a wider parameter may have changed

    def relaxed(
        self, definition: Definition, x: Tensor, arrays: tuple[Tensor, ...], general: Any
    ) -> Tensor:
        """Return the spikes of `Relaxed`: by a Function of its own where nothing observes it."""
        spikes: Tensor
        in_dynamo = is_dynamo_compiling()
        if (  # under Dynamo only
            in_dynamo
            and any(is_recorded(array) for array in arrays)
            and definition.residual_dtype is None
            and not needs_arithmetic_in_dynamo()
            and has_short_form(definition, len(arrays))
        ):
            spikes = TracedRelaxedSpike.apply(x, definition, *arrays)  # type: ignore[no-untyped-call]
            return spikes
        if in_dynamo or not ((x.is_cpu or x.is_cuda) and is_plain(x, *arrays)):
            spikes = general(x, *arrays)
            return spikes
        if not (torch.is_grad_enabled() and any(array.requires_grad for array in arrays)):
            return self.spike(definition, x, arrays)  # nobody asks for their gradient
        if definition.residual_dtype is not None and x.dtype not in (torch.float32, _FLOAT64):
            spikes = general(x, *arrays)
            return spikes
        _require_defined(definition, arrays)
        spikes = apply_relaxed(x, _kept(definition, x), definition, general, *arrays)
        return spikes

    def namespace(self, x: Tensor) -> Any:
        """Return the array-API namespace of PyTorch, without a cache that Dynamo warns of."""
        return double if x.dtype is _FLOAT64 else single

    def copy(self, x: Tensor) -> Tensor:
        """Return a copy of `x`."""
        return x.clone()

    def widened(self, kept: Tensor, dtype: torch.dtype) -> Tensor:
        """Return `x` in another dtype than it was kept in."""
        return compressed.widened(kept, dtype)

    def constant(self, x: Tensor) -> Tensor:
        """Return `x` as a constant to differentiation."""
        return x.detach()

    def is_known(self, x: Tensor) -> bool:
        """Return whether `x` has values; a CUDA graph that is captured would not wait for them."""
        if is_dynamo_compiling() or not is_plain(x):
            return False
        return not (x.is_cuda and torch.cuda.is_current_stream_capturing())

    def extremes(self, array: Tensor) -> tuple[float, float] | None:
        """Return the least and the largest value, of a plain tensor in the processor's memory."""
        if is_dynamo_compiling() or not (is_plain(array) and array.is_cpu):
            return None
        number = array.numel()
        if number == 1:
            value = array.item()
            return value, value
        if number == 0:
            return None
        least, most = torch.aminmax(array.detach())
        return least.item(), most.item()

    def is_to_be_trained(self, array: Any) -> bool:
        """Return whether it is a Parameter that is being trained; Dynamo traces no warning."""
        is_parameter = isinstance(array, torch.nn.Parameter) and array.requires_grad
        return is_parameter and torch.is_grad_enabled() and not is_dynamo_compiling()

    def nondifferentiable(self, function: Any, *arrays: Tensor) -> Tensor:
        """Return ``function(*arrays)``, whose differentiation raises NotImplementedError."""
        return compressed.nondifferentiable(function(*(a.detach() for a in arrays)), *arrays)

    def derivative(self, function: Any, x: Tensor) -> Tensor:
        """Return the derivative of an elementwise function, by `torch.func.vjp`."""
        pullback: Any = torch.func.vjp(function, x)[1]
        derivative: Tensor = pullback(torch.ones_like(x))[0]
        return derivative

    def uniform(self, generator: Any, x: Tensor) -> Tensor:
        """Return random numbers from a `torch.Generator` on the device of `x`.

        In float64 for float64, else in float32: half precision would round some of them to 1. For
        a DTensor each process draws them all and takes its part of them, so that generators with
        equal seeds give what a single process would get, without communication.
        """
        if not isinstance(generator, torch.Generator):
            raise TypeError(
                "generator must be a torch.Generator, such as torch.Generator().manual_seed(0), "
                f"got {generator!r}"
            )
        dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
        numbers = torch.rand(x.shape, generator=generator, dtype=dtype, device=x.device)
        return _distributed_as(x, numbers) if hasattr(x, "device_mesh") else numbers


def _keeps_less(definition: Definition, x: Tensor) -> bool:
    # Dynamo does not accept x itself as two arguments of a Function
    residual = definition.residual_dtype
    return residual is not None and getattr(torch, residual) is not x.dtype


def _kept(definition: Definition, x: Tensor) -> Tensor | None:
    """Return what is kept of `x`, None where that is all of it."""
    # levels of the derivative tell no parameter's slope
    return None if definition.residual_dtype in (None, "uint8") else definition.kept(x)


def _require_defined(definition: Definition, arrays: tuple[Tensor, ...]) -> None:
    """Raise if a parameter that has no gradient is differentiated."""
    for index, message in definition.undifferentiated:
        array = arrays[index]
        if is_dynamo_compiling():  # under Dynamo only
            array = array * 1  # an argument of func.grad itself does not tell Dynamo
        if is_recorded(array) or has_tangent(array):
            if is_dynamo_compiling():  # under Dynamo only
                message += (
                    "; compiled, forward mode needs a number here, whatever it differentiates"
                )
            raise NotImplementedError(message)


def _distributed_as(x: Any, numbers: Tensor) -> Tensor:
    from torch.distributed.tensor import Replicate, distribute_tensor

    placements = [Replicate() if p.is_partial() else p for p in x.placements]
    # no source: each process takes its part of its own numbers
    return distribute_tensor(numbers, x.device_mesh, placements, src_data_rank=None)


def _eager_spike(definition: Definition, x: Tensor, arrays: tuple[Tensor, ...]) -> Tensor:
    spikes: Tensor
    is_recorded = x.requires_grad or any(array.requires_grad for array in arrays)
    if is_recorded and torch.is_grad_enabled():
        if definition.residual_dtype is not None:
            return compressed.spike(definition, x, ())
        spikes = _apply_eagerly(x, definition, *arrays)
        return spikes
    return emitted(definition, x, arrays)


class _EagerSpike(torch.autograd.Function):
    """`_Spike` where no transform can see it: PyTorch calls this older form faster."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, definition: Definition, *arrays: Tensor) -> Tensor:
        ctx.definition = definition
        ctx.save_for_backward(x, *arrays)
        return emitted(definition, x, arrays)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        x, *arrays = ctx.saved_tensors
        grad = None
        # they were plain in forward; hooks of saved tensors may have moved them
        if is_unwatched(cotangent) and all(a.device == cotangent.device for a in (x, *arrays)):
            grad = gradient(ctx.definition, x, cotangent, arrays)
        if grad is None:
            grad = cotangent * ctx.definition.combine(arrays).surrogate_grad(x).to(x.dtype)
        return (grad, None, *(None for _ in arrays))


_apply_eagerly = apply_of(_EagerSpike)


class _Spike(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, definition: Definition, *arrays: Tensor) -> Tensor:
        x = compressed.batched_like(x, arrays)
        return fresh(definition, definition.combine(arrays).emit(x))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        x, ctx.definition, *arrays = inputs
        ctx.save_for_backward(x, *arrays)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        x, *arrays = ctx.saved_tensors
        surrogate = ctx.definition.combine(arrays) if arrays else ctx.definition
        xp = double if x.dtype is _FLOAT64 else single  # few names: Dynamo guards each
        grad = cotangent * surrogate.formula("derivative", xp, x).to(x.dtype)
        # no gradient of the parameters: the step does not depend on them
        return (grad, None, *(None for _ in arrays))


class _TracedSpike(torch.autograd.Function):  # under Dynamo only
    """`_Spike` without arrays, by few names: a compiled function guards each that it reads."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, definition: Definition) -> Tensor:
        ctx.definition = definition
        ctx.save_for_backward(x)
        comparison = definition.comparison
        if comparison is None:
            return fresh(definition, definition.emit(x))
        return (x >= 0 if comparison == "ge" else x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        definition = ctx.definition
        xp = double if x.dtype.itemsize == 8 else single
        if definition.comparison is not None:  # of one threshold, then
            wide = x if x.dtype.itemsize > 2 else x.float()
            slope = definition.derivative(xp, wide)
            is_like = slope.__class__ is wide.__class__ and slope.shape == wide.shape
            if is_like and slope.dtype is wide.dtype:
                return cotangent * slope.to(x.dtype), None
        return cotangent * definition.formula("derivative", xp, x).to(x.dtype), None


BACKEND = TorchBackend()
