"""The parameters of a surrogate: declared with a default and a range, checked when set."""

from __future__ import annotations

import math
from dataclasses import field
from typing import Any, NamedTuple

import numpy as np

from . import backends


class Interval(NamedTuple):
    """The open interval of the real values that a parameter may take.

    A named tuple, since torch.compile traces the construction of a surrogate through it.
    """

    low: float
    high: float
    description: str


POSITIVE = Interval(0.0, math.inf, "a positive finite number")
FINITE = Interval(-math.inf, math.inf, "a finite number")


def positive(default: float) -> Any:
    """Declare a dataclass field: a parameter that must be positive, such as a width."""
    return field(default=default, metadata={"interval": POSITIVE})


def finite(default: float) -> Any:
    """Declare a dataclass field: a parameter that may be any real number, such as an amplitude."""
    return field(default=default, metadata={"interval": FINITE})


def checked(owner: object, name: str, interval: Interval, value: Any) -> Any:
    """Return a number as a Python float and an array as it is, or say what is wrong with it.

    Values of an array are checked in NumPy alone: elsewhere they may be traced, or on a device.
    """
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        number = float(value)
        if interval.low < number < interval.high:
            return number
    elif _is_floating_array(value) and _all_within(value, interval):
        return value
    raise ValueError(
        f"{type(owner).__name__}: {name} must be {interval.description} (or an array of such, of "
        f"a floating-point dtype, that broadcasts against x), got {name}={value!r}"
    )


def _is_floating_array(value: Any) -> bool:
    try:
        xp = backends.for_maths(value).namespace(value)
    except TypeError:
        return False
    return bool(xp.isdtype(value.dtype, "real floating"))


def _all_within(values: Any, interval: Interval) -> bool:
    if not isinstance(values, np.ndarray):
        return True
    return bool(np.all((interval.low < values) & (values < interval.high)))
