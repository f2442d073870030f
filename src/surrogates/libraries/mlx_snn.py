"""mlx-snn: its surrogate functions."""

from __future__ import annotations

import math

from .._surrogate import Surrogate
from ..definitions.fast_sigmoid import SoftSign
from ..definitions.piecewise import ReluGrad, StraightThrough
from ..definitions.power_law import Arctan
from ..definitions.sigmoidal import Sigmoid
from ._library import Library

LIBRARY = Library("mlx-snn", "0.5.0", at_threshold=1.0)


@LIBRARY.named("documented as snnTorch's, which is 2 / scale times this")
def fast_sigmoid_surrogate(scale: float = 25.0) -> Surrogate:
    return SoftSign(scale)


@LIBRARY.named()
def arctan_surrogate(alpha: float = 2.0) -> Surrogate:
    return Arctan(2 * alpha / math.pi)


@LIBRARY.named("documented without the factor slope; MLX computes it in single precision")
def sigmoid_surrogate(slope: float = 25.0) -> Surrogate:
    return Sigmoid(slope)


@LIBRARY.named("scale has no effect")
def straight_through_surrogate(scale: float = 1.0) -> Surrogate:
    return StraightThrough()


@LIBRARY.named("scale has no effect")
def triangular_surrogate(scale: float = 1.0) -> Surrogate:
    return ReluGrad(1.0, 1.0)
