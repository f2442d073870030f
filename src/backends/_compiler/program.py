"""Straight-line programs: a traced formula, evaluated in place on a few buffers.

A plain expression passes over memory once for each of its operations, each time with a fresh
temporary. A program writes the same operations, in the same order, into two or three buffers
(``out=``), one of which is the result. Small arrays are taken whole, large ones in blocks that fit
the cache, so that the buffers never leave it and memory is passed over once.

Each library has a `Dialect`, which says how its operations, arrays and buffers are called.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, ClassVar

from .graph import Symbol, Trace, nodes_of, trace, traced
from .tangent import tangent
from .tape import Tape
from .text import Program, of_constants, template_of

Array = Any


def choose_by_bits(xor: Any, condition: Array, x: Array, y: Array, out: Array) -> None:
    """Write `x` to `out` where a condition holds, else `y`; all are integers of one width.

    A condition is 0 or 1, and is written over. Of random signs a library's `where` guesses every
    other one wrong, which costs more than these passes.
    """
    condition *= x ^ y
    xor(y, condition, out=out)


class Dialect(ABC):
    """How one library allocates, slices and computes in place."""

    functions: ClassVar[Mapping[str, Any]]
    """The functions that a graph is made of, each with a keyword ``out``, which it returns."""

    block_bytes: ClassVar[int]
    """The size of a block for one thread, and of its share of each buffer."""

    def threads(self) -> int:
        """Return how many threads share the work on a block."""
        return 1

    def options(self, dtype: str) -> dict[str, bool]:
        """Return what a formula is traced with: see `graph.Trace`."""
        return {}

    @abstractmethod
    def constant(self, value: float | bool, dtype: str) -> Array:
        """Return a 0-dimensional array: cheaper as an operand than a number."""

    def maker(self, dtype: str) -> Callable[[float], Array]:
        """Return a function that makes a `constant` of a float: called for each new parameter."""
        return partial(self.constant, dtype=dtype)

    @abstractmethod
    def like(self, x: Array, dtype: Any) -> Array:
        """Return an uninitialised array of the shape and layout of `x`."""

    @abstractmethod
    def buffer(self, size: int, dtype: Any) -> Array:
        """Return an uninitialised vector."""

    @abstractmethod
    def dtype(self, name: str) -> Any:
        """Return the dtype of a name."""

    @abstractmethod
    def size(self, x: Array) -> int:
        """Return the number of elements."""

    @abstractmethod
    def strides(self, x: Array) -> tuple[int, ...]:
        """Return the strides, in any unit."""

    @abstractmethod
    def permuted(self, x: Array, axes: list[int]) -> Array:
        """Return a view with its axes in another order."""

    @abstractmethod
    def is_contiguous(self, x: Array) -> bool:
        """Return whether `x` lies in memory as a vector."""

    @abstractmethod
    def expanded(self, x: Array, shape: tuple[int, ...]) -> Array:
        """Return a view that is broadcast to a shape."""

    @abstractmethod
    def copy(self, target: Array, source: Array) -> None:
        """Copy into `target`, in its dtype."""

    def fused(self, root: Symbol) -> Symbol:
        """Return a graph with the library's own compound operations in it, where it has any."""
        return root

    def finite(self, root: Symbol) -> Symbol:
        """Return a graph of the same values where all of its nodes are finite: else NaN, perhaps.

        For an area and its derivative to a parameter, of which the caller looks at the sum.
        """
        return root

    def call(self, node: Symbol) -> tuple[str, tuple[Any, ...]]:
        """Return the operation and the operands by which a node is computed fastest."""
        return node.op, node.operands

    def target(self, op: str, place: str) -> str:
        """Return the argument that tells an operation of a program where to write."""
        return f"out={place}"

    def program(
        self, definition: Any, name: str, dtype: str, number_of_arrays: int = 0, *, product: bool
    ) -> Program | None:
        """Return the program of a definition's formula, or None if it cannot be traced.

        With `product` it ends with a multiplication by `v`. The 256 last used are kept.
        """
        if not definition.is_traceable:  # it may not be hashable, and the cache must not hold it
            return None
        return _program(self, definition, name, dtype, number_of_arrays, product)

    def parameter_program(
        self, definition: Any, dtype: str, number_of_arrays: int, index: int
    ) -> Program | None:
        """Return the program of a parameter's gradient under `Relaxed`, times `v`, elementwise."""
        if not definition.is_traceable:
            return None
        return _parameter_program(self, definition, dtype, number_of_arrays, index)

    def evaluate(
        self,
        program: Program,
        x: Array,
        v: Array | None,
        out: Array,
        arrays: tuple[Array, ...] = (),
    ) -> Array:
        """Run a program on arrays of any layout, and return `out`.

        Arrays of another dtype than the program's are converted, block by block; parameters are of
        that dtype, and of the rank of `x` or without axes.
        """
        small = program.prelude(*arrays) if arrays else ()
        run, constants, dtypes = program.run, program.constants, program.buffers
        if x.dtype != program.dtype:
            run = partial(self._run_cast, program)
            dtypes += (program.dtype,) * 3
        size, block = self.size(x), self.block_bytes // program.dtype.itemsize
        if size <= block:
            run(x, v, out, *small, *constants, *[self.like(x, dtype) for dtype in dtypes])
            return out
        block = min(block * self.threads(), size)
        if v is not None and not any(self.strides(v)):
            v = v[(0,) * v.ndim]  # one number, expanded: the cotangent of a sum
        buffers = [self.buffer(block, dtype) for dtype in dtypes]
        for x_, v_, out_, *small_ in self._blocks(x, v, out, small, block):
            n = math.prod(x_.shape)
            run(
                x_,
                v_,
                out_,
                *small_,
                *constants,
                *(b if x_.shape == b.shape else b[:n].reshape(x_.shape) for b in buffers),
            )
        return out

    def _run_cast(
        self, program: Program, x: Array, v: Array | None, out: Array, *rest: Array
    ) -> None:
        *rest_, wide_x, wide_v, wide_out = rest
        self.copy(wide_x, x)
        if v is not None:
            self.copy(wide_v, v)
        program.run(wide_x, wide_v, wide_out, *rest_)
        self.copy(out, wide_out)

    def _blocks(
        self, x: Array, v: Array | None, out: Array, small: tuple[Array, ...], block: int
    ) -> Iterator[list[Any]]:
        """Cut arrays into blocks, along the order of `x` in memory."""
        strides = self.strides(x)
        axes = sorted(range(len(strides)), key=lambda axis: -abs(strides[axis]))
        # numbers, and arrays without axes, are the same in each block
        whole: list[Any] = [x, v, out, *small]
        places = [i for i, a in enumerate(whole) if a is not None and a.ndim > 0]
        arrays = [self.permuted(self.expanded(whole[i], x.shape), axes) for i in places]
        if all(self.is_contiguous(a) for a in arrays):
            arrays = [a.reshape(-1) for a in arrays]
        for parts in _cut(arrays, block):
            for place, part in zip(places, parts, strict=True):
                whole[place] = part
            yield whole


