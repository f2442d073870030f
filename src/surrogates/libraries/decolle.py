"""decolle: the step functions of its layers."""

from __future__ import annotations

from .._surrogate import Surrogate
from ..definitions.fast_sigmoid import InvSquareGrad
from ..definitions.piecewise import Boxcar
from ..definitions.sigmoidal import Sigmoid
from ._library import Library

LIBRARY = Library("decolle", "0.2", at_threshold=1.0)


@LIBRARY.named(at_threshold=0.0)
def FastSigmoid() -> Surrogate:
    return InvSquareGrad(10.0)


@LIBRARY.named()
def SmoothStep() -> Surrogate:
    return Boxcar(1.0, 1.0, closed="right")


@LIBRARY.named()
def SigmoidStep() -> Surrogate:
    return Sigmoid(1.0)
