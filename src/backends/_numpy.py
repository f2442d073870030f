"""NumPy, and array-api-strict, which wraps it.

Neither has autodiff that could be told how to differentiate a step. The hook is the pair that
`Backend.linearize` supplies: ``spikes, pullback = surrogates.vjp(surrogate, x)``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import array_api_compat.numpy
import numpy as np

from ._backend import Backend, Definition
from ._compiler.graph import FUNCTIONS, WORKING
from ._compiler.program import Dialect

_WORKING = {np.dtype(name): WORKING[name] for name in ("float16", "float32", "float64")}


def _where(condition: Any, x: Any, y: Any, out: Any) -> None:
    np.copyto(out, np.where(condition, x, y))  # a masked copy would be slower


def _copy(x: Any, out: Any) -> None:
    np.copyto(out, x)


class NumpyDialect(Dialect):
    """Programs of ufuncs."""

    functions = MappingProxyType(
        {f"{op}_": ufunc for op, ufunc in FUNCTIONS.items()}
        | {"copy_": _copy, "number_": _copy, "where_": _where}
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

    def is_contiguous(self, x: Any) -> bool:
        """Return whether `x` lies in memory as a vector."""
        return bool(x.flags.c_contiguous)

    def copy(self, target: Any, source: Any) -> None:
        """Copy into `target`, in its dtype."""
        np.copyto(target, source, casting="same_kind")


_DIALECT = NumpyDialect()


class NumpyBackend(Backend):
    """Arrays without a tape, computed by NumPy."""

    def evaluate(self, definition: Definition, x: Any, arrays: tuple[Any, ...], name: str) -> Any:
        """Return the primitive or derivative without warnings of overflow and underflow.

        The definitions are written so that either gives the limit.
        """
        dtype = _WORKING.get(x.dtype) if type(x) is np.ndarray and not arrays else None
        with self.quiet():
            program = dtype and _DIALECT.program(definition, name, dtype, product=False)
            if not program:
                return super().evaluate(definition, x, arrays, name)
            return _DIALECT.evaluate(program, x, None, np.empty_like(x))

    def spike(self, definition: Definition, x: Any, arrays: tuple[Any, ...]) -> Any:
        """Return the spikes: by one comparison where they are no more than that."""
        comparison = definition.comparison
        if comparison is None or type(x) is not np.ndarray:
            with self.quiet():
                spikes = super().spike(definition, x, arrays)
            # NumPy's functions make a number of an array without axes
            return np.asarray(spikes) if type(x) is np.ndarray else spikes
        spikes = np.empty_like(x)
        if not x.flags.forc:  # a comparison reads strided memory slower than a copy does
            np.copyto(spikes, x)
            x = spikes
        return FUNCTIONS[comparison](x, 0, out=spikes)

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

    def quiet(self) -> Any:
        """Return a context in which NumPy does not warn of overflow and underflow."""
        return np.errstate(over="ignore", under="ignore")

    def uniform(self, generator: Any, x: Any) -> Any:
        """Return random numbers from a `numpy.random.Generator`."""
        if not isinstance(generator, np.random.Generator):
            raise TypeError(f"expected a numpy.random.Generator, got {generator!r}")
        # Not rounded to half precision: 1 would come out, and probabilities below its spacing
        # could not be told apart.
        xp = self.namespace(x)
        dtype = np.float64 if x.dtype == xp.float64 else np.float32
        return xp.asarray(generator.random(x.shape, dtype))


BACKEND = NumpyBackend()
