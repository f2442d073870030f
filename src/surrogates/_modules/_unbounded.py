"""The parameters of a surrogate as unbounded numbers, for an optimiser."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from .. import backends
from .._arrays import checked
from .._aspects import spikes
from .._parameters import FINITE, POSITIVE, Interval
from .._surrogate import Surrogate
from .._value import Value
from .._wrappers.relaxed import Relaxed
from ._paths import parameters_by_path, value_at, with_value_at

Array = Any


@dataclasses.dataclass(frozen=True, repr=False)
class Plan:
    """How a module makes its surrogate of unbounded numbers; hashable, and without arrays."""

    definition: Surrogate
    """The surrogate that spikes, `Relaxed`, with its arrays and what is learned taken out."""

    slots: tuple[str | None, ...]
    """What each of these is: the path of a parameter that is learned, or None for an array."""

    intervals: tuple[Interval, ...]
    """The range of each that is learned, in the order of `slots`."""

    is_wrapped: bool
    """Whether `Relaxed` was put around it here."""

    start: Surrogate = dataclasses.field(compare=False)
    """The surrogate with the values that it starts with: for errors."""

    def __repr__(self) -> str:
        names = ", ".join(repr(path) for path in self.slots if path is not None)
        return f"learnable({self.start!r}, {names})"

    def arrays(self, xp: Any, raw: dict[str, Array], held: Iterable[Array]) -> tuple[Array, ...]:
        """Return the parameters that belong to unbounded numbers, and the arrays, for `combine`."""
        intervals, rest = iter(self.intervals), iter(held)
        return tuple(
            next(rest) if path is None else _bounded(xp, next(intervals), raw[key(path)])
            for path in self.slots
        )

    @property
    def has_slopes(self) -> bool:
        """Whether `with_slopes` can be called: nothing is held, or limited from two sides."""
        return None not in self.slots and not any(map(_is_two_sided, self.intervals))

    def with_slopes(
        self, xp: Any, dtype: Any, numbers: list[float]
    ) -> tuple[list[float], list[float]]:
        """Return the parameters that belong to unbounded numbers, and their derivatives to these.

        They are those of `arrays` for numbers of this dtype, computed in double precision.
        """
        values, slopes = [], []
        for interval, number in zip(self.intervals, numbers, strict=True):
            if interval.start is None:
                value, slope = number, 1.0
            else:
                end, sign, low, high = _scale_once(xp, interval, dtype)
                limited = min(max(number, low), high)  # NaN, too
                size = sign * math.exp(limited)
                value, slope = end + size, size if limited == number else 0.0
            values.append(value)
            slopes.append(slope)
        return values, slopes

    def surrogate(self, arrays: tuple[Array, ...]) -> Any:
        """Return the surrogate inside."""
        surrogate: Any = self.definition.combine(arrays)
        return surrogate.surrogate if self.is_wrapped else surrogate

    def spikes(self, arrays: tuple[Array, ...], x: Any) -> Any:
        """Return the spikes."""
        x, backend = checked(self, x)
        return spikes(self.definition, arrays, backend, x)


def planned(surrogate: Surrogate, paths: tuple[str, ...]) -> tuple[Plan, tuple[Array, ...]]:
    """Return the plan of a module that learns parameters, and the arrays that it holds besides."""
    declared, begin = parameters_by_path(surrogate), surrogate
    markers = {path: object() for path in paths}
    for path in paths:
        number = _number(value_at(surrogate, path), declared[path])
        surrogate = with_value_at(surrogate, path, number)
    is_wrapped = not surrogate.relaxes
    marked: Surrogate = Relaxed(surrogate) if is_wrapped else surrogate
    for path, marker in markers.items():
        marked = _marked(marked, f"surrogate.{path}" if is_wrapped else path, marker)
    definition, arrays = marked.partition()
    found = {id(marker): path for path, marker in markers.items()}
    slots = tuple(found.get(id(array)) for array in arrays)
    intervals = tuple(declared[path].metadata["interval"] for path in slots if path is not None)
    held = tuple(array for array in arrays if id(array) not in found)
    return Plan(definition, slots, intervals, is_wrapped, begin), held


def _marked(surrogate: Value, path: str, marker: Any) -> Any:
    """Return a surrogate with something in the place of a parameter that will be filled."""
    name, _, rest = path.partition(".")
    inside = _marked(getattr(surrogate, name), rest, marker) if rest else marker
    return surrogate.substituted(name, inside)


def _number(value: Any, declared: Any) -> float:
    """Return a number to stand for a parameter that is learned: one of its starting values.

    Its default might be refused: 8 bits cannot hold a derivative that is negative somewhere.
    """
    interval: Interval = declared.metadata["interval"]
    try:
        number = float(value if isinstance(value, (int, float)) else value.reshape(-1)[0])
    except (IndexError, RuntimeError, TypeError):  # empty, or traced
        return float(declared.default)
    return number if interval.low <= number <= interval.high else float(declared.default)


def key(path: str) -> str:
    """Return what the unbounded number of a parameter is called in `raw`."""
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


def _bounded(xp: Any, interval: Interval, number: Array) -> Array:
    low, high, start = interval.low, interval.high, interval.start
    if start is None:
        return number
    if _is_two_sided(interval):  # the logistic function, from the nearer end
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


def _is_two_sided(interval: Interval) -> bool:
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
    least = max(low - start, POSITIVE.low, 2 * limits.eps * abs(end) or limits.tiny)
    most = min(FINITE.high, float(limits.max) / 2)
    return end, sign, math.log(least), math.log(most)


_scale_once = lru_cache(maxsize=64)(_scale)  # which torch.compile would warn of
