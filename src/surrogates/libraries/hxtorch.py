"""hxtorch: its threshold function."""

from __future__ import annotations

from .._surrogate import Surrogate
from ..definitions.fast_sigmoid import InvSquareGrad
from ._library import Library

LIBRARY = Library("hxtorch", "git 3bfc7aa", at_threshold=0.0)


@LIBRARY.named()
def superspike_func(alpha: float) -> Surrogate:
    return InvSquareGrad(alpha)
