"""norse: the methods of its threshold functions."""

from __future__ import annotations

import math
from typing import Any

from .._surrogate import Surrogate
from ..definitions.fast_sigmoid import InvSquareGrad
from ..definitions.gaussian import GaussianGrad
from ..definitions.piecewise import ReluGrad
from ..definitions.power_law import CircGrad
from ..definitions.sigmoidal import TanhGrad
from ._library import Library
from ._threshold import HOME, Replaced

LIBRARY = Library("norse", "1.1.0", at_threshold=0.0, module=HOME)
LIBRARY.takes("method")(Replaced)  # its neurons take names alone
LIBRARY.of_module = (
    "in each step of the training, make the context anew of Relaxed(module.surrogate)"
)


def _parameters(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what the parameters of a neuron take: its `method` and `alpha`."""
    (alpha,) = arguments.values()
    return {"method": name, "alpha": alpha}


LIBRARY.make = _parameters


@LIBRARY.named(
    "1.1.0 ignores alpha and computes alpha = 1; the development version, read at 065a3b4, does not"
)
def super(alpha: float = 100.0) -> Surrogate:
    return InvSquareGrad(alpha)


@LIBRARY.computes("super")
def _super(alpha: float = 100.0) -> Surrogate:
    return InvSquareGrad(1.0)


@LIBRARY.named()
def triangle(alpha: float = 0.3) -> Surrogate:
    return ReluGrad(alpha, 1.0)


@LIBRARY.named(
    "its sqrt(pi) is rounded to float32; its documented primitive falls, and is off by a "
    "factor k / 2"
)
def heavi_erfc(k: float) -> Surrogate:
    return GaussianGrad(1 / (k * math.sqrt(2)), 2 / k)


@LIBRARY.named("its documented primitive is off by a factor k / 2")
def tanh(k: float) -> Surrogate:
    return TanhGrad(k)


@LIBRARY.named("its documented primitive is off by 1 / (2 alpha)")
def circ(alpha: float) -> Surrogate:
    return CircGrad(alpha)
