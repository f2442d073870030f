"""BMTK: the spike functions of DPointNet's GLIF neurons, with the defaults of the cell."""

from __future__ import annotations

import math

from .._surrogate import Surrogate
from ..definitions.gaussian import GaussianGrad
from ..definitions.piecewise import ReluGrad
from ._library import Library

LIBRARY = Library("bmtk", "1.2.0", at_threshold=0.0, was_run=False)


@LIBRARY.named("the cell calls sigma gauss_std, which is sqrt(2) times the standard deviation")
def spike_gauss(sigma: float = 0.5, amplitude: float = 0.3) -> Surrogate:
    return GaussianGrad(sigma / math.sqrt(2), amplitude * sigma * math.sqrt(math.pi))


@LIBRARY.named()
def spike_function(dampening_factor: float = 0.3) -> Surrogate:
    return ReluGrad(dampening_factor, 1.0)
