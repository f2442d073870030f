"""What many definitions have in common of their measure."""

from __future__ import annotations

import math
from typing import Any

from .._surrogate import Surrogate


class UnitArea(Surrogate):
    """A density: its primitive is a distribution function, accurate in both of its tails."""

    @property
    def area(self) -> Any:
        return 1.0

    @property
    def area_below(self) -> Any:
        """Half of the area: the derivative is even."""
        return 0.5


class InfiniteArea(Surrogate):
    """A derivative that does not decay, on one side at least: neither area nor width is finite."""

    @property
    def area(self) -> Any:
        return math.inf

    @property
    def width(self) -> Any:
        return math.inf
