"""jaxpike: its surrogates."""

from __future__ import annotations

from typing import Any

from .._parameters import positive
from .._surrogate import Surrogate
from ..definitions import piecewise, power_law
from ..definitions.fast_sigmoid import InvSquareGrad
from ._library import Library

LIBRARY = Library("jaxpike", "0.1.4", at_threshold=0.0)


@LIBRARY.named()
def FastSigmoid(slope: float = 25.0) -> Surrogate:
    return InvSquareGrad(slope)


@LIBRARY.named()
def ATan(alpha: float = 2.0) -> Surrogate:
    return power_law.Arctan(alpha)


@LIBRARY.named()
def Triangular(width: float = 1.0) -> Surrogate:
    return piecewise.ReluGrad(1 / width / width, width)


@LIBRARY.named("half of its height at both edges")
def Boxcar(width: float = 1.0) -> Surrogate:
    return piecewise.Boxcar(width, 1 / width)


class HalfAtEdges(Surrogate):
    """What `Boxcar` computes."""

    width: float = positive(1.0)

    def derivative(self, xp: Any, x: Any) -> Any:
        """Return the derivative."""
        twice = xp.sign(self.width / 2 - xp.abs(x)) + 1
        return twice / 2 / self.width


@LIBRARY.computes("Boxcar")
def _boxcar(width: float = 1.0) -> Surrogate:
    return HalfAtEdges(width)
