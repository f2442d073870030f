"""Peak, area and width: what the docstring states, what the properties say, what is measured."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._surrogate import Surrogate
from . import accuracy, formulas, variants
from .pair import Line


def failures(surrogate: Surrogate, line: Line) -> Iterator[str]:
    """Yield what is wrong with the measures that a surrogate has: your own need not have any."""
    yield from _stated(surrogate)
    own = {name: _own(surrogate, name) for name in ("peak", "area", "width")}
    if own["peak"] is not None:
        yield from _peak(line, own["peak"])
    if own["area"] is not None:
        yield from _area(surrogate, line, own["area"])
    if isinstance(below := _own(surrogate, "area_below"), float):
        yield from _area_below(surrogate, line, below)
    if own["width"] is not None:
        yield from _width(line, own["width"], (own["peak"] or 0.0) < 0)
    claims = own["peak"] is not None or own["area"] is not None
    if claims and not surrogate._negative and line.smallest[0] < 0:
        value, x = line.smallest
        yield f"the derivative is negative, {value:.6g} at x = {x:.9g}"


def of_arrays(surrogate: Surrogate, x: list[float]) -> str | None:
    """Compare what is computed with numbers and with arrays that hold them."""
    names = variants.learnable(type(surrogate))
    if not names:
        return None
    arrays: dict[str, Any] = {name: np.asarray([getattr(surrogate, name)]) for name in names}
    for name, (method, _) in accuracy.functions(surrogate).items():
        expected = getattr(surrogate, method)(np.asarray(x))
        with contextlib.suppress(Exception):  # such as `math.exp` of an array: no silent error
            found = getattr(dataclasses.replace(surrogate, **arrays), method)(np.asarray(x))
            slack = 1e-12 * accuracy.largest(surrogate, name)
            unlike = ~np.isclose(found, expected, rtol=1e-9, atol=slack, equal_nan=True)
            if unlike.any():
                at = int(unlike.argmax())
                return (
                    f"the {name} at x = {x[at]:.9g} is {found[at]:.9g} if "
                    f"{' and '.join(names)} are arrays, {expected[at]:.9g} if numbers"
                )
    return None


def _own(surrogate: Surrogate, name: str) -> float | None:
    try:
        return float(getattr(surrogate, name))
    except NotImplementedError:
        return None


def _stated(surrogate: Surrogate) -> Iterator[str]:
    for name in ("peak", "area", "width"):
        function = formulas.compiled(surrogate, name)
        if function is None:
            continue
        stated, own = float(function(None)), _own(surrogate, name)
        if own is None:
            yield f"the docstring states {name} = {stated}, but {name} is not defined"
        elif stated != own and not abs(stated - own) <= 1e-12 * abs(stated):
            yield f"{name} is {own}, the docstring says {stated}"


def _peak(line: Line, peak: float) -> Iterator[str]:
    found, at = line.largest
    if peak < 0:  # of a bump that hangs down
        found, at = line.smallest
    if math.isfinite(peak) and not math.isclose(found, peak, rel_tol=1e-4, abs_tol=1e-300):
        yield f"peak is {peak}, measured {found:.9g}, at x = {at:.9g}"


def _area(surrogate: Surrogate, line: Line, area: float) -> Iterator[str]:
    """Compare the area with the integral around the threshold, and the primitive beyond."""
    if math.isnan(area) or not line.converged.all():
        return
    found = math.fsum(line.integral)
    rise = math.inf
    if "primitive" in accuracy.functions(surrogate):
        outer = [-np.inf, line.edges[0], line.edges[-1], np.inf]
        left, low, high, right = line.primitive(np.asarray(outer)).tolist()
        found += (low - left) + (right - high)
        rise = right - left
    if math.isinf(area):
        wrong = abs(rise) < 1e200  # or it is the largest number, for a formula of finite numbers
    else:
        wrong = not math.isclose(found, area, rel_tol=1e-5, abs_tol=1e-9)
    if wrong:
        yield f"area is {area}, measured {found:.9g}"


def _area_below(surrogate: Surrogate, line: Line, area: float) -> Iterator[str]:
    """Compare it with the integral up to the threshold, and the primitive beyond."""
    if not math.isfinite(area) or not line.converged.all():
        return
    found = math.fsum(line.integral[line.right <= 0])
    if "primitive" in accuracy.functions(surrogate):
        left, low = line.primitive(np.asarray([-np.inf, line.edges[0]])).tolist()
        found += low - left
    if math.isfinite(found) and not math.isclose(found, area, rel_tol=1e-5, abs_tol=1e-9):
        yield f"area_below is {area}, measured {found:.9g}"


def _width(line: Line, width: float, hangs: bool) -> Iterator[str]:
    height = line.smallest[0] if hangs else line.largest[0]
    if not math.isfinite(width) or not math.isfinite(height) or height == 0:
        return
    half, side = height / 2, math.copysign(1.0, height)
    x = np.linspace(-4 * width, 4 * width, 80_001) + _centre(line, half)
    above = side * line.derivative(x) >= side * half
    middle = len(x) // 2 + 1
    below_left = np.flatnonzero(~above[:middle])
    below_right = np.flatnonzero(~above[middle:])
    left = below_left[-1] + 1 if below_left.size else 0
    right = middle + below_right[0] - 1 if below_right.size else len(x) - 1
    found = x[right] - x[left]
    if not abs(found - width) <= 3e-4 * width:
        yield f"width is {width}, measured {found:.6g}"


def _centre(line: Line, half: float) -> float:
    """Return where the bump is: at 0, unless it is not above half of its maximum there."""
    if line.derivative(np.zeros(1))[0] / half > 1:
        return 0.0
    return line.largest[1] if half > 0 else line.smallest[1]
