"""NEST: the surrogate gradients of its e-prop neurons, by `surrogate_gradient_function`.

As functions of x alone, they are without the factor 0 while a neuron is refractory.
"""

from __future__ import annotations

import math

from .._surrogate import Surrogate
from .._wrappers.scaled import Scaled
from ..definitions.exponential import SlayerGrad
from ..definitions.fast_sigmoid import InvSquareGrad
from ..definitions.piecewise import ReluGrad
from ..definitions.power_law import Arctan
from ._library import Library

LIBRARY = Library("nest", "git 84b06d8", at_threshold=1.0, was_run=False)


@LIBRARY.named()
def piecewise_linear(
    surrogate_gradient_height: float = 0.3, surrogate_gradient_width: float = 1.0
) -> Surrogate:
    return ReluGrad(surrogate_gradient_height / surrogate_gradient_width, surrogate_gradient_width)


@LIBRARY.named()
def exponential(
    surrogate_gradient_height: float = 0.3, surrogate_gradient_width: float = 1.0
) -> Surrogate:
    return Scaled(SlayerGrad(1 / surrogate_gradient_width), amplitude=surrogate_gradient_height)


@LIBRARY.named()
def fast_sigmoid_derivative(
    surrogate_gradient_height: float = 0.3, surrogate_gradient_width: float = 1.0
) -> Surrogate:
    return Scaled(InvSquareGrad(1 / surrogate_gradient_width), amplitude=surrogate_gradient_height)


@LIBRARY.named()
def arctan_derivative(
    surrogate_gradient_height: float = 0.3, surrogate_gradient_width: float = 1.0
) -> Surrogate:
    bump = Arctan(2 / (math.pi * surrogate_gradient_width))
    height = surrogate_gradient_height * math.pi * surrogate_gradient_width
    return Scaled(bump, amplitude=height)
