"""The laws of `Ternary`, whose bump stands at either threshold."""

from __future__ import annotations

import numpy as np

from .bases import NUMBERS, EmissionLaw


class TernaryLaw(EmissionLaw):
    arguments = {"threshold": NUMBERS}
    defaults = {"threshold": 1.0}

    def spikes(self, wrapper, x, at_zero):
        return np.heaviside(x, at_zero) - np.heaviside(-x - 2 * wrapper.threshold, at_zero)

    def derivative(self, wrapper, inside, x):
        return inside(x) + inside(-x - 2 * wrapper.threshold)

    def spikes_interval(self, model, node):
        # The sign of a difference is exact, however it is rounded.
        threshold = model.parameter(node, "threshold")
        spikes = model.step(model.x) - model.step(-model.x - 2 * threshold)
        spikes = np.where(np.isnan(model.x), 0.0, spikes)
        return spikes, spikes

    def derivative_interval(self, model, node, at):
        low, high = model.derivative_of(node["inside"], at)
        low2, high2 = model.derivative_of(node["inside"], self._below(model, node, at))
        with np.errstate(all="ignore"):
            return model.widened(low + low2, high + high2)

    def primitive_interval(self, model, node, at):
        low, high, size = model.primitive_of(node["inside"], at)
        low2, high2, size2 = model.primitive_of(node["inside"], self._below(model, node, at))
        return low - high2, high - low2, size + size2

    def _below(self, model, node, at):
        threshold = 2 * model.parameter(node, "threshold")
        with np.errstate(all="ignore"):
            room = 2 * model.eps * (np.abs(at[0]) + threshold)
            room = np.where(np.isfinite(room), room, 0.0)
            return model.saturated(-at[1] - threshold - room, -at[0] - threshold + room)
