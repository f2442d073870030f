"""slax: its surrogate functions."""

from __future__ import annotations

from .._surrogate import Surrogate
from ..definitions.fast_sigmoid import InvSquareGrad
from ..definitions.gaussian import MultiGaussianGrad
from ..definitions.power_law import Arctan
from ._adapters import fixed
from ._library import Library

LIBRARY = Library("slax", "0.0.1", at_threshold=1.0, module="slax.models.surrogates")
LIBRARY.takes("spike_fn")(fixed)


@LIBRARY.named()
def fast_sigmoid(slope: float = 25.0) -> Surrogate:
    return InvSquareGrad(slope)


@LIBRARY.named()
def atan(alpha: float = 2.0) -> Surrogate:
    return Arctan(alpha)


@LIBRARY.named()
def multi_gauss(
    gamma: float = 0.5, lens: float = 0.3, scale: float = 6.0, height: float = 0.15
) -> Surrogate:
    return MultiGaussianGrad(h=height, s=scale, sigma=lens, scale=gamma)
