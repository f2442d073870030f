"""Gaussian bumps and their integrals, the error function."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

from .._accuracy import DIFFERENCE, Accuracy
from .._function_form import function_form
from .._maths import before_underflow, choose, either, erfc, larger, namespace, over
from .._numeric import counted, first_below, from_values, highest, promoting, with_slope
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
_SQRT_PI = math.sqrt(math.pi)
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

    Notes
    -----
    A derivative below the smallest normal number (1.2e-38 in float32) times `alpha` may be 0.

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
    also_called = ("error function",)
    traceable = True
    follows_product: ClassVar = {"alpha": 1}

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 * erfc(xp, -self.alpha * x)

    def derivative(self, xp: Any, x: Array) -> Array:
        u = before_underflow(xp, self.alpha * x, 28.0)
        return self.alpha / _SQRT_PI * xp.exp(-u * u)

    @property
    def peak(self) -> Any:
        return self.alpha / _SQRT_PI

    @property
    def width(self) -> Any:
        return 2 * math.sqrt(math.log(2)) / self.alpha


class GaussianGrad(Surrogate):
    """A normal density of standard deviation `sigma`, times `alpha`.

    ::

        g'(x) = alpha / (sigma * sqrt(2 * pi)) * exp(-(x / sigma)**2 / 2)
        g(x) = (1 - alpha) / 2 + alpha * erfc(-x / (sigma * sqrt(2))) / 2
        peak = maximum(alpha, 0) / (sigma * sqrt(2 * pi))
        area = alpha
        width = where(alpha > 0, 2 * sigma * sqrt(2 * log(2)), inf)

    Parameters
    ----------
    sigma : float or array, default 0.5
        Standard deviation, positive, in the unit of `x`.
    alpha : float or array, default 0.5
        Amplitude, any finite number: the area under the derivative. With 1, the primitive is the
        normal distribution function.

    Notes
    -----
    A derivative below the smallest normal number (1.2e-38 in float32) times ``alpha / sigma`` may
    be 0.

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
    also_called = ("Gauss", "normal", "STBP", "Wu")
    traceable = True
    follows_product: ClassVar = {"sigma": -1}

    def primitive(self, xp: Any, x: Array) -> Array:
        return (1 - self.alpha) / 2 + self.alpha * _normal_cdf(xp, x / self.sigma)

    def area_to(self, xp: Any, x: Array) -> Array:
        return self.alpha * _normal_cdf(xp, x / self.sigma)

    def derivative(self, xp: Any, x: Array) -> Array:
        return self.alpha / (self.sigma * _SQRT_TWO_PI) * _normal(xp, x / self.sigma)

    @property
    def _lowest(self) -> Any:
        return -larger(-self.alpha, 0.0) / (self.sigma * _SQRT_TWO_PI)

    @property
    def peak(self) -> Any:
        return larger(self.alpha, 0.0) / (self.sigma * _SQRT_TWO_PI)

    @property
    def area(self) -> Any:
        return self.alpha

    @property
    def area_below(self) -> Any:
        """Half of the area: the derivative is even."""
        return self.alpha / 2

    @property
    def width(self) -> Any:
        full = 2 * math.sqrt(2 * math.log(2)) * self.sigma
        return choose(self.alpha > 0, full, math.inf, like=full + self.alpha)

    @property
    def _negative(self) -> Any:
        return self.alpha < 0

    @property
    def _largest_slope(self) -> Any:
        return abs(self.alpha) / (self.sigma * _SQRT_TWO_PI)

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
        area = scale * (1 - h)

    By default 0 at 1.272 and smallest, -0.0159, at 1.864. The peak is the value at 0, unless `s` is
    small, `h` large or `scale` negative: then it may lie to the sides, and is found by search, as
    is the width, that of the bump around 0 at half of the peak; infinite if none is that high, as
    where `scale` is negative.

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
    also_called = ("multi-Gaussian", "Yin")
    traceable = True
    follows_product: ClassVar = {"sigma": -1}

    def primitive(self, xp: Any, x: Array) -> Array:
        # x - sigma is exact near sigma, where a small s would magnify the rounding of x / sigma
        side = self.s * self.sigma
        left, right = over(x + self.sigma, side), over(x - self.sigma, side)
        centre = _normal_cdf(xp, over(x, self.sigma)) - 0.5
        sides = _normal_cdf(xp, right) + _normal_cdf(xp, left) - 1
        return 0.5 + self.scale * ((1 + self.h) * centre - self.h * sides)

    def area_to(self, xp: Any, x: Array) -> Array:
        side = self.s * self.sigma
        left, right = over(x + self.sigma, side), over(x - self.sigma, side)
        sides = _normal_cdf(xp, right) + _normal_cdf(xp, left)
        centre = _normal_cdf(xp, over(x, self.sigma))
        return self.scale * ((1 + self.h) * centre - self.h * sides)

    def derivative(self, xp: Any, x: Array) -> Array:
        size, side = xp.abs(x), self.s * self.sigma
        left, right = over(size + self.sigma, side), over(size - self.sigma, side)
        bump = self._bump(xp, over(size, self.sigma), left, right)
        return self.scale / (self.sigma * _SQRT_TWO_PI) * bump

    def _bump(self, xp: Any, centre: Array, left: Array, right: Array) -> Array:
        sides = _normal(xp, right) + _normal(xp, left)
        return (1 + self.h) * _normal(xp, centre) - self.h / self.s * sides

    @property
    def _lowest(self) -> Any:
        return -dataclasses.replace(self, scale=-self.scale).peak

    @property
    def peak(self) -> Any:
        return self._searched("peak")

    @property
    def area(self) -> Any:
        return self.scale * (1 - self.h)

    @property
    def area_below(self) -> Any:
        """Half of the area: the derivative is even."""
        return self.area / 2

    @property
    def width(self) -> Any:
        return self._searched("width")

    def _searched(self, measure: str) -> Any:
        """Return the peak or the width, differentiable in the parameters."""
        from_known = from_values(self, lambda known: known._searched(measure))
        if from_known is not None:
            return from_known
        zero = 0 * (self.h + self.s + self.sigma + self.scale)
        is_float = isinstance(zero, float)
        zero = np.asarray(zero) if is_float else zero
        xp = namespace(zero)
        side = choose(self.scale < 0, -1.0, 1.0, like=self.scale)

        def bump(z: Array) -> Array:  # in units of sigma, upright
            return side * self._bump(xp, z, (z + 1) / self.s, (z - 1) / self.s)

        with promoting(zero):
            # the two lengths of the shape are 1, and s around 1
            around = xp.clip(1 + self.s * (counted(xp, zero, 129) / 8 - 8), min=0.0, max=20.0)
            grid = xp.concat([counted(xp, zero, 321) / 16, around])
            # where the derivative is 0, the place may be taken for a constant
            top = bump(highest(xp, bump, grid))
            top = xp.where(top > 0, top, 0.0)
            peak = side * self.scale / (self.sigma * _SQRT_TWO_PI) * top
            if measure == "peak":
                return float(peak) if is_float else peak
            edge = first_below(xp, bump, top / 2, grid)
            has_width = (bump(zero) >= top / 2) & (top * abs(self.scale) > 0) & (edge < math.inf)
            edge = with_slope(xp, bump, top / 2, xp.where(has_width, edge, 1.0))
            width = 2 * self.sigma * xp.where(has_width, edge, math.inf)
        return float(width) if is_float else width

    @property
    def _negative(self) -> Any:
        return either(self.h > 0, self.scale < 0)

    @property
    def _largest_slope(self) -> Any:
        return abs(self.scale) / (self.sigma * _SQRT_TWO_PI) * (1 + self.h + 2 * self.h / self.s)

    @property
    def _largest_term(self) -> Any:
        return abs(self.scale) * (1 + self.h)


erf = function_form(ERF, "erf")
gaussian_grad = function_form(GaussianGrad, "gaussian_grad")
multi_gaussian_grad = function_form(MultiGaussianGrad, "multi_gaussian_grad")
