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

from surrogates._check.accuracy import Reference, ulps
from surrogates._parameters import ABOVE_ONE, COUNT, FINITE, NON_NEGATIVE, POSITIVE
from surrogates._parameters import parameters as declared_parameters
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
    DASK = "dask"

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
        if self is Kind.DASK:
            import dask.array

            halves = tuple(max(1, -(-n // 2)) for n in values.shape)
            return dask.array.from_array(values, chunks=halves)
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


def generator(kind: Kind) -> Any:
    """Return a generator of random numbers, of the kind's library."""
    if kind.value.strip() == "torch":
        import torch

        device = "cuda" if kind.name.endswith("CUDA") else "cpu"
        return torch.Generator(device).manual_seed(1)
    if kind.value.strip() == "jax":
        import jax

        return jax.random.key(1)
    if kind.value == "cupy":
        import cupy

        return cupy.random.default_rng(1)
    if kind is Kind.DASK:
        import dask.array

        return dask.array.random.default_rng(1)
    return np.random.default_rng(1)


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


def assert_as_stated(
    surrogate: Any, function: str, actual: np.ndarray, exact: np.ndarray, kind: Kind
) -> None:
    """Assert that the derivative or primitive has the accuracy that the surrogate states.

    `exact` is it in NumPy's float64. PyTorch, JAX and CuPy are allowed twice as much.
    """
    assert np.array_equal(np.isnan(actual), np.isnan(exact))
    actual, exact = actual[np.isfinite(exact)], exact[np.isfinite(exact)]
    truth = Reference(exact, exact, np.zeros_like(exact))
    of_bound, error = ulps(surrogate, function, actual, truth, flushes=True)
    allowed = 1 if kind in (Kind.NUMPY, Kind.NUMPY_READONLY, Kind.STRICT) else 2
    allowed += exact.dtype == actual.dtype  # the reference errs as well
    assert np.all(of_bound <= allowed), (actual, exact, error)


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


# Exact in float32, so that every dtype holds the same parameter.
_VALUES = {
    POSITIVE: st.floats(2.0**-7, 2.0**7, width=32),
    NON_NEGATIVE: st.floats(0, 8, width=32, allow_subnormal=False),
    FINITE: st.floats(-8, 8, width=32, allow_subnormal=False),
    ABOVE_ONE: st.floats(1.125, 16, width=32),
    COUNT: st.integers(1, 4),
}


def surrogates_of(cls: type) -> st.SearchStrategy[Any]:
    """Draw surrogates of class `cls`, the default among them."""
    values = {p.name: _VALUES[p.metadata["interval"]] for p in declared_parameters(cls)}
    default = cls(**{p.name: _in_float32(p.default) for p in declared_parameters(cls)})
    return st.one_of(st.just(default), st.builds(cls, **values))


def _in_float32(value: Any) -> Any:
    return float(np.float32(value)) if isinstance(value, float) else value


every_surrogate = pytest.mark.parametrize("cls", SURROGATES.values(), ids=SURROGATES.keys())
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


HALVES = [(Kind.NUMPY, "float16"), (Kind.TORCH, "float16"), (Kind.TORCH, "bfloat16")]
HALVES += [(Kind.JAX, "float16"), (Kind.JAX, "bfloat16")]


def in_half(values, half, kind):
    if kind.missing():
        pytest.skip(kind.missing())
    x = kind.array(np.asarray(values, np.float32))
    if kind is Kind.TORCH:
        import torch

        return x.to(getattr(torch, half))
    return x.astype(half)


def floats(array, kind):
    return kind.numpy(array.float() if kind is Kind.TORCH else array.astype("float32"))
