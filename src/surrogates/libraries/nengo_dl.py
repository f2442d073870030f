"""NengoDL: the rate by which it differentiates LIF neurons, as a function of the current less 1."""

from __future__ import annotations

from .._surrogate import Surrogate
from .._wrappers.scaled import Scaled
from ..definitions.rate import SoftLIF
from ._library import Library

LIBRARY = Library("nengo_dl", "git c2dbadf", at_threshold=0.0, was_run=False)


@LIBRARY.named("trains with the rate, and emits spikes only where it does not train")
def SoftLIFRate(
    sigma: float = 1.0, tau_rc: float = 0.02, tau_ref: float = 0.002, amplitude: float = 1.0
) -> Surrogate:
    return Scaled(SoftLIF(sigma, tau_rc, tau_ref), amplitude=amplitude)
