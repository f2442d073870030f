"""NumPy, and array-api-strict, which wraps it.

Neither has autodiff that could be told how to differentiate a step. The hook is the pair that
`Backend.linearize` supplies: ``spikes, pullback = surrogates.vjp(surrogate, x)``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import array_api_compat.numpy
import numpy as np

from ._backend import Backend, Definition
from ._compiler.graph import FUNCTIONS, WORKING, Symbol
from ._compiler.program import Dialect, choose_by_bits
from ._compiler.text import Program

_WORKING = {np.dtype(name): WORKING[name] for name in ("float16", "float32", "float64")}
_ZEROS = {dtype: np.zeros((), dtype) for dtype in _WORKING}  # cheaper as an operand than a number
_ONE_IN_HALF = np.uint16(0x3C00)  # its bits
_FEW = 2**17  # elements, up to which two passes, to compare and to convert, are faster than one
_FEW_TO_CHOOSE = 2**12  # elements, up to which `np.where` is as fast as four passes


def _where(condition: Any, x: Any, y: Any, out: Any) -> Any:
    if out is None:
        return np.where(condition, x, y)
    if out.size < _FEW_TO_CHOOSE or out.dtype == bool or condition.shape != out.shape:
        np.copyto(out, np.where(condition, x, y))  # a masked copy would be slower
        return out
    bits = np.dtype(f"i{out.itemsize}")
    choose_by_bits(
        np.bitwise_xor, condition.astype(bits), x.view(bits), y.view(bits), out.view(bits)
    )
    return out


def _where_rarely(condition: Any, x: Any, y: Any, out: Any) -> Any:
    if out is None:
        return np.where(condition, x, y)
    if out is not y:
        np.copyto(out, y)
    if condition.any():
        np.copyto(out, x, where=condition)
    return out


def _copy(x: Any, out: Any) -> Any:
    if out is None:
        return np.copy(x, order="K")
    np.copyto(out, x)
    return out


def _number(condition: Any, zero: Any, out: Any) -> Any:
    return condition.astype(zero.dtype) if out is None else _copy(condition, out)


class NumpyDialect(Dialect):
    """Programs of ufuncs."""

    functions = MappingProxyType(
        {f"{op}_": ufunc for op, ufunc in FUNCTIONS.items()}
        | {"copy_": _copy, "number_": _number, "where_": _where, "where_rarely_": _where_rarely}
    )
    block_bytes = 2**19

    def constant(self, value: float | bool, dtype: str) -> Any:
        """Return a 0-dimensional array: cheaper as an operand than a number."""
        return np.asarray(value, dtype=bool if isinstance(value, bool) else dtype)

    def like(self, x: Any, dtype: Any) -> Any:
        """Return an uninitialised array of the shape and layout of `x`."""
        return np.empty_like(x, dtype)

    def buffer(self, size: int, dtype: Any) -> Any:
        """Return an uninitialised vector."""
        return np.empty(size, dtype)

    def dtype(self, name: str) -> Any:
        """Return the dtype of a name."""
        return np.dtype(name)

    def size(self, x: Any) -> int:
        """Return the number of elements."""
        return int(x.size)

    def strides(self, x: Any) -> tuple[int, ...]:
        """Return the strides, in bytes."""
        strides: tuple[int, ...] = x.strides
        return strides

    def permuted(self, x: Any, axes: list[int]) -> Any:
        """Return a view with its axes in another order."""
        return x.transpose(axes)

    def expanded(self, x: Any, shape: tuple[int, ...]) -> Any:
        """Return a view that is broadcast to a shape."""
        return x if x.shape == shape else np.broadcast_to(x, shape)

    def is_contiguous(self, x: Any) -> bool:
        """Return whether `x` lies in memory as a vector."""
        return bool(x.flags.c_contiguous)

    def call(self, node: Symbol) -> tuple[str, tuple[Any, ...]]:
        """Return the operation and the operands: squares and the copy of NaN take half the time."""
        if node.op == "number":
            return "number", (*node.operands, "zero")
        if node.op == "mul" and node.operands[0] is node.operands[1]:
            return "square", node.operands[:1]
        if node.op == "where" and node.operands[0].op == "isnan" and node.operands[1].op == "input":
            return "where_rarely", node.operands
        return super().call(node)

    def target(self, op: str, place: str) -> str:
        """Return the argument that tells an operation where to write: by its place, a sixth faster.

        NumPy 2.4 deprecated that for two of them.
        """
        return super().target(op, place) if op in ("maximum", "minimum") else place

    def copy(self, target: Any, source: Any) -> None:
        """Copy into `target`, in its dtype."""
        np.copyto(target, source, casting="same_kind")


_DIALECT = NumpyDialect()


class _Plan(NamedTuple):
    """What a surrogate and a dtype come to, so that a small call looks it up once."""

    evaluate: Callable[[Any], Any]
    compare: Any
    """The function of the spikes, None where they are no comparison, or better made otherwise."""
    zero: Any
    """What it compares with."""


_Plans = dict[Any, _Plan | None]  # by dtype
# By identity, since hash and equality of a definition take longer: the definition, its attributes
# when the plans were made, and these; None where the plans may change with the same attributes.
_Known = tuple[Definition | None, dict[str, Any], _Plans | None]
_known: dict[int, _Known] = {}
_MOST_KNOWN = 256
_UNKNOWN: _Known = (None, {}, None)


def _plan_of(definition: Definition, dtype: Any) -> _Plan | None:
    """Return the plan of the derivative for arrays of a dtype, None where there is no program."""
    owner, attributes, plans = _known.get(id(definition), _UNKNOWN)
    try:
        is_known = owner is definition and attributes == definition.__dict__
    except ValueError:  # an array is there now instead of a number
        is_known = False
    if not is_known:
        plans = _remembered(definition)
    if plans is None:
        return _plan(definition, "derivative", dtype)
    plan = plans.get(dtype)
    if plan is None:
        plan = plans[dtype] = _plan(definition, "derivative", dtype)
    return plan


def _remembered(definition: Definition) -> _Plans | None:
    attributes = definition.__dict__
    plans: _Plans | None = None
    if _is_plain(*attributes.values()):
        attributes, plans = attributes.copy(), {}
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[id(definition)] = (definition, attributes, plans)
    return plans


def _is_plain(*values: Any) -> bool:
    """Return whether values are numbers, words and tuples of these, and no surrogates."""
    return all(
        value is None
        or isinstance(value, (float, int, str))
        or (isinstance(value, tuple) and _is_plain(*value))
        for value in values
    )


@lru_cache(maxsize=256)
def _plan(definition: Definition, name: str, dtype: Any) -> _Plan | None:
    working = _WORKING.get(dtype)
    program = working and _DIALECT.program(definition, name, working, product=False)
    if not program:
        return None
    compare = None if dtype == np.float16 else FUNCTIONS.get(definition.comparison or "")
    return _Plan(_evaluation(program, dtype), compare, _ZEROS[dtype])


def _evaluation(program: Program, dtype: Any) -> Callable[[Any], Any]:
    """Return the function of an array that runs a program without warnings."""
    run, rest = program.run, (*program.constants, *(None for _ in program.buffers))
    few = _FEW_TO_CHOOSE if program.dtype == dtype else 0

    @np.errstate(over="ignore", under="ignore")  # a decorator takes half the time of a context
    def evaluate(x: Any) -> Any:
        if x.size < few and x.ndim:  # NumPy's functions make the arrays in less time than we do
            return run(x, None, None, *rest)
        return _DIALECT.evaluate(program, x, None, np.empty_like(x))

    return evaluate


class NumpyBackend(Backend):
    """Arrays without a tape, computed by NumPy."""

    no_out = None

    def evaluate(self, definition: Definition, x: Any, arrays: tuple[Any, ...], name: str) -> Any:
        """Return the primitive or derivative without warnings of overflow and underflow.

        The definitions are written so that either gives the limit.
        """
        if type(x) is np.ndarray and definition.is_fixed:
            if name == "derivative":
                plan = _plan_of(definition, x.dtype)
            else:
                plan = _plan(definition, name, x.dtype)
            if plan:
                return plan.evaluate(x)
        with self.quiet():
            if type(x) is np.ndarray and arrays and x.dtype in _WORKING:
                dtype = _WORKING[x.dtype]
                program = _DIALECT.program(definition, name, dtype, len(arrays), product=False)
                if program:
                    return _DIALECT.evaluate(program, x, None, np.empty_like(x), arrays)
            return super().evaluate(definition, x, arrays, name)

    def linearize(self, definition: Definition, x: Any, arrays: tuple[Any, ...]) -> tuple[Any, Any]:
        """Return the spikes and the derivative; of few elements by one look-up."""
        if type(x) is np.ndarray and definition.is_fixed and x.ndim and x.size <= _FEW:
            plan = _plan_of(definition, x.dtype)
            if plan:
                evaluate, compare, zero = plan
                if compare:
                    return compare(x, zero).astype(x.dtype), evaluate(x)
        return super().linearize(definition, x, arrays)

    def spike(self, definition: Definition, x: Any, arrays: tuple[Any, ...]) -> Any:
        """Return the spikes: by one comparison where they are no more than that."""
        comparison = definition.comparison
        if comparison is None or type(x) is not np.ndarray:
            with self.quiet():
                spikes = super().spike(definition, x, arrays)
            # NumPy's functions make a number of an array without axes
            return np.asarray(spikes) if type(x) is np.ndarray else spikes
        zero = _ZEROS[x.dtype]
        if x.ndim and x.dtype == np.float16:  # NumPy is slow to compare it, and to make it of bool
            holds = FUNCTIONS[comparison](x, zero, signature="ff->?")
            return (holds * _ONE_IN_HALF).view(np.float16)
        if x.ndim and x.size <= _FEW:  # of an array without axes both would be numbers
            return FUNCTIONS[comparison](x, zero).astype(x.dtype)
        spikes = np.empty_like(x)
        if not x.flags.forc:  # a comparison reads strided memory slower than a copy does
            np.copyto(spikes, x)
            x = spikes
        return FUNCTIONS[comparison](x, zero, out=spikes)

    def multiply(self, x: Any, y: Any, out: Any) -> None:
        """Write ``x * y`` to the array `out`; NumPy copies first what it overlaps with."""
        if isinstance(out, np.ndarray):
            np.multiply(x, y, out=out)
        else:
            out[...] = self.namespace(out).astype(x * y, out.dtype)

    def namespace(self, x: Any) -> Any:
        """Return the namespace of the array API that `x` belongs to."""
        if type(x) is np.ndarray:
            return array_api_compat.numpy
        if isinstance(x, np.matrix):
            raise TypeError("numpy.matrix redefines *: convert it with numpy.asarray(x)")
        if isinstance(x, np.ma.MaskedArray):
            raise TypeError(
                "a masked array would lose its mask in some operations: give its values, by "
                "numpy.ma.filled(x, value) or numpy.ma.getdata(x), and mask the result"
            )
        return super().namespace(x)

    def rounded(self, x: Any, dtype: Any) -> Any:
        """Return `x` in a narrower dtype."""
        with self.quiet():
            return super().rounded(x, dtype)

    def copy(self, x: Any) -> Any:
        """Return a copy of `x`; a number, which nothing changes, stays one."""
        return x if isinstance(x, np.generic) else super().copy(x)

    def is_known(self, x: Any) -> bool:
        """Return True: nothing is traced."""
        return True

    def extremes(self, array: Any) -> tuple[float, float] | None:
        """Return the least and the largest value."""
        xp = self.namespace(array)
        wide = xp.astype(array, xp.float64, copy=False)  # NumPy warns of a NaN in half precision
        return (float(xp.min(wide)), float(xp.max(wide))) if 0 not in array.shape else None

    def quiet(self) -> Any:
        """Return a context in which NumPy does not warn of overflow and underflow."""
        return np.errstate(over="ignore", under="ignore")

    def uniform(self, generator: Any, x: Any) -> Any:
        """Return random numbers from a `numpy.random.Generator`."""
        if not isinstance(generator, np.random.Generator):
            raise TypeError(
                "generator must be a numpy.random.Generator, such as numpy.random.default_rng(0), "
                f"got {generator!r}"
            )
        # Not rounded to half precision: 1 would come out, and probabilities below its spacing
        # could not be told apart.
        xp = self.namespace(x)
        dtype = np.float64 if x.dtype == xp.float64 else np.float32
        return xp.asarray(generator.random(x.shape, dtype), device=x.device)


BACKEND = NumpyBackend()
