"""What a case should give, by the laws, in NumPy's float64: intervals, and exact spikes."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from .cases import LIMITS, Case, rounded
from .shapes import Interval, Shape

BEYOND = {"float16": 65520.0, "bfloat16": (2 - 2.0**-8) * 2.0**127}  # kept for what is infinite


class Reference(Shape):
    """What is known of a case."""

    @np.errstate(all="ignore")
    def derivative(self, exact: bool = False) -> Interval:
        """Return the derivative at `x`, with the residual's rounding unless `exact`."""
        x = self.x
        if self.residual in ("float16", "bfloat16") and not exact:
            x = to_half(x, self.residual)
            if self.residual != self.case["dtype"]:
                x = np.clip(x, -BEYOND[self.residual], BEYOND[self.residual])
        return self._derivative(self.case["surrogate"], (x, x))

    @np.errstate(all="ignore")
    def primitive(self) -> tuple[Interval, np.ndarray]:
        """Return the primitive less its value at 0, and the size of the terms it consists of."""
        zero = np.zeros_like(self.x)
        here = self._primitive(self.case["surrogate"], (self.x, self.x))
        there = self._primitive(self.case["surrogate"], (zero, zero))
        with np.errstate(all="ignore"):
            size = np.maximum(np.abs(here[2]), np.abs(there[2]))
            return (here[0] - there[1], here[1] - there[0]), size

    # The emission.

    @np.errstate(all="ignore")
    def spikes(self) -> Interval:
        """Return the spikes: exactly, but a count where its level is within rounding of the next.

        The interval is of one number but there.
        """
        for node in self.nodes:
            if node["class"] == "MultiSpike":
                return self._counts(node)
            if node["class"] == "Smooth":
                return self._smooth()
        base = self.nodes[-1].get("at_threshold", 1.0)
        spikes = _step(self.x, base)
        for node in self.nodes:
            if node["class"] == "Graded":
                return self._graded(node, spikes)
            if node["class"] == "Ternary":
                # The sign of a difference is exact, however it is rounded.
                threshold = self.parameter(node, "threshold")
                with np.errstate(all="ignore"):
                    below = _step(-self.x - 2 * threshold, base)
                spikes = spikes - below
                spikes = np.where(np.isnan(self.x), 0.0, spikes)
        return spikes, spikes

    @np.errstate(all="ignore")
    def far(self) -> Interval:
        """Return where the smallest number hardly ever spikes, and the largest nearly always."""
        ends = np.full(self.x.shape, LIMITS[self.case["dtype"]][0])
        spans = [self._primitive(self.case["surrogate"], (at, at)) for at in (ends, ends * np.inf)]
        below = [
            self._primitive(self.case["surrogate"], (-at, -at)) for at in (ends, ends * np.inf)
        ]
        never = below[0][1] - below[1][0] < 1e-6
        return never, spans[1][1] - spans[0][0] < 1e-6

    def _smooth(self) -> Interval:
        """Return the primitive, which is 1/2 at 0."""
        (low, high), size = self.primitive()
        eps = {"float16": 2.0**-10, "bfloat16": 2.0**-7}.get(self.case["dtype"], 0.0)
        room = 64 * self.eps * size + 4 * self.least
        low, high = 0.5 + low - room, 0.5 + high + room
        largest, least = LIMITS[self.case["dtype"]]
        low, high = low - eps * np.abs(low) - least, high + eps * np.abs(high) + least
        # What overflows is infinite, and may have been on the way.
        unknown = ~np.isfinite(low) | ~np.isfinite(high) | (size > largest / 8)
        return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)

    def _graded(self, node: Case, spikes: np.ndarray) -> Interval:
        threshold, scale = self.parameter(node, "threshold"), self.parameter(node, "scale")
        spacing = {"float16": 2.0**-10, "bfloat16": 2.0**-7}.get(self.case["dtype"], 0.0)
        largest, least = LIMITS[self.case["dtype"]]
        potential = np.where(spikes == 0, 0.0, self.x + threshold)
        room = np.where(spikes == 0, 0.0, 4 * self.eps * (np.abs(self.x) + np.abs(threshold)))
        room = np.where(np.isinf(self.x), 0.0, room)
        ends = [spikes * (potential - room) / scale, spikes * (potential + room) / scale]
        slack = (spacing + 8 * self.eps) * np.abs(ends[1]) + np.where(spikes == 0, 0, 2 * least)
        slack = np.where(np.isinf(self.x), 0.0, slack)
        low, high = ends[0] - slack, ends[1] + slack
        low = np.clip(low, -largest, largest * (1 - 2 * spacing - 8 * self.eps))
        low = np.where((self.x == np.inf), np.inf, low)
        high = np.where(self.x == np.inf, np.inf, np.clip(high, -largest * (1 - spacing), largest))
        return low, high

    def _counts(self, node: Case) -> Interval:
        low, high = np.zeros(self.x.shape), np.zeros(self.x.shape)
        threshold, offset = self.parameter(node, "threshold"), self.parameter(node, "offset")
        largest = LIMITS[self.case["dtype"]][0]
        most = min(float(node.get("max_spikes", math.inf)), largest)
        for place in np.ndindex(self.x.shape):
            x = float(self.x[place])
            if math.isnan(x) or x == -math.inf:
                continue
            if x == math.inf:
                low[place] = high[place] = most
                continue
            ratio = Fraction(x) / Fraction(float(threshold[place]))
            level, is_whole = ratio + Fraction(float(offset[place])), offset[place] % 1 == 0
            # A quotient is rounded once; with an offset that is no whole number, so is the sum.
            room = Fraction(2 * self.eps) * abs(ratio)
            if not is_whole or node.get("rounding") == "nearest":
                room += Fraction(2 * self.eps) * (abs(level) + abs(Fraction(float(offset[place]))))
            if is_whole and ratio.denominator == 1:
                room = Fraction(0)
            near = node.get("rounding") == "nearest"
            counts = [round(v) if near else math.floor(v) for v in (level - room, level + room)]
            if is_whole and not near and abs(ratio) < 1:  # the sign of x decides
                counts = [math.floor(level)] * 2
            low[place], high[place] = (float(min(max(c, 0), int(largest))) for c in counts)
        low, high = np.minimum(low, most), np.minimum(high, most)
        spacing = {"float16": 2.0**-11, "bfloat16": 2.0**-8}.get(self.case["dtype"], self.eps)
        # A count that the dtype does not hold is rounded.
        low = np.where(low > 1 / spacing, low * (1 - 2 * spacing), low)
        high = np.where(high > 1 / spacing, np.minimum(high * (1 + 2 * spacing), largest), high)
        return low, high


def _step(x: np.ndarray, at_threshold: float) -> np.ndarray:
    return np.where(np.isnan(x), 0.0, np.where(x == 0, at_threshold, np.where(x > 0, 1.0, 0.0)))


def to_half(x: np.ndarray, residual: str) -> np.ndarray:
    """Return what a residual of half precision keeps of x, in float64."""
    if residual == "bfloat16":
        return rounded(x, "bfloat16")
    with np.errstate(all="ignore"):
        return x.astype(np.float16).astype(np.float64)
