"""sparxml, imported as sparx: its surrogates."""

from __future__ import annotations

from .._surrogate import Surrogate
from ..definitions import gaussian, piecewise, power_law, sigmoidal
from ..definitions.fast_sigmoid import InvSquareGrad
from ._library import Library

LIBRARY = Library("sparxml", "0.1.1", at_threshold=1.0)


@LIBRARY.named()
def ATan(alpha: float = 2.0) -> Surrogate:
    return power_law.Arctan(alpha)


@LIBRARY.named()
def Sigmoid(alpha: float = 4.0) -> Surrogate:
    return sigmoidal.Sigmoid(alpha)


@LIBRARY.named()
def FastSigmoid(slope: float = 25.0) -> Surrogate:
    return InvSquareGrad(slope)


@LIBRARY.named()
def Triangle(width: float = 1.0, scale: float = 1.0) -> Surrogate:
    return piecewise.ReluGrad(scale / width, width)


@LIBRARY.named()
def Rectangle(width: float = 1.0) -> Surrogate:
    return piecewise.Boxcar(width, 1 / width, closed="neither")


@LIBRARY.named()
def Gaussian(sigma: float = 0.5) -> Surrogate:
    return gaussian.GaussianGrad(sigma, 1.0)


@LIBRARY.named()
def StraightThrough() -> Surrogate:
    return piecewise.StraightThrough()
