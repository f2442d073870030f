"""snnTorch: the functions of snntorch.surrogate.

Left out: `SSO`, which is not a function of x alone. Under the name `triangular` it has a gradient
whose sign flips, negative for every neuron that spikes; the name gives a triangle here.
"""

from __future__ import annotations

from typing import Any

from .._parameters import finite, positive
from .._surrogate import Surrogate
from ..definitions.exponential import SpikeRateEscape
from ..definitions.fast_sigmoid import InvSquareGrad, SparseFastSigmoid
from ..definitions.piecewise import HeavisideGrad, LeakyRelu, ReluGrad, StraightThrough
from ..definitions.power_law import Arctan
from ..definitions.sigmoidal import Sigmoid
from ._adapters import registered
from ._library import Library

LIBRARY = Library("snntorch", "1.0.0", at_threshold=0.0, module="snntorch.surrogate")
LIBRARY.takes("spike_grad")(registered)
LIBRARY.of_module = "hand the module itself to spike_grad"


@LIBRARY.named("documented with 1 / pi instead of alpha / 2")
def atan(alpha: float = 2.0) -> Surrogate:
    return Arctan(alpha)


@LIBRARY.named()
def fast_sigmoid(slope: float = 25.0) -> Surrogate:
    return InvSquareGrad(slope)


@LIBRARY.named("NaN for slope * x below -88.7 in float32")
def sigmoid(slope: float = 25.0) -> Surrogate:
    return Sigmoid(slope)


@LIBRARY.named()
def heaviside() -> Surrogate:
    return HeavisideGrad()


@LIBRARY.named()
def straight_through_estimator() -> Surrogate:
    return StraightThrough()


@LIBRARY.named("returns the derivative of a triangle, a sign that flips at 0, not a triangle")
def triangular(threshold: float = 1.0) -> Surrogate:
    return ReluGrad(threshold, 1.0)


class Flipped(Surrogate):
    """What `triangular` computes: a sign that flips at 0."""

    threshold: float = finite(1.0)

    def derivative(self, xp: Any, x: Any) -> Any:
        """Return the derivative."""
        ones = xp.ones_like(x)
        return xp.where(x < 0, ones, -ones) * self.threshold


@LIBRARY.computes("triangular")
def _triangular(threshold: float = 1.0) -> Surrogate:
    return Flipped(threshold)


@LIBRARY.named("raises TypeError")
def LSO(slope: float = 0.1) -> Surrogate:
    return LeakyRelu(slope, 1.0)


@LIBRARY.computes("LSO")
def _lso(slope: float = 0.1) -> Surrogate:
    raise LIBRARY.raised("LSO")


@LIBRARY.named("subtracts a threshold of 1 a second time: the peak lies at x = 1")
def spike_rate_escape(beta: float = 1.0, slope: float = 25.0) -> Surrogate:
    return SpikeRateEscape(beta, slope, shift=0.0)


@LIBRARY.computes("spike_rate_escape")
def _spike_rate_escape(beta: float = 1.0, slope: float = 25.0) -> Surrogate:
    return SpikeRateEscape(beta, slope, shift=1.0)


@LIBRARY.named("nonzero for x > B instead of |x| < B")
def SFS(slope: float = 25.0, B: float = 1.0) -> Surrogate:
    return SparseFastSigmoid(slope, band=B)


class Beyond(Surrogate):
    """What `SFS` computes: nothing up to B."""

    slope: float = positive(25.0)
    B: float = positive(1.0)

    def derivative(self, xp: Any, x: Any) -> Any:
        """Return the derivative."""
        root = 1 + self.slope * xp.abs(x)
        return xp.where(x > self.B, 1 / (root * root), xp.zeros_like(x))


@LIBRARY.computes("SFS")
def _sfs(slope: float = 25.0, B: float = 1.0) -> Surrogate:
    return Beyond(slope, B)
