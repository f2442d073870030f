"""slayerPytorch: the spike function of its neurons, by the keys of the neuron's description.

There are no defaults there; those here are the values in the library's documentation.
"""

from __future__ import annotations

from .._surrogate import Surrogate
from .._wrappers.scaled import Scaled
from ..definitions.exponential import PiecewiseExp
from ._library import Library

LIBRARY = Library("slayerPytorch", "git 01beeeb", at_threshold=1.0, was_run=False)


@LIBRARY.named()
def spikeLayer(tauRho: float = 1.0, scaleRho: float = 1.0, theta: float = 10.0) -> Surrogate:
    return Scaled(PiecewiseExp(1 / (tauRho * theta)), amplitude=2 * scaleRho)
