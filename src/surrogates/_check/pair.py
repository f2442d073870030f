"""Whether the derivative is that of the primitive, measured: no interval may hide an error.

The line is tiled with panels that end at every kink. On each, the rise of the primitive must be the
integral of the derivative (in float64, by Gauss quadrature that is refined until it has converged);
on every piece between kinks, difference quotients of the primitive must be the derivative (in as
many digits as it takes); at a kink, the derivative must lie between its limits from both sides; and
what has settled far out must be the same at infinity.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np

from .._recording import Kinks
from .._surrogate import Surrogate
from . import accuracy, symbolic, variants

Values = np.ndarray[Any, Any]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)
_MOST_PANELS = 40_000  # what a formula that oscillates ever faster may cost
_FURTHEST = 1e9  # in units of the scale


class Line:
    """The derivative and the primitive of a surrogate in float64, on panels that tile the line."""

    def __init__(self, surrogate: Surrogate, kinks: Kinks, scale: float) -> None:
        self.surrogate, self.scale, self.kinks = surrogate, scale, kinks.positions
        self.ends = (kinks.low, kinks.high)
        sizes = scale * np.concatenate(
            [np.geomspace(1e-9, _FURTHEST, 1000), np.linspace(0, 8, 1601)]
        )
        edges = np.concatenate([-sizes, sizes])
        edges = edges[(edges >= kinks.low) & (edges <= kinks.high)]
        inside = [k for k in kinks.positions if abs(k) < 1e3 * _FURTHEST * scale]
        # and next to each, so that no primitive jumps there and back between two edges
        inside = [np.nextafter(k, side) for k in inside for side in (k, -math.inf, math.inf)]
        inside = [k for k in inside if kinks.low <= k <= kinks.high]
        self.edges = np.unique(np.concatenate([edges, inside]))
        self.left, self.right = self.edges[:-1], self.edges[1:]
        self.largest, self.smallest = (-math.inf, math.nan), (math.inf, math.nan)
        """The extreme values of the derivative, each with its place."""
        self.slopes = self.derivative(self.edges)
        self._see(self.edges, self.slopes)
        self.integral, self.converged = self._integrals()

    def derivative(self, x: Values) -> Values:
        """Return the derivative, as NumPy computes it."""
        with np.errstate(all="ignore"):
            result: Values = self.surrogate.surrogate_grad(x)
        return result

    def primitive(self, x: Values) -> Values:
        """Return the primitive, as NumPy computes it."""
        with np.errstate(all="ignore"):
            result: Values = self.surrogate.surrogate_fun(x)
        return result

    def _see(self, x: Values, values: Values) -> None:
        if np.all(np.isnan(values)):
            return
        at = np.unravel_index([np.nanargmax(values), np.nanargmin(values)], values.shape)
        high, low = zip(values[at].tolist(), x[at].tolist(), strict=True)
        self.largest = max(self.largest, high, key=lambda pair: pair[0])
        self.smallest = min(self.smallest, low, key=lambda pair: pair[0])

    def _rule(self, left: Values, right: Values) -> Values:
        """Return the integral of the derivative over each panel, by Gauss quadrature."""
        half = (right - left)[:, None] / 2
        x = left[:, None] + half * (1 + _NODES)
        values = self.derivative(x)
        self._see(x, values)
        with np.errstate(all="ignore"):
            integral: Values = half[:, 0] * (values @ _WEIGHTS)
        return integral

    def _integrals(self) -> tuple[Values, Values]:
        left, right = self.left, self.right
        coarse = self._rule(left, right)
        with np.errstate(all="ignore"):
            allowed = 1e-13 * np.nanmax(np.abs(coarse), initial=0.0) + 1e-11 * np.abs(coarse)
        owner = np.arange(left.size)
        total, converged = np.zeros(left.size), np.ones(left.size, bool)
        for level in range(60):
            middle = left + (right - left) / 2
            halves = self._rule(left, middle), self._rule(middle, right)
            with np.errstate(all="ignore"):
                fine = halves[0] + halves[1]
                done = ~(np.abs(fine - coarse) > allowed[owner])  # refining does not help a NaN
            done |= (middle <= left) | (middle >= right)
            np.add.at(total, owner[done], fine[done])
            rest = ~done
            if not rest.any():
                break
            if 2 * rest.sum() > _MOST_PANELS or level == 59:
                converged[owner[rest]] = False
                break
            left, right = (
                np.concatenate([left[rest], middle[rest]]),
                np.concatenate([middle[rest], right[rest]]),
            )
            coarse = np.concatenate([half[rest] for half in halves])
            owner = np.concatenate([owner[rest], owner[rest]])
        return total, converged

    def disagreement(self) -> str | None:
        """Compare the rise of the primitive over each panel with the integral."""
        values = self.primitive(self.edges)
        bad = np.isnan(values)
        if bad.any():
            return f"primitive at x = {self.edges[bad][0]:.17g} is NaN"
        with np.errstate(all="ignore"):
            excess = np.diff(values) - self.integral
            size = np.abs(values[1:]) + np.abs(values[:-1]) + self._terms(values)
            allowed = 4e-14 * size + 1e-9 * np.abs(self.integral)
            # nodes between two neighbouring numbers are rounded to one of them
            is_step = self.right <= np.nextafter(self.left, np.inf)
            steep = np.maximum(np.abs(self.slopes[1:]), np.abs(self.slopes[:-1]))
            allowed += np.where(is_step, steep * (self.right - self.left), 0.0)
            off = (np.abs(excess) > allowed) & self.converged
        off &= np.isfinite(values[1:]) & np.isfinite(values[:-1]) & np.isfinite(self.integral)
        for i in np.flatnonzero(off)[np.argsort(-np.abs(excess[off] / allowed[off]))][:3]:
            found = self._localised(float(self.left[i]), float(self.right[i]), float(allowed[i]))
            if found:
                return found
        return None

    def _terms(self, values: Values) -> float:
        """Return the size of the terms of the primitive, which may cancel."""
        near = np.abs(values[np.abs(self.edges) <= 8 * self.scale])
        near = near[np.isfinite(near)]
        return max(accuracy.largest(self.surrogate, "primitive"), float(near.max(initial=0)))

    def _localised(self, left: float, right: float, allowed: float) -> str | None:
        """Return where on a panel primitive and integral differ, None if refining unites them."""

        def leaf(a: float, b: float) -> tuple[float, float, float, float]:
            rise = np.diff(self.primitive(np.asarray([a, b])))[0]
            excess = float(rise - self._rule(np.asarray([a]), np.asarray([b]))[0])
            return -abs(excess), a, b, excess

        leaves = [leaf(left, right)]
        for _ in range(120):
            _, a, b, _ = heapq.heappop(leaves)
            middle = a + (b - a) / 2
            for part in ((a, middle), (middle, b)):
                heapq.heappush(leaves, leaf(*part))
            total = math.fsum(excess for _, _, _, excess in leaves)
            if abs(total) <= allowed:
                return None
            if not a < middle < b or b - a < 1e-13 * abs(a):
                break
        _, a, b, excess = leaves[0]
        if b - a < 1e-9 * (right - left) or b <= np.nextafter(a, math.inf):
            places = [b, *(k for k in self.kinks if a <= k <= b)]
            at = min(places, key=lambda place: len(repr(place)))
            return f"the primitive jumps by {excess:.6g} at x = {at:.15g}"
        mean = (total + float(self._rule(np.asarray([left]), np.asarray([right]))[0])) / (
            right - left
        )
        return (
            f"primitive and derivative disagree from x = {left:.9g} to {right:.9g}: the derivative "
            f"around there is {float(self.derivative(np.asarray([(a + b) / 2]))[0]):.9g}, "
            f"the primitive rises by {mean:.9g} per unit of x"
        )

    def between(self) -> str | None:
        """Check that at every kink the derivative lies between its limits from both sides."""
        peak = abs(self.largest[0]) if math.isfinite(self.largest[0]) else 1.0
        for kink in self.kinks:
            x = np.asarray([kink] * 9)
            for direction, side in ((-np.inf, x[:4]), (np.inf, x[5:])):
                for i in range(4):
                    side[i:] = np.nextafter(side[i:], direction)
            x.sort()
            values = self.derivative(x)
            low, high = min(values[0], values[-1]), max(values[0], values[-1])
            slack = 1e-6 * max(abs(low), abs(high)) + 1e-12 * peak
            wrong = ~((values >= low - slack) & (values <= high + slack))
            near = np.abs(values[[0, 3, 5, 8]])
            # towards a pole it grows on either side
            has_limits = near[1:3].max() <= (1 + 1e-6) * near[[0, 3]].max() < math.inf
            if wrong.any() and (has_limits or np.all(np.isfinite(values))):
                return (
                    f"the derivative at x = {x[wrong][0]:.17g} is {values[wrong][0]:.9g}, "
                    f"and next to it {values[0]:.9g} and {values[-1]:.9g}"
                )
        return None

    def at_infinity(self) -> str | None:
        """Check that a function that has settled far out is the same at infinity."""
        most = float(np.finfo(np.float64).max)
        functions = {"derivative": self.derivative, "primitive": self.primitive}
        for name in accuracy.functions(self.surrogate):
            if variants.written(type(self.surrogate), name) is None:
                continue
            for side in (-1.0, 1.0):
                if math.isfinite(self.ends[side > 0]):  # it changes without end
                    continue
                *far, last = functions[name](side * np.asarray([1e300, most / 3, most, math.inf]))
                slack = 1e-6 * abs(far[-1]) + 1e-12 * accuracy.largest(self.surrogate, name)
                has_settled = max(map(abs, far)) < math.inf and max(far) - min(far) <= slack
                if has_settled and not abs(last - far[-1]) <= slack:
                    return (
                        f"the {name} at x = {side * math.inf} is {last:.9g}, "
                        f"and at x = {side * most:.3g} {far[-1]:.9g}"
                    )
        return None


def probes(kinks: Kinks, scale: float, number: int) -> list[tuple[float, float]]:
    """Return about so many points, each with its distance from the nearest kink.

    They lie on every piece between kinks, in the middle, at random and close to either end; and far
    out beyond the outermost kink, unless there are kinks without end. Of many pieces, those at a
    single kink and those nearest to 0 are taken.
    """
    rng = np.random.default_rng(0)
    edges = kinks.positions
    pieces = [(a, b) for a, b in pairwise(edges) if b - a > 1e-9 * max(abs(a), abs(b))]
    pieces.sort(key=lambda piece: (not kinks.single & {*piece}, abs(sum(piece))))
    found = []
    for a, b in pieces[: number // 2]:
        parts = (0.5, 1e-3, 0.999, rng.uniform(0.1, 0.9))[: max(1, number // (2 * len(pieces)))]
        found += [(a + part * (b - a), (b - a) * min(part, 1 - part)) for part in parts]
    for distance in (0.7, 30.0, 1e-3, 1e3, rng.uniform(0, 8), 1e6, 3.0)[: number // 4]:
        # of the scale, or of what it takes to leave the outermost kink
        distance *= rng.uniform(1, 1.1)  # not onto the kinks of a period
        low, high = (distance * max(scale, 1e-3 * abs(edge)) for edge in (edges[0], edges[-1]))
        found += [(edges[0] - low, low), (edges[-1] + high, high)]
    return [
        (x, room)
        for x, room in found
        if math.isfinite(x) and room > 0 and kinks.low <= x - room and x + room <= kinks.high
    ]


def quotients(surrogate: Surrogate, points: list[tuple[float, float]]) -> str | None:
    """Compare difference quotients of the primitive with the derivative, in many digits."""
    primitive = symbolic.exact(surrogate, "surrogate_fun")
    derivative = symbolic.exact(surrogate, "surrogate_grad")
    with mpmath.workdps(accuracy.DIGITS):
        slopes = [derivative(mpmath.mpf(x)) for x, _ in points]
        finite = [abs(s) for s in slopes if mpmath.isfinite(s) and abs(s) < 1e250]
        largest = max(finite, default=0) or mpmath.mpf(1)
        for (x, room), slope in zip(points, slopes, strict=True):
            if not mpmath.isfinite(slope):
                return f"derivative at x = {x:.9g} is {mpmath.nstr(slope, 9)} in exact arithmetic"
            if abs(slope) > 1e250:
                continue
            found = _quotient(primitive, x, room, slope, 1e-250 * largest)
            if found is None:
                continue
            allowed = 1e-11 * max(abs(found), abs(slope)) + 1e-250 * largest
            if surrogate.accuracy.of_peak:
                allowed += 1e-13 * largest
            if not abs(found - slope) <= allowed:
                return (
                    f"primitive and derivative disagree at x = {x:.9g}: the derivative is "
                    f"{mpmath.nstr(slope, 9)}, the primitive rises by {mpmath.nstr(found, 9)} "
                    "per unit of x"
                )
    return None


def _quotient(
    primitive: Callable[[Any], Any], x: float, room: float, slope: Any, least: Any
) -> Any | None:
    """Return a difference quotient, None where it would take too many digits."""
    step = mpmath.mpf(10) ** -20 * min(room, 1.0)
    rise = max(abs(slope), least) * step
    height = max(abs(primitive(mpmath.mpf(x))), mpmath.mpf(1e-30), rise)
    lost = max(height / rise, abs(x) / step, 1)
    digits = 40 + int(mpmath.log10(lost))
    if digits > 400:
        return None
    with mpmath.workdps(digits):
        at = mpmath.mpf(x)
        return (primitive(at + step) - primitive(at - step)) / (2 * step)
