"""One shape below the threshold, another above it."""

from __future__ import annotations

import math
from dataclasses import field
from typing import Any

from .._maths import at_least, at_most, choose, larger, number, select, unwarned
from .._surrogate import Array, Surrogate
from . import _search
from .composition import Composition

__all__ = ["Spliced"]


class Spliced(Composition):
    """One surrogate below the threshold and another from it on.

    With `b` and `a` the primitives of the parts below and above, the derivative is ``where(x < 0,
    b'(x), a'(x))``, and the primitive ``1 / 2 + where(x < 0, b(x) - b(0), a(x) - a(0))``. The
    derivative may jump at 0; the primitive does not, and is 1/2 there. Area, area below the
    threshold and support follow from the parts. The peak is searched for, and exact where the
    derivative is highest at 0; so is the width, between the places next to the peak where the
    derivative falls below half of it.

    Parameters
    ----------
    below, above : Surrogate
        The parts: shapes. A wrapper that decides the spikes, the residual or the gradient of the
        parameters goes around the whole.
    closed : {"above", "below"}, default "above"
        Which of them has the threshold itself.

    Raises
    ------
    TypeError
        If a part is not a Surrogate, or decides more than a shape.

    References
    ----------
    L. Herranz-Celotti and J. Rouat, "Stabilizing spiking neuron training", arXiv:2202.00282 (2022):
    asymmetric shapes; K. Suetake et al., "S2NN: Time step reduction of spiking surrogate gradients
    for training energy efficient single-step neural networks", Neural Networks 159 (2023) 208-219.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import InvSquareGrad, Spliced, StraightThrough
    >>> clamped = Spliced(below=InvSquareGrad(1.0), above=StraightThrough())
    >>> clamped.surrogate_grad(np.asarray([-1.0, 0.0, 1.0]))
    array([0.25, 1.  , 1.  ])
    """

    below: Surrogate = field()
    above: Surrogate = field()
    closed: str = field(default="above", metadata={"choices": ("above", "below")})
    traceable = True

    def __post_init__(self) -> None:
        self._require_shapes()
        super().__post_init__()

    @property
    def parts(self) -> tuple[Surrogate, ...]:
        return self.below, self.above

    def primitive(self, xp: Any, x: Array) -> Array:
        below, above = self._sides(xp, x)
        zero = xp.zeros_like(x)
        return xp.where(
            self._is_below(x),
            self.below.primitive(xp, below) + (0.5 - self.below.primitive(xp, zero)),
            self.above.primitive(xp, above) + (0.5 - self.above.primitive(xp, zero)),
        )

    def derivative(self, xp: Any, x: Array) -> Array:
        below, above = self._sides(xp, x)
        return xp.where(
            self._is_below(x), self.below.derivative(xp, below), self.above.derivative(xp, above)
        )

    def area_to(self, xp: Any, x: Array) -> Array:
        finite = self.has_area_below(xp, x)
        if finite is False:
            return self.primitive(xp, x)
        below, above = self._sides(xp, x)
        at_zero = self.above.primitive(xp, xp.zeros_like(x))
        area = self.below.area_to(xp, below) + (self.above.primitive(xp, above) - at_zero)
        return area if finite is True else select(xp, finite, area, self.primitive(xp, x))

    def has_area_below(self, xp: Any, x: Array) -> Any:
        return self.below.has_area_below(xp, x)

    def _is_below(self, x: Array) -> Array:
        return x < 0 if self.closed == "above" else x <= 0

    def _sides(self, xp: Any, x: Array) -> tuple[Array, Array]:
        """Return `x` where it is below 0 and where it is above, else 0; one has a slope at 0."""
        if self.closed == "above":
            return at_most(xp, x, 0.0), at_least(xp, x, 0.0)
        return -at_least(xp, -x, 0.0), -at_most(xp, -x, 0.0)

    def _places(self, xp: Any) -> list[tuple[Any, Any]]:
        return [place for part in self.parts for place in _search.places(part, xp)]

    @property
    def area(self) -> Any:
        """NaN where infinite areas cancel."""
        xp, zero = self._zero()
        with unwarned(zero):
            rise = self.above.primitive(xp, zero + math.inf) - self.above.primitive(xp, zero)
            rise = rise if self.array_fields else number(rise)
            below = self.above.area_below
            known = abs(below) < math.inf
            total = self.above.area - choose(known, below, 0.0, like=zero)
            return self.below.area_below + choose(known, total, rise, like=zero)

    @property
    def area_below(self) -> Any:
        """That of the part below."""
        return self.below.area_below

    @property
    def support(self) -> tuple[Any, Any]:
        _, zero = self._zero()
        low, high = self.below.support[0], self.above.support[1]
        first, last = self.above.support[0], self.below.support[1]
        first = choose(first > 0, first, 0.0, like=zero)
        last = choose(last < 0, last, 0.0, like=zero)
        return choose(low < 0, low, first, like=zero), choose(high > 0, high, last, like=zero)

    @property
    def _pieces(self) -> list[tuple[float, float]]:
        below = _search.within(self.below._pieces, -math.inf, 0.0)
        return below + _search.within(self.above._pieces, 0.0, math.inf)

    @property
    def _negative(self) -> Any:
        if self.below._negative is False and self.above._negative is False:
            return False
        return self._lowest < -1e-12 * self._largest_slope

    @property
    def _largest_slope(self) -> Any:
        return larger(self.below._largest_slope, self.above._largest_slope)

    @property
    def _largest_term(self) -> Any:
        return self.below._largest_term + self.above._largest_term
