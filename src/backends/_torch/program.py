"""PyTorch on CPU, eager: the step and its gradient in place, block by block.

What a peer's `autograd.Function` spends on fresh temporaries, and on a number as an operand, which
PyTorch makes a tensor of at each call, is saved here.
"""

from __future__ import annotations

import ctypes
import sys
from collections import Counter
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch._C import (
    DispatchKey,
    DispatchKeySet,
    _DisableFuncTorch,
    _dispatch_keys,
    _get_tracing_state,
    _len_torch_dispatch_stack,
)
from torch._C._functorch import (
    get_unwrapped,
    is_functorch_wrapped_tensor,
    peek_interpreter_stack,
)
from torch.autograd import forward_ad

from .._compiler.graph import Symbol, nodes_of
from .._compiler.program import Dialect

Tensor = torch.Tensor

# What a formula is computed in, by the dtype of x.
_WORKING = {
    torch.float16: "float32",
    torch.bfloat16: "float32",
    torch.float32: "float32",
    torch.float64: "float64",
}
_COMPARISONS = {"ge": torch.ge, "gt": torch.gt}


def _copy(x: Tensor, out: Tensor) -> None:
    out.copy_(x)


def _isnan(x: Tensor, out: Tensor) -> None:
    torch.ne(x, x, out=out)


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
    block_bytes = 2**22

    def options(self, dtype: str) -> dict[str, bool]:
        """Return what a formula is traced with."""
        # exp2 takes half the time of exp; in double its argument, up to 1000, would cost digits
        return {"special": True, "exp2": dtype == "float32"}

    def fused(self, root: Symbol) -> Symbol:
        """Return a graph in which one operation does the work of several, where there is such."""
        users = Counter(o for n in nodes_of(root) for o in set(n.operands) if isinstance(o, Symbol))
        new: dict[Symbol, Symbol] = {}
        once: set[Symbol] = set()  # what has one user can be united with that
        for node in nodes_of(root):
            if node.op in ("input", "constant"):
                new[node] = node
                continue
            new[node] = _united(node, [new[o] for o in node.operands], once)
            if users[node] == 1:
                once.add(new[node])
        return new[root]

    def constant(self, value: float | bool, dtype: str) -> Tensor:
        """Return a 0-dimensional tensor."""
        number = torch.bool if isinstance(value, bool) else self.dtype(dtype)
        return torch.tensor(value, dtype=number, device="cpu")

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

    def is_contiguous(self, x: Tensor) -> bool:
        """Return whether `x` lies in memory as a vector."""
        return x.is_contiguous()

    def copy(self, target: Tensor, source: Tensor) -> None:
        """Copy into `target`, in its dtype."""
        target.copy_(source)


def _united(node: Symbol, operands: list[Symbol], once: set[Symbol]) -> Symbol:
    """Return the operation of a node on other operands, as one with an operand where it can be.

    `once` are the nodes that no other operation needs. A constant that is united with another must
    stay a normal number, or the operations stay apart.
    """
    trace = node.trace
    if node.op == "sub" and operands[1] in once and operands[1].op == "mul":
        return trace.node("addcmul", operands[0], *operands[1].operands, ("value", -1.0))
    if node.op == "mul" and operands[0] is operands[1]:
        factor, rest = _scaled(operands[0]) if operands[0] in once else (1.0, None)
        united = None if rest is None else _scaled_product(factor * factor, rest, rest)
        return trace.node("mul", *operands) if united is None else united
    for a, b in (operands, operands[::-1]) if node.op in ("add", "mul") else ():
        if a in once:
            united = _sum(a, b) if node.op == "add" else _product(a, b, once)
            if united is not None:
                return united
    return trace.node(node.op, *operands)


def _sum(a: Symbol, b: Symbol) -> Symbol | None:
    """Return ``a + b`` as one operation with `a`, if there is one."""
    if a.op == "addcmul" and a.operands[0].value == 0.0:
        return a.trace.node("addcmul", b, *a.operands[1:])
    factor, rest = _scaled(a)
    return None if rest is None else a.trace.node("add", b, rest, ("alpha", factor))


def _product(a: Symbol, b: Symbol, once: set[Symbol]) -> Symbol | None:
    """Return ``a * b`` as one operation with `a`, or as many without one, if there are such."""
    if b.op == "constant":
        if a.op == "addcmul" and a.operands[0].value == 0.0:
            _, left, right, (_, factor) = a.operands
            return _scaled_product(factor * b.value, left, right)
        if a.op != "mul" or any(o.op == "constant" for o in a.operands):
            return None  # the product of two constants could leave the range
        return _scaled_product(b.value, *a.operands)
    if _is_reciprocal(a):
        return _quotient(a, b)
    if a.op == "mul" and a.operands[0] is a.operands[1]:
        root = a.operands[0]
        if root in once and _is_reciprocal(root):  # b / y / y: the square of y could overflow
            return _quotient(root, _quotient(root, b))
    factor, rest = _scaled(a)
    return None if rest is None else _scaled_product(factor, rest, b)


