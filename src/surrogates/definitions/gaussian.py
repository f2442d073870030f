"""Gaussian bumps and their integrals, the error function."""

from __future__ import annotations

import math
from typing import Any

from .._accuracy import DIFFERENCE, Accuracy
from .._function_form import function_form
from .._maths import before_underflow, erfc
from .._numeric import full_width
from .._parameters import finite, non_negative, positive
from .._surrogate import Array, Surrogate
from ._bases import UnitArea

__all__ = [
    "ERF",
    "GaussianGrad",
    "MultiGaussianGrad",
    "erf",
    "gaussian_grad",
    "multi_gaussian_grad",
]

_SQRT_HALF = math.sqrt(0.5)
_SQRT_TWO_PI = math.sqrt(2 * math.pi)


def _normal(xp: Any, z: Array) -> Array:
    """Return ``exp(-z^2 / 2)``."""
    z = before_underflow(xp, z, 40.0)
    return xp.exp(-z * z / 2)


def _normal_cdf(xp: Any, z: Array) -> Array:
    """Return the standard normal distribution function; erfc keeps its left tail."""
    return 0.5 * erfc(xp, -_SQRT_HALF * z)


class ERF(UnitArea):
    """The derivative of the error function: a Gaussian of area 1.

    ``ERF(alpha)`` is ``GaussianGrad(sigma=1 / (alpha * sqrt(2)), alpha=1)``.

    ::

        g'(x) = alpha / sqrt(pi) * exp(-(alpha * x)**2)
        g(x) = erfc(-alpha * x) / 2
        peak = alpha / sqrt(pi)
        area = 1
        width = 2 * sqrt(log(2)) / alpha

    Parameters
    ----------
    alpha : float or array, default 1.0
        Sharpness, positive.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Notes
    -----
    Accurate to 4 ulp, and 3 more for each factor of e that the result lies away from its value
    at the threshold: an exponential magnifies the rounding of its argument by that argument.

    References
    ----------
    S. K. Esser et al., "Backpropagation for energy-efficient neuromorphic computing", NeurIPS
    2015; Y. Wu et al., Frontiers in Neuroscience 12 (2018) 331; B. Yin, F. Corradi and S. M.
    Bohté, "Effective and efficient computation with multiple-timescale spiking recurrent neural
    networks", ICONS 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import ERF
    >>> ERF().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.2076, 0.5642, 0.2076])
    """

    alpha: float | Array = positive(1.0)
    accuracy = Accuracy(per_efold=3.0)

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 * erfc(xp, -self.alpha * x)

    def derivative(self, xp: Any, x: Array) -> Array:
        u = before_underflow(xp, self.alpha * x, 28.0)
        return self.alpha / math.sqrt(math.pi) * xp.exp(-u * u)

    @property
    def peak(self) -> Any:
        return self.alpha / math.sqrt(math.pi)

    @property
    def width(self) -> Any:
        return 2 * math.sqrt(math.log(2)) / self.alpha


class GaussianGrad(Surrogate):
    """A normal density of standard deviation `sigma`, times `alpha`.

    ::

        g'(x) = alpha / (sigma * sqrt(2 * pi)) * exp(-(x / sigma)**2 / 2)
        g(x) = (1 - alpha) / 2 + alpha * erfc(-x / (sigma * sqrt(2))) / 2
        peak = alpha / (sigma * sqrt(2 * pi))
        area = alpha
        width = 2 * sigma * sqrt(2 * log(2))

    Parameters
    ----------
    sigma : float or array, default 0.5
        Standard deviation, positive, in the unit of `x`.
    alpha : float or array, default 0.5
        Amplitude, any finite number: the area under the derivative. With 1, the primitive is the
        normal distribution function.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Notes
    -----
    Accurate to 4 ulp, and 3 more for each factor of e that the result lies away from its value
    at the threshold: an exponential magnifies the rounding of its argument by that argument.

    References
    ----------
    B. Yin, F. Corradi and S. M. Bohté, "Accurate and efficient time-domain classification with
    adaptive spiking recurrent neural networks", Nature Machine Intelligence 3 (2021) 905-913.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import GaussianGrad
    >>> GaussianGrad().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.054 , 0.3989, 0.054 ])
    """

    sigma: float | Array = positive(0.5)
    alpha: float | Array = finite(0.5)
    accuracy = Accuracy(per_efold=3.0)

    def primitive(self, xp: Any, x: Array) -> Array:
        return (1 - self.alpha) / 2 + self.alpha * _normal_cdf(xp, x / self.sigma)

    def derivative(self, xp: Any, x: Array) -> Array:
        return self.alpha / (self.sigma * _SQRT_TWO_PI) * _normal(xp, x / self.sigma)

    @property
    def peak(self) -> Any:
        return self.alpha / (self.sigma * _SQRT_TWO_PI)

    @property
    def area(self) -> Any:
        return self.alpha

    @property
    def width(self) -> Any:
        return 2 * math.sqrt(2 * math.log(2)) * self.sigma

    @property
    def _negative(self) -> bool:
        return bool(self.alpha < 0)

    @property
    def _largest_term(self) -> Any:
        return abs(self.alpha)


