"""The parameters of a surrogate: declared with a default and a range, checked when set."""

from __future__ import annotations

from dataclasses import Field, field, fields
from typing import Any, NamedTuple

import numpy as np

from . import backends


class Interval(NamedTuple):
    """The real values that a parameter may take: ``low <= value <= high``.

    A named tuple, since torch.compile traces the construction of a surrogate through it.
    """

    low: float
    high: float
    description: str


# Wide enough for any use, and narrow enough that squares and quotients of two parameters are
# normal numbers in float32.
_LEAST, _MOST = 1e-15, 1e15

POSITIVE = Interval(_LEAST, _MOST, "a positive finite number from 1e-15 to 1e15")
NON_NEGATIVE = Interval(0.0, _MOST, "a finite number from 0 to 1e15")
FINITE = Interval(-_MOST, _MOST, "a finite number from -1e15 to 1e15")
ABOVE_ONE = Interval(1 + 1e-6, _MOST, "a finite number greater than 1, from 1.000001 to 1e15")
UNIT = Interval(0.0, 1.0, "a number from 0 to 1")
COUNT = Interval(1, 1000, "an integer from 1 to 1000")


def positive(default: float) -> Any:
    """Declare a parameter that must be positive, such as a width or a sharpness."""
    return field(default=default, metadata={"interval": POSITIVE})


def non_negative(default: float) -> Any:
    """Declare a parameter that must not be negative, such as a distance."""
    return field(default=default, metadata={"interval": NON_NEGATIVE})


def finite(default: float) -> Any:
    """Declare a parameter that may be any real number, such as an amplitude."""
    return field(default=default, metadata={"interval": FINITE})


def above_one(default: float) -> Any:
    """Declare a parameter that must be greater than one, such as an exponent."""
    return field(default=default, metadata={"interval": ABOVE_ONE})


def count(default: int) -> Any:
    """Declare a parameter that must be a positive integer; never an array."""
    return field(default=default, metadata={"interval": COUNT})


def parameters(cls: type) -> list[Field[Any]]:
    """Return the fields of a surrogate class that are parameters of its formula, in order."""
    return [f for f in fields(cls) if "interval" in f.metadata and not f.kw_only]


def checked(owner: object, name: str, interval: Interval, value: Any) -> Any:
    """Return a number as a Python float (a count as an int), an array as it is, or complain.

    Values of an array are checked in NumPy alone: elsewhere they may be traced, or on a device.
    """
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        if _within(value, interval):
            if interval != COUNT:
                return float(value)
            if value == int(value):
                return int(value)
    elif interval not in (COUNT, UNIT) and is_floating_array(value):
        outside = isinstance(value, np.ndarray) and not np.all(_within(value, interval))
        if not outside:
            return value
    arrays = "" if interval in (COUNT, UNIT) else _OR_ARRAY
    raise ValueError(
        f"{type(owner).__name__}: {name} must be {interval.description}{arrays}, "
        f"got {name}={value!r}"
    )


_OR_ARRAY = " (or an array of such, of a floating-point dtype, that broadcasts against x)"


def _within(value: Any, interval: Interval) -> Any:
    return (interval.low <= value) & (value <= interval.high)


def is_floating_array(value: Any) -> bool:
    """Return whether a value is an array, of any library, of a real floating-point dtype."""
    if not hasattr(value, "dtype"):
        return False
    try:
        return bool(
            backends.for_maths(value).namespace(value).isdtype(value.dtype, "real floating")
        )
    except TypeError:  # no array, or a dtype that the library does not know itself
        return False
