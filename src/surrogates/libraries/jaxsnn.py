"""jaxsnn: the threshold function of its discrete simulation."""

from __future__ import annotations

from .._surrogate import Surrogate
from ..definitions.fast_sigmoid import InvSquareGrad
from ._library import Library

LIBRARY = Library("jaxsnn", "git 5e9bb86", at_threshold=0.5)


@LIBRARY.named()
def superspike(alpha: float = 80.0) -> Surrogate:
    return InvSquareGrad(alpha)
