"""The kinds of array that the tests run on, and the strategies and checks they share."""

from __future__ import annotations

import importlib.util
import os
from enum import Enum
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.array_api import make_strategies_namespace

from surrogates.definitions import SURROGATES

Array = Any


class Kind(Enum):
    """One kind of array; the value is the module that it comes from."""

    NUMPY = "numpy"
    NUMPY_READONLY = "numpy "
    STRICT = "array_api_strict"
    TORCH = "torch"
    TORCH_CUDA = "torch "
    JAX = "jax"
    JAX_CUDA = "jax "
    CUPY = "cupy"

    @property
    def marks(self) -> list[Any]:
        return [pytest.mark.gpu] if self in (Kind.TORCH_CUDA, Kind.JAX_CUDA, Kind.CUPY) else []

    @cache
    def missing(self) -> str | None:
        """Return why the kind cannot be tested here, or None."""
        library = self.value.strip()
        if importlib.util.find_spec(library) is None:
            if library in os.environ.get("SURROGATES_REQUIRE", "").split(","):
                raise ImportError(f"{library} is to be tested, but is not installed")
            return f"{library} is not installed"
        if self is Kind.TORCH_CUDA:
            import torch

            return None if torch.cuda.is_available() else "PyTorch finds no CUDA device"
        if self is Kind.JAX_CUDA:
            import jax

            return None if jax.default_backend() == "gpu" else "JAX finds no CUDA device"
        if self is Kind.CUPY:
            import cupy

            return None if cupy.is_available() else "CuPy finds no CUDA device"
        return None

    def array(self, values: np.ndarray) -> Array:
        """Return a NumPy array as one of this kind, with its dtype and shape."""
        if self is Kind.NUMPY:
            return values.copy()
        if self is Kind.NUMPY_READONLY:
            values = values.copy()
            values.flags.writeable = False
            return values
        if self is Kind.STRICT:
            import array_api_strict

            return array_api_strict.asarray(values)
        if self in (Kind.TORCH, Kind.TORCH_CUDA):
            import torch

            device = "cpu" if self is Kind.TORCH else "cuda"
            return torch.asarray(values.copy(), device=device)
        if self in (Kind.JAX, Kind.JAX_CUDA):
            import jax

            device = jax.devices("cpu" if self is Kind.JAX else "gpu")[0]
            return jax.device_put(values, device)
        import cupy

        return cupy.asarray(values)

    def numpy(self, array: Array) -> np.ndarray:
        """Return an array of this kind as one of NumPy."""
        if self in (Kind.TORCH, Kind.TORCH_CUDA):
            array = array.detach().cpu()
        if self is Kind.CUPY:
            array = array.get()
        return np.asarray(array)

    def gradient(self, function: Any, x: Array) -> Array:
        """Return the gradient of ``sum(function(x))`` as the library itself computes it."""
        if self in (Kind.TORCH, Kind.TORCH_CUDA):
            x = x.clone().requires_grad_()
            function(x).sum().backward()
            return x.grad
        import jax

        return jax.grad(lambda x: function(x).sum())(x)


WITH_TAPE = (Kind.TORCH, Kind.TORCH_CUDA, Kind.JAX, Kind.JAX_CUDA)


def parameters(kinds: Any) -> list[Any]:
    """Return `kinds` as pytest parameters with their marks."""
    return [pytest.param(kind, marks=kind.marks, id=kind.name.lower()) for kind in kinds]


def assert_like(actual: Array, x: Array, kind: Kind) -> None:
    """Assert that `actual` is an array of the type, dtype, shape and device of `x`."""
    from array_api_compat import device

    assert type(actual) is type(x)
    assert actual.dtype == x.dtype
    assert actual.shape == x.shape
    assert device(actual) == device(x)


def assert_within_ulps(actual: np.ndarray, exact: np.ndarray, ulps: Any) -> None:
    """Assert the distance to `exact`, in units in the last place of `actual`'s dtype.

    Results below the smallest normal number are exempt, up to that number: XLA flushes them.
    """
    assert np.array_equal(np.isnan(actual), np.isnan(exact))
    info = np.finfo(actual.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        unit = np.spacing(np.abs(exact).astype(actual.dtype)).astype(np.float64)
        error = np.abs(actual.astype(np.float64) - exact)
        close = (error <= ulps * unit) | (error <= info.tiny) | (actual == exact)
    assert np.all(close | np.isnan(exact)), (actual[~close], exact[~close], (error / unit)[~close])


# A fixed list: JAX compiles anew for each shape.
SHAPES = ((), (0,), (5,), (2, 3))

xps = make_strategies_namespace(np)


def potentials(dtype: str, shape: tuple[int, ...] | None = None) -> st.SearchStrategy[np.ndarray]:
    """Draw arrays of membrane potentials minus threshold: any value except subnormal numbers.

    Those are excluded since JAX on CPU takes them for zero.
    """
    shapes = st.sampled_from(SHAPES) if shape is None else st.just(shape)
    elements = {"allow_subnormal": False}
    near = {"min_value": -8, "max_value": 8, **elements}
    return st.one_of(
        xps.arrays(dtype, shapes, elements=near), xps.arrays(dtype, shapes, elements=elements)
    )


def surrogates_of(cls: type) -> st.SearchStrategy[Any]:
    """Draw surrogates of class `cls`: its parameters exact in float32."""
    names = cls.__dataclass_fields__
    numbers = st.floats(2.0**-7, 2.0**7, width=32)
    return st.one_of(st.just(cls()), st.builds(cls, **dict.fromkeys(names, numbers)))


every_surrogate = pytest.mark.parametrize("cls", SURROGATES.values(), ids=SURROGATES.keys())
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
