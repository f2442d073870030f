"""How the check evaluates a function in each framework."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

Values = np.ndarray[Any, Any]

DTYPES = ("float64", "float32", "float16", "bfloat16")
HALF = ("float16", "bfloat16")
"""Computed in float32 and rounded once."""


class Numpy:
    """NumPy, in which the stated bounds hold as they are, and a warning is an error.

    Except a warning of overflow, which `Surrogate` cannot suppress in a method of your own.
    """

    name = "numpy"
    dtypes = DTYPES[:3]
    allowance = 1.0
    flushes = False

    def evaluate(
        self, function: Callable[[Any], Any], x: Values, dtype: str, strict: bool = True
    ) -> Values:
        """Return ``function(x)``, computed by this framework in `dtype`."""
        raised: Literal["raise", "ignore"] = "raise" if strict else "ignore"
        with np.errstate(divide=raised, invalid=raised, over="ignore", under="ignore"):
            result: Values = function(x)
        return result


class Torch:
    """PyTorch on CPU, in which twice the stated bounds hold.

    Its logistic function is 0 where it would be subnormal.
    """

    name = "torch"
    dtypes = DTYPES
    allowance = 2.0
    flushes = True

    def evaluate(
        self, function: Callable[[Any], Any], x: Values, dtype: str, strict: bool = True
    ) -> Values:
        """Return ``function(x)``, computed by this framework in `dtype`."""
        import torch

        result = function(torch.from_numpy(x.copy()).to(getattr(torch, dtype)))
        values: Values = result.to(torch.from_numpy(x[:0]).dtype).numpy()
        return values


class Jax:
    """JAX on its default device, in which twice the stated bounds hold.

    On CPU, XLA treats subnormal numbers as zero, in intermediate results too.
    """

    name = "jax"
    dtypes = DTYPES
    allowance = 2.0
    flushes = True

    def evaluate(
        self, function: Callable[[Any], Any], x: Values, dtype: str, strict: bool = True
    ) -> Values:
        """Return ``function(x)``, computed by this framework in `dtype`."""
        import jax

        if hasattr(jax, "enable_x64"):
            double = jax.enable_x64(True)
        else:  # before JAX 0.8
            from jax.experimental import enable_x64  # type: ignore[attr-defined]

            double = enable_x64()
        padded = np.zeros(-(-x.size // 1024) * 1024, x.dtype)  # JAX compiles anew for each shape
        padded[: x.size] = x
        with double:
            result = np.asarray(function(jax.numpy.asarray(padded, dtype)))
        return result.astype(x.dtype)[: x.size]


def installed(only: list[str] | None = None) -> list[Numpy | Torch | Jax]:
    """Return the frameworks that are installed here, or those of the names `only` among them."""
    found = [f() for f in (Numpy, Torch, Jax) if importlib.util.find_spec(f.name) is not None]
    return [f for f in found if only is None or f.name in only]
