"""spyx: the functions of spyx.axn."""

from __future__ import annotations

import math
from typing import Any

from .._surrogate import Surrogate
from .._wrappers.scaled import Scaled
from ..definitions.fast_sigmoid import InvSquareGrad
from ..definitions.piecewise import Boxcar, ReluGrad, StraightThrough
from ..definitions.power_law import Arctan
from ..definitions.sigmoidal import TanhGrad
from ._computed import Identity
from ._library import Library

LIBRARY = Library("spyx", "1.0.0", at_threshold=0.0, module="spyx.axn")
LIBRARY.of_module = "hand the module itself to activation"


@LIBRARY.takes("activation")
def _activation(surrogate: Surrogate) -> Any:
    if not surrogate.array_fields:
        return surrogate
    from flax import nnx

    return nnx.data(surrogate)  # its arrays belong to the state of the neuron


@LIBRARY.named()
def superspike(k: float = 25.0) -> Surrogate:
    return InvSquareGrad(k)


@LIBRARY.named()
def tanh(k: float = 1.0) -> Surrogate:
    return TanhGrad(k)


@LIBRARY.named("open there, documented as closed")
def boxcar(width: float = 2.0, height: float = 0.5) -> Surrogate:
    return Boxcar(width, height)


@LIBRARY.computes("boxcar")
def _boxcar(width: float = 2.0, height: float = 0.5) -> Surrogate:
    return Boxcar(width, height, closed="neither")


@LIBRARY.named()
def triangular(k: float = 2.0) -> Surrogate:
    return ReluGrad(k, 1 / k)


@LIBRARY.named()
def arctan(k: float = 2.0) -> Surrogate:
    return Scaled(Arctan(2 * k), amplitude=1 / (math.pi * k))


@LIBRARY.named("by default the gradient is x, documented as 1")
def custom() -> Surrogate:
    return StraightThrough()


@LIBRARY.computes("custom")
def _custom() -> Surrogate:
    return Identity()


def _of_boxcar(cells: Any, name: str) -> Any:
    return cells.h if name == "height" else 2 * cells.k


def _of_arctan(cells: Any, name: str) -> Any:
    return cells.k_pi / math.pi


LIBRARY.recovers = {"boxcar": _of_boxcar, "arctan": _of_arctan}
LIBRARY.generic = ("custom",)
