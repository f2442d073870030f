"""Exponential decay away from the threshold, on both sides or on one."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._accuracy import EXPONENTIAL, Accuracy
from .._function_form import function_form
from .._maths import (
    at_least,
    at_most,
    choose,
    elementary,
    expm1,
    of_parameter,
    over,
    select,
    sign,
    times_expm1,
    two_sided,
)
from .._parameters import finite, positive
from .._surrogate import Array, Surrogate
from ._bases import InfiniteArea, UnitArea

__all__ = [
    "ExpEscape",
    "GradedSlayer",
    "PiecewiseExp",
    "SlayerGrad",
    "SpikeRateEscape",
    "exp_escape",
    "graded_slayer",
    "piecewise_exp",
    "slayer_grad",
    "spike_rate_escape",
]


def _decay(xp: Any, alpha: float | Array, x: Array) -> Array:
    """Return ``exp(-alpha * abs(x))``."""
    return xp.exp(-alpha * xp.abs(x))


def _decay_integral(xp: Any, alpha: float | Array, x: Array) -> Array:
    """Return the integral of `_decay` from 0 to `x`."""
    s = sign(xp, x)
    return -s * (expm1(xp, -alpha * (s * x)) / alpha)


def _decay_tail(xp: Any, alpha: float | Array, x: Array) -> Array:
    """Return the integral of `_decay` beyond ``abs(x)``."""
    return xp.exp(-alpha * (sign(xp, x) * x)) / alpha


class SlayerGrad(Surrogate):
    """Two-sided exponential decay with peak 1.

    ::

        g'(x) = exp(-alpha * abs(x))
        g(x) = 1 / 2 + sign(x) * (1 - exp(-alpha * abs(x))) / alpha
        peak = 1
        area = 2 / alpha
        width = 2 * log(2) / alpha

    Parameters
    ----------
    alpha : float or array, default 1.0
        Sharpness, positive: the decay per unit of `x`.

    References
    ----------
    S. B. Shrestha and G. Orchard, "SLAYER: Spike Layer Error Reassignment in Time", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import SlayerGrad
    >>> SlayerGrad().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.3679, 1.    , 0.3679])
    """

    alpha: float | Array = positive(1.0)
    accuracy = EXPONENTIAL
    also_called = ("exponential", "SLAYER")
    traceable = True
    follows_product: ClassVar = {"alpha": 1}
    scales_area: ClassVar = {"alpha": -1}

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 + _decay_integral(xp, self.alpha, x)

    def area_to(self, xp: Any, x: Array) -> Array:
        return two_sided(xp, x, _decay_tail(xp, self.alpha, x), 2 / self.alpha)

    def derivative(self, xp: Any, x: Array) -> Array:
        return _decay(xp, self.alpha, x)

    @property
    def peak(self) -> Any:
        return 1.0

    @property
    def area(self) -> Any:
        return 2 / self.alpha

    @property
    def area_below(self) -> Any:
        """Half of the area: the derivative is even."""
        return 1 / self.alpha

    @property
    def width(self) -> Any:
        return 2 * math.log(2) / self.alpha


class PiecewiseExp(UnitArea):
    """The Laplace density: `SlayerGrad` times ``alpha / 2``, with area 1.

    ::

        g'(x) = alpha / 2 * exp(-alpha * abs(x))
        g(x) = where(x < 0, exp(-alpha * abs(x)) / 2, 1 - exp(-alpha * abs(x)) / 2)
        peak = alpha / 2
        area = 1
        width = 2 * log(2) / alpha

    Parameters
    ----------
    alpha : float or array, default 1.0
        Sharpness, positive: the decay per unit of `x`.

    Notes
    -----
    A derivative below the smallest normal number (1.2e-38 in float32) times `alpha` may be 0.

    References
    ----------
    E. O. Neftci, H. Mostafa and F. Zenke, "Surrogate gradient learning in spiking neural
    networks", IEEE Signal Processing Magazine 36 (2019) 51-63; shape: Shrestha and Orchard 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import PiecewiseExp
    >>> PiecewiseExp().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.1839, 0.5   , 0.1839])
    """

    alpha: float | Array = positive(1.0)
    accuracy = EXPONENTIAL
    also_called = ("Laplace", "double exponential")
    traceable = True
    follows_product: ClassVar = {"alpha": 1}

    def primitive(self, xp: Any, x: Array) -> Array:
        # not abs, which has no slope at 0
        return two_sided(xp, x, xp.exp(-self.alpha * (sign(xp, x) * x)) / 2)

    def derivative(self, xp: Any, x: Array) -> Array:
        return self.alpha / 2 * _decay(xp, self.alpha, x)

    @property
    def peak(self) -> Any:
        return self.alpha / 2

    @property
    def width(self) -> Any:
        return 2 * math.log(2) / self.alpha


class SpikeRateEscape(Surrogate):
    """Two-sided exponential decay around ``x = shift``: `SlayerGrad`, moved and scaled.

    The default puts the peak one unit above the threshold, as snnTorch does; ``shift=0`` puts it
    at the threshold.

    ::

        g'(x) = slope * exp(-beta * abs(x - shift))
        g(x) = 1 / 2 + slope * (sign(x - shift) * (1 - exp(-beta * abs(x - shift))) \
+ sign(shift) * (1 - exp(-beta * abs(shift)))) / beta
        peak = slope
        area = 2 * slope / beta
        width = 2 * log(2) / beta

    Parameters
    ----------
    beta : float or array, default 1.0
        Sharpness, positive.
    slope : float or array, default 25.0
        Peak, positive.
    shift : float or array, default 1.0
        Where the peak lies, any finite number, in the unit of `x`.

    Notes
    -----
    A derivative below the smallest normal number (1.2e-38 in float32) times `slope` may be 0.

    References
    ----------
    W. Gerstner and W. M. Kistler, "Spiking Neuron Models", Cambridge University Press 2002
    (escape noise).

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import SpikeRateEscape
    >>> SpikeRateEscape().surrogate_grad(np.asarray([0.0, 1.0, 2.0])).round(4)
    array([ 9.197, 25.   ,  9.197])
    """

    beta: float | Array = positive(1.0)
    slope: float | Array = positive(25.0)
    shift: float | Array = finite(1.0)
    accuracy = EXPONENTIAL
    also_called = ("escape noise",)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        # From 0 to the peak, and beyond it: a difference of areas from the peak would cancel.
        zero = 0 * self.shift  # of its dtype, where it is an array
        side = select(xp, self.shift < 0, zero - 1.0, zero + 1.0)
        distance = side * self.shift
        towards = at_most(xp, side * x, distance)
        beyond = at_least(xp, side * x - distance, 0.0)
        foot = elementary(xp, "exp", -self.beta * distance)
        near = foot * expm1(xp, at_most(xp, self.beta * towards, 1.0))
        far = xp.exp(self.beta * (at_least(xp, towards, 0.0) - distance)) - foot
        rise = xp.where(self.beta * towards < 1, near, far) - expm1(xp, -self.beta * beyond)
        return 0.5 + side * (self.slope / self.beta * rise)

    def area_to(self, xp: Any, x: Array) -> Array:
        x = x - self.shift
        return self.slope * two_sided(xp, x, _decay_tail(xp, self.beta, x), 2 / self.beta)

    def derivative(self, xp: Any, x: Array) -> Array:
        return self.slope * _decay(xp, self.beta, x - self.shift)

    @property
    def peak(self) -> Any:
        return self.slope

    @property
    def area(self) -> Any:
        return 2 * self.slope / self.beta

    @property
    def area_below(self) -> Any:
        """The tail beyond `shift`, or where that is negative what the tail leaves."""
        # not abs, which has no slope at 0
        distance = choose(self.shift < 0, -self.shift, self.shift, like=self.shift)
        tail = math.e ** -(self.beta * distance)
        part = choose(self.shift < 0, 2 - tail, tail, like=tail)
        return self.slope / self.beta * part

    @property
    def width(self) -> Any:
        return 2 * math.log(2) / self.beta


class ExpEscape(InfiniteArea):
    """An exponential escape rate: grows without bound above the threshold.

    ::

        g'(x) = p0 / delta_u * exp(x / delta_u)
        g(x) = 1 / 2 + p0 * (exp(x / delta_u) - 1)
        peak = inf
        area = inf
        width = inf

    Infinite in float32 from ``x = 88.7 * delta_u`` on (float64: 709.8).

    Parameters
    ----------
    p0 : float or array, default 0.01
        Rate at threshold, positive.
    delta_u : float or array, default 0.133
        Potential over which the rate grows e-fold, positive, in the unit of `x`.

    Notes
    -----
    For the primitive, the factors of e are counted by which its rise exceeds `p0`.

    References
    ----------
    W. Gerstner and W. M. Kistler, "Spiking Neuron Models", Cambridge University Press 2002
    (escape noise); "exponential" of stork's ``CustomSpike``.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import ExpEscape
    >>> ExpEscape().surrogate_grad(np.asarray([-0.133, 0.0, 0.133])).round(4)
    array([0.0277, 0.0752, 0.2044])
    """

    p0: float | Array = positive(0.01)
    delta_u: float | Array = positive(0.133)
    accuracy = Accuracy(ulp=6.0, per_efold=2.0)
    also_called = ("exponential", "escape noise", "escape rate")
    traceable = True
    follows_product: ClassVar = {"delta_u": -1}

    @property
    def _rises_from(self) -> Any:
        return self.p0

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 + times_expm1(xp, self.p0, over(x, self.delta_u))

    def area_to(self, xp: Any, x: Array) -> Array:
        half = xp.exp(over(x, self.delta_u) / 2)
        return self.p0 * half * half

    def derivative(self, xp: Any, x: Array) -> Array:
        # exp(u) can be too large where the product is not
        half = elementary(xp, "sqrt", self.p0 / self.delta_u) * xp.exp(x * (0.5 / self.delta_u))
        return half * half

    @property
    def peak(self) -> Any:
        return math.inf

    @property
    def area_below(self) -> Any:
        """The rate at the threshold."""
        return self.p0

    def _moments(self, law: Any) -> tuple[float, float]:
        """Return the mean and root mean square: much of both may lie where no density is left."""
        height = self.p0 / self.delta_u
        mean = of_parameter("exp", law.log_mean_exp(1 / self.delta_u))
        return height * mean, height * of_parameter("exp", law.log_mean_exp(2 / self.delta_u) / 2)


class GradedSlayer(InfiniteArea):
    """Exponential decay below the threshold, constant above it.

    ::

        g'(x) = scale * exp(minimum(x, 0) / tau)
        g(x) = 1 / 2 + scale * (tau * (exp(minimum(x, 0) / tau) - 1) + maximum(x, 0))
        peak = scale
        area = inf
        width = inf

    Parameters
    ----------
    tau : float or array, default 1.0
        Length of the decay, positive, in the unit of `x`.
    scale : float or array, default 1.0
        Peak, positive.

    Notes
    -----
    A derivative below the smallest normal number (1.2e-38 in float32) times `scale` may be 0.

    References
    ----------
    ``Spike(graded_spike=True)`` of lava-dl; shape: Shrestha and Orchard 2018, see `SlayerGrad`.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import GradedSlayer
    >>> GradedSlayer().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.3679, 1.    , 1.    ])
    """

    tau: float | Array = positive(1.0)
    scale: float | Array = positive(1.0)
    accuracy = EXPONENTIAL
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        below, above = at_most(xp, x, 0.0), at_least(xp, x, 0.0)
        return 0.5 + self.scale * (self.tau * expm1(xp, over(below, self.tau)) + above)

    def area_to(self, xp: Any, x: Array) -> Array:
        below, above = at_most(xp, x, 0.0), at_least(xp, x, 0.0)
        return self.scale * (self.tau * xp.exp(over(below, self.tau)) + above)

    def derivative(self, xp: Any, x: Array) -> Array:
        return self.scale * xp.exp(over(at_most(xp, x, 0.0), self.tau))

    @property
    def peak(self) -> Any:
        return self.scale

    @property
    def area_below(self) -> Any:
        """That of an exponential of length `tau`."""
        return self.scale * self.tau


exp_escape = function_form(ExpEscape, "exp_escape")
graded_slayer = function_form(GradedSlayer, "graded_slayer")
piecewise_exp = function_form(PiecewiseExp, "piecewise_exp")
slayer_grad = function_form(SlayerGrad, "slayer_grad")
spike_rate_escape = function_form(SpikeRateEscape, "spike_rate_escape")
