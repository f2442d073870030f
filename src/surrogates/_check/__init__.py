"""``python -m surrogates check``: the proof, on what is installed and on your own surrogates.

For each surrogate: primitive and derivative belong together, symbolically and piece by piece; what
its docstring states of peak, area and width is what it says of itself, and what quadrature finds;
and both functions, in every framework and dtype, are as exact as stated, against 50 digits.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from multiprocessing import get_context
from typing import Any

import mpmath
import numpy as np

from .. import definitions
from .._surrogate import Surrogate
from . import accuracy, formulas, frameworks, symbolic

DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    surrogate: str
    framework: str
    dtype: str
    derivative: float
    """The largest error, in ulp."""
    primitive: float
    failure: str | None
    """What is wrong, or None."""


def run(
    classes: list[type[Surrogate]], points: int, names: list[str] | None = None, jobs: int = 1
) -> int:
    """Check `classes`, print the table, and return the exit status: 1 if anything fails.

    In the frameworks of these `names`, or in all that are installed; in so many processes.
    """
    titles = f"{'surrogate':<24} {'framework':<9} {'dtype':<8} {'derivative':>10} {'primitive':>10}"
    print(f"{titles}  verdict")
    failed = 0
    rows_of = functools.partial(_rows, points=points, names=names)
    # spawned, since a forked process inherits the threads of the frameworks in an unknown state
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for row in chain.from_iterable((pool.map if jobs > 1 else map)(rows_of, classes)):
            failed += row.failure is not None
            print(
                f"{row.surrogate:<24} {row.framework:<9} {row.dtype:<8} {_ulp(row.derivative):>10} "
                f"{_ulp(row.primitive):>10}  {row.failure or 'ok'}",
                flush=True,
            )
    print(f"{failed} of the lines above failed" if failed else "all hold (errors in ulp)")
    return 1 if failed else 0


def _rows(cls: type[Surrogate], points: int, names: list[str] | None) -> list[Row]:
    try:
        return list(check(cls, points, names))
    except Exception as error:  # a user's own code may do anything
        failure = (
            f"cannot be checked: {type(error).__name__}: {error}. The check calls it on arrays of "
            "every framework, with infinities among them, and on numbers of 50 digits: write it in "
            "operators and in the functions of array_api_compat.array_namespace(x)"
        )
        return [Row(cls.__name__, "", "", math.nan, math.nan, failure)]


def _ulp(error: float) -> str:
    return "" if math.isnan(error) else f"{error:.1f}"


def check(cls: type[Surrogate], points: int, names: list[str] | None = None) -> Iterator[Row]:
    """Yield the lines of the table for one class of surrogate."""
    cls().surrogate_grad(np.float64(0.0))  # raises where there is nothing to check
    proof = [_shape(cls), *_formula(cls)]
    failures = [failure for failure in proof if failure]
    yield Row(cls.__name__, "symbolic", "", math.nan, math.nan, "; ".join(failures) or None)
    for dtype in DTYPES:
        worst: dict[str, Row] = {}
        for variant in accuracy.variants(cls):
            for row in _accuracy(formulas.held(variant, dtype), dtype, points, names):
                worst[row.framework] = _worse(worst.get(row.framework), row)
        yield from worst.values()


def _worse(old: Row | None, new: Row) -> Row:
    if old is None:
        return new
    return dataclasses.replace(
        old,
        derivative=max(old.derivative, new.derivative),
        primitive=max(old.primitive, new.primitive, key=lambda e: -1.0 if math.isnan(e) else e),
        failure=old.failure or new.failure,
    )


def _formula(cls: type[Surrogate]) -> Iterator[str]:
    """Prove symbolically that the derivative is that of the primitive, and half at 0."""
    for variant in accuracy.variants(cls):
        if len(accuracy.functions(variant)) == 1 or accuracy.differentiated(variant):
            return  # there is no pair to compare
        for point in _pieces(variant):
            try:
                difference = symbolic.disagreement(variant, point)
            except Exception as error:  # a user's own formula may not run on symbols
                yield f"{variant!r} does not run on symbols: {error!r}"
                return
            if difference != 0:
                yield f"primitive and derivative disagree around x = {point:.3g} by {difference}"
                return
        half = float(variant.surrogate_fun(np.float64(0.0)))
        if not abs(half - 0.5) <= 1e-14 * max(1.0, variant._largest_term):
            yield f"{variant!r} has primitive {half} at 0"
            return


def _pieces(surrogate: Surrogate) -> list[float]:
    """Return a point in each interval between the places where the formula may change."""
    edges = np.unique([edge for kink in accuracy.kinks(surrogate) for edge in (-kink, kink)])
    between = (edges[1:] + edges[:-1]) / 2
    outside = 3 * max(1.0, edges[-1])
    return [-outside, *between.tolist(), outside]


def _shape(cls: type[Surrogate]) -> str | None:
    """Compare what is stated of peak, area and width with the properties, and with quadrature."""
    for variant in accuracy.variants(cls):
        for name in ("peak", "area", "width"):
            function = formulas.compiled(variant, name)
            if function is None:
                continue
            stated, own = float(function(None)), float(getattr(variant, name))
            if stated != own and not abs(stated - own) <= 1e-12 * abs(stated):
                return f"{variant!r} has {name} {own}, its docstring says {stated}"
        try:
            failure = _peak(variant) or _area(variant) or _half_maximum(variant)
        except NotImplementedError:
            return None  # a user's own surrogate need not state them
        if failure:
            return failure
    return None


def _peak(surrogate: Surrogate) -> str | None:
    peak = float(surrogate.peak)
    values = surrogate.surrogate_grad(accuracy.points(surrogate, "float64", 3000))
    if math.isfinite(peak) and not math.isclose(float(values.max()), peak, rel_tol=1e-4):
        return f"{surrogate!r} has peak {peak}, but reaches {values.max()}"
    if not surrogate._negative and values.min() < 0:
        return f"{surrogate!r} has derivative {values.min()} somewhere"
    return None


def _area(surrogate: Surrogate) -> str | None:
    """Compare the area with quadrature around the threshold and the primitive beyond."""
    area = float(surrogate.area)
    if not math.isfinite(area):
        return None
    reach = 20 * max(1.0, *accuracy.kinks(surrogate)) if surrogate.width > 0.1 else 20.0
    ends = [max(-reach, float(surrogate.support[0])), min(reach, float(surrogate.support[1]))]
    edges = {k for kink in accuracy.kinks(surrogate) for k in (-kink, kink)}
    inner = sorted(k for k in edges if ends[0] < k < ends[1])

    def derivative(x: Any) -> float:
        return float(surrogate.surrogate_grad(float(x)))

    found = float(mpmath.quad(derivative, [ends[0], *inner, ends[1]]))
    left, low, high, right = (
        float(surrogate.surrogate_fun(x)) for x in (-math.inf, *ends, math.inf)
    )
    found += (low - left) + (right - high)
    if not math.isclose(found, area, rel_tol=1e-5, abs_tol=1e-9):
        return f"{surrogate!r} has area {area}, quadrature finds {found}"
    return None


def _half_maximum(surrogate: Surrogate) -> str | None:
    width = float(surrogate.width)
    if not math.isfinite(width):
        return None
    half = float(surrogate.peak) / 2
    x = np.linspace(-4 * width, 4 * width, 80_001) + _centre(surrogate)
    above = surrogate.surrogate_grad(x) >= half
    middle = len(x) // 2 + 1
    below_left = np.flatnonzero(~above[:middle])
    below_right = np.flatnonzero(~above[middle:])
    left = below_left[-1] + 1 if below_left.size else 0
    right = middle + below_right[0] - 1 if below_right.size else len(x) - 1
    found = x[right] - x[left]
    if not abs(found - width) <= 3e-4 * width:
        return f"{surrogate!r} has width {width}, measured {found}"
    return None


def _centre(surrogate: Surrogate) -> float:
    return float(getattr(surrogate, "shift", 0.0))


def _accuracy(
    surrogate: Surrogate, dtype: str, points: int, only: list[str] | None
) -> Iterator[Row]:
    """Compare a surrogate's functions in every framework with 50 digits."""
    x = accuracy.points(surrogate, dtype, points)
    functions = accuracy.functions(surrogate)
    truths = {name: accuracy.reference(surrogate, name, x) for name in functions}
    for framework in frameworks.installed(only):
        worst: dict[str, float] = {}
        failure = None
        for name, (method, _) in functions.items():
            computed = framework.evaluate(getattr(surrogate, method), x)
            of_bound, error = accuracy.ulps(
                surrogate, name, computed, truths[name], framework.flushes
            )
            if framework.flushes:
                subnormal = (x != 0) & (np.abs(x) < np.finfo(dtype).tiny)
                of_bound[subnormal] = error[subnormal] = 0.0
            worst[name] = float(error.max())
            at = int(of_bound.argmax())
            if failure is None and not of_bound[at] <= framework.allowance:
                failure = (
                    f"{surrogate!r}: {name} at x = {x[at]!s} is {computed[at]!s}, exactly "
                    f"{truths[name].exact[at]!s} ({error[at]:.3g} ulp)"
                )
        yield Row(
            type(surrogate).__name__,
            framework.name,
            dtype,
            worst["derivative"],
            worst.get("primitive", math.nan),
            failure,
        )


def find(name: str) -> type[Surrogate]:
    """Return the class that ``module:Class`` or the name of a surrogate of this package means.

    Raises
    ------
    LookupError
        If there is none, naming those there are.
    """
    from importlib import import_module

    module, _, attribute = name.partition(":")
    if not attribute:
        return definitions.find(name)
    sys.path.insert(0, "")  # as `python -m` itself does: your module lies in the working directory
    found = getattr(import_module(module), attribute, None)
    if not (isinstance(found, type) and issubclass(found, Surrogate)):
        raise LookupError(f"{name!r} is no subclass of surrogates.Surrogate")
    return found
