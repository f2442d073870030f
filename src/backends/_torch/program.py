"""PyTorch, eager: the step and its gradient; on the CPU in place, block by block.

This saves two costs of the usual `autograd.Function`: fresh temporaries, and numbers as operands,
which PyTorch turns into tensors at each call.
"""

from __future__ import annotations

import ctypes
import math
import sys
from functools import cache
from types import MappingProxyType
from typing import Any

import torch

from .._backend import Definition
from .._compiler.graph import WORKING, Symbol
from .._compiler.program import Dialect
from . import cuda
from .fused import fused

Tensor = torch.Tensor

_WORKING = {getattr(torch, name): working for name, working in WORKING.items()}


def _copy(x: Tensor, out: Tensor) -> None:
    out.copy_(x)


def _isnan(x: Tensor, out: Tensor | None) -> Tensor:
    return torch.ne(x, x, out=out)


class TorchDialect(Dialect):
    """Programs of PyTorch's functions with ``out=``."""

    functions = MappingProxyType(
        {
            "abs_": torch.abs,
            "add_": torch.add,
            "addcdiv_": torch.addcdiv,
            "addcmul_": torch.addcmul,
            "and_": torch.logical_and,
            "atan_": torch.atan,
            "atan2_": torch.atan2,
            "copy_": _copy,
            "cos_": torch.cos,
            "div_": torch.div,
            "eq_": torch.eq,
            "erfc_": torch.special.erfc,
            "exp_": torch.exp,
            "exp2_": torch.exp2,
            "expm1_": torch.expm1,
            "floor_": torch.floor,
            "ge_": torch.ge,
            "gt_": torch.gt,
            "isnan_": _isnan,
            "le_": torch.le,
            "log_": torch.log,
            "log1p_": torch.log1p,
            "lt_": torch.lt,
            "maximum_": torch.maximum,
            "minimum_": torch.minimum,
            "mul_": torch.mul,
            "neg_": torch.neg,
            "not_": torch.logical_not,
            "number_": _copy,
            "or_": torch.logical_or,
            "pow_": torch.pow,
            "remainder_": torch.remainder,
            "round_": torch.round,
            "sigmoid_": torch.sigmoid,
            "sin_": torch.sin,
            "sqrt_": torch.sqrt,
            "square_": torch.square,
            "sub_": torch.sub,
            "tan_": torch.tan,
            "tanh_": torch.tanh,
            "where_": torch.where,
        }
    )
    block_bytes = 2**20

    def threads(self) -> int:
        """Return how many threads share the work on a block: those of PyTorch's functions."""
        return torch.get_num_threads()

    def options(self, dtype: str) -> dict[str, bool]:
        """Return what a formula is traced with."""
        # exp2 takes half the time of exp; in double its argument, up to 1000, would cost digits
        return {"special": True, "exp2": dtype == "float32"}

    def fused(self, root: Symbol) -> Symbol:
        """Return a graph in which single operations do the work of several."""
        return fused(root)

    def constant(self, value: float | bool, dtype: str) -> Tensor:
        """Return a 0-dimensional tensor."""
        number = torch.bool if isinstance(value, bool) else self.dtype(dtype)
        # a third of the time of `torch.tensor`
        return torch.scalar_tensor(value, dtype=number, device="cpu")

    def like(self, x: Tensor, dtype: Any) -> Tensor:
        """Return an uninitialised tensor of the shape and layout of `x`."""
        return torch.empty_like(x) if x.dtype is dtype else torch.empty_like(x, dtype=dtype)

    def buffer(self, size: int, dtype: Any) -> Tensor:
        """Return an uninitialised vector."""
        return torch.empty(size, dtype=dtype, device="cpu")

    def dtype(self, name: str) -> Any:
        """Return the dtype of a name."""
        return getattr(torch, name)

    def size(self, x: Tensor) -> int:
        """Return the number of elements."""
        return x.numel()

    def strides(self, x: Tensor) -> tuple[int, ...]:
        """Return the strides, in elements."""
        return x.stride()

    def permuted(self, x: Tensor, axes: list[int]) -> Tensor:
        """Return a view with its axes in another order."""
        return x.permute(axes)

    def expanded(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return a view that is broadcast to a shape."""
        return x.expand(shape)

    def is_contiguous(self, x: Tensor) -> bool:
        """Return whether `x` lies in memory as a vector."""
        return x.is_contiguous()

    def copy(self, target: Tensor, source: Tensor) -> None:
        """Copy into `target`, in its dtype."""
        target.copy_(source)


_DIALECT = TorchDialect()


@cache
def _zero() -> Tensor:
    return torch.zeros((), device="cpu")


def emitted(definition: Definition, x: Tensor, arrays: tuple[Tensor, ...]) -> Tensor:
    """Return the spikes, not differentiated: by one comparison where they are no more than that."""
    comparison = definition.comparison
    if comparison is not None:
        return _step(x, comparison)
    spikes: Tensor = definition.combine(arrays).emit(x)
    return spikes.to(x.dtype)  # which a wider parameter may have changed


def _step(x: Tensor, comparison: str) -> Tensor:
    """Return 1 where a comparison of `x` with 0 holds, else 0: on CUDA by one kernel."""
    spikes = _empty_like(x)
    if not x.is_contiguous() and not x.is_cuda:
        # a comparison reads strided memory ten times slower than a copy does
        x = spikes.copy_(x)
    compare = torch.ge if comparison == "ge" else torch.gt
    return compare(x, _zero(), out=spikes)


def gradient(
    definition: Definition, x: Tensor, cotangent: Tensor, arrays: tuple[Tensor, ...] = ()
) -> Tensor | None:
    """Return ``cotangent * definition.combine(arrays).surrogate_grad(x)``.

    None where there is no program.
    """
    if x.is_cuda:
        return None if arrays else cuda.gradient(definition, x, cotangent)
    dtype = _WORKING.get(x.dtype)
    program = dtype and _DIALECT.program(definition, "derivative", dtype, len(arrays), product=True)
    if not program or cotangent.dtype is not x.dtype:
        return None
    grad: Tensor = _DIALECT.evaluate(program, x, cotangent, _empty_like(x), arrays)
    return grad


_FAR = 1e18  # its square is finite in float32


def relaxed_gradients(
    definition: Definition,
    x: Tensor,
    cotangent: Tensor,
    arrays: tuple[Tensor, ...],
    wanted: list[bool],
    bounds: tuple[list[float], list[float]] | None = None,
) -> list[Tensor | None] | None:
    """Return the gradients of `x` and of the parameters of a definition that relaxes.

    Where these are numbers that belong to others, `bounds` has them and their derivatives to those,
    whose gradients are returned. None where one has no program, and where `x` is far out or a
    gradient is not finite: there the recorded form tells which elements have one.
    """
    grad = gradient(definition, x, cotangent, arrays)
    if grad is None or x.numel() == 0:
        return None
    grads: list[Tensor | None] = [grad]
    moments: Tensor | None = None  # x times the gradient: not finite where either is not
    is_far_out: bool | None = None
    for index, is_wanted in enumerate(wanted):
        found = None
        if is_wanted:
            power, scale = definition.area_powers(index) or (0, 0)
            if power and not scale and x.dtype in _WIDE:  # half precision was rounded already
                moments = x * grad if moments is None else moments
                if bounds is None:
                    found = moments.sum_to_size(arrays[index].shape) / arrays[index]
                    found = found if power == 1 else -found
                else:
                    value, slope = bounds[0][index], bounds[1][index]
                    factor = power * (slope / value) if value else math.nan
                    found = moments.sum()
                    found = found if factor == 1.0 else found * factor  # it is for most
            else:
                is_far_out = _is_far_out(x) if is_far_out is None else is_far_out
                if not is_far_out:
                    found = _parameter_gradient(definition, x, cotangent, arrays, index)
                if found is not None and bounds is not None:
                    found = found * bounds[1][index]
            if found is None:
                return None
        grads.append(found)
    sums = [g for g in grads[moments is not None :] if g is not None]
    is_finite = math.isfinite(sum(float(g.sum() if g.ndim else g) for g in sums))
    return grads if is_finite else None


_WIDE = (torch.float32, torch.float64)


def _is_far_out(x: Tensor) -> bool:
    low, high = map(float, torch.aminmax(x))
    return not (low > -_FAR and high < _FAR)  # NaN is in no interval


def _parameter_gradient(
    definition: Definition,
    x: Tensor,
    cotangent: Tensor,
    arrays: tuple[Tensor, ...],
    index: int,
) -> Tensor | None:
    dtype = _WORKING[x.dtype]
    program = _DIALECT.parameter_program(definition, dtype, len(arrays), index)
    if program is None:
        return None
    terms = torch.empty_like(x, dtype=program.dtype)
    terms = _DIALECT.evaluate(program, x, cotangent, terms, arrays)
    grad: Tensor = terms.sum_to_size(arrays[index].shape)
    return grad


def _empty_like(x: Tensor) -> Tensor:
    out = torch.empty_like(x)
    if out.nbytes >= _LARGE and not out.is_cuda:
        _ask_for_huge_pages(out)
    return out


_LARGE = 2**25  # from here on glibc takes fresh memory for each tensor
_MADV_HUGEPAGE = 14
_PAGE = 4096


def _ask_for_huge_pages(x: Tensor) -> None:
    """Ask Linux for huge pages: the faults of small ones cost more than the arithmetic.

    NumPy's allocator does, PyTorch's does not. It is advice: where it fails, nothing changes.
    """
    if _madvise is not None:
        start = -(-x.data_ptr() // _PAGE) * _PAGE
        end = (x.data_ptr() + x.nbytes) // _PAGE * _PAGE
        _madvise(start, end - start, _MADV_HUGEPAGE)


def _find_madvise() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return madvise


_madvise = _find_madvise()
