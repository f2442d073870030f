"""The shape that a case should have, by the laws, in NumPy's float64: intervals.

The wrappers are modelled anew, as the page of the laws states them: a surrogate has a shape, an
emission and a residual, each changed by one kind of wrapper and passed through by all others. The
formulas of the surrogates inside are taken from the library, at arguments that are moved as far as
the rounding of the dtype under test may move them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from surrogates._check.accuracy import kinks
from surrogates.definitions import SURROGATES

from .cases import LIMITS, Case, chain, everything, values_of, weighing

Interval = tuple[np.ndarray, np.ndarray]
# Parameters in order, as they are called in the model.
DEFAULTS = {"amplitude": 1.0, "rate": 1.0, "shift": 0.0, "threshold": 1.0, "offset": 1.0}
DEFAULTS |= {"band": 1.0, "scale": 1.0}


def _with_ternary_outside(surrogate: Case) -> Case:
    nodes = chain(surrogate)
    nodes.sort(key=lambda node: node["class"] != "Ternary")  # stable: the others stay in order
    result: Case = {}
    for node in reversed(nodes):
        result = {**node, "inside": result} if result else dict(node)
    return result


class Shape:
    """What is known of the shape of a case."""

    def __init__(self, case: Case) -> None:
        # The order of wrappers does not matter: what is scaled is the bump at either threshold.
        case = {**case, "surrogate": _with_ternary_outside(case["surrogate"])}
        self.case = case
        self.x = values_of(case)
        # What formulas are computed in: single precision for half.
        self.working = "float64" if case["dtype"] == "float64" else "float32"
        self.eps = float(np.finfo(self.working).eps)
        self.most, self.least = LIMITS[self.working]
        self.nodes = chain(case["surrogate"])
        residuals = [n["residual"] for n in self.nodes if n["class"] == "Compressed"]
        self.residual = residuals[0] if residuals else None

    def parameter(self, node: Case, name: str) -> np.ndarray:
        """Return a parameter in float64, as broadcast to x."""
        value = node["parameters"].get(name, DEFAULTS.get(name, 1.0))
        if isinstance(value, dict):
            value = np.reshape(np.asarray(value["values"], np.float64), value["shape"])
        return np.broadcast_to(np.asarray(value, np.float64), self.x.shape)

    def _inner(self, node: Case, at: Interval) -> Interval:
        rate, shift = self.parameter(node, "rate"), self.parameter(node, "shift")
        with np.errstate(all="ignore"):
            low, high = (np.multiply(rate, end - shift) for end in at)
            room = 4 * self.eps * rate * (np.abs(at[0]) + np.abs(shift)) + self.least
            room = np.where(np.isnan(room), 0.0, room)
            low, high = low - room, high + room
        return self._saturated(low, high)

    def _below(self, node: Case, at: Interval) -> Interval:
        threshold = 2 * self.parameter(node, "threshold")
        with np.errstate(all="ignore"):
            room = 2 * self.eps * (np.abs(at[0]) + threshold)
            room = np.where(np.isfinite(room), room, 0.0)
            return self._saturated(-at[1] - threshold - room, -at[0] - threshold + room)

    def _saturated(self, low: np.ndarray, high: np.ndarray) -> Interval:
        low = np.where(
            low < -self.most / 4, -np.inf, np.where(np.abs(low) < 4 * self.least, 0, low)
        )
        high = np.where(high > self.most / 4, np.inf, high)
        low = np.where((low > 0) & (low <= 4 * self.least), 0.0, low)
        return np.minimum(low, high), np.maximum(low, high)

    def _derivative(self, node: Case, at: Interval) -> Interval:
        name = node["class"]
        if name == "Scaled":
            low, high = self._derivative(node["inside"], self._inner(node, at))
            return self._times(self.parameter(node, "amplitude"), low, high)
        if name == "Windowed":
            band = self.parameter(node, "band")
            low, high = self._derivative(node["inside"], _clipped(at, band))
            if node.get("normalise"):
                low, high = self._widened(*_divided((low, high), self.within(node)))
            beyond = (at[0] >= band) | (at[1] <= -band)
            reaches = (at[1] >= band) | (at[0] <= -band)
            low, high = (np.where(beyond & ~np.isnan(self.x), 0.0, end) for end in (low, high))
            return np.where(reaches, np.minimum(low, 0), low), np.where(
                reaches, np.maximum(high, 0), high
            )
        if name == "Ternary":
            low, high = self._derivative(node["inside"], at)
            low2, high2 = self._derivative(node["inside"], self._below(node, at))
            with np.errstate(all="ignore"):
                return self._widened(low + low2, high + high2)
        if name == "Mixture":
            return self._sum(node, [self._derivative(part, at) for part in node["parts"]])
        if name == "Spliced":
            below, above = _halves(at)
            inside = zip(node["parts"], (below, above), strict=True)
            return self._spliced(node, at, *(self._derivative(part, to) for part, to in inside))
        if "inside" in node:
            return self._derivative(node["inside"], at)
        samples = self._sampled(node, at, "surrogate_grad")
        if SURROGATES[node["class"]].__module__.endswith("periodic"):
            samples = np.where(self._is_far(node, at), np.nan, samples)
        low, high = samples.min(axis=0), samples.max(axis=0)
        room = self._tolerance(node) + self._of_efolds(node, np.abs(samples).max(axis=0))
        return self._widened(low, high, room)

    def _sum(self, node: Case, inside: list[Interval]) -> Interval:
        """Return the weighted sum of the parts of a mixture."""
        weights = [self.parameter(node, name) for name in weighing(node)]
        terms = [self._times(w, *of_part) for w, of_part in zip(weights, inside, strict=True)]
        low, high = (sum(ends) for ends in zip(*terms, strict=True))
        largest = sum(np.maximum(np.abs(low), np.abs(high)) for low, high in terms)
        return self._widened(low, high, 4 * self.eps * largest)

    def _spliced(self, node: Case, at: Interval, below: Interval, above: Interval) -> Interval:
        """Return what holds on the side where `at` is; on both where its side is not known."""
        is_exact = at[0] == at[1]
        room = np.where(is_exact, 0.0, 4 * self.least)
        if node["closed"] == "above":
            sides = at[1] + room < 0, at[0] - room >= 0
        else:
            sides = at[1] + room <= 0, at[0] - room > 0
        low, high = (
            np.where(sides[0], b, np.where(sides[1], a, either))
            for b, a, either in zip(
                below,
                above,
                (np.minimum(below[0], above[0]), np.maximum(below[1], above[1])),
                strict=True,
            )
        )
        return np.where(np.isnan(self.x), np.nan, low), np.where(np.isnan(self.x), np.nan, high)

    @property
    def _zero(self) -> Interval:
        return np.zeros(self.x.shape), np.zeros(self.x.shape)

    @np.errstate(all="ignore")
    def within(self, node: Case) -> Interval:
        """Return the area inside the band of what is made a density; NaN if it may be none."""
        band = self.parameter(node, "band")
        here = self._primitive(node["inside"], (band, band))
        there = self._primitive(node["inside"], (-band, -band))
        # Of numbers alone it is computed in double precision, whatever x is.
        given = [v for inner in everything(node) for v in inner["parameters"].values()]
        eps = self.eps if any(isinstance(v, dict) for v in given) else 2.0**-52
        room = 64 * eps * np.maximum(here[2], there[2])
        low, high = here[0] - there[1] - room, here[1] - there[0] + room
        if eps == self.eps:  # computed in the dtype, it may overflow, as `Windowed` states
            low = np.where(high > self.most / 8, np.nan, low)
        return np.where(low > 0, low, np.nan), high

    def _times(self, factor: np.ndarray, low: np.ndarray, high: np.ndarray) -> Interval:
        with np.errstate(all="ignore"):
            ends = np.stack([factor * low, factor * high])
        ends = np.where((factor == 0) & ~np.isnan(np.stack([low, high])), 0.0, ends)
        return self._widened(ends.min(axis=0), ends.max(axis=0))

    def _widened(self, low: np.ndarray, high: np.ndarray, extra: Any = 0.0) -> Interval:
        with np.errstate(all="ignore"):
            relative = 16 * self.eps
            low = low - relative * np.abs(low) - extra
            high = high + relative * np.abs(high) + extra
            # What underflows may be flushed, what overflows is infinite.
            low = np.where((low > 0) & (low < 4 * self.least), 0.0, low)
            high = np.where((high < 0) & (high > -4 * self.least), 0.0, high)
            low, high = low - 4 * self.least, high + 4 * self.least
            high = np.where(high > self.most / 4, np.inf, high)
            low = np.where(low < -self.most / 4, -np.inf, low)
        return low, high

    def _is_far(self, node: Case, at: Interval) -> Any:
        """Return whether a rounding moves x by a share of the period; infinity is, too."""
        at = tuple(np.clip(end, -self.most, self.most) for end in at)
        surrogate = self._base(node)
        periods = [
            getattr(surrogate, name, 1.0) for name in ("t_period", "threshold", "grad_width")
        ]
        shortest = np.minimum.reduce(np.broadcast_arrays(*periods, np.ones(self.x.shape)))
        return (at[1] - at[0] > 1e-3) | (
            at[1] - at[0] + 16 * self.eps * np.abs(at[0]) > 1e-3 * shortest
        )

    def _tolerance(self, node: Case) -> Any:
        surrogate = self._base(node)
        # What a small factor is multiplied by may have underflown.
        least = self.least * np.abs(surrogate._largest_slope)
        if not surrogate.accuracy.of_peak:
            return np.where(np.isfinite(least), least, 0.0)
        with np.errstate(all="ignore"):
            return 2 * surrogate.accuracy.ulp * self.eps * np.abs(surrogate._largest_slope)

    def _of_efolds(self, node: Case, size: np.ndarray) -> Any:
        """Return the error that a surrogate states for each factor of e below its largest value.

        Twice, as the check allows in PyTorch and JAX.
        """
        surrogate = self._base(node)
        with np.errstate(all="ignore"):
            efolds = np.log(np.abs(surrogate._largest_slope) / size)
            room = 2 * surrogate.accuracy.per_efold * self.eps * size * np.maximum(efolds, 0.0)
        return np.where(np.isfinite(room), room, 0.0)

    def _base(self, node: Case) -> Any:
        values = {}
        for name, value in node["parameters"].items():
            values[name] = self.parameter(node, name) if isinstance(value, dict) else value
        return SURROGATES[node["class"]](**values)

    def _sampled(self, node: Case, at: Interval, method: str) -> np.ndarray:
        """Return the formula at points that fill the interval, and at its kinks inside."""
        surrogate, (low, high) = self._base(node), at
        with np.errstate(all="ignore"):
            # An elementary function moves its argument by a few units as well.
            room = 8 * self.eps * np.maximum(np.abs(low), np.abs(high))
            low, high = (
                np.where(np.isfinite(low), low - room, low),
                np.where(np.isfinite(high), high + room, high),
            )
            inside = [np.clip(low + f * (high - low), low, high) for f in (0.25, 0.5, 0.75)]
        points = [low, high, *[np.where(np.isnan(p), low, p) for p in inside]]
        for kink in kinks(surrogate):
            for place in (kink, -kink):
                for side in (np.nextafter(place, -np.inf), place, np.nextafter(place, np.inf)):
                    points.append(np.clip(side, low, high))
        stacked = np.stack([np.broadcast_to(p, self.x.shape) for p in points])
        samples: np.ndarray = getattr(surrogate, method)(stacked)
        return samples

    def _primitive(self, node: Case, at: Interval) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        name = node["class"]
        with np.errstate(all="ignore"):
            if name == "Scaled":
                factor = self.parameter(node, "amplitude") / self.parameter(node, "rate")
                low, high, size = self._primitive(node["inside"], self._inner(node, at))
                # where the surrogate inside overflows, so does this one, as `Scaled` states
                size = np.where(size > self.most / 8, np.inf, np.abs(factor) * size + 0.5)
                return (*self._times(factor, low, high), np.where(factor == 0, 0.5, size))
            if name == "Windowed":
                at = _clipped(at, self.parameter(node, "band"))
                low, high, size = self._primitive(node["inside"], at)
                if node.get("normalise"):
                    within = self.within(node)
                    zero = self._primitive(node["inside"], self._zero)
                    low, high = _divided((low - zero[1], high - zero[0]), within)
                    lost = size > self.most / 8  # a share of what overflows
                    size = np.where(lost, np.inf, 0.5 + size / within[0])
                return low, high, size
            if name == "Mixture":
                inside = [self._primitive(part, at) for part in node["parts"]]
                weights = [self.parameter(node, weight) for weight in weighing(node)]
                low, high = self._sum(node, [(low, high) for low, high, _ in inside])
                pairs = zip(weights, inside, strict=True)
                size = sum(np.where(w == 0, 0.0, abs(w) * size) for w, (_, _, size) in pairs)
                return low, high, size + abs(1 - sum(weights)) / 2 + 0.5
            if name == "Spliced":
                rises, sizes = [], []
                for part, to in zip(node["parts"], _halves(at), strict=True):
                    low, high, size = self._primitive(part, to)
                    zero = self._primitive(part, self._zero)
                    rises.append((low - zero[1], high - zero[0]))
                    sizes.append(np.maximum(size, zero[2]))
                return (*self._spliced(node, at, *rises), sizes[0] + sizes[1])
            if name == "Ternary":
                low, high, size = self._primitive(node["inside"], at)
                low2, high2, size2 = self._primitive(node["inside"], self._below(node, at))
                return low - high2, high - low2, size + size2
            if "inside" in node:
                return self._primitive(node["inside"], at)
        samples = self._sampled(node, at, "surrogate_fun")
        if SURROGATES[node["class"]].__module__.endswith("periodic"):
            samples = np.where(self._is_far(node, at), np.nan, samples)
        size = np.abs(samples).max(axis=0) + np.abs(self._base(node)._largest_term) + 0.5
        return samples.min(axis=0), samples.max(axis=0), size


def _halves(at: Interval) -> tuple[Interval, Interval]:
    return (np.minimum(at[0], 0), np.minimum(at[1], 0)), (
        np.maximum(at[0], 0),
        np.maximum(at[1], 0),
    )


def _divided(span: Interval, by: Interval) -> Interval:
    ends = np.stack([end / divisor for end in span for divisor in by])
    return ends.min(axis=0), ends.max(axis=0)


def _clipped(at: Interval, band: np.ndarray) -> Interval:
    return np.clip(at[0], -band, band), np.clip(at[1], -band, band)
