"""pyaromatics: the spike functions of its surrogated step, with that layer's defaults.

Left out: those of several bumps, and the Dirac delta.
"""

from __future__ import annotations

import math

from .._surrogate import Surrogate
from .._wrappers.scaled import Scaled
from ..definitions.exponential import SlayerGrad
from ..definitions.fast_sigmoid import InvSquareGrad
from ..definitions.gaussian import GaussianGrad
from ..definitions.piecewise import Boxcar, ReluGrad
from ..definitions.power_law import Arctan, QPseudoSpikeUnit
from ..definitions.sigmoidal import TanhGrad
from ._library import Library

LIBRARY = Library("pyaromatics", "git 7f2b47c", at_threshold=0.0, was_run=False)


@LIBRARY.named()
def SpikeFunction(dampening: float = 1.0, sharpness: float = 1.0) -> Surrogate:
    return ReluGrad(dampening * sharpness, 1 / sharpness)


@LIBRARY.named()
def ExpSpikeFunction(dampening: float = 1.0, sharpness: float = 1.0) -> Surrogate:
    return Scaled(SlayerGrad(2 * sharpness), amplitude=dampening)


@LIBRARY.named()
def FastSigmoidSpikeFunction(dampening: float = 1.0, sharpness: float = 1.0) -> Surrogate:
    return Scaled(InvSquareGrad(2 * sharpness), amplitude=dampening)


@LIBRARY.named()
def NTailSpikeFunction(
    dampening: float = 1.0, sharpness: float = 1.0, tail: float = 1.56
) -> Surrogate:
    return Scaled(QPseudoSpikeUnit(tail), amplitude=dampening, rate=sharpness)


@LIBRARY.named()
def RectangularSpikeFunction(dampening: float = 1.0, sharpness: float = 1.0) -> Surrogate:
    return Boxcar(1 / sharpness, dampening, closed="neither")


@LIBRARY.named()
def SpikeFunctionSigmoid(dampening: float = 1.0, sharpness: float = 1.0) -> Surrogate:
    return Scaled(TanhGrad(2 * sharpness), amplitude=dampening)


@LIBRARY.named()
def SpikeFunctionGauss(dampening: float = 1.0, sharpness: float = 1.0) -> Surrogate:
    return GaussianGrad(1 / (sharpness * math.sqrt(2 * math.pi)), dampening / sharpness)


@LIBRARY.named()
def SpikeFunctionCauchy(dampening: float = 1.0, sharpness: float = 1.0) -> Surrogate:
    return Scaled(Arctan(2 * sharpness), amplitude=dampening / sharpness)
