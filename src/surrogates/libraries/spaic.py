"""SPAIC: its surrogate functions.

Left out: the functions inside its learners, which depend on the learner's state.
"""

from __future__ import annotations

from .._surrogate import Surrogate
from ..definitions.piecewise import Boxcar, HeavisideGrad, PiecewiseQuadratic, StraightThrough
from ..definitions.power_law import Arctan
from ..definitions.sigmoidal import Sigmoid
from ._library import Library

LIBRARY = Library("spaic", "git ec3c7f7", at_threshold=0.0)


@LIBRARY.named(at_threshold=1.0)
def SigmoidGrad(alpha: float = 1.0) -> Surrogate:
    return Sigmoid(alpha)


@LIBRARY.named("its alpha pi / 2 is rounded to float32")
def AtanGrad(alpha: float = 2.0) -> Surrogate:
    return Arctan(alpha)


@LIBRARY.named()
def RectangleGrad(alpha: float = 2.0) -> Surrogate:
    return Boxcar(2 * alpha, 1.0, closed="neither")


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