def _cut(arrays: list[Array], block: int) -> Iterator[list[Array]]:
    shape = arrays[0].shape
    if len(shape) == 1:  # the most frequent case, and the same as below
        for start in range(0, shape[0], block):
            yield [a[start : start + block] for a in arrays]
        return
    size = math.prod(shape)
    if size <= block:
        yield arrays
        return
    axis = next(axis for axis, length in enumerate(shape) if length > 1)
    step = max(1, block * shape[axis] // size)
    for start in range(0, shape[axis], step):
        part = (slice(None),) * axis + (slice(start, start + step),)
        yield from _cut([a[part] for a in arrays], block)


@lru_cache(maxsize=256)
def _program(
    dialect: Dialect,
    definition: Any,
    name: str,
    dtype: str,
    number_of_arrays: int,
    product: bool,
) -> Program | None:
    # with arrays, the numbers next to them stay constants
    shared, numbers = (definition, ()) if number_of_arrays else definition.lifted()
    templates = _templates(dialect, shared, name, dtype, number_of_arrays, product)
    if None in templates:
        shared, numbers, templates = definition, (), []
    for template in templates:
        program: Program | None = template.of(*numbers)
        if program is not None:
            return program
    tape = Tape(numbers)
    options: dict[str, Any] = dialect.options(dtype)
    root = trace(shared, name, dtype, number_of_arrays, numbers=tape.numbers, **options)
    if numbers and (root is None or of_constants(nodes_of(root))):  # it can do without, perhaps
        templates.append(None)
        return _program(dialect, definition, name, dtype, number_of_arrays, product)
    if root is None or not any(node is root.trace.input("x") for node in nodes_of(root)):
        return None  # the plain expression gives a constant the shape of x
    if name == "area":
        root = dialect.finite(root)
    if product:
        root = root.trace.apply("mul", root, root.trace.input("v"))
    template = template_of(dialect, dialect.fused(root), dtype, number_of_arrays, tape)
    if tape.is_valid and len(templates) < _MOST_TEMPLATES:
        templates.append(template)
    return template.of(*numbers)


_MOST_TEMPLATES = 16  # of one definition without its numbers, which decide between them


@lru_cache(maxsize=256)
def _templates(*arguments: Any) -> list[Any]:
    """Return the list in which the templates for the arguments of `_program` are kept.

    None in it: numbers cannot be recorded.
    """
    return []


@lru_cache(maxsize=256)
def _parameter_program(
    dialect: Dialect, definition: Any, dtype: str, number_of_arrays: int, index: int
) -> Program | None:
    def gradient(surrogate: Any, xp: Trace, x: Symbol) -> Symbol:
        power, scale = definition.area_powers(index) or (0, 0)
        if power and not scale:  # with a scale the form has more operations than the derivative
            parameter: Any = xp.input(f"p{index}")
            slope = power / parameter * (x * surrogate.formula("derivative", xp, x))
        else:
            slope = tangent(xp.asarray(surrogate.formula("area", xp, x)), f"p{index}")
        return xp.apply("mul", slope, xp.input("v"))

    options: dict[str, Any] = dialect.options(dtype)
    root = traced(definition, gradient, dtype, number_of_arrays, **options)
    if root is None:
        return None
    root = dialect.fused(dialect.finite(root))
    return template_of(dialect, root, dtype, number_of_arrays, Tape(())).of()