def _is_reciprocal(x: Symbol) -> bool:
    return x.op == "div" and x.operands[0].op == "constant"


def _quotient(reciprocal: Symbol, b: Symbol) -> Symbol:
    """Return ``b * c / y`` for the node ``c / y``."""
    trace, (c, y) = reciprocal.trace, reciprocal.operands
    if c.value == 1.0:
        return trace.node("div", b, y)
    return trace.node("addcdiv", trace.asarray(0.0), b, y, ("value", c.value))


def _scaled_product(factor: float, a: Symbol, b: Symbol) -> Symbol | None:
    """Return ``factor * a * b`` as one operation, if the factor can be told in the dtype."""
    if not _is_normal(a, factor):
        return None
    return a.trace.node("addcmul", a.trace.asarray(0.0), a, b, ("value", factor))


def _scaled(x: Symbol) -> tuple[float, Symbol | None]:
    """Return c and y where `x` is c times y, and c can be told in the dtype."""
    factor, rest = 1.0, None
    if x.op == "mul":
        for a, b in (x.operands, x.operands[::-1]):
            if a.op == "constant":
                factor, rest = a.value, b
    elif x.op == "div" and x.operands[1].op == "constant" and x.operands[1].value != 0.0:
        factor, rest = 1 / x.operands[1].value, x.operands[0]
    return (factor, rest) if _is_normal(x, factor) else (1.0, None)


def _is_normal(x: Symbol, number: float) -> bool:
    limits = np.finfo(x.dtype)
    return float(limits.tiny) <= abs(number) <= float(limits.max)


_DIALECT = TorchDialect()


def _keys(x: Tensor) -> int:
    keys: int = _dispatch_keys(x).raw_repr()
    return keys


# Not those of a tensor made here: PyTorch may be in a mode when this is imported.
_INFERENCE = DispatchKeySet(DispatchKey.CPU).add(DispatchKey.AutocastCPU)
_RECORDED = _INFERENCE.add(DispatchKey.AutogradCPU).add(DispatchKey.ADInplaceOrView)
_ORDINARY = frozenset({_INFERENCE.raw_repr(), _RECORDED.raw_repr()})


@cache
def _zero() -> Tensor:
    return torch.zeros((), device="cpu")


def is_plain(*tensors: Tensor) -> bool:
    """Return whether nothing looks on: ordinary tensors on the CPU, no transform, no tracing.

    By the dispatch keys, in which a tensor that is batched, wrapped, fake or sparse differs. Never
    to be asked under `torch.compile`, which does not trace the private symbols: ask
    `torch.compiler.is_compiling` first.
    """
    for x in tensors:
        if type(x) is not Tensor and type(x) is not torch.nn.Parameter:
            return False
        if _keys(x) not in _ORDINARY:
            return False
    return (
        peek_interpreter_stack() is None
        and (forward_ad._current_level < 0 or not any(map(is_dual, tensors)))
        and _len_torch_dispatch_stack() == 0
        and _get_tracing_state() is None
    )


def is_dual(x: Tensor) -> bool:
    """Return whether a tensor carries a tangent of `torch.autograd.forward_ad`, at any depth.

    `forward_ad._current_level` does not tell: it is that of the process, not of the thread.
    """
    while is_functorch_wrapped_tensor(x):
        x = get_unwrapped(x)
    with _DisableFuncTorch():
        return forward_ad.unpack_dual(x).tangent is not None


def is_unwatched(*tensors: Tensor) -> bool:
    """Return whether nobody differentiates, batches or traces what a backward computes of these."""
    recorded = torch.compiler.is_compiling() or torch.is_grad_enabled()
    return not recorded and is_plain(*tensors)


def step(x: Tensor, comparison: str) -> Tensor:
    """Return 1 where a comparison of `x` with 0 holds, else 0."""
    spikes = _empty_like(x)
    if not x.is_contiguous():  # a comparison reads strided memory ten times slower than a copy does
        x = spikes.copy_(x)
    return _COMPARISONS[comparison](x, _zero(), out=spikes)


def gradient(definition: Any, x: Tensor, cotangent: Tensor) -> Tensor | None:
    """Return ``cotangent * definition.surrogate_grad(x)``; None where that has no program."""
    dtype = _WORKING.get(x.dtype)
    program = dtype and _DIALECT.program(definition, "derivative", dtype, product=True)
    if not program or cotangent.dtype is not x.dtype:
        return None
    grad: Tensor = _DIALECT.evaluate(program, x, cotangent, _empty_like(x))
    return grad


def _empty_like(x: Tensor) -> Tensor:
    out = torch.empty_like(x)
    if out.nbytes >= _LARGE:
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
