"""The parameters of a surrogate: declared with a default and a range, checked when set."""

from __future__ import annotations

from dataclasses import Field, field, fields
from typing import Any, NamedTuple

import numpy as np

from . import backends
from ._arrays import is_floating


class Interval(NamedTuple):
    """The real values that a parameter may take: ``low <= value <= high``.

    A named tuple, since torch.compile traces the construction of a surrogate through it.
    """

    low: float
    high: float
    description: str
    start: float | None = None
    """Where the logarithmic scale begins on which an optimiser moves it; None: a linear scale."""


# Wide enough for any use, and narrow enough that squares and quotients of two parameters are
# normal numbers in float32.
_LEAST, _MOST = 1e-15, 1e15

POSITIVE = Interval(_LEAST, _MOST, "a positive finite number from 1e-15 to 1e15", 0.0)
NON_NEGATIVE = Interval(0.0, _MOST, "a finite number from 0 to 1e15", 0.0)
FINITE = Interval(-_MOST, _MOST, "a finite number from -1e15 to 1e15")
ABOVE_ONE = Interval(1 + 1e-6, _MOST, "a finite number greater than 1, from 1.000001 to 1e15", 1.0)
UNIT = Interval(0.0, 1.0, "a number from 0 to 1")
COUNT = Interval(1, 1000, "an integer from 1 to 1000")


def parameter(default: float, *, low: float = -_MOST, high: float = _MOST) -> Any:
    """Declare a parameter of your own surrogate: a number, or an array that broadcasts to `x`.

    Parameters
    ----------
    default : float
        Its value unless another is given.
    low, high : float, optional
        The smallest and the largest value allowed, themselves included. By default any finite
        number, from -1e15 to 1e15.

    Returns
    -------
    Any
        What stands for the parameter in the body of the class.

    Raises
    ------
    TypeError
        If `default` is not a number.
    ValueError
        If `default` is not between `low` and `high`.

    Examples
    --------
    >>> import surrogates
    >>> class Bump(surrogates.Surrogate):
    ...     beta: float = surrogates.parameter(2.0, low=0.0)
    ...     def derivative(self, xp, x):
    ...         return xp.exp(-self.beta * x**4)
    >>> Bump(beta=0.5).surrogate_grad(1.0).round(4)
    np.float64(0.6065)
    >>> Bump(beta=-1.0)
    Traceback (most recent call last):
        ...
    ValueError: Bump: beta must be a finite number from 0 to 1e+15 (or an array of such, of a \
floating-point dtype, that broadcasts against x), got beta=-1.0
    """
    if isinstance(default, bool) or not isinstance(default, (int, float)):
        raise TypeError(
            f"parameter: default must be a number, got {default!r}; give an array when you make "
            "the surrogate"
        )
    low, high = max(float(low), -_MOST), min(float(high), _MOST)
    if not low <= default <= high:
        raise ValueError(f"parameter: default must be from low={low} to high={high}, got {default}")
    start = low if low > -_MOST or high < _MOST else None
    return _declared(
        default, Interval(low, high, f"a finite number from {low:g} to {high:g}", start)
    )


def positive(default: float) -> Any:
    """Declare a parameter that must be positive, such as a width or a sharpness."""
    return _declared(default, POSITIVE)


def non_negative(default: float) -> Any:
    """Declare a parameter that must not be negative, such as a distance."""
    return _declared(default, NON_NEGATIVE)


def finite(default: float) -> Any:
    """Declare a parameter that may be any real number, such as an amplitude."""
    return _declared(default, FINITE)


def above_one(default: float) -> Any:
    """Declare a parameter that must be greater than one, such as an exponent."""
    return _declared(default, ABOVE_ONE)


def count(default: int) -> Any:
    """Declare a parameter that must be a positive integer; never an array."""
    return _declared(default, COUNT)


