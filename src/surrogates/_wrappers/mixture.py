"""A weighted sum of shapes."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import field
from typing import Any

import numpy as np

from .._maths import both, choose, either, holds, select, unless_zero, unwarned, weighted
from .._parameters import FINITE, checked_value
from .._several import Several
from .._surrogate import Array, Surrogate
from . import _search
from .composition import Composition

__all__ = ["Mixture"]


class Mixture(Composition):
    """A weighted sum of surrogates: ``w0 * g0'(x) + w1 * g1'(x) + ...``.

    The primitive is ``1 / 2 + w0 * (g0(x) - 1 / 2) + w1 * (g1(x) - 1 / 2) + ...``. If the parts are
    densities and the weights, none of them negative, sum to 1, the mixture is a density, whose
    primitive is exact in both tails. A weight may be negative (a bump with negative flanks). Area,
    area below the threshold and support follow from those inside. The peak is searched for, and
    exact where the sum is highest at 0; so is the width, between the places next to the peak where
    the sum falls below half of it.

    Parameters
    ----------
    surrogates : sequence of Surrogate
        The parts: shapes. A wrapper that decides the spikes, the residual or the gradient of the
        parameters goes around the mixture.
    weights : sequence of float or array
        A finite number for each part, or an array that broadcasts to `x`. A single array has one
        weight for each part along its first axis: a softmax of logits, for weights that learn.
        They must not sum to 0.

    Raises
    ------
    TypeError
        If a part is not a Surrogate, or decides more than a shape.
    ValueError
        If there is not one weight for each part, one is not finite, or they sum to 0.

    References
    ----------
    B. Yin, F. Corradi and S. M. Bohté, "Accurate and efficient time-domain classification with
    adaptive spiking recurrent neural networks", Nature Machine Intelligence 3 (2021) 905-913: a sum
    of Gaussians; K. Che et al., "Differentiable hierarchical and surrogate gradient search for
    spiking neural networks", NeurIPS 2022: weights that learn.

    Examples
    --------
    >>> from surrogates import Boxcar, Mixture, Sigmoid
    >>> heavy = Mixture((Sigmoid(8.0), Sigmoid(1.0)), weights=(0.75, 0.25))
    >>> heavy.surrogate_grad(0.0), heavy.peak, heavy.area
    (np.float64(1.5625), 1.5625, 1.0)

    Parts are read like those of a tuple:

    >>> heavy.surrogates[1], heavy.weights[1]
    (Sigmoid(alpha=1.0), 0.25)
    """

    surrogates: Any = field()
    weights: Any = field()
    traceable = True

    def __post_init__(self) -> None:
        parts = _listed("surrogates", "surrogates, such as (Sigmoid(), Arctan())", self.surrogates)
        weights = _listed("weights", "numbers or arrays, such as (0.5, 0.5)", self.weights)
        if not parts or len(parts) != len(weights):
            raise ValueError(
                "Mixture: weights must be one for each of the surrogates, of which there must be "
                f"one at least, got {len(weights)} weights for {len(parts)} surrogates"
            )
        weights = [
            checked_value(type(self), f"weights[{i}]", FINITE, weight)
            for i, weight in enumerate(weights)
        ]
        # In float64: in half precision the sum would overflow.
        wide = [w.astype(np.float64) if isinstance(w, np.ndarray) else w for w in weights]
        if not holds(abs(sum(wide)) > 1e-15 * sum(map(abs, wide))):
            raise ValueError(
                "Mixture: weights must not sum to 0, since nothing would be left to scale; got "
                f"weights={tuple(weights)!r}; change one of them, if only a little"
            )
        object.__setattr__(self, "surrogates", Several(parts))
        object.__setattr__(self, "weights", Several(weights, FINITE))
        self._require_shapes()
        super().__post_init__()

    @property
    def parts(self) -> tuple[Surrogate, ...]:
        return tuple(self.surrogates)

    def primitive(self, xp: Any, x: Array) -> Array:
        total = self._sum(xp, lambda part: part.primitive(xp, x))
        rest = (1 - sum(self.weights)) / 2  # each primitive is 1/2 at 0
        return total if isinstance(rest, float) and abs(rest) < 1e-15 else total + rest

    def derivative(self, xp: Any, x: Array) -> Array:
        return self._sum(xp, lambda part: part.derivative(xp, x))

    def area_to(self, xp: Any, x: Array) -> Array:
        finite = self.has_area_below(xp, x)
        if finite is False:
            return self.primitive(xp, x)
        area = self._sum(xp, lambda part: part.area_to(xp, x))
        return area if finite is True else select(xp, finite, area, self.primitive(xp, x))

    def has_area_below(self, xp: Any, x: Array) -> Any:
        finite: Any = True
        for weight, part in self._pairs:
            inside = part.has_area_below(xp, x)
            if inside is not True:
                finite = both(finite, either(weight == 0, inside))
        return finite

    def _sum(self, xp: Any, formula: Callable[[Surrogate], Array]) -> Array:
        terms = [weighted(xp, weight, formula(part)) for weight, part in self._pairs]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def _places(self, xp: Any) -> list[tuple[Any, Any]]:
        return [place for part in self.parts for place in _search.places(part, xp)]

    @property
    def _pairs(self) -> list[tuple[Any, Surrogate]]:
        return list(zip(self.weights, self.surrogates, strict=True))

    @property
    def area(self) -> Any:
        """NaN where infinite areas cancel."""
        return self._added("area")

    @property
    def area_below(self) -> Any:
        """The sum of those of the parts."""
        return self._added("area_below")

    def _added(self, measure: str) -> Any:
        shares = [(weight, getattr(part, measure)) for weight, part in self._pairs]
        context = unwarned(self._zero()[1]) if self.array_fields else nullcontext()
        with context:  # infinite areas may cancel; numbers do not warn, and torch.compile sees none
            return sum(weight * unless_zero(weight, value) for weight, value in shares)

    @property
    def support(self) -> tuple[Any, Any]:
        return self._hull(0, math.inf), self._hull(1, -math.inf)

    @property
    def _pieces(self) -> list[tuple[float, float]]:
        return [piece for weight, part in self._pairs if weight for piece in part._pieces]

    def _hull(self, side: int, nowhere: float) -> Any:
        ends = [
            choose(weight == 0, nowhere, part.support[side], like=weight)
            for weight, part in self._pairs
        ]
        if not self.array_fields:
            return min(ends) if side == 0 else max(ends)
        xp, zero = self._zero()
        hull = nowhere + zero
        for end in ends:
            hull = xp.minimum(hull, end + zero) if side == 0 else xp.maximum(hull, end + zero)
        return hull

    @property
    def _negative(self) -> Any:
        may_be: Any = False
        for weight, part in self._pairs:
            is_negative = either(weight < 0, both(weight != 0, part._negative))
            may_be = either(may_be, is_negative)
        if may_be is False:
            return False
        return both(may_be, self._lowest < -1e-12 * self._largest_slope)

    @property
    def _largest_slope(self) -> Any:
        return sum(abs(w) * unless_zero(w, part._largest_slope) for w, part in self._pairs)

    @property
    def _largest_term(self) -> Any:
        terms = [abs(w) * unless_zero(w, part._largest_term) for w, part in self._pairs]
        return sum(terms) + abs(1 - sum(self.weights)) / 2


def _listed(name: str, what: str, values: Any) -> list[Any]:
    """Return what a sequence holds, or an array along its first axis."""
    shape: Any = getattr(values, "shape", None)
    if shape:  # a number of NumPy, and not an array without axes, where there is one axis
        rest = (...,) * (len(shape) > 1)
        return [values[(number, *rest)] for number in range(shape[0])]
    is_one = shape is not None or isinstance(values, (Surrogate, str, int, float))
    if is_one or not hasattr(values, "__iter__"):
        raise TypeError(f"Mixture: {name} must be a sequence of {what}, got {name}={values!r}")
    return list(values)
