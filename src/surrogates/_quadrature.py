"""Expectations over normal and uniform potentials, to the last digits.

Gauss-Legendre rules on panels that shrink by factors of 4 towards every place where the formula
changes: a bump as narrow as 1e-30 of the spread is resolved. Every panel is then compared with its
halves, and halved until they agree, so a place that nobody named costs time, not digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

Values = np.ndarray[Any, Any]

_FURTHEST = 39.0  # standard deviations, beyond which a normal density is 0 in double precision
_GRADED = 4.0 ** -np.arange(61.0)
MOST_PANELS = 20_000  # at once: half a second


@cache
def _gauss_legendre() -> tuple[Values, Values]:
    return np.polynomial.legendre.leggauss(20)  # not at import, which would load numpy.polynomial


class Normal(NamedTuple):
    """Potentials of a normal distribution."""

    mean: float
    std: float

    @property
    def ends(self) -> tuple[float, float]:
        """The interval outside of which nothing is left."""
        return self.mean - _FURTHEST * self.std, self.mean + _FURTHEST * self.std

    @property
    def own_places(self) -> tuple[float, ...]:
        """Where its panels are anchored, besides where the formula changes."""
        return (self.mean,)

    @property
    def longest(self) -> float:
        """How long a panel may be."""
        return self.std / 2

    def density(self, place: Values, offset: Values) -> Values:
        """Return the density at ``place + offset``, without rounding that sum."""
        z = ((place - self.mean) + offset) / self.std
        return np.exp(-z * z / 2) / (math.sqrt(2 * math.pi) * self.std)

    def within(self, low: float, high: float) -> float:
        """Return the probability of an interval."""
        a, b = (low - self.mean) / self.std, (high - self.mean) / self.std
        if b - a < 1:  # a difference of two nearly equal values of erf would lose digits
            half = (b - a) / 2
            nodes, weights = _gauss_legendre()
            z = a + half * (1 + nodes)
            return float(half * (np.exp(-z * z / 2) @ weights) / math.sqrt(2 * math.pi))
        if a > 0:
            a, b = -b, -a
        root = math.sqrt(2)
        if b <= 0:
            return (math.erfc(-b / root) - math.erfc(-a / root)) / 2
        return (math.erf(b / root) - math.erf(a / root)) / 2

    def seen(self, rate: float, shift: float) -> Normal:
        """Return the distribution of ``rate * (x - shift)``."""
        return Normal(rate * (self.mean - shift), rate * self.std)

    def spread(self) -> float:
        """Return the standard deviation."""
        return self.std

    def distance(self) -> float:
        """Return the mean of ``abs(x)``."""
        z = self.mean / self.std
        tails = math.sqrt(2 / math.pi) * math.exp(-z * z / 2) * self.std
        return tails + self.mean * math.erf(z / math.sqrt(2))

    def mean_cos(self, q: Values) -> Values:
        """Return the mean of ``cos(q * x)``."""
        return np.cos(q * self.mean) * np.exp(-((q * self.std) ** 2) / 2)

    def log_mean_exp(self, q: float) -> float:
        """Return the logarithm of the mean of ``exp(q * x)``."""
        return q * self.mean + (q * self.std) ** 2 / 2


class Uniform(NamedTuple):
    """Potentials of a uniform distribution."""

    low: float
    high: float

    @property
    def ends(self) -> tuple[float, float]:
        """The interval outside of which nothing is left."""
        return self.low, self.high

    @property
    def own_places(self) -> tuple[float, ...]:
        """Where its panels are anchored, besides where the formula changes."""
        return ()

    @property
    def longest(self) -> float:
        """How long a panel may be."""
        return math.inf

    def density(self, place: Values, offset: Values) -> Values:
        """Return the density at ``place + offset``."""
        return np.full_like(offset, 1 / (self.high - self.low))

    def within(self, low: float, high: float) -> float:
        """Return the probability of an interval."""
        common = min(high, self.high) - max(low, self.low)
        return max(common, 0.0) / (self.high - self.low)

    def seen(self, rate: float, shift: float) -> Uniform:
        """Return the distribution of ``rate * (x - shift)``."""
        return Uniform(rate * (self.low - shift), rate * (self.high - shift))

    def spread(self) -> float:
        """Return the standard deviation."""
        return (self.high - self.low) / math.sqrt(12)

    def distance(self) -> float:
        """Return the mean of ``abs(x)``."""
        if self.low >= 0 or self.high <= 0:
            return abs(self.low + self.high) / 2
        return (self.low**2 + self.high**2) / 2 / (self.high - self.low)

    def mean_cos(self, q: Values) -> Values:
        """Return the mean of ``cos(q * x)``."""
        half = q * ((self.high - self.low) / 2)
        return np.cos(q * ((self.low + self.high) / 2)) * np.sinc(half / math.pi)

    def log_mean_exp(self, q: float) -> float:
        """Return the logarithm of the mean of ``exp(q * x)``, for positive q."""
        u = q * (self.high - self.low)
        return q * self.high + math.log(-math.expm1(-u) / u)


Law = Normal | Uniform


class Panels(NamedTuple):
    """Panels that tile the ends of a law, each from ``place + left`` to ``place + right``.

    Offsets from the nearest place keep the digits that a sum would round away.
    """

    place: Values
    left: Values
    right: Values


def panels(law: Law, places: Iterable[float]) -> Panels:
    """Return panels that shrink towards the places, which lie anywhere."""
    low, high = law.ends
    near = {min(max(place, low), high) for place in places}
    anchors = sorted({*near, *law.own_places})
    parts = []
    for i, place in enumerate(anchors):
        first = (anchors[i - 1] - place) / 2 if i else low - place
        last = (anchors[i + 1] - place) / 2 if i + 1 < len(anchors) else high - place
        sizes = (high - low) * _GRADED
        edges = np.concatenate([-sizes, [0.0, first, last], sizes])
        if math.isfinite(law.longest):
            steps = np.arange(math.floor(first / law.longest), math.ceil(last / law.longest) + 1)
            edges = np.concatenate([edges, law.longest * steps])
        edges = np.unique(edges[(edges >= first) & (edges <= last)])
        parts.append((np.full(len(edges) - 1, place), edges[:-1], edges[1:]))
    return Panels(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def expectations(
    function: Callable[[Values], Values],
    law: Law,
    tiles: Panels,
    what: str,
    most: int = MOST_PANELS,
) -> Values:
    """Return the expectations of functions, which a call returns along a new first axis.

    `what` begins the messages of errors; `most` limits the panels at once.

    Raises
    ------
    ArithmeticError
        If a value is not finite, or the functions vary too often to be integrated.
    """
    place, left, right = tiles
    coarse, size = _rule(function, law, place, left, right, what)
    total = np.zeros(len(coarse))
    scale = size.sum(axis=1)
    for _ in range(60):
        middle = left + (right - left) / 2
        first, first_size = _rule(function, law, place, left, middle, what)
        second, second_size = _rule(function, law, place, middle, right, what)
        fine = first + second
        error = np.abs(fine - coarse)
        agree = error <= 1e-14 * (first_size + second_size) + 1e-16 * scale[:, None]
        done = agree.all(axis=0) | (middle <= left) | (middle >= right)
        total += fine[:, done].sum(axis=1)
        if done.all():
            break
        rest = ~done
        if 2 * rest.sum() > most:
            raise ArithmeticError(
                f"{what} varies too often over {law} to be integrated; give a sample x, or a "
                "narrower distribution"
            )
        place = np.concatenate([place[rest], place[rest]])
        left, right = (
            np.concatenate([left[rest], middle[rest]]),
            np.concatenate([middle[rest], right[rest]]),
        )
        coarse = np.concatenate([first[:, rest], second[:, rest]], axis=1)
    else:
        total += coarse.sum(axis=1)  # of panels of no length, at a jump
    return total


def _rule(
    function: Callable[[Values], Values],
    law: Law,
    place: Values,
    left: Values,
    right: Values,
    what: str,
) -> tuple[Values, Values]:
    """Return the integrals over each panel of the functions, and of their absolute values."""
    half = (right - left)[:, None] / 2
    nodes, weights = _gauss_legendre()
    offset = left[:, None] + half * (1 + nodes)
    place = place[:, None]
    density = law.density(place, offset)
    values = function(place + offset)
    if not np.isfinite(values).all():
        raise ArithmeticError(
            f"{what} is NaN or infinite within {law}; take other potentials, or mend the formula"
        )
    weighted = half * density * weights * values
    return weighted.sum(axis=2), np.abs(weighted).sum(axis=2)
