"""The pairs of NumPy and Dask."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import surrogates

from .by_hand import ALPHAS
from .contenders import Contenders, inputs
from .contenders import numpy as contenders_of_numpy
from .formulas import PLAIN
from .peers import OURS


def numpy_spikes(name: str, size: int) -> Contenders:
    """Return the spikes of a few elements, against the bare step."""
    surrogate, (x, _) = OURS[name], inputs(size)
    return {"ours": lambda: surrogate(x), "against": lambda: (x >= 0).astype(x.dtype)}


def numpy_slope(name: str, size: int) -> Contenders:
    """Return the derivative at a few elements, against the printed formula."""
    surrogate, (x, _), plain = OURS[name], inputs(size), PLAIN[name]
    return {"ours": lambda: surrogate.surrogate_grad(x), "against": lambda: plain(np, x)}


def numpy_vjp(name: str, size: int) -> Contenders:
    """Return forward and backward, against the printed formula."""
    made = contenders_of_numpy(name, size)
    return {"ours": made["ours"], "against": made["plain"]}


def numpy_out(name: str, size: int) -> Contenders:
    """Return forward and backward with the gradient in an array that exists."""
    surrogate, (x, g) = OURS[name], inputs(size)
    out = np.empty_like(x)

    def ours() -> Any:
        spikes, pullback = surrogates.vjp(surrogate, x)
        return spikes, pullback(g, out=out)

    return {"ours": ours, "against": contenders_of_numpy(name, size)["plain"]}


def dask_per_channel(name: str, size: int) -> Contenders:
    """Return an alpha for each column, on two chunks, one after the other; and the same by hand."""
    import dask
    import dask.array as da

    width = math.isqrt(size)
    x, g = (
        da.from_array(a.reshape(-1, width), chunks=(size // width, width))
        for a in inputs(2 * size // width * width)
    )
    alpha = np.full(width, ALPHAS[name], dtype=np.float32)
    surrogate, slope = type(OURS[name])(alpha), _SLOPES[name]

    def run(spikes: Any, gradient: Any) -> Any:
        return dask.compute(spikes, gradient, scheduler="synchronous")

    def ours() -> Any:
        spikes, pullback = surrogates.vjp(surrogate, x)
        return run(spikes, pullback(g))

    def against() -> Any:
        spikes = x.map_blocks(lambda x: (x >= 0).astype(x.dtype), dtype=x.dtype)
        return run(spikes, da.map_blocks(lambda x, g: g * slope(alpha, x), x, g, dtype=x.dtype))

    return {"ours": ours, "against": against}


def _logistic(alpha: Any, x: Any) -> Any:
    e = np.exp(-np.abs(alpha * x))
    return alpha * e / (1 + e) ** 2


_SLOPES = {
    "Sigmoid": _logistic,
    "Arctan": lambda alpha, x: alpha / 2 / (1 + (np.float32(math.pi / 2) * alpha * x) ** 2),
}
