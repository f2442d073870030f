"""The area of a derivative to the left of a point, from a primitive that carries any constant."""

from __future__ import annotations

import math
from typing import Any

from . import backends

Array = Any
Surrogate = Any  # which imports this module


def from_primitive(surrogate: Surrogate, xp: Any, x: Array, below: Any) -> Array:
    """Return the area to the left of `x`, or the primitive if it is infinite.

    `below` is the area to the left of 0, or None where a class does not state it.
    """
    primitive = surrogate.primitive(xp, x)
    if below is None:
        return primitive - start(surrogate, xp, x)
    if isinstance(below, (int, float)):
        offset = below - 0.5
        return primitive + offset if offset != 0.0 and math.isfinite(offset) else primitive
    return primitive + xp.where(xp.isfinite(below), below - 0.5, 0.0)


def limit(surrogate: Surrogate, xp: Any, x: Array) -> tuple[Array, Array]:
    """Return the primitive at minus infinity, as a constant, and at a number far below."""
    constant = _constant(xp, x)
    at_infinity = constant(surrogate.primitive(xp, xp.zeros_like(x) - math.inf))
    far = surrogate.primitive(xp, xp.zeros_like(x) - 1e15)
    return xp.where(xp.isnan(at_infinity), constant(far), at_infinity), far


def start(surrogate: Surrogate, xp: Any, x: Array) -> Array:
    """Return the primitive at minus infinity where it is finite, else 0.

    Its derivative to a parameter is that far below: at infinity it would be inf * 0.
    """
    at_infinity, far = limit(surrogate, xp, x)
    finite = xp.isfinite(at_infinity) & xp.isfinite(far)
    far = xp.where(finite, far, xp.zeros_like(far))
    result = at_infinity + (far - _constant(xp, x)(far))
    return xp.where(finite, result, xp.zeros_like(far))


def _constant(xp: Any, x: Array) -> Any:
    """Return what hides an array from differentiation, be it a symbol that is traced."""
    return getattr(xp, "held", backends.of(x).constant)
