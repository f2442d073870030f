"""A spike in plain arithmetic, for where a library takes no rule of ours.

With x0 the value of x, held constant, it is the spike at x0 plus the integral from x0 to x of the
derivative d. The value of the integral is 0, and its derivatives are d and those of d. A rule of
three points, x0 among them, gives the first five.

A value of 0 does not make a product 0: where d, or its derivative, leaves the range of the dtype,
0 * inf is NaN. Such points are evaluated elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Array = Any

# Radau's rule on [0, 1]: its nodes except 0, and their weights.
_RADAU = tuple(
    ((6 - sign * math.sqrt(6)) / 10, (16 + sign * math.sqrt(6)) / 36) for sign in (1, -1)
)

# Times a parameter of 1e15, a derivative up to this fraction of the largest number is finite.
_ROOM = 2.0**-50


def arithmetic(
    xp: Any,
    constant: Callable[[Array], Array],
    definition: Any,
    x: Array,
    arrays: tuple[Array, ...],
) -> Array:
    """Return the spikes, with derivatives to `x` of every order up to the fifth.

    The first one is ``exact_grad``. It is 0 at infinite and NaN `x`, where `x` minus itself is NaN.
    No more is asked of a library than that `constant` hides an array from differentiation.
    """
    surrogate = definition.combine(arrays)
    spikes = xp.astype(surrogate.emit(constant(x)), x.dtype, copy=False)
    # half precision has little range
    wide = xp.astype(x, xp.float64 if x.dtype == xp.float64 else xp.float32, copy=False)
    largest = float(xp.finfo(wide.dtype).max)

    live = xp.where(xp.isfinite(constant(wide)), wide, xp.zeros_like(wide))
    origin = constant(live)
    step = live - origin
    fixed = definition.combine([constant(array) for array in arrays])
    held = fixed.exact_grad(origin)
    none = xp.zeros_like(held)

    # Where the derivative is about to leave the range of the dtype, its own derivative has left it.
    # In a tail, where it is 0 from there on, an intermediate result may have left it, such as a
    # square of x.
    is_steep = ~(xp.abs(held) <= _ROOM * largest)
    farther = fixed.exact_grad(xp.clip(origin * (1 + 2.0**-10), min=-largest, max=largest))
    is_tail = (held == 0) & (farther == 0) & (xp.abs(origin) > 1)
    is_smooth = ~(is_steep | is_tail)
    inner = xp.where(is_smooth, live, xp.zeros_like(live))
    start = constant(inner)
    slope = surrogate.exact_grad(start) if arrays else xp.where(is_smooth, held, none)
    # How much the derivative changes from x0 to x: its value is 0, its derivatives are not.
    at_nodes = [surrogate.exact_grad(start + node * (inner - start)) for node, _ in _RADAU]
    change = sum(weight * (s - slope) for s, (_, weight) in zip(at_nodes, _RADAU, strict=True))

    # In two factors, an infinite derivative is a finite one times 0.
    finite = xp.clip(held, min=-largest, max=largest)
    finite = xp.where(xp.isnan(held), none + largest, finite)
    slope = xp.where(is_smooth, slope + change, finite)
    boost = xp.where(xp.isfinite(held), none + 1, none + largest)
    # The derivative of a steep one is infinite, rather than 0 in silence.
    bend = xp.where(is_steep, none + largest, none)
    carrier = step * slope * boost + step * step * bend
    return spikes + xp.astype(carrier, x.dtype, copy=False)
