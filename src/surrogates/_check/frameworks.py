"""How the check evaluates a function in each framework."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

Values = np.ndarray[Any, Any]


class Numpy:
    """NumPy, in which the stated bounds hold as they are, and a warning is an error.

    Except of overflow, which in a method of your own `Surrogate` does not get to see.
    """

    name = "numpy"
    allowance = 1.0
    flushes = False

    def evaluate(self, function: Callable[[Any], Any], x: Values) -> Values:
        """Return ``function(x)``, computed by this framework."""
        with np.errstate(divide="raise", invalid="raise", over="ignore", under="ignore"):
            result: Values = function(x)
        return result


class Torch:
    """PyTorch on CPU, in which twice the stated bounds hold.

    Its logistic function is 0 where it would be subnormal.
    """

    name = "torch"
    allowance = 2.0
    flushes = True

    def evaluate(self, function: Callable[[Any], Any], x: Values) -> Values:
        """Return ``function(x)``, computed by this framework."""
        import torch

        result: Values = function(torch.from_numpy(x.copy())).numpy()
        return result


class Jax:
    """JAX on its default device, in which twice the stated bounds hold.

    On CPU, XLA takes subnormal numbers for zero, also on the way.
    """

    name = "jax"
    allowance = 2.0
    flushes = True

    def evaluate(self, function: Callable[[Any], Any], x: Values) -> Values:
        """Return ``function(x)``, computed by this framework."""
        import jax

        if hasattr(jax, "enable_x64"):
            double = jax.enable_x64(True)
        else:  # before JAX 0.8
            from jax.experimental import enable_x64  # type: ignore[attr-defined]

            double = enable_x64()
        with double:
            return np.asarray(function(jax.numpy.asarray(x)))


def installed(only: list[str] | None = None) -> list[Numpy | Torch | Jax]:
    """Return the frameworks that are installed here, or those of the names `only` among them."""
    found = [f() for f in (Numpy, Torch, Jax) if importlib.util.find_spec(f.name) is not None]
    return [f for f in found if only is None or f.name in only]