def without_gradient(declared: Any, why: str) -> Any:
    """Declare that no gradient to a parameter is defined, and what to do instead."""
    metadata = {**declared.metadata, "without_gradient": why}
    return field(default=declared.default, metadata=metadata)


def _declared(default: float, interval: Interval) -> Any:
    return field(default=default, metadata={"interval": interval})


def parameters(cls: type) -> list[Field[Any]]:
    """Return the fields of a surrogate class that are parameters of its formula, in order."""
    return [f for f in fields(cls) if "interval" in f.metadata and f.name != "at_threshold"]


def checked_value(owner: Any, name: str, interval: Interval, value: Any) -> Any:
    """Return a number as a Python float (a count as an int), an array as it is, or raise.

    Of an array the extremes are checked, where its backend has them at hand. The owner is
    the class of surrogates or the function whose parameter it is.
    """
    if type(value) is float and _within(value, interval) and interval is not COUNT:
        return value + 0.0  # most of all, and as below
    worst = None
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        # Python's integers may be too large for a float; NumPy's numbers may be of half precision.
        if _within(value if isinstance(value, int) else float(value), interval):
            if interval != COUNT:
                return float(value) + 0.0  # -0.0 becomes 0.0: they are equal, and code is shared
            if value == int(value):
                return int(value)
    elif interval not in (COUNT, UNIT) and (backend := _backend_of(value)) is not None:
        try:
            extremes = backend.extremes(value)
        except RuntimeError as error:  # JAX's, of an array that was donated
            raise RuntimeError(f"{owner.__name__}: {name} {error}") from error
        worst = None if extremes is None else _out_of(interval, extremes)
        if worst is None:
            return value
    raise ValueError(_refusal(owner, name, interval, value, worst))


def _refusal(owner: Any, name: str, interval: Interval, value: Any, worst: float | None) -> str:
    caller = owner.__name__
    arrays = "" if interval in (COUNT, UNIT) else _OR_ARRAY
    shown, why = repr(value), ""
    if worst is not None:
        shown, why = f"{worst!r} in an array of shape {tuple(value.shape)}", "; check its values"
        if backends.of(value).is_to_be_trained(value):
            why += "; surrogates.learnable keeps what is trained in its range"
    elif isinstance(value, np.ma.MaskedArray):
        why = "; a masked array would lose its mask"
    elif isinstance(value, (list, tuple)) or hasattr(value, "dtype"):
        why = "; check its values, and convert it by numpy.asarray(..., dtype=float) or the like"
    if isinstance(value, (list, tuple)) or hasattr(value, "dtype"):
        names = [f.name for f in getattr(owner, "_fields", ()) if f.name != "at_threshold"]
        if names[:1] == [name]:  # where an array may be meant as x
            why += f"; if it is the membrane potential, write {caller}()(x)"
    return f"{caller}: {name} must be {interval.description}{arrays}, got {name}={shown}{why}"


_OR_ARRAY = " (or an array of such, of a floating-point dtype, that broadcasts against x)"


def _within(value: float, interval: Interval) -> bool:
    return (interval.low <= value) & (value <= interval.high)


def _out_of(interval: Interval, extremes: tuple[float, float]) -> float | None:
    """Return which of two extremes is out of a range: None if neither."""
    least, most = extremes
    low, high = interval.low, interval.high
    if low <= least and most <= high:
        return None
    # In float32, of which most arrays are, an end may be rounded; no NaN is above one.
    if not least >= low - abs(low) * 2.0**-24:
        return least
    return most if most > high + abs(high) * 2.0**-24 else None


def is_floating_array(value: Any) -> bool:
    """Return whether a value is an array, of any library, of a dtype that formulas take."""
    return _backend_of(value) is not None


def _backend_of(value: Any) -> backends.Backend | None:
    """Return the backend of an array of a dtype that formulas take, else None."""
    if not hasattr(value, "dtype"):
        return None
    try:
        backend = backends.of(value)
        return backend if is_floating(backend.namespace(value), value.dtype) else None
    except TypeError:  # not an array
        return None
