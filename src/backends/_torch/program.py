"""PyTorch, eager: the step and its gradient; on the CPU in place, block by block.

This saves two costs of the usual `autograd.Function`: fresh temporaries, and numbers as operands,
which PyTorch turns into tensors at each call.
"""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Callable
from functools import cache, partial
from types import MappingProxyType
from typing import Any

import torch

from .._backend import Definition
from .._compiler.graph import Symbol
from .._compiler.program import Dialect, choose_by_bits
from . import cuda
from .cuda import WORKING_OF
from .fused import fused, without_choice

Tensor = torch.Tensor


def _copy(x: Tensor, out: Tensor) -> Tensor:
    return out.copy_(x)


def _isnan(x: Tensor, out: Tensor | None) -> Tensor:
    return torch.ne(x, x, out=out)


def _nan_or_zero(x: Tensor, out: Tensor) -> Tensor:
    return torch.clamp(x, 0.0, 0.0, out=out)


_FEW_TO_CHOOSE = 2**13  # elements, up to which `torch.where` is as fast as four passes


def _where(condition: Tensor, x: Tensor, y: Tensor, out: Tensor | None) -> Tensor:
    if (
        out is None
        or out.numel() < _FEW_TO_CHOOSE
        or out.dtype is not torch.float32  # of 64 bits a product takes too long
        or condition.shape != out.shape
    ):
        return torch.where(condition, x, y, out=out)
    bits = torch.int32
    choose_by_bits(
        torch.bitwise_xor, condition.to(bits), x.view(bits), y.view(bits), out.view(bits)
    )
    return out


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
            "is_ge_": torch.ge,
            "is_gt_": torch.gt,
            "is_le_": torch.le,
            "is_lt_": torch.lt,
            "isnan_": _isnan,
            "le_": torch.le,
            "log_": torch.log,
            "log1p_": torch.log1p,
            "lt_": torch.lt,
            "maximum_": torch.maximum,
            "minimum_": torch.minimum,
            "mul_": torch.mul,
            "nan_or_zero_": _nan_or_zero,
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
            "where_": _where,
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

    def finite(self, root: Symbol) -> Symbol:
        """Return a graph that is faster, and whose values are the same where they are finite."""
        return without_choice(root)

    def constant(self, value: float | bool, dtype: str) -> Tensor:
        """Return a 0-dimensional tensor."""
        number = torch.bool if isinstance(value, bool) else self.dtype(dtype)
        # a third of the time of `torch.tensor`
        return torch.scalar_tensor(value, dtype=number, device="cpu")

    def maker(self, dtype: str) -> Callable[[float], Tensor]:
        """Return a function that makes a 0-dimensional tensor of a float."""
        return partial(torch.scalar_tensor, dtype=self.dtype(dtype), device=_CPU)

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


_CPU = torch.device("cpu")  # read faster than its name
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
    # a wider parameter may have changed the dtype; a user's may be `x` itself, which is edited
    return spikes.to(x.dtype, copy=not definition.returns_new)


def _step(x: Tensor, comparison: str) -> Tensor:
    """Return 1 where a comparison of `x` with 0 holds, else 0: on CUDA by one kernel."""
    spikes = _empty_like(x)
    if not x.is_contiguous() and not x.is_cuda:
        # a comparison reads strided memory ten times slower than a copy does
        x = spikes.copy_(x)
    getattr(torch, comparison)(x, _zero(), out=spikes)
    return spikes


def gradient(
    definition: Definition, x: Tensor, cotangent: Tensor, arrays: tuple[Tensor, ...] = ()
) -> Tensor | None:
    """Return ``cotangent * definition.combine(arrays).surrogate_grad(x)``.

    None where there is no program.
    """
    if x.is_cuda:
        return cuda.gradient(definition, x, cotangent, arrays)
    dtype = WORKING_OF.get(x.dtype)
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
) -> list[Tensor | None] | None:
    """Return the gradients of `x` and of the parameters of a definition that relaxes.

    None where one has no program, and where `x` is far out or a gradient is not finite: there the
    recorded form tells which elements have one.
    """
    if x.is_cuda:
        return cuda.relaxed_gradients(definition, x, cotangent, arrays, wanted)
    grad = gradient(definition, x, cotangent, arrays)
    if grad is None or x.numel() == 0:
        return None
    grads: list[Tensor | None] = [grad]
    known: dict[Any, Any] = {}
    total, is_covered = 0.0, False
    for index, array in enumerate(arrays):
        found = None
        if wanted[index]:
            terms, power = _terms(definition, x, cotangent, grad, arrays, index, known)
            if terms is None:
                return None
            found = terms.sum_to_size(array.shape)
            found = found / array * power if power else found
            total += found.sum().item()
            is_covered |= power != 0
        grads.append(found)
    total += 0.0 if is_covered else grad.sum().item()
    return grads if math.isfinite(total) else None


