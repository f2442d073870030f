"""Measures of a shape that have no closed form, searched for: its peak, its width, its infimum.

The derivative is sampled at 50 points a decade around the places where the surrogates inside are
centred or end, and the best sample is refined. A bump that none of them has its centre at, and that
is narrower than the samples lie apart, may be missed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import backends
from .._numeric import counted, first_below, with_slope
from .._surrogate import Array, Surrogate

_DECADES, _PER_DECADE = 6, 50  # on either side of a length

Function = Callable[[Array], Array]
Formula = Callable[[Any, Array], Array]
Limits = tuple[Any, Any]
EVERYWHERE = (-math.inf, math.inf)


def peak(surrogate: Surrogate, formula: Formula | None = None, limits: Limits = EVERYWHERE) -> Any:
    """Return the supremum of the derivative, exactly where it is that at 0; at infinity, too.

    By a formula of ``xp, x`` instead, within limits, where these are given.
    """
    xp, zero, function = _sampled(surrogate, formula)
    with backends.of(zero).promoting():
        top = function(_top(xp, function, _grid(surrogate, xp, zero, limits), zero))
        ends = xp.stack([limit + zero for limit in limits])
        far = xp.max(_numbers(xp, function(ends), -math.inf), axis=0)
        far = backends.of(zero).constant(far)  # as a rule 0, whatever the parameters are
        top = xp.where(far > top, far, top)
    return top if surrogate.array_fields else float(top)


def lowest(
    surrogate: Surrogate, formula: Formula | None = None, limits: Limits = EVERYWHERE
) -> Any:
    """Return the infimum of the derivative; at infinity, too."""
    xp, zero, function = _sampled(surrogate, formula)
    with backends.of(zero).promoting():
        grid = _grid(surrogate, xp, zero, limits)
        ends = xp.stack([limit + zero for limit in limits])
        values = _numbers(xp, function(xp.concat([grid, ends])), math.inf)
        sampled = xp.min(values, axis=0)
        refined = function(_top(xp, lambda x: -function(x), grid, zero))
        bottom = xp.where(refined < sampled, refined, sampled)
    return bottom if surrogate.array_fields else float(bottom)


def width(surrogate: Surrogate, formula: Formula | None = None, limits: Limits = EVERYWHERE) -> Any:
    """Return the distance between the places next to the peak where half of it is passed.

    Infinite where the derivative does not fall to it on both sides. It ends at the limits.
    """
    xp, zero, function = _sampled(surrogate, formula)
    with backends.of(zero).promoting():
        grid = _grid(surrogate, xp, zero, limits)
        place = _top(xp, function, grid, zero)
        level = function(place) / 2
        low, high = (limit + zero for limit in limits)
        left = _edge(xp, lambda d: function(place - d), level, place - grid, place - low)
        right = _edge(xp, lambda d: function(place + d), level, grid - place, high - place)
        full = xp.where(level > 0, left + right, math.inf + zero)
    return full if surrogate.array_fields else float(full)


def _edge(xp: Any, function: Function, level: Array, grid: Array, limit: Array) -> Array:
    """Return how far away a function falls below a level, no farther than `limit`."""
    found = first_below(xp, function, level, xp.clip(grid, min=0.0))
    finite = xp.where(found < math.inf, found, xp.zeros_like(found))
    moved = with_slope(xp, function, level, finite)
    # at a jump there is no slope to follow
    is_crossing = xp.abs(function(finite) - level) <= 1e-6 * level
    edge = xp.where(found < math.inf, xp.where(is_crossing, moved, finite), found)
    return xp.where(edge < limit, edge, limit)


def _sampled(surrogate: Surrogate, formula: Formula | None) -> tuple[Any, Array, Function]:
    xp, zero = surrogate._zero()
    zero = np.asarray(zero) if isinstance(zero, np.generic) else zero
    derivative = surrogate.derivative if formula is None else formula
    return xp, zero, lambda x: derivative(xp, x) + xp.zeros_like(x)


def _grid(surrogate: Surrogate, xp: Any, zero: Array, limits: Limits) -> Array:
    """Return where to sample, along a new first axis; constants to differentiation."""
    exponents = counted(xp, zero, 2 * _DECADES * _PER_DECADE + 1) / _PER_DECADE - _DECADES
    sizes = xp.exp(math.log(10.0) * exponents)
    sizes = xp.concat([-sizes, xp.zeros_like(sizes[:1, ...]), sizes])
    pieces = [place + length * sizes for place, length in places(surrogate, xp)]
    low, high = (limit + zero for limit in limits)
    grid = xp.concat(pieces)
    grid = xp.where(grid < low, low, xp.where(grid > high, high, grid))
    return backends.of(zero).constant(grid)


def places(surrogate: Surrogate, xp: Any) -> list[tuple[Any, Any]]:
    """Return where a derivative has features, each with a length on which it varies."""
    moved: Any = getattr(surrogate, "_places", None)  # of a wrapper that moves or adds some
    if moved is not None:
        found: list[tuple[Any, Any]] = moved(xp)
        return found
    if hasattr(surrogate, "surrogate"):
        return places(surrogate.surrogate, xp)
    length = _length(surrogate, xp)
    ends = [end for end in surrogate.support if isinstance(end, float) and abs(end) < math.inf]
    return [(place, length) for place in (0.0, *ends)]


def within(pieces: list[tuple[float, float]], low: float, high: float) -> list[tuple[float, float]]:
    """Return what of some intervals lies between two ends."""
    cut = [(max(start, low), min(end, high)) for start, end in pieces]
    return [(start, end) for start, end in cut if start < end]


def _length(surrogate: Surrogate, xp: Any) -> Any:
    try:
        width = surrogate.width
    except NotImplementedError:  # of a user's class
        return 1.0
    if isinstance(width, (int, float)):
        return width if 0 < width < math.inf else 1.0
    return xp.where((width > 0) & (width < math.inf), width, xp.ones_like(width))


def _top(xp: Any, function: Function, x: Array, zero: Array) -> Array:
    """Return where a function is largest, near one of the samples `x` along the first axis."""
    constant = backends.of(x).constant
    best = x[0, ...]
    for _ in range(5):
        values = _numbers(xp, function(x), -math.inf)
        best = xp.min(xp.where(values >= xp.max(values, axis=0), x, math.inf), axis=0)
        low = xp.max(xp.where(x < best, x, -math.inf), axis=0)
        high = xp.min(xp.where(x > best, x, math.inf), axis=0)
        low, high = xp.where(low > -math.inf, low, best), xp.where(high < math.inf, high, best)
        x = low + (high - low) * (counted(xp, low, 257) / 256)
    # what differs by rounding alone is no other place
    top, at_zero = function(best), function(zero)
    rounding = 8 * float(xp.finfo(zero.dtype).eps)
    nearly = xp.where(top < 0, top * (1 + rounding), top * (1 - rounding))  # of infinity, too
    return constant(xp.where(at_zero >= nearly, zero, best))


def _numbers(xp: Any, values: Array, instead: float) -> Array:
    return xp.where(xp.isnan(values), instead + xp.zeros_like(values), values)
