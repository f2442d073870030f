"""The kinds of array that the tests run on, and the strategies and checks they share."""

from __future__ import annotations

import importlib.util
import os
from enum import Enum
from functools import cache
from typing import Any

import numpy as np
import pytest

from surrogates._parameters import COUNT
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
    MLX = "mlx"

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
            return on_device(values)
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
        if self is Kind.MLX:
            import mlx.core as mx

            mx.set_default_device(mx.cpu)
            return mx.array(values)
        import cupy

        return cupy.asarray(values)

    def numpy(self, array: Array) -> np.ndarray:
        """Return an array of this kind as one of NumPy."""
        if self in (Kind.TORCH, Kind.TORCH_CUDA):
            array = array.detach().cpu()
        if self in (Kind.CUPY, Kind.STRICT):
            array = array.get()
        return np.asarray(array)

    def gradient(self, function: Any, x: Array) -> Array:
        """Return the gradient of ``sum(function(x))`` as the library itself computes it."""
        if self in (Kind.TORCH, Kind.TORCH_CUDA):
            x = x.clone().requires_grad_()
            function(x).sum().backward()
            return x.grad
        if self is Kind.MLX:
            import mlx.core as mx

            return mx.grad(lambda x: function(x).sum())(x)
        import jax

        return jax.grad(lambda x: function(x).sum())(x)


def on_device(values: np.ndarray) -> Array:
    """Return an array of array-api-strict on its second device.

    As CuPy's on a GPU it becomes NumPy's by its method `get` alone, and meets no array elsewhere.
    """
    import array_api_strict

    array = array_api_strict.asarray(values, device=array_api_strict.Device("device1"))
    host = array_api_strict.Device("CPU_DEVICE")
    type(array).get = lambda array: np.asarray(array.to_device(host))
    return array


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
    if kind is Kind.MLX:
        import mlx.core as mx

        return mx.random.key(1)
    return np.random.default_rng(1)


def others_long(names, *short):
    """Mark the tests of all names but some as long: see ``--quick``."""
    return [name if name in short else pytest.param(name, marks=pytest.mark.long) for name in names]


def parameters(kinds: Any) -> list[Any]:
    """Return `kinds` as pytest parameters with their marks."""
    return [pytest.param(kind, marks=kind.marks, id=kind.name.lower()) for kind in kinds]


def assert_like(actual: Array, x: Array, kind: Kind) -> None:
    """Assert that `actual` is an array of the type, dtype, shape and device of `x`."""
    from array_api_compat import device

    assert type(actual) is type(x)
    assert actual.dtype == x.dtype
    assert actual.shape == x.shape
    if kind is not Kind.MLX:  # whose arrays are on no device: an operation is
        assert device(actual) == device(x)


# MLX's float64 is single precision within `exp` and others, which the tests' bounds are not for.
PRECISE = [kind for kind in Kind if kind is not Kind.MLX]
every_surrogate = pytest.mark.parametrize("cls", SURROGATES.values(), ids=SURROGATES.keys())
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def real_parameters(cls: type) -> list[str]:
    """Return the names of the parameters of a class that may be arrays: what counts may not."""
    declared = declared_parameters(cls)
    return [p.name for p in declared if p.metadata["interval"] is not COUNT]


REAL_PARAMETERS = [(cls, name) for cls in SURROGATES.values() for name in real_parameters(cls)]
every_real_parameter = pytest.mark.parametrize(
    ("cls", "name"), REAL_PARAMETERS, ids=lambda v: v if isinstance(v, str) else v.__name__
)


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
