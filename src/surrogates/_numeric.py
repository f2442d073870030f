"""Values without a closed form, found by bisection or on a grid that is refined."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from . import backends

Array = Any

_FINER = 256  # steps that a step is divided into


def from_values(surrogate: Any, measure: Callable[[Any], Any]) -> Any:
    """Return a measure that NumPy searches for in double, in the surrogate's own library.

    None where that library had better search itself (`Backend.for_numpy`), and in half precision.
    """
    definition, arrays = surrogate.partition()
    values = [backends.of(array).for_numpy(array) for array in arrays]
    if not arrays or any(value is None for value in values):
        return None
    zero = sum(0 * array for array in arrays)  # of the dtype, and on the device
    xp = backends.of(zero).namespace(zero)
    if zero.dtype not in (xp.float32, xp.float64):
        return None
    found = measure(definition.combine([value.astype(np.float64) for value in values]))
    return zero + xp.asarray(found, dtype=zero.dtype)


def promoting(array: Array) -> AbstractContextManager[Any]:
    """Return a context for a search along a new axis, in which arrays of different ranks meet."""
    return backends.of(array).promoting()


def bisected(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function that is positive at `low` and negative at `high` changes sign."""
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return (low + high) / 2


def crossing(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function that has different signs at two places is 0, in few evaluations."""
    at_low, at_high = function(low), function(high)
    moved = ""
    for _ in range(200):
        place = (low * at_high - high * at_low) / (at_high - at_low)
        if not low < place < high:
            break
        value = function(place)
        if abs(value) <= 1e-13:
            return place
        # An end that stays twice counts half, or it would stay on (the Illinois method).
        if (value > 0) == (at_high > 0):
            high, at_high = place, value
            at_low, moved = at_low / 2 if moved == "high" else at_low, "high"
        else:
            low, at_low = place, value
            at_high, moved = at_high / 2 if moved == "low" else at_high, "low"
    return (low + high) / 2


def summit(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function with one maximum between two places has it, by golden section."""
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(30):
        if at_left > at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return left if at_left > at_right else right


def counted(xp: Any, like: Array, n: int) -> Array:
    """Return ``0, 1 .. n - 1`` along a new first axis, each of the shape and device of `like`."""
    ones = xp.ones_like(xp.broadcast_to(like, (n, *like.shape)))
    return xp.cumulative_sum(ones, axis=0) - 1


def highest(xp: Any, function: Callable[[Array], Array], x: Array) -> Array:
    """Return where, from 0 on, a function is largest: at one of `x`, or between two of them.

    The samples `x` lie along the first axis; all others are elementwise. The sample with the
    largest value must lie next to the place, which is a constant to differentiation.
    """
    constant = backends.of(x).constant
    x = constant(x)
    best = x[0, ...]
    for _ in range(4):  # near a maximum, half of the digits of its place are enough
        values = function(x)
        best = xp.min(xp.where(values >= xp.max(values, axis=0), x, math.inf), axis=0)
        low = xp.max(xp.where(x < best, x, 0.0), axis=0)
        high = xp.min(xp.where(x > best, x, math.inf), axis=0)
        x = _between(xp, low, xp.where(high < math.inf, high, best))
    return constant(best)


def first_below(xp: Any, function: Callable[[Array], Array], level: Array, x: Array) -> Array:
    """Return where a function first falls below `level` from 0 on, or infinity if it does not.

    It must fall at one of `x`, along its first axis, and not be above and below again in between.
    The place is a constant to differentiation: see `with_slope`.
    """
    constant = backends.of(x).constant
    x = constant(x)
    ever = xp.any(function(x) < level, axis=0)
    high = xp.max(x, axis=0)
    for _ in range(7):
        high = xp.min(xp.where(function(x) < level, x, high), axis=0)
        low = xp.max(xp.where(x < high, x, 0.0), axis=0)
        x = _between(xp, low, high)
    return constant(xp.where(ever, high, math.inf))


def with_slope(xp: Any, function: Callable[[Array], Array], level: Array, place: Array) -> Array:
    """Return where a falling function reaches `level`, with the slope of the implicit function.

    A Newton step from the place itself, where the library differentiates.
    """
    backend = backends.of(place)
    if not backend.differentiates:
        return place
    fall = backend.constant(backend.derivative(function, place))
    return place - (function(place) - level) / xp.where(fall < 0, fall, -math.inf)


def _between(xp: Any, low: Array, high: Array) -> Array:
    return low + (high - low) * (counted(xp, low, _FINER + 1) / _FINER)
