"""Dask: a graph of blocks, each computed by the backend of its own array type.

Every result is lazy and has the chunks of `x`; no block looks at another. Evaluating a whole
formula on a block, instead of each of its operations on a graph of its own, keeps the task graph
as small as the number of chunks, and keeps the settings of the block's backend.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import array_api_compat.dask.array
import dask.array as da
import numpy as np

from ._backend import COMPUTED_LATER, Backend, Definition
from ._numpy import BACKEND as NUMPY

Array = Any


# Dask's arrays may be of float16, which its namespace does not list.
_NAMESPACE = SimpleNamespace(**vars(array_api_compat.dask.array), float16=np.float16)


class DaskBackend(Backend):
    """Arrays without a tape, in blocks, evaluated when asked for."""

    converts_numpy = True
    no_out = (
        "what is lazy has no memory to write to; store the result, by "
        "dask.array.store(pullback(cotangent), target)"
    )

    def spike(self, definition: Definition, x: Array, arrays: tuple[Array, ...]) -> Array:
        """Return the spikes, lazily."""
        return _by_block("__call__", definition, x, arrays)

    def evaluate(
        self, definition: Definition, x: Array, arrays: tuple[Array, ...], name: str
    ) -> Array:
        """Return the primitive or derivative, lazily."""
        method = "surrogate_fun" if name == "primitive" else "exact_grad"
        return _by_block(method, definition, x, arrays)

    def namespace(self, x: Array) -> Any:
        """Return the namespace of the array API that `x` belongs to."""
        return _NAMESPACE if isinstance(x, da.Array) else super().namespace(x)

    def copy(self, x: Array) -> Array:
        """Return another array of the same graph: assigning to one leaves the other alone."""
        return x.copy()

    def rounded(self, x: Array, dtype: Any) -> Array:
        """Return `x` in a narrower dtype, each block as its own library does it."""
        return da.map_blocks(_rounded, x, into=dtype, dtype=dtype)

    def by_block(self, surrogate: Definition, function: Any, x: Array, dtype: Any) -> Array:
        """Return ``function(surrogate, x)``, lazily: a block is computed without warnings."""
        definition, arrays = surrogate.partition()
        operands = (x, *(_aligned(array, x) for array in arrays))
        options = {"function": function, "definition": definition}
        meta = _told(x, dtype)
        return da.map_blocks(_of_block, *operands, **options, dtype=dtype, meta=meta)

    def uniform(self, generator: Any, x: Array) -> Array:
        """Return random numbers from a `dask.array.random.Generator`, in the chunks of `x`.

        Each block is drawn where it is needed, by a generator of its own: seeded by one number from
        `generator` and by the place of the block. So lengths need not be known.
        """
        if not isinstance(generator, da.random.Generator):
            raise TypeError(f"generator must be a dask.array.random.Generator, got {generator!r}")
        dtype = np.dtype("float64" if x.dtype == np.float64 else "float32")
        seed = generator.integers(0, 2**63 - 1, size=())
        return da.map_blocks(_draw, x, seed, dtype=dtype, meta=_told(x, dtype))


def _told(x: Array, dtype: Any) -> Array:
    """Return what tells Dask of a type: without axes `x._meta` has a value, which may not fit."""
    return np.zeros_like(x._meta, dtype=dtype)


def _rounded(x: Array, into: Any) -> Array:
    return NUMPY.rounded(x, into)


def _draw(x: Array, seed: Array, block_id: tuple[int, ...] = ()) -> Array:
    dtype = np.float64 if x.dtype == np.float64 else np.float32
    draws = np.random.default_rng([int(seed), *block_id]).random(x.shape, dtype)
    return NUMPY.namespace(x).asarray(draws)


def _by_block(method: str, definition: Definition, x: Array, arrays: tuple[Array, ...]) -> Array:
    operands = (x, *(_aligned(array, x) for array in arrays))
    return da.map_blocks(
        _block, *operands, method=method, definition=definition, dtype=x.dtype, meta=x._meta
    )


def _aligned(array: Array, x: Array) -> Array:
    """Return a parameter cut at the places where `x` is, so that no block needs another."""
    first = x.ndim - array.ndim
    if isinstance(array, np.ndarray):
        if all(n == 1 or len(x.chunks[first + axis]) == 1 for axis, n in enumerate(array.shape)):
            return array.copy()  # whole to each block, which saves a graph of its own
        array = da.from_array(array, chunks=-1)
    chunks = {}
    for axis, length in enumerate(array.shape):
        of_x = x.chunks[first + axis]
        known = not np.isnan([*of_x, length]).any()
        if length == 1:
            chunks[axis] = (1,)
        elif known:
            chunks[axis] = of_x
        elif len(array.chunks[axis]) != len(of_x):
            raise ValueError(
                f"the lengths of the chunks of x along axis {first + axis} are not known, so a "
                f"parameter of shape {array.shape} cannot be cut in the same places; call "
                "x.compute_chunk_sizes() first"
            )
    return array.rechunk(chunks) if chunks else array


def _of_block(x: Array, *arrays: Array, function: Any, definition: Definition) -> Array:
    with NUMPY.quiet():
        return function(definition.combine(arrays), x)


def _block(x: Array, *arrays: Array, method: str, definition: Definition) -> Array:
    return getattr(definition.combine(arrays), method)(x)


COMPUTED_LATER.add(_block.__code__)
BACKEND = DaskBackend()
