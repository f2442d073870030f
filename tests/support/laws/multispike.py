"""The laws of `MultiSpike`."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from .bases import NUMBERS, EmissionLaw, Option


class MultiSpikeLaw(EmissionLaw):
    arguments = {"threshold": NUMBERS}
    defaults = {"threshold": 1.0, "offset": 1.0}
    options = {
        "rounding": Option(lambda rng: rng.choice(["floor", "nearest"]), plain="floor"),
        "max_spikes": Option(lambda rng: rng.choice([math.inf, 1, 3, 1000]), plain=math.inf),
    }

    def spikes(self, wrapper, x, at_zero):
        return np.clip(np.floor(x / wrapper.threshold) + 1, 0, None)

    def spikes_interval(self, model, node):
        low, high = np.zeros(model.x.shape), np.zeros(model.x.shape)
        threshold, offset = model.parameter(node, "threshold"), model.parameter(node, "offset")
        largest = model.largest
        most = min(float(node.get("max_spikes", math.inf)), largest)
        for place in np.ndindex(model.x.shape):
            x = float(model.x[place])
            if math.isnan(x) or x == -math.inf:
                continue
            if x == math.inf:
                low[place] = high[place] = most
                continue
            ratio = Fraction(x) / Fraction(float(threshold[place]))
            level, is_whole = ratio + Fraction(float(offset[place])), offset[place] % 1 == 0
            # A quotient is rounded once; with an offset that is no whole number, so is the sum.
            room = Fraction(2 * model.eps) * abs(ratio)
            if not is_whole or node.get("rounding") == "nearest":
                room += Fraction(2 * model.eps) * (abs(level) + abs(Fraction(float(offset[place]))))
            if is_whole and ratio.denominator == 1:
                room = Fraction(0)
            near = node.get("rounding") == "nearest"
            counts = [round(v) if near else math.floor(v) for v in (level - room, level + room)]
            if is_whole and not near and abs(ratio) < 1:  # the sign of x decides
                counts = [math.floor(level)] * 2
            low[place], high[place] = (float(min(max(c, 0), int(largest))) for c in counts)
        low, high = np.minimum(low, most), np.minimum(high, most)
        # A count that the dtype does not hold is rounded.
        spacing = model.spacing / 2 or model.eps
        low = np.where(low > 1 / spacing, low * (1 - 2 * spacing), low)
        high = np.where(high > 1 / spacing, np.minimum(high * (1 + 2 * spacing), largest), high)
        return low, high

    def may_refuse(self, model, node, message):
        return "would have no effect" in message and model.at_threshold != 1.0
