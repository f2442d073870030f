"""The derivatives as the papers print them: what one writes without a library."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Formula = Callable[[Any, Any], Any]

PLAIN: dict[str, Formula] = {
    "Sigmoid": lambda xp, x: 4 * xp.exp(-4 * xp.abs(x)) / (1 + xp.exp(-4 * xp.abs(x))) ** 2,
    "Arctan": lambda xp, x: 1 / (1 + (math.pi * x) ** 2),
    "GaussianGrad": lambda xp, x: (
        0.5 / (0.5 * math.sqrt(2 * math.pi)) * xp.exp(-((x / 0.5) ** 2) / 2)
    ),
    "ReluGrad": lambda xp, x: 0.3 * xp.maximum(0, 1 - xp.abs(x)),
    "InvSquareGrad": lambda xp, x: 1 / (1 + 100 * xp.abs(x)) ** 2,
    "QPseudoSpike": lambda xp, x: (1 + 2 * xp.abs(x) / 3) ** -2,
    "ERF": lambda xp, x: 1 / math.sqrt(math.pi) * xp.exp(-(x**2)),
}
