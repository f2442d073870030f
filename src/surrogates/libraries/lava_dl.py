"""lava-dl: the spike of its slayer.

Left out: the spike with ``graded_spike=True``, which emits the potential (its gradient is
`GradedSlayer`), and the complex spike, which has two arguments.
"""

from __future__ import annotations

from .._surrogate import Surrogate
from .._wrappers.scaled import Scaled
from ..definitions.exponential import PiecewiseExp
from ._library import Library

LIBRARY = Library("lava-dl", "git d825ac5", at_threshold=1.0)


@LIBRARY.named()
def Spike(tau_rho: float, scale_rho: float) -> Surrogate:
    return Scaled(PiecewiseExp(1 / tau_rho), amplitude=scale_rho)
