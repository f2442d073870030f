"""The laws of `Windowed`."""

from __future__ import annotations

import numpy as np

from surrogates import Arctan, Windowed

from .bases import NUMBERS, Option, ShapeLaw


class WindowedLaw(ShapeLaw):
    arguments = {"band": NUMBERS}
    defaults = {"band": 1.0}
    options = {"normalise": Option(lambda rng: not rng.randrange(4), plain=False)}

    passes_on = {"breakpoints"}  # of the surrogate inside and of the recorded formula

    def derivative(self, wrapper, inside, x):
        return np.where(np.abs(x) < wrapper.band, inside(x), 0.0)

    def measures(self, wrapper, peak, area, width):
        return None

    def examples(self):
        return [Windowed(Arctan(2.0), 0.75, normalise=True)]

    def around(self, inside):
        return [Windowed(inside, 1.5), Windowed(inside, 0.3, normalise=True)]

    def derivative_interval(self, model, node, at):
        band = model.parameter(node, "band")
        low, high = model.derivative_of(node["inside"], _clipped(at, band))
        if node.get("normalise"):
            low, high = model.widened(*_divided((low, high), self._within(model, node)))
        beyond = (at[0] >= band) | (at[1] <= -band)
        reaches = (at[1] >= band) | (at[0] <= -band)
        low, high = (np.where(beyond & ~np.isnan(model.x), 0.0, end) for end in (low, high))
        return np.where(reaches, np.minimum(low, 0), low), np.where(
            reaches, np.maximum(high, 0), high
        )

    def primitive_interval(self, model, node, at):
        at = _clipped(at, model.parameter(node, "band"))
        low, high, size = model.primitive_of(node["inside"], at)
        if node.get("normalise"):
            within = self._within(model, node)
            zero = model.primitive_of(node["inside"], model.zero)
            low, high = _divided((low - zero[1], high - zero[0]), within)
            lost = size > model.most / 8  # a share of what overflows
            size = np.where(lost, np.inf, 0.5 + size / within[0])
        return low, high, size

    @np.errstate(all="ignore")
    def _within(self, model, node):
        """Return the area inside the band of what is made a density; NaN if it may be none."""
        band = model.parameter(node, "band")
        here = model.primitive_of(node["inside"], (band, band))
        there = model.primitive_of(node["inside"], (-band, -band))
        # Of numbers alone it is computed in double precision, whatever x is.
        eps = model.eps if model.has_arrays(node) else 2.0**-52
        room = 64 * eps * np.maximum(here[2], there[2])
        low, high = here[0] - there[1] - room, here[1] - there[0] + room
        if eps == model.eps:  # computed in the dtype, it may overflow, as `Windowed` states
            low = np.where(high > model.most / 8, np.nan, low)
        return np.where(low > 0, low, np.nan), high

    def may_refuse(self, model, node, message):
        if not node.get("normalise") or "positive and finite one can be made 1" not in message:
            return False
        low, high = self._within(model, node)
        return model.x.size == 0 or not np.all((low > 0) & (high < np.inf))

    def states(self, run, node, error):
        if not node.get("normalise"):
            return False
        if isinstance(error, ValueError) and "give x in float64" in str(error):
            return run.case["dtype"] != "float64"
        if isinstance(error, RuntimeWarning) and "divide" in str(error):
            return bool(np.any(np.isnan(self._within(run.reference, node)[0])))  # lost by rounding
        return False


def _clipped(at, band):
    return np.clip(at[0], -band, band), np.clip(at[1], -band, band)


def _divided(span, by):
    ends = np.stack([end / divisor for end in span for divisor in by])
    return ends.min(axis=0), ends.max(axis=0)
