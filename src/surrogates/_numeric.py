"""What has no closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ._surrogate import Surrogate


def full_width(surrogate: Surrogate) -> float:
    """Return the full width at half maximum of a bump that is even around 0, by bisection.

    Walks out from 0 to the first point where the derivative is below half of its value at 0, in
    size: a bump may hang down.
    """
    height = float(surrogate.surrogate_grad(0.0))

    def is_outside(x: float) -> bool:
        return float(surrogate.surrogate_grad(x)) / height < 0.5

    if height == 0:
        return float("inf")
    # Any power of two from far below to far above the scale of a surrogate.
    outside = next(
        (x for x in np.ldexp(1.0, np.arange(-40, 41)) if is_outside(float(x))),
        None,
    )
    if outside is None:
        return float("inf")
    low, high = 0.0, float(outside)
    while low < (middle := (low + high) / 2) < high:
        if is_outside(middle):
            high = middle
        else:
            low = middle
    return low + high
