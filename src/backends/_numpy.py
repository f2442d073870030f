"""NumPy, and array-api-strict, which wraps it.

Neither records a tape, so that nothing can be told how to differentiate a step. The hook is the
pair that `Backend` supplies: ``spikes, pullback = surrogates.vjp(surrogate, x)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._backend import Backend


class NumpyBackend(Backend):
    """Arrays without a tape, computed by NumPy."""

    def evaluate(self, name: str, definition: Any, x: Any, arrays: tuple[Any, ...]) -> Any:
        """Return the primitive or derivative without warnings of overflow and underflow.

        The definitions are written so that either gives the limit.
        """
        with np.errstate(over="ignore", under="ignore"):
            return super().evaluate(name, definition, x, arrays)

    def namespace(self, x: Any) -> Any:
        """Return the namespace of the array API that `x` belongs to."""
        if isinstance(x, np.matrix):
            raise TypeError("numpy.matrix redefines *: convert it with numpy.asarray(x)")
        return super().namespace(x)

    def uniform(self, generator: Any, x: Any) -> Any:
        """Return random numbers from a `numpy.random.Generator`."""
        if not isinstance(generator, np.random.Generator):
            raise TypeError(f"expected a numpy.random.Generator, got {generator!r}")
        return self.namespace(x).asarray(generator.random(x.shape), dtype=x.dtype)

    def like(self, x: Any, result: Any) -> Any:
        """Return a 0-dimensional array where `x` is one: NumPy's functions make it a scalar."""
        return np.asarray(result) if type(x) is np.ndarray and x.ndim == 0 else result


BACKEND = NumpyBackend()
