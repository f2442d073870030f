"""The parameters of a surrogate as unbounded numbers, which an optimiser moves."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from .. import backends
from .._parameters import FINITE, POSITIVE, Interval
from .._surrogate import Surrogate
from ._paths import parameters_by_path, value_at

Array = Any


def key(path: str) -> str:
    """Return what the parameter at a path is called in a module."""
    return path.replace(".", "/")  # PyTorch takes no dot in a name


def start(xp: Any, surrogate: Surrogate, values: dict[str, Array]) -> dict[str, Array]:
    """Return the unbounded numbers for the values of parameters, by their keys."""
    declared = parameters_by_path(surrogate)
    raw = {}
    for path, value in values.items():
        interval = declared[path].metadata["interval"]
        raw[key(path)] = _unbounded(xp, interval, value)
        if not _is_finite(xp, raw[key(path)]):
            raise ValueError(
                f"{type(surrogate).__name__}: {path}={value_at(surrogate, path)!r} cannot be "
                f"learned: start inside of its range, which is {interval.description}, not at its "
                "end"
            )
    return raw


def _is_finite(xp: Any, number: Array) -> bool:
    try:
        return bool(xp.all(xp.isfinite(number)))
    except (TypeError, RuntimeError):  # traced: nobody knows
        return True


def _unbounded(xp: Any, interval: Interval, value: Array) -> Array:
    low, high, start = interval.low, interval.high, interval.start
    if start is None:
        return value
    if high == FINITE.high:
        return xp.log(value - start)
    if low == FINITE.low:
        return xp.log(high - value)
    return xp.log(value - low) - xp.log(high - value)


def bounded(xp: Any, interval: Interval, number: Array) -> Array:
    low, high, start = interval.low, interval.high, interval.start
    if start is None:
        return number
    if is_two_sided(interval):  # the logistic function, from the nearer end
        # abs(number) would have slope 0 in the middle of the range, and nothing would be learned
        decay = xp.exp(xp.where(number < 0, number, -number))
        share = (high - low) * (decay / (1 + decay))
        return xp.where(number < 0, low + share, high - share)
    end, sign, least, most = _scale(xp, interval, number.dtype)
    # The gradient of a clip as a product, which DTensor adds up over processes once, at the end.
    held = backends.of(number).constant(number)
    limited = xp.clip(held, least, most)
    inside = xp.ones_like(held) * (limited == held)
    size = xp.exp(limited + (number - held) * inside)
    size = size if sign == 1.0 else -size  # most parameters are positive: two operations less
    return size if end == 0.0 else end + size


def with_slope(xp: Any, interval: Interval, dtype: Any, number: Any) -> tuple[Any, Any]:
    """Return the parameter that belongs to an unbounded number, and its derivative to that.

    It is that of `bounded` for a number of this dtype: computed in double precision for a float,
    and not recorded for an array, of which nobody has to know the value.
    """
    if interval.start is None:
        return number, 1.0
    end, sign, low, high = _scale_once(xp, interval, dtype)
    if isinstance(number, float):
        limited: Any = min(max(number, low), high)  # NaN, too
        size = sign * math.exp(limited)
        return end + size, size if limited == number else 0.0
    limited = xp.clip(number, low, high)
    size = xp.exp(limited) if sign == 1.0 else -xp.exp(limited)
    return size if end == 0.0 else end + size, xp.where(limited == number, size, 0.0)


def is_two_sided(interval: Interval) -> bool:
    has_two_ends = interval.low > FINITE.low and interval.high < FINITE.high
    return has_two_ends and interval.start is not None


def _scale(xp: Any, interval: Interval, dtype: Any) -> tuple[float, float, float, float]:
    """Return the end of a range, the side that it lies on, and the limits of an unbounded number.

    These keep the distance from the end, an exponential, within what the dtype can tell.
    """
    low, high = interval.low, interval.high
    start: Any = interval.start
    limits = xp.finfo(dtype)
    end, sign = (high, -1.0) if low == FINITE.low else (start, 1.0)
    # The least distance from the end of the range that the dtype can tell, half precision too.
    least = max(low - start, POSITIVE.low, 2 * limits.eps * abs(end) or limits.smallest_normal)
    most = min(FINITE.high, float(limits.max) / 2)
    return end, sign, math.log(least), math.log(most)


_scale_once = lru_cache(maxsize=64)(_scale)  # which torch.compile would warn of
