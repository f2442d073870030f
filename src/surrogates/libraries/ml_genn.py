"""mlGeNN: the pseudo-derivative of its e-prop compiler.

As a function of x alone, it is without the factor 0 while a neuron is refractory.
"""

from __future__ import annotations

from .._surrogate import Surrogate
from ..definitions.piecewise import ReluGrad
from ._library import Library

LIBRARY = Library("ml_genn", "git 02114c3", at_threshold=1.0, was_run=False)


@LIBRARY.named()
def EPropCompiler(v_thresh: float = 1.0) -> Surrogate:
    return ReluGrad(0.3 / v_thresh / v_thresh, v_thresh)
