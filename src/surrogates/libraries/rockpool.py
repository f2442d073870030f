"""Rockpool, its PyTorch backend: spikes that count the thresholds crossed.

Left out: `step_pwl_ae`, whose gradient is the input itself.
"""

from __future__ import annotations

from .._surrogate import Surrogate
from .._wrappers.spikes import MultiSpike
from ..definitions.periodic import PeriodicExponential as Peaks
from ..definitions.piecewise import HeavisideGrad
from ._library import Library

LIBRARY = Library("rockpool", "3.1.0", at_threshold=1.0)


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
