"""Rockpool, its PyTorch backend: spikes that count the thresholds crossed.

Left out: `step_pwl_ae`, whose gradient is the input itself.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from .._parameters import positive
from .._surrogate import Surrogate
from .._wrappers.spikes import MultiSpike
from ..definitions.periodic import PeriodicExponential as Peaks
from ..definitions.piecewise import HeavisideGrad
from ._adapters import with_threshold
from ._library import Library

LIBRARY = Library(
    "rockpool",
    "3.1.0",
    at_threshold=1.0,
    of_layer=("threshold", "window", "max_spikes_per_dt"),
)


@LIBRARY.takes("spike_generation_fn")
@dataclasses.dataclass(frozen=True)
class Spikes:
    """The spikes, as a function of the membrane potential and the threshold.

    The layer's `learning_window` and `max_spikes_per_dt` have no effect: the surrogate says both.
    """

    surrogate: Surrogate

    def apply(self, x: Any, threshold: Any, window: Any, max_spikes_per_dt: Any) -> Any:
        """Return the spikes; the gradient of the threshold is the library's own.

        There, spikes depend on ``x / threshold``: that gradient is ``-x / threshold`` times that of
        `x`, where it would be -1 times it in ``x - threshold``.
        """
        held = threshold.detach()
        zero = threshold - held  # which has the gradient of the threshold
        shifted = x - held - (x / held).detach() * zero
        return with_threshold(self.surrogate, held)(shifted)


@LIBRARY.named("no gradient to the threshold here: make x depend on it")
def StepPWL(
    threshold: float = 1.0, window: float = 0.5, max_spikes_per_dt: float = 2.0**16
) -> Surrogate:
    edge = HeavisideGrad(window, 1 / threshold, closed="left")
    return MultiSpike(edge, threshold, max_spikes_per_dt)


@LIBRARY.named("its backward raises for a float threshold; its peaks end at max_spikes_per_dt")
def PeriodicExponential(
    threshold: float = 1.0, window: float = 0.5, max_spikes_per_dt: float = 2.0**16
) -> Surrogate:
    peaks = Peaks(window, 1 / threshold, threshold, fold=1.0)
    return MultiSpike(peaks, threshold, max_spikes_per_dt)


class LastPeaks(Surrogate):
    """What `PeriodicExponential` computes: a peak for each spike that there may be."""

    threshold: float = positive(1.0)
    window: float = positive(0.5)
    max_spikes_per_dt: float = positive(2.0**16)

    def derivative(self, xp: Any, x: Any) -> Any:
        """Return the derivative."""
        nearest = xp.floor(x / self.threshold + 0.5)
        nearest = xp.clip(nearest, min=0.0, max=self.max_spikes_per_dt - 1)
        return xp.exp(-xp.abs(x - nearest * self.threshold) / self.window) / self.threshold


@LIBRARY.computes("PeriodicExponential")
def _periodic_exponential(
    threshold: float = 1.0, window: float = 0.5, max_spikes_per_dt: float = 2.0**16
) -> Surrogate:
    peaks = LastPeaks(threshold, window, max_spikes_per_dt)
    return MultiSpike(peaks, threshold, max_spikes_per_dt)
