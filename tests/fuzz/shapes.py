"""The shape that a case should have, by the laws, in NumPy's float64: intervals.

The wrappers are modelled anew, in `tests/support/laws`: a surrogate has a shape, an emission and a
residual, each changed by one kind of wrapper and passed through by all others. The formulas of the
surrogates inside are taken from the library, at arguments that are moved as far as the rounding of
the dtype under test may move them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dtypes import LIMITS
from laws import LAWS
from laws.bases import Interval, Primitive, ResidualLaw, ShapeLaw
from surrogates._check.accuracy import kinks
from surrogates.definitions import SURROGATES

from .cases import Case, chain, everything, values_of


def _has_arrays(node: Case) -> bool:
    given = [value for inner in everything(node) for value in inner["parameters"].values()]
    return any(isinstance(value, dict) for value in given)


def _with_shapes_inside(surrogate: Case) -> Case:
    # Whether it had arrays inside decides in which precision a number of it is computed.
    *wrappers, leaf = [{**node, "has_arrays": _has_arrays(node)} for node in chain(surrogate)]
    wrappers.sort(key=lambda node: isinstance(LAWS[node["class"]], ShapeLaw))  # it is stable
    result = leaf
    for node in reversed(wrappers):
        result = {**node, "inside": result}
    return result


class Shape:
    """What is known of the shape of a case."""

    def __init__(self, case: Case) -> None:
        # The order of wrappers does not matter: what is scaled is the bump at either threshold.
        case = {**case, "surrogate": _with_shapes_inside(case["surrogate"])}
        self.case = case
        self.x = values_of(case)
        # What formulas are computed in: single precision for half.
        self.working = "float64" if case["dtype"] == "float64" else "float32"
        self.eps = float(np.finfo(self.working).eps)
        self.most, self.least = LIMITS[self.working]
        self.largest, self.smallest = LIMITS[case["dtype"]]
        # What is rounded to half precision in the end.
        self.spacing = {"float16": 2.0**-10, "bfloat16": 2.0**-7}.get(case["dtype"], 0.0)
        self.zero = np.zeros(self.x.shape), np.zeros(self.x.shape)
        self.nodes = chain(case["surrogate"])
        self.at_threshold = float(self.nodes[-1].get("at_threshold", 1.0))

    @property
    def residual_law(self) -> tuple[ResidualLaw | None, Case]:
        """The law of the wrapper that decides the residual, if any, and that wrapper."""
        for node in self.nodes:
            law = LAWS.get(node["class"])
            if isinstance(law, ResidualLaw):
                return law, node
        return None, {}

    @property
    def residual(self) -> str | None:
        """The dtype of the residual, if it is not that of x."""
        law, node = self.residual_law
        return None if law is None else law.residual(node)

    def step(self, x: np.ndarray) -> np.ndarray:
        """Return the step with its value at 0; 0 at NaN."""
        step = np.where(x == 0, self.at_threshold, np.where(x > 0, 1.0, 0.0))
        return np.where(np.isnan(x), 0.0, step)

    def has_arrays(self, node: Case) -> bool:
        """Return whether a surrogate has array-valued parameters, at any depth."""
        return bool(node["has_arrays"]) if "has_arrays" in node else _has_arrays(node)

    def parameter(self, node: Case, name: str) -> np.ndarray:
        """Return a parameter in float64, as broadcast to x."""
        defaults = getattr(LAWS.get(node["class"]), "defaults", {})
        value = node["parameters"].get(name, defaults.get(name, 1.0))
        if isinstance(value, dict):
            value = np.reshape(np.asarray(value["values"], np.float64), value["shape"])
        return np.broadcast_to(np.asarray(value, np.float64), self.x.shape)

    def saturated(self, low: np.ndarray, high: np.ndarray) -> Interval:
        """Return an interval of arguments, with what overflows or underflows on the way."""
        low = np.where(
            low < -self.most / 4, -np.inf, np.where(np.abs(low) < 4 * self.least, 0, low)
        )
        high = np.where(high > self.most / 4, np.inf, high)
        low = np.where((low > 0) & (low <= 4 * self.least), 0.0, low)
        return np.minimum(low, high), np.maximum(low, high)

    def derivative_of(self, node: Case, at: Interval) -> Interval:
        """Return where the derivative is while x is in an interval."""
        if node["class"] in LAWS:
            return LAWS[node["class"]].derivative_interval(self, node, at)
        samples = self._sampled(node, at, "surrogate_grad")
        if SURROGATES[node["class"]].__module__.endswith("periodic"):
            samples = np.where(self._is_far(node, at), np.nan, samples)
        low, high = samples.min(axis=0), samples.max(axis=0)
        room = self._tolerance(node) + self._of_efolds(node, np.abs(samples).max(axis=0))
        return self.widened(low, high, room)

    def times(self, factor: np.ndarray, low: np.ndarray, high: np.ndarray) -> Interval:
        """Return a factor times what is in an interval; 0 times infinity is 0."""
        with np.errstate(all="ignore"):
            ends = np.stack([factor * low, factor * high])
        ends = np.where((factor == 0) & ~np.isnan(np.stack([low, high])), 0.0, ends)
        return self.widened(ends.min(axis=0), ends.max(axis=0))

    def widened(self, low: np.ndarray, high: np.ndarray, extra: Any = 0.0) -> Interval:
        """Return an interval with the rounding of what was computed, and more."""
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

    @np.errstate(all="ignore")
    def primitive_of(self, node: Case, at: Interval) -> Primitive:
        """Return where the primitive is, but for a constant, and the size of its terms."""
        if node["class"] in LAWS:
            return LAWS[node["class"]].primitive_interval(self, node, at)
        samples = self._sampled(node, at, "surrogate_fun")
        if SURROGATES[node["class"]].__module__.endswith("periodic"):
            samples = np.where(self._is_far(node, at), np.nan, samples)
        size = np.abs(samples).max(axis=0) + np.abs(self._base(node)._largest_term) + 0.5
        return samples.min(axis=0), samples.max(axis=0), size
