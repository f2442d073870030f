"""spikeDE: its surrogate functions.

Left out: `noisy_threshold_spike`, which emits a probability.
"""

from __future__ import annotations

from .._surrogate import Surrogate
from ..definitions.gaussian import GaussianGrad
from ..definitions.piecewise import Boxcar
from ..definitions.power_law import Arctan
from ..definitions.sigmoidal import Sigmoid
from ._library import Library

LIBRARY = Library("spikeDE", "git fcd743b", at_threshold=1.0)


@LIBRARY.named()
def sigmoid_surrogate(scale: float = 5.0) -> Surrogate:
    return Sigmoid(scale)


@LIBRARY.named("documented without the factor 1 / 2")
def arctan_surrogate(scale: float = 2.0) -> Surrogate:
    return Arctan(scale)


@LIBRARY.named("called triangular, documented and computed as a box")
def piecewise_linear_surrogate(gamma: float = 1.0) -> Surrogate:
    return Boxcar(2 * gamma, 0.5 / gamma)


@LIBRARY.named("its sqrt(2 pi) is rounded to float32")
def gaussian_surrogate(sigma: float = 1.0) -> Surrogate:
    return GaussianGrad(sigma, 1.0)
