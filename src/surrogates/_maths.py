"""The few functions that the definitions share beside the array API standard."""

from __future__ import annotations

from typing import Any

from . import backends

Array = Any


def sign(xp: Any, x: Array) -> Array:
    """Return -1 where ``x < 0``, else 1.

    Not `xp.sign`, which is 0 at 0: there an odd function ``sign(x) * f(sign(x) * x)`` would lose
    its slope under automatic differentiation.
    """
    return 1 - 2 * xp.astype(x < 0, x.dtype)


def select(xp: Any, condition: bool | Array, first: Any, second: Any) -> Any:
    """Return `first` where a condition on a parameter, a float or an array, holds."""
    if isinstance(condition, bool):
        return first if condition else second
    return xp.where(condition, first, second)


def erfc(xp: Any, x: Array) -> Array:
    """Return the complementary error function, which the standard lacks."""
    return backends.for_maths(x).erfc(x)