def learned_gradients(
    definition: Definition,
    x: Tensor,
    cotangent: Tensor,
    bounds: tuple[list[Any], list[Any]],
    wanted: list[bool],
) -> tuple[Tensor, list[Any]] | None:
    """Return the gradients of `x` and of numbers: of each `bounds` has a parameter and its slope.

    None as in `relaxed_gradients`. The number of one that is not wanted is 0, on CUDA None.
    """
    if x.is_cuda:
        return cuda.learned_gradients(definition, x, cotangent, bounds, wanted)
    arrays = tuple(x.new_full((), value) for value in bounds[0])
    grad = gradient(definition, x, cotangent, arrays)
    if grad is None or x.numel() == 0:
        return None
    known: dict[Any, Any] = {}
    found, largest, is_covered = [], torch.finfo(x.dtype).max, False
    for index, (value, slope) in enumerate(zip(*bounds, strict=True)):
        number = 0.0
        if wanted[index]:
            terms, power = _terms(definition, x, cotangent, grad, arrays, index, known)
            if terms is None or (power and not value):
                return None
            number = terms.sum().item() * (power * (slope / value) if power else slope)
            if not abs(number) <= largest:  # nor NaN
                return None
            is_covered |= power != 0
        found.append(number)
    return (grad, found) if is_covered or math.isfinite(grad.sum().item()) else None


def _terms(
    definition: Definition,
    x: Tensor,
    cotangent: Tensor,
    grad: Tensor,
    arrays: tuple[Tensor, ...],
    index: int,
    known: dict[Any, Any],
) -> tuple[Tensor | None, int]:
    """Return what the gradient of an array is the sum of, and a power.

    Where that is not 0 the gradient is the sum times the power over the array, and it is not finite
    where `x` or `grad` is not. Nothing is computed twice that is `known`.
    """
    powers = definition.area_powers(index)
    is_short = powers is not None and x.dtype in _WIDE  # half precision was rounded already
    if powers is None or not is_short or powers[1]:
        if "far" not in known:
            known["far"] = _is_far_out(x)
        if known["far"]:
            return None, 0
    if powers is None or not is_short:
        return _parameter_terms(definition, x, cotangent, arrays, index), 0
    if powers not in known:
        known[powers] = _moments(definition, x, cotangent, grad, arrays, powers)
    return known[powers], powers[1] or powers[0]


def _moments(
    definition: Definition,
    x: Tensor,
    cotangent: Tensor,
    grad: Tensor,
    arrays: tuple[Tensor, ...],
    powers: tuple[int, int],
) -> Tensor | None:
    """Return the terms that `Definition.area_powers` states, over the last power that is not 0."""
    power, scale = powers
    if not scale:
        return x * grad
    dtype = WORKING_OF[x.dtype]
    program = _DIALECT.program(definition, "area", dtype, len(arrays), product=True)
    if program is None:
        return None
    terms: Tensor = _DIALECT.evaluate(program, x, cotangent, torch.empty_like(x), arrays)
    return terms.addcmul_(x, grad, value=power / scale)


_WIDE = (torch.float32, torch.float64)


def _is_far_out(x: Tensor) -> bool:
    low, high = map(float, torch.aminmax(x))
    return not (low > -_FAR and high < _FAR)  # NaN is in no interval


def _parameter_terms(
    definition: Definition,
    x: Tensor,
    cotangent: Tensor,
    arrays: tuple[Tensor, ...],
    index: int,
) -> Tensor | None:
    dtype = WORKING_OF[x.dtype]
    program = _DIALECT.parameter_program(definition, dtype, len(arrays), index)
    if program is None:
        return None
    out = torch.empty_like(x, dtype=program.dtype)
    terms: Tensor = _DIALECT.evaluate(program, x, cotangent, out, arrays)
    return terms


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
