"""Measure a surrogate's error in units in the last place, against 50 digits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from .._accuracy import Accuracy
from .._parameters import ABOVE_ONE, COUNT, parameters
from .._surrogate import Surrogate
from ..definitions._bases import UnitArea
from . import formulas, symbolic

Values = np.ndarray[Any, Any]
DIGITS = 50
FUNCTIONS = {"derivative": ("surrogate_grad", "g'(x)"), "primitive": ("surrogate_fun", "g(x)")}


@dataclass(frozen=True)
class Reference:
    """What a function of a surrogate is exactly, at chosen points."""

    points: Values
    exact: Values
    """Rounded to float64; `rest` is what the rounding left over."""
    rest: Values


def points(surrogate: Surrogate, dtype: str, number: int, seed: int = 0) -> Values:
    """Return about `number` numbers of `dtype` to try a surrogate at, the awkward ones among them.

    A third each spread over all magnitudes, over the scale of the surrogate, and evenly around the
    threshold, of both signs; zeros, subnormal numbers, the largest ones, and the neighbours of
    every kink.
    """
    rng = np.random.default_rng(seed)
    info = np.finfo(dtype)
    third = number // 3
    width = _scale(surrogate)
    anywhere = np.exp2(rng.uniform(math.log2(info.tiny), math.log2(float(info.max)), third))
    near = width * np.exp(rng.uniform(math.log(1e-6), math.log(1e3), third))
    around = width * rng.uniform(0, 8, third)
    sizes = np.concatenate([anywhere, near, around]).astype(dtype)
    signed = sizes * rng.choice(np.asarray([-1, 1], dtype), sizes.shape)
    awkward = [0.0, info.smallest_subnormal, 3 * info.smallest_subnormal, info.tiny, info.max]
    for kink in kinks(surrogate):
        with np.errstate(over="ignore"):
            position = np.asarray(kink, dtype)
        for direction in (-np.inf, np.inf):
            neighbour = position
            for _ in range(4):
                awkward.append(neighbour)
                neighbour = np.nextafter(neighbour, np.asarray(direction, dtype))
    extra = np.asarray(awkward, dtype)
    extra = extra[np.isfinite(extra)]
    return np.unique(np.concatenate([signed, extra, -extra]))


def kinks(surrogate: Surrogate) -> list[float]:
    """Return where the formula of a surrogate may change: 0, 1, and what its parameters say."""
    found = [0.0, 1.0]
    for value in (getattr(surrogate, p.name) for p in parameters(type(surrogate))):
        if isinstance(value, float) and value > 0:
            found += [value, value / 2, 1 / value]
    return found


def _scale(surrogate: Surrogate) -> float:
    width = _measure(surrogate, "width")
    return width if 0 < width < math.inf else 1.0


def reference(surrogate: Surrogate, function: str, at: Values) -> Reference:
    """Return the exact values of the derivative or primitive, from the docstring's formula.

    Without one, as of a class of your own, the definition itself is run on 50 digits.
    """
    method, formula = FUNCTIONS[function]
    if function == "derivative" and differentiated(surrogate):
        primitive = symbolic.exact(surrogate, "surrogate_fun")
        return _tabulated(lambda x: mpmath.diff(primitive, x), at)
    with mpmath.workdps(DIGITS):
        stated = formulas.compiled(surrogate, formula)
    if stated is None:
        return _tabulated(symbolic.exact(surrogate, method), at)
    source = formulas.stated(type(surrogate))[formula]
    wraps = any(name in source for name in ("atan", "cos", "mod", "round", "sin"))
    return _tabulated(stated, at, wraps)


def _tabulated(evaluate: Callable[[Any], Any], at: Values, wraps: bool = True) -> Reference:
    with mpmath.workdps(DIGITS):
        exact, rest = np.empty(at.shape), np.empty(at.shape)
        for i, x in enumerate(at.tolist()):
            if wraps:  # the formula subtracts from x, which takes the digits before its point too
                mpmath.mp.dps = DIGITS + max(0, math.frexp(x)[1] // 3)
            value = evaluate(mpmath.mpf(x))
            exact[i] = float(value)
            rest[i] = float(value - mpmath.mpf(exact[i])) if math.isfinite(exact[i]) else 0.0
    return Reference(at, exact, rest)


def ulps(
    surrogate: Surrogate, function: str, computed: Values, truth: Reference, flushes: bool = False
) -> Values:
    """Return the error of `computed` as a fraction of the stated bound, 1 being just within it.

    Beside it, the error in ulp. Both as one array of shape (2, points). Where the framework
    `flushes` subnormal numbers to zero, what is lost by that does not count.
    """
    dtype = computed.dtype
    info = np.finfo(dtype)
    accuracy = _stated(surrogate, function, dtype)
    largest = _largest(surrogate, function)
    size = np.abs(truth.exact)
    efolds = np.zeros(size.shape)
    floor = 0.0 if function == "derivative" else largest
    if function == "derivative" and accuracy.of_peak:
        floor = largest
    elif accuracy.per_efold:
        with np.errstate(all="ignore"):
            efolds = np.nan_to_num(np.abs(np.log(size) - np.log(largest)), nan=0.0, posinf=0.0)
    relative = isinstance(surrogate, UnitArea) and not accuracy.of_peak
    if function == "primitive":
        # elsewhere its terms, 1/2 and the rest, may cancel
        size, floor = (size, 0.0) if relative else (size + 0.5, floor)
    with np.errstate(over="ignore", invalid="ignore"):
        unit = np.spacing(np.maximum(size, floor).astype(dtype)).astype(np.float64)
        error = np.abs((computed.astype(np.float64) - truth.exact) - truth.rest)
        # below the smallest normal number there are no ulps left to count
        least = info.tiny * (4 * max(1.0, largest) if flushes else 1.0)
        error = np.where((computed == truth.exact) | (error <= least), 0.0, error / unit)
        overflow = (size > info.max) & np.isinf(computed)
    error = np.where(overflow, 0.0, error)
    error = np.where(np.isnan(computed), np.inf, error)
    return np.stack([error / (accuracy.ulp + accuracy.per_efold * efolds), error])


def functions(surrogate: Surrogate) -> dict[str, tuple[str, str]]:
    """Return those of `FUNCTIONS` that `surrogate` has: your own may be without a primitive."""
    return {
        name: entry
        for name, entry in FUNCTIONS.items()
        if name == "derivative" or _has_primitive(surrogate)
    }


def _has_primitive(surrogate: Surrogate) -> bool:
    try:
        surrogate.surrogate_fun(np.float64(0.0))
    except NotImplementedError:
        return False
    return True


def differentiated(surrogate: Surrogate) -> bool:
    """Return whether the derivative is not written down, but taken of the primitive."""
    cls = type(surrogate)
    written = (cls.surrogate_grad, cls.derivative)
    return written == (Surrogate.surrogate_grad, Surrogate.derivative)


def _stated(surrogate: Surrogate, function: str, dtype: np.dtype[Any]) -> Accuracy:
    if function == "derivative" and differentiated(surrogate):
        by_difference = 1e-12 / np.finfo(np.float64).eps  # what Backend.derivative states
        return Accuracy(ulp=by_difference if dtype == np.float64 else 4.0, of_peak=True)
    return surrogate.accuracy


def _measure(surrogate: Surrogate, name: str) -> float:
    try:
        return float(getattr(surrogate, name))
    except NotImplementedError:  # a user's own surrogate need not state it
        return math.inf


def _largest(surrogate: Surrogate, function: str) -> float:
    if function == "derivative":
        peak = _measure(surrogate, "_largest_slope")
        return peak if math.isfinite(peak) else float(surrogate.surrogate_grad(np.float64(0.0)))
    area = _measure(surrogate, "area")
    terms = float(surrogate._largest_term)
    return max(0.5, area, terms) if math.isfinite(area) else max(0.5, terms)


def variants(cls: type[Surrogate]) -> list[Surrogate]:
    """Return surrogates of class `cls`: the default, one of large and one of small parameters."""
    return [cls(), _stretched(cls, 19.0), _stretched(cls, 0.09)]


def _stretched(cls: type[Surrogate], factor: float) -> Surrogate:
    changed: dict[str, Any] = {}
    for parameter in parameters(cls):
        interval, default = parameter.metadata["interval"], float(parameter.default)  # type: ignore[arg-type]
        if interval is COUNT:
            changed[parameter.name] = 5 if factor > 1 else 1
        elif interval is ABOVE_ONE:
            changed[parameter.name] = 1 + factor * (default - 1)
        else:
            changed[parameter.name] = factor * (default or 0.5)
    return cls(**changed)
