"""Other power-law tails: they reach neurons far from threshold."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._accuracy import Accuracy
from .._function_form import function_form
from .._maths import (
    at_least,
    before_underflow,
    choose,
    elementary,
    of_parameter,
    select,
    sign,
    times_expm1,
    two_sided,
)
from .._parameters import above_one, positive
from .._surrogate import Array, Surrogate
from ._bases import UnitArea

__all__ = [
    "Arctan",
    "CircGrad",
    "QPseudoSpike",
    "QPseudoSpikeUnit",
    "arctan",
    "circ_grad",
    "q_pseudo_spike",
    "q_pseudo_spike_unit",
]


class Arctan(UnitArea):
    """The derivative of the arctangent: the Cauchy density.

    ::

        g'(x) = alpha / 2 / (1 + (pi * alpha * x / 2)**2)
        g(x) = 1 / 2 + atan(pi * alpha * x / 2) / pi
        peak = alpha / 2
        area = 1
        width = 4 / (pi * alpha)

    Parameters
    ----------
    alpha : float or array, default 1.0
        Sharpness, positive.

    References
    ----------
    W. Fang et al., "Incorporating learnable membrane time constant to enhance learning of spiking
    neural networks", ICCV 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import Arctan
    >>> Arctan(alpha=2.0).surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.092, 1.   , 0.092])
    """

    alpha: float | Array = positive(1.0)
    accuracy = Accuracy(ulp=5.0)
    also_called = ("ATan", "arctangent", "Cauchy", "Lorentzian", "PLIF")
    traceable = True
    follows_product: ClassVar = {"alpha": 1}

    def primitive(self, xp: Any, x: Array) -> Array:
        u = math.pi / 2 * self.alpha * (sign(xp, x) * x)
        return two_sided(xp, x, xp.atan2(xp.ones_like(u), u) / math.pi)

    def derivative(self, xp: Any, x: Array) -> Array:
        # multiplied out, so that the square does not overflow before the result underflows
        most = 2 * math.sqrt(float(xp.finfo(x.dtype).max))
        limit = xp.zeros_like(x) + most / elementary(xp, "sqrt", self.alpha)
        x = before_underflow(xp, x, limit)
        return 1 / (2 / self.alpha + (math.pi**2 / 2 * self.alpha * x) * x)

    @property
    def peak(self) -> Any:
        return self.alpha / 2

    @property
    def width(self) -> Any:
        return 4 / (math.pi * self.alpha)


class CircGrad(Surrogate):
    """The derivative of ``x / sqrt(x^2 + alpha^2)``, with peak 1.

    ::

        g'(x) = alpha**3 / (x**2 + alpha**2)**(3 / 2)
        g(x) = 1 / 2 + alpha * x / sqrt(x**2 + alpha**2)
        peak = 1
        area = 2 * alpha
        width = 2 * alpha * sqrt(2**(2 / 3) - 1)

    Parameters
    ----------
    alpha : float or array, default 1.0
        Half width of the bump, positive, in the unit of `x`.

    References
    ----------
    Method "circ" of norse, which names no source.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import CircGrad
    >>> CircGrad().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.3536, 1.    , 0.3536])
    """

    alpha: float | Array = positive(1.0)
    accuracy = Accuracy(ulp=6.0)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        # Beyond alpha as alpha / sqrt(1 + 1/z^2), where z^2 could overflow.
        s = sign(xp, x)
        z = s * x / self.alpha
        near, far = xp.clip(z, max=1.0), at_least(xp, z, 1.0)
        inner = near / xp.sqrt(1 + near * near)
        outer = 1 / xp.sqrt(1 + (1 / far) * (1 / far))
        return 0.5 + s * (self.alpha * xp.where(z < 1, inner, outer))

    def area_to(self, xp: Any, x: Array) -> Array:
        # alpha * (1 - z / sqrt(1 + z^2)) beyond z, as a quotient without a difference
        z = sign(xp, x) * x / self.alpha
        near, inverse = xp.clip(z, max=1.0), 1 / at_least(xp, z, 1.0)
        inner, outer = xp.sqrt(1 + near * near), xp.sqrt(1 + inverse * inverse)
        part = xp.where(z < 1, 1 / inner / (inner + near), inverse / outer * inverse / (1 + outer))
        return self.alpha * two_sided(xp, x, part, 2.0)

    def derivative(self, xp: Any, x: Array) -> Array:
        z = x / self.alpha
        square = 1 + z * z
        return 1 / square / xp.sqrt(square)

    @property
    def peak(self) -> Any:
        return 1.0

    @property
    def area(self) -> Any:
        return 2 * self.alpha

    @property
    def area_below(self) -> Any:
        """Half of the area: the derivative is even."""
        return self.alpha

    @property
    def width(self) -> Any:
        return 2 * math.sqrt(2 ** (2 / 3) - 1) * self.alpha


class QPseudoSpike(Surrogate):
    """A bump of peak 1 whose tail grows fatter as `alpha` falls.

    ::

        g'(x) = (1 + 2 * abs(x) / (alpha + 1))**(-alpha)
        g(x) = 1 / 2 + sign(x) * where(alpha == 1, log(1 + abs(x)), (alpha + 1) / 2 \
* ((1 + 2 * abs(x) / (alpha + 1))**(1 - alpha) - 1) / (1 - alpha))
        peak = 1
        area = where(alpha > 1, (alpha + 1) / (alpha - 1), inf)
        width = (alpha + 1) * (2**(1 / alpha) - 1)

    For large `alpha` it becomes ``exp(-2 |x|)``. The paper prints ``alpha - 1`` instead of
    ``alpha + 1``: another function, `QPseudoSpikeUnit`.

    Parameters
    ----------
    alpha : float or array, default 2.0
        Exponent of the tail, positive.

    References
    ----------
    L. Herranz-Celotti and J. Rouat, "Stabilizing Spiking Neuron Training", arXiv:2202.00282
    (2022).

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import QPseudoSpike
    >>> QPseudoSpike().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(12)
    array([0.36, 1.  , 0.36])
    """

    alpha: float | Array = positive(2.0)
    accuracy = Accuracy(per_efold=3.0)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        # (b^q - 1) / q as expm1(q L) / q, L = ln b: no cancellation as q = 1 - alpha nears 0.
        s = sign(xp, x)
        log_base = _log_base(xp, s * x, self.alpha + 1)
        q = 1 - self.alpha
        scale = (self.alpha + 1) / 2
        if isinstance(self.alpha, float):
            return 0.5 + s * (times_expm1(xp, scale / q, q * log_base) if q else scale * log_base)
        # (exp(z) - 1) / z by its series near 0, whose slope in alpha keeps its digits, and is right
        # at 1.
        z = q * log_base
        near = xp.abs(z) < 0.03
        small = xp.where(near, z, xp.zeros_like(z))
        series = xp.ones_like(z)
        for n in range(8, 1, -1):
            series = 1 + small / n * series
        nonzero = xp.where(near, xp.ones_like(z), q + xp.zeros_like(z))
        power = times_expm1(xp, scale / nonzero, nonzero * log_base)
        return 0.5 + s * xp.where(near, scale * log_base * series, power)

    def area_to(self, xp: Any, x: Array) -> Array:
        if isinstance(self.alpha, float) and self.alpha <= 1:
            return super().area_to(xp, x)
        is_finite = self.alpha > 1
        alpha = select(xp, is_finite, self.alpha, 2.0)
        power = xp.exp((1 - alpha) * _log_base(xp, sign(xp, x) * x, alpha + 1))
        area = two_sided(xp, x, power / 2) * ((alpha + 1) / (alpha - 1))
        return area if is_finite is True else xp.where(is_finite, area, super().area_to(xp, x))

    def derivative(self, xp: Any, x: Array) -> Array:
        if isinstance(self.alpha, float) and self.alpha == 2.0:  # the default is a mere square
            r = 1.5 / (1.5 + xp.abs(x))
            return r * r
        return xp.exp(-self.alpha * _log_base(xp, xp.abs(x), self.alpha + 1))

    @property
    def peak(self) -> Any:
        return 1.0

    @property
    def area(self) -> Any:
        excess = choose(self.alpha > 1, self.alpha - 1, 1.0, like=self.alpha)
        return choose(self.alpha > 1, (self.alpha + 1) / excess, math.inf, like=self.alpha)

    @property
    def area_below(self) -> Any:
        """Half of the area: the derivative is even."""
        return self.area / 2

    @property
    def width(self) -> Any:
        return (self.alpha + 1) * of_parameter("expm1", math.log(2) / self.alpha)


class QPseudoSpikeUnit(UnitArea):
    """The q-PseudoSpike as its paper has it: peak 1 and area 1 for every `alpha`.

    ``QPseudoSpikeUnit(2)`` is ``InvSquareGrad(2)``.

    ::

        g'(x) = (1 + 2 * abs(x) / (alpha - 1))**(-alpha)
        g(x) = where(x < 0, (1 + 2 * abs(x) / (alpha - 1))**(1 - alpha) / 2, \
1 - (1 + 2 * abs(x) / (alpha - 1))**(1 - alpha) / 2)
        peak = 1
        area = 1
        width = (alpha - 1) * (2**(1 / alpha) - 1)

    Parameters
    ----------
    alpha : float or array, default 2.0
        Exponent of the tail, greater than 1.

    References
    ----------
    L. Herranz-Celotti and J. Rouat, "Stabilizing Spiking Neuron Training", arXiv:2202.00282
    (2022).

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import QPseudoSpikeUnit
    >>> QPseudoSpikeUnit().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.1111, 1.    , 0.1111])
    """

    alpha: float | Array = above_one(2.0)
    accuracy = Accuracy(per_efold=3.0)
    also_called = ("q-PseudoSpike",)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        log_base = _log_base(xp, sign(xp, x) * x, self.alpha - 1)
        return two_sided(xp, x, 0.5 * xp.exp((1 - self.alpha) * log_base))

    def derivative(self, xp: Any, x: Array) -> Array:
        # where the product overflows, this is 0 or below the smallest normal number
        twice = xp.abs(x) * (2 / (self.alpha - 1))
        return xp.exp(-self.alpha * xp.log1p(xp.clip(twice, max=float(xp.finfo(x.dtype).max))))

    @property
    def peak(self) -> Any:
        return 1.0

    @property
    def width(self) -> Any:
        return (self.alpha - 1) * of_parameter("expm1", math.log(2) / self.alpha)


def _log_base(xp: Any, size: Array, scale: float | Array) -> Array:
    """Return ``ln(1 + 2 * size / scale)``."""
    # ln(1 + 2u), from 1 on as ln(1/2 + u) + ln 2: there 2u could overflow.
    u = size / scale
    far = u >= 1
    result = xp.log1p(xp.where(far, u - 0.5, 2 * u)) + math.log(2) * xp.astype(far, u.dtype)
    if isinstance(scale, float) and scale >= 1:
        return result
    # a small scale makes u itself overflow; there the 1 is lost
    return xp.where(
        size > 1e30, xp.log(xp.clip(size, min=1.0)) + elementary(xp, "log", 2 / scale), result
    )


arctan = function_form(Arctan, "arctan")
circ_grad = function_form(CircGrad, "circ_grad")
q_pseudo_spike = function_form(QPseudoSpike, "q_pseudo_spike")
q_pseudo_spike_unit = function_form(QPseudoSpikeUnit, "q_pseudo_spike_unit")
