"""Numbers as a dtype holds them."""

from __future__ import annotations

from typing import Any

import numpy as np

LIMITS = {  # the largest number and the smallest normal one
    "float16": (65504.0, 2.0**-14),
    "bfloat16": (3.3895313892515355e38, 2.0**-126),
    "float32": (float(np.finfo("float32").max), 2.0**-126),
    "float64": (float(np.finfo("float64").max), 2.0**-1022),
}


def rounded(values: Any, dtype: str) -> np.ndarray:
    """Return numbers as `dtype` holds them, in float64; no subnormal ones, which JAX flushes."""
    values = np.asarray(values, np.float64)
    with np.errstate(all="ignore"):
        if dtype == "bfloat16":
            bits = values.astype(np.float32).view(np.uint32).astype(np.uint64)
            bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
            held = bits.astype(np.uint32).view(np.float32).astype(np.float64)
            held = np.where(np.isfinite(values), held, values)
        else:
            held = values.astype(dtype).astype(np.float64)
    return np.where(np.abs(held) < LIMITS[dtype][1], np.copysign(0.0, held), held)
