"""stork: its activations.

Left out: `SuperSpike_norm`, which is not a function of x alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from .._surrogate import Surrogate
from .._wrappers import spikes
from .._wrappers.scaled import Scaled
from ..definitions.exponential import ExpEscape
from ..definitions.fast_sigmoid import (
    InvSquareGrad,
    SoftSign,
    SuperSpikeMemClamp,
    SuperSpikeRescaled,
)
from ..definitions.periodic import MultiSpikeSuper
from ..definitions.piecewise import HardTanhRamp, HeavisideGrad, ReluGrad
from ..definitions.sigmoidal import Sigmoid, TanhOffset
from ._computed import Identity
from ._library import Library

LIBRARY = Library("stork", "git 258a2d6", at_threshold=0.0)


@LIBRARY.takes("activation")
@dataclasses.dataclass(frozen=True)
class Activation:
    """The surrogate under the name by which its groups call it."""

    surrogate: Surrogate

    def apply(self, x: Any) -> Any:
        """Return the spikes."""
        return self.surrogate(x)


@LIBRARY.named()
def SuperSpike(beta: float = 20.0) -> Surrogate:
    return InvSquareGrad(beta)


@LIBRARY.named()
def SuperSpike_rescaled(beta: float = 20.0) -> Surrogate:
    return SuperSpikeRescaled(beta)


@LIBRARY.named()
def SuperSpike_MemClamp(beta: float = 20.0) -> Surrogate:
    return SuperSpikeMemClamp(beta)


@LIBRARY.named()
def SuperSpike_asymptote(beta: float = 100.0) -> Surrogate:
    return Scaled(SoftSign(beta), amplitude=2.0)


@LIBRARY.named()
def EsserSpike(beta: float = 1.0) -> Surrogate:
    return ReluGrad(beta, 1 / beta)


@LIBRARY.named()
def TanhSpike(beta: float = 100.0) -> Surrogate:
    return TanhOffset(beta)


@LIBRARY.named()
def HardTanhSpike(beta: float = 100.0) -> Surrogate:
    return HardTanhRamp(beta)


@LIBRARY.named("its peaks go on beyond maxspk, here too")
def MultiSpike(beta: float = 100.0, maxspk: int = 10) -> Surrogate:
    peaks = MultiSpikeSuper(beta)
    return spikes.MultiSpike(peaks, 1.0, maxspk, rounding="nearest", offset=0.5)


@LIBRARY.named("its MultilayerSpiker returns x, documented as the spikes")
def CustomSpike(
    surrogate_type: str = "SuperSpike", beta: float = 10.0, p0: float = 0.01, delta_u: float = 0.133
) -> Surrogate:
    kinds: dict[str, Callable[[], Surrogate]] = {
        "SuperSpike": lambda: InvSquareGrad(beta),
        "sigmoid": lambda: Sigmoid(beta),
        "exponential": lambda: ExpEscape(p0, delta_u),
        "MultilayerSpiker": HeavisideGrad,
    }
    if surrogate_type not in kinds:
        raise LookupError(f"surrogate_type must be one of {list(kinds)}, got {surrogate_type!r}")
    return kinds[surrogate_type]()


@LIBRARY.computes("CustomSpike")
def _custom_spike(
    surrogate_type: str = "SuperSpike", beta: float = 10.0, p0: float = 0.01, delta_u: float = 0.133
) -> Surrogate:
    if surrogate_type == "MultilayerSpiker":
        return Identity()
    return CustomSpike(surrogate_type, beta, p0, delta_u)
