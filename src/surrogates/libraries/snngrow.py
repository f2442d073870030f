"""snngrow: its surrogate functions."""

from __future__ import annotations

from .._surrogate import Surrogate
from ..definitions import power_law, sigmoidal
from ._library import Library

LIBRARY = Library("snngrow", "git 329ccef", at_threshold=1.0)


@LIBRARY.named("raises RuntimeError when differentiated")
def ATan(alpha: float = 2.0) -> Surrogate:
    return power_law.Arctan(alpha)


@LIBRARY.computes("ATan")
def _atan(alpha: float = 2.0) -> Surrogate:
    raise LIBRARY.raised("ATan")


@LIBRARY.named()
def Sigmoid(alpha: float = 4.0) -> Surrogate:
    return sigmoidal.Sigmoid(alpha)
