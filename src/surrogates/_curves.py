"""Points of a curve for a picture: dense where it bends, broken where it jumps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _breakpoints
from ._surrogate import Surrogate

_POINTS = 1001
_NEAREST = 7  # of the breakpoints of a periodic formula, which has them without end
_JUMP = 1e-3  # of the height of the picture: what a line may not rise by within a gap
_GAP = 1e-9  # of the width of the picture


def limits_of(surrogates: Sequence[Surrogate], wide: bool) -> tuple[float, float]:
    """Return the ends of an axis on which one sees all of these surrogates, or far into tails."""
    ends = [_limits_of_one(surrogate, wide) for surrogate in surrogates]
    return min(low for low, _ in ends), max(high for _, high in ends)


def _limits_of_one(surrogate: Surrogate, wide: bool) -> tuple[float, float]:
    places = sorted(sorted(_places(surrogate, "derivative"), key=abs)[:_NEAREST])
    low, high = places[0], places[-1]
    around = max((5.0 if wide else 2.5) * _scale(surrogate, high - low), 0.25 * (high - low))
    first, last = _support(surrogate)
    beyond = 0.25 * (last - first) if last - first < math.inf else around
    return max(low - around, first - beyond), min(high + around, last + beyond)


def _support(surrogate: Surrogate) -> tuple[float, float]:
    if surrogate.is_signed:  # its support is that of one of its two bumps
        return -math.inf, math.inf
    first, last = map(float, surrogate.support)
    return (first, last) if first < last else (-math.inf, math.inf)


def _scale(surrogate: Surrogate, between: float) -> float:
    """Return the length on which a derivative varies."""
    try:
        width = float(surrogate.width)
    except NotImplementedError:  # of a user's class
        width = math.inf
    if 0 < width < math.inf:
        return width
    # The nearest place at which it is another; at the first of them already, it jumps at 0.
    steps = np.geomspace(1e-9, 1e9, 181)
    middle = _values(surrogate, "derivative", np.zeros(1))
    changes = [np.abs(_values(surrogate, "derivative", s * steps) - middle) for s in (-1.0, 1.0)]
    has_changed = np.maximum(*changes) > 0.4 * np.abs(middle)
    first = int(np.argmax(has_changed))
    return 2 * float(steps[first]) if has_changed[first] and first > 0 else (between or 1.0)


def curve(surrogate: Surrogate, what: str, low: float, high: float) -> tuple[Any, Any]:
    """Return `x` and the derivative, primitive or spike there, NaN at a jump."""
    gap = _GAP * (high - low)
    places = np.unique([place for place in _places(surrogate, what) if low < place < high])
    places = places[np.diff(places, prepend=-math.inf) > 2 * gap]  # one that is rounded twice
    near = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 61)]) * _scale(surrogate, 0.0)
    dense = [(places[:, None] + side * near).ravel() for side in (-1.0, 1.0)]
    x = np.concatenate([np.linspace(low, high, _POINTS), *dense])
    # None in a gap but the place itself.
    nearest = np.min(np.abs(x[:, None] - places), axis=1, initial=math.inf)
    x = np.concatenate([x[nearest > gap], places - gap, places, places + gap])
    x = np.unique(x[(low <= x) & (x <= high)])
    y = _values(surrogate, what, x)
    finite = y[np.isfinite(y)]
    height = np.ptp(finite) if finite.size else 0.0
    left, right = (_values(surrogate, what, places + side * gap) for side in (-1.0, 1.0))
    y[np.isin(x, places[np.abs(right - left) > _JUMP * height])] = math.nan
    return x, y


def _places(surrogate: Surrogate, what: str) -> tuple[float, ...]:
    if what == "spike":
        return _breakpoints.of_spikes(surrogate)
    found: tuple[float, ...] = surrogate.breakpoints
    return found


def _values(surrogate: Surrogate, what: str, x: Any) -> Any:
    methods: dict[str, Callable[[Any], Any]] = {
        "derivative": surrogate.surrogate_grad,
        "primitive": surrogate.surrogate_fun,
        "spike": surrogate,
    }
    with np.errstate(all="ignore"):  # of a user's own formula
        return np.array(methods[what](x), np.float64)
