"""Measure a surrogate's error in units in the last place, against 50 digits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from .._accuracy import Accuracy
from .._surrogate import Surrogate
from ..definitions._bases import UnitArea
from . import formulas, symbolic, variants

Values = np.ndarray[Any, Any]
DIGITS = 50
FORMULAS = {"derivative": "g'(x)", "primitive": "g(x)"}
FUNCTIONS = {name: (method, FORMULAS[name]) for name, method in variants.METHODS.items()}


@dataclass(frozen=True)
class Reference:
    """What a function of a surrogate is exactly, at chosen points."""

    points: Values
    exact: Values
    """Rounded to float64; `rest` is what the rounding left over."""
    rest: Values


def points(
    surrogate: Surrogate,
    dtype: str,
    number: int,
    seed: int = 0,
    positions: Iterable[float] = (),
) -> Values:
    """Return about `number` numbers of `dtype` to try a surrogate at, the awkward ones among them.

    A third each spread over all magnitudes, over the scale of the surrogate, and evenly around the
    threshold, of both signs; zeros, subnormal numbers, the largest ones, and the neighbours of
    every kink: of the guesses of `kinks`, and of `positions`.
    """
    if dtype == "bfloat16":  # the numbers of float32 with the last 16 bits zero
        wide = points(surrogate, "float32", number, seed, positions)
        return np.unique((wide.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32))
    rng = np.random.default_rng(seed)
    info = np.finfo(dtype)
    third = number // 3
    width = scale(surrogate)
    anywhere = np.exp2(rng.uniform(math.log2(info.tiny), math.log2(float(info.max)), third))
    near = width * np.exp(rng.uniform(math.log(1e-6), math.log(1e3), third))
    around = width * rng.uniform(0, 8, third)
    with np.errstate(over="ignore"):
        sizes = np.concatenate([anywhere, near, around]).astype(dtype)
    signed = sizes * rng.choice(np.asarray([-1, 1], dtype), sizes.shape)
    awkward = [0.0, info.smallest_subnormal, 3 * info.smallest_subnormal, info.tiny, info.max]
    for kink in {*kinks(surrogate), *positions}:
        with np.errstate(over="ignore"):
            position = np.asarray(kink, dtype)
        for direction in (-np.inf, np.inf):
            neighbour = position
            for _ in range(4):
                awkward.append(neighbour)
                neighbour = np.nextafter(neighbour, np.asarray(direction, dtype))
    extra = np.asarray(awkward, dtype)
    extra = extra[np.isfinite(extra)]
    signed = signed[np.isfinite(signed)]
    return np.unique(np.concatenate([signed, extra, -extra]))


def kinks(surrogate: Surrogate) -> list[float]:
    """Return where a formula may well change: 0, 1, and what its parameters say.

    A guess that costs nothing; `recording.kinks` finds where it does.
    """
    found = [0.0, 1.0]
    for value in (getattr(surrogate, name) for name in variants.numbers(type(surrogate))):
        if isinstance(value, float) and value > 0:
            found += [value, value / 2, 1 / value]
    return found


def scale(surrogate: Surrogate) -> float:
    """Return the length on which a surrogate varies: its width, or 1 where it has none."""
    width = _measure(surrogate, "width")
    return width if 0 < width < math.inf else 1.0


def reference(surrogate: Surrogate, function: str, at: Values) -> Reference:
    """Return the exact values of the derivative or primitive, from the docstring's formula.

    If there is none, as in a class of your own, the definition itself is run on 50 digits.
    """
    method, formula = FUNCTIONS[function]
    with mpmath.workdps(DIGITS):
        stated = formulas.compiled(surrogate, formula)
    if stated is None and function == "derivative" and differentiated(surrogate):
        primitive = symbolic.exact(surrogate, "surrogate_fun")
        return _tabulated(lambda x: mpmath.diff(primitive, x), at, math.inf)
    if stated is None:
        return _tabulated(symbolic.exact(surrogate, method), at, math.inf)
    size = max(1.0, largest(surrogate, function))
    source = formulas.stated(type(surrogate))[formula]
    wraps = any(name in source for name in ("atan", "cos", "mod", "round", "sin"))
    return _tabulated(stated, at, size, wraps)


def _tabulated(
    evaluate: Callable[[Any], Any], at: Values, size: float, wraps: bool = True
) -> Reference:
    """Evaluate a function whose terms are of a certain size: in more digits where they cancel.

    If the size is infinite, in `DIGITS`, whatever cancels: so the definition itself is evaluated.
    """
    with mpmath.workdps(DIGITS):
        exact, rest = np.empty(at.shape), np.empty(at.shape)
        for i, x in enumerate(at.tolist()):
            # where the formula subtracts from x, that takes the digits before its point too
            digits = DIGITS + (max(0, math.frexp(x)[1] // 3) if wraps else 0)
            mpmath.mp.dps = digits
            value = evaluate(mpmath.mpf(x))
            while (enough := digits + _lost(value, size)) > mpmath.mp.dps:
                mpmath.mp.dps = enough
                value = evaluate(mpmath.mpf(x))
            exact[i] = float(value)
            rest[i] = float(value - mpmath.mpf(exact[i])) if math.isfinite(exact[i]) else 0.0
    return Reference(at, exact, rest)


def doubled(surrogate: Surrogate, function: str, at: Values) -> Reference:
    """Return the values of the derivative or primitive in NumPy's float64.

    For half precision they are exact enough; their own error is measured separately.
    """
    wide = at.astype(np.float64)
    with np.errstate(all="ignore"):
        exact = getattr(surrogate, variants.METHODS[function])(wide)
    return Reference(at, exact, np.zeros_like(exact))


@dataclass(frozen=True)
class Limits:
    """What `numpy.finfo` says, which does not know bfloat16."""

    tiny: float
    max: float
    digits: int
    """The number of digits of the significand, in base 2."""

    def spacing(self, size: Values) -> Values:
        """Return the distance to the next number."""
        least = self.tiny * 2.0 ** (1 - self.digits)
        with np.errstate(all="ignore"):
            exponent = np.frexp(np.where(np.isfinite(size), size, self.max))[1]
            spacing: Values = np.maximum(np.ldexp(1.0, exponent - self.digits), least)
        return spacing


def limits(dtype: str) -> Limits:
    """Return the limits of a dtype."""
    if dtype == "bfloat16":
        return Limits(2.0**-126, 2.0**128 - 2.0**119, 8)
    info = np.finfo(dtype)
    return Limits(float(info.tiny), float(info.max), info.nmant + 1)


def ulps(
    surrogate: Surrogate,
    function: str,
    computed: Values,
    truth: Reference,
    flushes: bool = False,
    dtype: str | None = None,
) -> Values:
    """Return the error of `computed` as a fraction of the stated bound, 1 being just within it.

    Also return the error in ulp, both in one array of shape (2, points). Where the framework
    `flushes` subnormal numbers to zero, what is lost by that does not count. In half precision
    (`dtype`, by default that of `computed`) the bound is that of float32, plus a rounding.
    """
    name = dtype or computed.dtype.name
    is_half = name in ("float16", "bfloat16")
    info = limits("float32" if is_half else name)
    accuracy = _stated(surrogate, function, "float32" if is_half else name)
    most = largest(surrogate, function)
    size = np.abs(truth.exact)
    efolds = np.zeros(size.shape)
    floor = 0.0 if function == "derivative" else most
    if function == "derivative" and accuracy.of_peak:
        floor = most
    elif accuracy.per_efold:
        start = surrogate._rises_from if function == "primitive" else None
        with np.errstate(all="ignore"):
            counted = np.log(size) - np.log(most if start is None else start)
            efolds = np.nan_to_num(np.abs(counted), nan=0.0, posinf=0.0)
    relative = isinstance(surrogate, UnitArea) and not accuracy.of_peak
    if function == "primitive":
        # elsewhere its terms, 1/2 and the rest, may cancel
        size, floor = (size, 0.0) if relative else (size + 0.5, floor)
    bound = accuracy.ulp + accuracy.per_efold * efolds
    unit = info.spacing(np.maximum(size, floor))
    # below the smallest normal number there are no ulps left to count
    least = info.tiny * (4 * max(1.0, most) if flushes else 1.0)
    if is_half:
        info, wide = limits(name), bound * unit + least
        as_method = variants.written(type(surrogate), function) == "method"
        unit = info.spacing(np.maximum(size, floor) if as_method else np.abs(truth.exact))
        bound = 0.51 + wide / unit
        if as_method:  # which computes in half precision
            bound, least = bound + 16, info.tiny
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs((computed.astype(np.float64) - truth.exact) - truth.rest)
        error = np.where((computed == truth.exact) | (error <= least), 0.0, error / unit)
        overflow = (np.abs(truth.exact) > info.max) & np.isinf(computed)
    error = np.where(overflow, 0.0, error)
    error = np.where(np.isnan(computed), np.inf, error)
    return np.stack([error / bound, error])


def _lost(value: Any, size: float) -> int:
    """Return how many digits are lost if a value is the difference of terms of a certain size."""
    if not (mpmath.isfinite(value) and math.isfinite(size)):
        return 0
    if value == 0:
        return 340  # below the smallest float
    return min(340, max(0, int(mpmath.log10(size / abs(value)))))


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
    return variants.written(type(surrogate), "derivative") is None


def _stated(surrogate: Surrogate, function: str, dtype: str) -> Accuracy:
    if function == "derivative" and differentiated(surrogate):
        by_difference = 1e-12 / np.finfo(np.float64).eps  # what Backend.derivative states
        return Accuracy(ulp=by_difference if dtype == "float64" else 4.0, of_peak=True)
    return surrogate.accuracy


def _measure(surrogate: Surrogate, name: str) -> float:
    try:
        return float(getattr(surrogate, name))
    except NotImplementedError:  # a user's own surrogate need not state it
        return math.inf


def largest(surrogate: Surrogate, function: str) -> float:
    """Return the size of the largest value, or term, of the derivative or primitive."""
    if function == "derivative":
        peak = _measure(surrogate, "_largest_slope")
        with np.errstate(all="ignore"):
            return peak if math.isfinite(peak) else float(surrogate.surrogate_grad(0.0))
    area, terms = _measure(surrogate, "area"), max(0.5, float(surrogate._largest_term))
    return max(terms, area) if math.isfinite(area) else terms
