"""btorch: its surrogates, whose `alpha` is the inverse of the half width at half maximum.

Left out: `PoissonRandomSpike`, which emits random spikes, and `ATanApprox`, which no surrogate here
has the shape of.
"""

from __future__ import annotations

import math

from .._surrogate import Surrogate
from .._wrappers.scaled import Scaled
from ..definitions import fast_sigmoid, piecewise, power_law, sigmoidal
from ..definitions.gaussian import GaussianGrad
from ._library import Library

LIBRARY = Library("btorch", "0.1.0", at_threshold=1.0)
_HEIGHT = "its primitive (spiking=False) has another slope than its gradient"


@LIBRARY.named(_HEIGHT)
def ATan(alpha: float = 2.0, damping_factor: float = 1.0) -> Surrogate:
    height = damping_factor * math.pi / alpha
    return Scaled(power_law.Arctan(2 * alpha / math.pi), amplitude=height)


@LIBRARY.named(_HEIGHT)
def Erf(
    alpha: float = 4.0, variance: float | None = None, damping_factor: float = 1.0
) -> Surrogate:
    sharpness = alpha if variance is None else 1 / variance**0.5
    sigma = 1 / (sharpness * math.sqrt(2 * math.log(2)))
    return GaussianGrad(sigma, damping_factor * sigma * math.sqrt(2 * math.pi))


@LIBRARY.named(_HEIGHT)
def Sigmoid(alpha: float = 2.0, damping_factor: float = 1.0) -> Surrogate:
    bell = sigmoidal.TanhGrad(alpha * math.log(1 + math.sqrt(2)))
    return Scaled(bell, amplitude=damping_factor)


@LIBRARY.named(_HEIGHT)
def SuperSpike(alpha: float = 2.0, damping_factor: float = 1.0) -> Surrogate:
    bump = fast_sigmoid.InvSquareGrad((math.sqrt(2) - 1) * alpha)
    return Scaled(bump, amplitude=damping_factor)


@LIBRARY.named(_HEIGHT)
def Triangle(alpha: float = 2.0, damping_factor: float = 1.0) -> Surrogate:
    return piecewise.ReluGrad(damping_factor * alpha / 2, 2 / alpha)


for _name in list(LIBRARY.makers):
    LIBRARY.add(_name.lower(), LIBRARY.makers[_name], _HEIGHT)
