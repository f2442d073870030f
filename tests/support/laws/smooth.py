"""The laws of `Smooth`."""

from __future__ import annotations

import numpy as np

from .bases import EmissionLaw


class SmoothLaw(EmissionLaw):
    is_rounded = True

    def spikes(self, wrapper, x, at_zero):
        return wrapper.surrogate.surrogate_fun(x)

    def spikes_interval(self, model, node):
        """Return the primitive, which is 1/2 at 0."""
        (low, high), size = model.primitive()
        room = 64 * model.eps * size + 4 * model.least
        low, high = 0.5 + low - room, 0.5 + high + room
        low = low - model.spacing * np.abs(low) - model.smallest
        high = high + model.spacing * np.abs(high) + model.smallest
        # What overflows is infinite, and may have been on the way.
        unknown = ~np.isfinite(low) | ~np.isfinite(high) | (size > model.largest / 8)
        return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)
