"""Matterhorn: its firing functions, and the functions that they call.

Left out: `Ceil`, since no emission here rounds up.
"""

from __future__ import annotations

from .._surrogate import Surrogate
from .._wrappers.scaled import Scaled
from .._wrappers.spikes import MultiSpike
from ..definitions import sigmoidal
from ..definitions.gaussian import GaussianGrad
from ..definitions.piecewise import Boxcar, PiecewiseQuadratic
from ._library import Library

LIBRARY = Library("matterhorn", "2.0.0", at_threshold=1.0)


@LIBRARY.named()
def Rectangular(a: float = 1.0) -> Surrogate:
    return Boxcar(a, 1 / a, closed="neither")


@LIBRARY.named()
def Polynomial(a: float = 4.0) -> Surrogate:
    return PiecewiseQuadratic(a**0.5 / 2)


@LIBRARY.named("NaN for x / a below -88.7 in float32")
def Sigmoid(a: float = 0.25) -> Surrogate:
    return sigmoidal.Sigmoid(1 / a)


@LIBRARY.named()
def Gaussian(a: float = 0.16) -> Surrogate:
    return GaussianGrad(a**0.5, 1.0)


for _name in list(LIBRARY.makers):
    LIBRARY.add(f"heaviside_{_name.lower()}", LIBRARY.makers[_name], LIBRARY.notes[_name])


@LIBRARY.named()
def Floor() -> Surrogate:
    return MultiSpike(sigmoidal.LogisticRamp(1.0, 1.0), 1.0)


@LIBRARY.named()
def Round() -> Surrogate:
    ramp = Scaled(sigmoidal.LogisticRamp(1.0, 1.0), shift=-0.5)
    return MultiSpike(ramp, 1.0, rounding="nearest")
