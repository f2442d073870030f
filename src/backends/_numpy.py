"""NumPy, and array-api-strict, which wraps it.

Neither records a tape, so that nothing can be told how to differentiate a step. The hook is the
pair that `Backend` supplies: ``spikes, pullback = surrogates.vjp(surrogate, x)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._backend import Backend


class NumpyBackend(Backend):
    """Arrays without a tape, computed by NumPy."""

    def evaluate(self, maths: Callable[[Any, Any], Any], xp: Any, x: Any) -> Any:
        """Return ``maths(xp, x)`` without warnings of overflow.

        The definitions are written so that an overflow to infinity gives the limit.
        """
        with np.errstate(over="ignore"):
            return maths(xp, x)

    def like(self, x: Any, result: Any) -> Any:
        """Return a 0-dimensional array where `x` is one: NumPy's functions make it a scalar."""
        return np.asarray(result) if type(x) is np.ndarray and x.ndim == 0 else result


BACKEND = NumpyBackend()
