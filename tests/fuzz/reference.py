"""What a case should give, by the laws, in NumPy's float64: intervals, and exact spikes."""

from __future__ import annotations

import numpy as np

from laws import LAWS
from laws.bases import EmissionLaw, Interval

from .shapes import Shape


class Reference(Shape):
    """What is known of a case."""

    @np.errstate(all="ignore")
    def derivative(self, exact: bool = False) -> Interval:
        """Return the derivative at `x`, with the residual's rounding unless `exact`."""
        x = self.x if exact else self.kept(self.x)
        return self.derivative_of(self.case["surrogate"], (x, x))

    def kept(self, x: np.ndarray) -> np.ndarray:
        """Return what the residual keeps of `x`."""
        law, node = self.residual_law
        return x if law is None else law.kept(self, node, x)

    @np.errstate(all="ignore")
    def primitive(self) -> tuple[Interval, np.ndarray]:
        """Return the primitive less its value at 0, and the size of the terms it consists of."""
        here = self.primitive_of(self.case["surrogate"], (self.x, self.x))
        there = self.primitive_of(self.case["surrogate"], self.zero)
        size = np.maximum(np.abs(here[2]), np.abs(there[2]))
        return (here[0] - there[1], here[1] - there[0]), size

    @np.errstate(all="ignore")
    def spikes(self) -> Interval:
        """Return the spikes: exactly, but where the law of their wrapper leaves room."""
        for node in self.nodes:
            law = LAWS.get(node["class"])
            if isinstance(law, EmissionLaw):
                return law.spikes_interval(self, node)
        spikes = self.step(self.x)
        return spikes, spikes

    @np.errstate(all="ignore")
    def far(self) -> Interval:
        """Return where the smallest number hardly ever spikes, and the largest nearly always."""
        ends = np.full(self.x.shape, self.largest)
        surrogate, places = self.case["surrogate"], (ends, ends * np.inf)
        spans = [self.primitive_of(surrogate, (at, at)) for at in places]
        below = [self.primitive_of(surrogate, (-at, -at)) for at in places]
        never = below[0][1] - below[1][0] < 1e-6
        return never, spans[1][1] - spans[0][0] < 1e-6
