"""The laws of `Graded`."""

from __future__ import annotations

import numpy as np

from .bases import NUMBERS, EmissionLaw


class GradedLaw(EmissionLaw):
    arguments = {"threshold": NUMBERS, "scale": NUMBERS}
    defaults = {"threshold": 1.0, "scale": 1.0}
    is_rounded = True

    def spikes(self, wrapper, x, at_zero):
        return (x + wrapper.threshold) / wrapper.scale * np.heaviside(x, at_zero)

    def spikes_interval(self, model, node):
        threshold, scale = model.parameter(node, "threshold"), model.parameter(node, "scale")
        x, spikes, largest = model.x, model.step(model.x), model.largest
        potential = np.where(spikes == 0, 0.0, x + threshold)
        room = np.where(spikes == 0, 0.0, 4 * model.eps * (np.abs(x) + np.abs(threshold)))
        room = np.where(np.isinf(x), 0.0, room)
        ends = [spikes * (potential - room) / scale, spikes * (potential + room) / scale]
        slack = (model.spacing + 8 * model.eps) * np.abs(ends[1])
        slack = slack + np.where(spikes == 0, 0, 2 * model.smallest)
        slack = np.where(np.isinf(x), 0.0, slack)
        low, high = ends[0] - slack, ends[1] + slack
        low = np.clip(low, -largest, largest * (1 - 2 * model.spacing - 8 * model.eps))
        high = np.clip(high, -largest * (1 - model.spacing), largest)
        return np.where(x == np.inf, np.inf, low), np.where(x == np.inf, np.inf, high)