class MultiGaussianGrad(Surrogate):
    """A Gaussian less two broader ones to its sides: negative in the tails.

    With N(m, d) the normal density of mean m and standard deviation d,
    ``scale * ((1 + h) N(0, sigma) - h N(sigma, s sigma) - h N(-sigma, s sigma))``:

    ::

        g'(x) = scale / (sigma * sqrt(2 * pi)) * ((1 + h) * exp(-(x / sigma)**2 / 2) \
- h / s * (exp(-((x - sigma) / (s * sigma))**2 / 2) + exp(-((x + sigma) / (s * sigma))**2 / 2)))
        g(x) = 1 / 2 + scale / 2 * ((1 + h) * erf(x / (sigma * sqrt(2))) \
- h * (erf((x - sigma) / (s * sigma * sqrt(2))) + erf((x + sigma) / (s * sigma * sqrt(2)))))
        peak = scale / (sigma * sqrt(2 * pi)) * (1 + h - 2 * h / s * exp(-1 / (2 * s**2)))
        area = scale * (1 - h)

    By default 0 at 1.272 and smallest, -0.0159, at 1.864. The peak is the value at 0, the largest
    unless `s` is small. The width has no closed form and is found by bisection, for parameters that
    are floats.

    Parameters
    ----------
    h : float or array, default 0.15
        Weight of the side Gaussians, not negative.
    s : float or array, default 6.0
        Their standard deviation in units of `sigma`, positive.
    sigma : float or array, default 0.5
        Standard deviation of the central Gaussian, positive, in the unit of `x`.
    scale : float or array, default 0.5
        Amplitude, any finite number.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Notes
    -----
    The derivative is accurate to 4 ulp of the sum of its terms' sizes, the primitive likewise: no
    relative bound holds where terms cancel.

    References
    ----------
    B. Yin, F. Corradi and S. M. Bohté, "Accurate and efficient time-domain classification with
    adaptive spiking recurrent neural networks", Nature Machine Intelligence 3 (2021) 905-913.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import MultiGaussianGrad
    >>> MultiGaussianGrad().surrogate_grad(np.asarray([-2.0, 0.0, 2.0])).round(4)
    array([-0.0157,  0.4391, -0.0157])
    """

    h: float | Array = non_negative(0.15)
    s: float | Array = positive(6.0)
    sigma: float | Array = positive(0.5)
    scale: float | Array = finite(0.5)
    accuracy = DIFFERENCE

    def primitive(self, xp: Any, x: Array) -> Array:
        z = x / self.sigma
        centre = _normal_cdf(xp, z) - 0.5
        sides = _normal_cdf(xp, (z - 1) / self.s) + _normal_cdf(xp, (z + 1) / self.s) - 1
        return 0.5 + self.scale * ((1 + self.h) * centre - self.h * sides)

    def derivative(self, xp: Any, x: Array) -> Array:
        z = xp.abs(x) / self.sigma
        sides = _normal(xp, (z - 1) / self.s) + _normal(xp, (z + 1) / self.s)
        bump = (1 + self.h) * _normal(xp, z) - self.h / self.s * sides
        return self.scale / (self.sigma * _SQRT_TWO_PI) * bump

    @property
    def peak(self) -> Any:
        sides = 2 * self.h / self.s * math.e ** (-0.5 / (self.s * self.s))
        return self.scale / (self.sigma * _SQRT_TWO_PI) * (1 + self.h - sides)

    @property
    def area(self) -> Any:
        return self.scale * (1 - self.h)

    @property
    def width(self) -> Any:
        return full_width(self)

    @property
    def _negative(self) -> bool:
        return bool(self.h > 0) or bool(self.scale < 0)

    @property
    def _largest_slope(self) -> Any:
        return abs(self.scale) / (self.sigma * _SQRT_TWO_PI) * (1 + self.h + 2 * self.h / self.s)

    @property
    def _largest_term(self) -> Any:
        return abs(self.scale) * (1 + self.h)


erf = function_form(ERF, "erf")
gaussian_grad = function_form(GaussianGrad, "gaussian_grad")
multi_gaussian_grad = function_form(MultiGaussianGrad, "multi_gaussian_grad")
