"""snnax: its surrogate functions."""

from __future__ import annotations

from typing import Any

from .._parameters import positive
from .._surrogate import Surrogate
from ..definitions.fast_sigmoid import InvSquareGrad
from ..definitions.piecewise import Boxcar
from ..definitions.sigmoidal import Sigmoid
from ._adapters import fixed
from ._library import Library

LIBRARY = Library("snnax", "0.0.1", at_threshold=1.0)
LIBRARY.takes("spike_fn")(fixed)


@LIBRARY.named("computes 1 / (1 + beta |x|), the square is missing")
def superspike_surrogate(beta: float = 10.0) -> Surrogate:
    return InvSquareGrad(beta)


class Hyperbola(Surrogate):
    """What `superspike_surrogate` computes."""

    beta: float = positive(10.0)

    def derivative(self, xp: Any, x: Any) -> Any:
        """Return the derivative."""
        return 1 / (1 + self.beta * xp.abs(x))


@LIBRARY.computes("superspike_surrogate")
def _superspike_surrogate(beta: float = 10.0) -> Surrogate:
    return Hyperbola(beta)


@LIBRARY.named("raises TypeError when differentiated")
def sigmoid_surrogate(beta: float = 1.0) -> Surrogate:
    return Sigmoid(beta)


@LIBRARY.computes("sigmoid_surrogate")
def _sigmoid_surrogate(beta: float = 1.0) -> Surrogate:
    raise LIBRARY.raised("sigmoid_surrogate")


@LIBRARY.named()
def piecewise_surrogate(beta: float = 0.5) -> Surrogate:
    return Boxcar(2 * beta, 1.0, closed="neither")
