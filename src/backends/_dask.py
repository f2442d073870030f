"""Dask: a graph of blocks, each computed by the backend of the array that the block is.

Every result is lazy and has the chunks of `x`; no block looks at another. Evaluating a whole
formula on a block, instead of each of its operations on a graph of its own, keeps the task graph
as small as the number of chunks, and keeps the settings of the block's backend.
"""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np

from ._backend import Backend

Array = Any


class DaskBackend(Backend):
    """Arrays without a tape, in blocks, evaluated when asked for."""

    converts_numpy = True

    def spike(self, definition: Any, x: Array, arrays: tuple[Array, ...]) -> Array:
        """Return the spikes, lazily."""
        return _by_block("__call__", definition, x, arrays)

    def evaluate(self, name: str, definition: Any, x: Array, arrays: tuple[Array, ...]) -> Array:
        """Return the primitive or derivative, lazily."""
        method = "surrogate_fun" if name == "primitive" else "surrogate_grad"
        return _by_block(method, definition, x, arrays)

    def dtype(self, x: Array, name: str) -> Any:
        """Return the dtype of a name, as NumPy has it."""
        return getattr(np, name, None)

    def uniform(self, generator: Any, x: Array) -> Array:
        """Return random numbers from a `dask.array.random.Generator`, in the chunks of `x`."""
        if not isinstance(generator, da.random.Generator):
            raise TypeError(f"expected a dask.array.random.Generator, got {generator!r}")
        return generator.random(x.shape, chunks=x.chunks).astype(x.dtype)


def _by_block(method: str, definition: Any, x: Array, arrays: tuple[Array, ...]) -> Array:
    operands = (x, *(_aligned(array, x) for array in arrays))
    return da.map_blocks(
        _block, *operands, method=method, definition=definition, dtype=x.dtype, meta=x._meta
    )


def _aligned(array: Array, x: Array) -> Array:
    """Return a parameter cut at the places where `x` is, so that no block needs another."""
    if isinstance(array, np.ndarray):
        array = da.from_array(array, chunks=-1)
    chunks = x.chunks[x.ndim - array.ndim :]
    return array.rechunk(tuple(c if n > 1 else 1 for c, n in zip(chunks, array.shape, strict=True)))


def _block(x: Array, *arrays: Array, method: str, definition: Any) -> Array:
    return getattr(definition.combine(arrays), method)(x)


BACKEND = DaskBackend()
