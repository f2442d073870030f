"""jaxpike: its surrogates."""

from __future__ import annotations

from .._surrogate import Surrogate
from ..definitions import piecewise, power_law
from ..definitions.fast_sigmoid import InvSquareGrad
from ._library import Library

LIBRARY = Library("jaxpike", "0.1.4", at_threshold=0.0)


@LIBRARY.named()
def FastSigmoid(slope: float = 25.0) -> Surrogate:
    return InvSquareGrad(slope)


@LIBRARY.named()
def ATan(alpha: float = 2.0) -> Surrogate:
    return power_law.Arctan(alpha)


@LIBRARY.named()
def Triangular(width: float = 1.0) -> Surrogate:
    return piecewise.ReluGrad(1 / width / width, width)


@LIBRARY.named("half of its height at both edges")
def Boxcar(width: float = 1.0) -> Surrogate:
    return piecewise.Boxcar(width, 1 / width)
