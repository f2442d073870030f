"""Where a derivative may change its formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

Surrogate = Any  # which imports this module


def breakpoints(surrogate: Surrogate) -> tuple[float, ...]:
    """Where the derivative may change its formula, in order; 0 is always among them.

    The places at which a condition of the formula changes: a comparison, a `where`, `clip`,
    `abs`, `floor` and the like. Between them the derivative is smooth, and at some of them it is,
    too. A periodic formula has them without end: those nearest to 0 are returned.

    If a formula takes only arrays of PyTorch, JAX or another library, only 0 is known; one that is
    written in operators, in the functions of `xp` or in those of NumPy is looked into. Where only 0
    is known, the integrals of `gain` and `fitted` find a jump by themselves, but may miss a bump.

    Raises
    ------
    TypeError
        If a parameter is an array: each of its values has breakpoints of its own.
    Exception
        What the formula itself raises.

    Examples
    --------
    >>> from surrogates import Boxcar
    >>> Boxcar(width=3.0).breakpoints
    (-1.5, 0.0, 1.5)
    """
    require_numbers(surrogate, "breakpoints")
    # Of a formula that is not traceable, nobody knows what else it reads.
    return _known(_remembered if surrogate.is_fixed else _found, surrogate, "exact_grad")


def of_spikes(surrogate: Surrogate) -> tuple[float, ...]:
    """Return where the spikes may change: 0, and what the conditions of `emit` say."""
    return _known(_found, surrogate, "emit")


def require_numbers(surrogate: Surrogate, what: str) -> None:
    """Raise TypeError where a parameter is an array."""
    if surrogate.array_fields:
        raise TypeError(
            f"{type(surrogate).__name__}: {what} needs parameters that are numbers, and "
            f"{' and '.join(surrogate.array_fields)} holds an array; make a surrogate of each of "
            "its values"
        )


def _known(
    find: Callable[..., tuple[float, ...]], surrogate: Surrogate, method: str
) -> tuple[float, ...]:
    """Return what `find` finds, or 0 alone of a formula that cannot be recorded."""
    from . import _recording  # here, since few ask, and nobody for the spikes

    try:
        return find(surrogate, method)
    except Exception as error:
        if _recording.is_refusal(error):
            return (0.0,)
        raise  # the formula's own: it is wrong, and not only unknown


def _found(surrogate: Surrogate, method: str) -> tuple[float, ...]:
    from . import _recording

    with np.errstate(all="ignore"):
        kinks = _recording.kinks(surrogate, [method], scale(surrogate))
    return tuple(place for place in kinks.positions if math.isfinite(place))


_remembered = lru_cache(256)(_found)  # which remembers no error


def scale(surrogate: Surrogate) -> float:
    """Return the length on which a derivative varies: its width, or 1 where it has none."""
    try:
        width = float(surrogate.width)
    except NotImplementedError:  # of a user's class
        return 1.0
    return width if 0 < width < math.inf else 1.0
