"""BrainCog: its surrogate functions.

Left out: `RoundGrad`, which rounds up and emits 2.9999998 for 3 spikes.
"""

from __future__ import annotations

from .._surrogate import Surrogate
from .._wrappers.spikes import Ternary
from ..definitions.piecewise import Boxcar, HeavisideGrad, PiecewiseQuadratic, StraightThrough
from ..definitions.power_law import Arctan
from ..definitions.sigmoidal import Sigmoid
from ._library import Library

LIBRARY = Library("braincog", "0.2.7.19", at_threshold=0.0)


@LIBRARY.named(at_threshold=1.0)
def SigmoidGrad(alpha: float = 1.0) -> Surrogate:
    return Sigmoid(alpha)


@LIBRARY.named("its alpha pi / 2 is rounded to float32")
def AtanGrad(alpha: float = 2.0) -> Surrogate:
    return Arctan(alpha)


@LIBRARY.named("documented as the derivative of a logarithm")
def GateGrad(alpha: float = 2.0) -> Surrogate:
    return Boxcar(2 / alpha, 1.0, closed="neither")


@LIBRARY.named()
def QGateGrad(alpha: float = 2.0) -> Surrogate:
    return PiecewiseQuadratic(alpha)


@LIBRARY.named(at_threshold=1.0)
def ReLUGrad(alpha: float = 2.0) -> Surrogate:
    return HeavisideGrad(0.0, alpha)


@LIBRARY.named(at_threshold=1.0)
def straight_through_estimator() -> Surrogate:
    return StraightThrough()


@LIBRARY.named("alpha has no effect")
def STDPGrad(alpha: float = 2.0) -> Surrogate:
    return HeavisideGrad()


@LIBRARY.named("alpha has no effect")
def BackEIGateGrad(alpha: float = 2.0) -> Surrogate:
    return Boxcar(1.0, 1.0, closed="neither")


@LIBRARY.named("alpha has no effect; emits the sign of x")
def EIGrad(alpha: float = 2.0) -> Surrogate:
    return Ternary(Boxcar(1.0, 0.5, closed="neither"), 0.0)
