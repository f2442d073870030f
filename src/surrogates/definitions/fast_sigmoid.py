"""Derivatives of the fast sigmoid ``x / (1 + |x|)``: inverse squares."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._accuracy import SQUARED, Accuracy
from .._function_form import function_form
from .._maths import at_least, at_most, cut_below, keep_nan, sign, smaller, two_sided
from .._parameters import positive
from .._surrogate import Array, Surrogate
from ._bases import InfiniteArea, UnitArea

__all__ = [
    "InvSquareGrad",
    "SoftSign",
    "SparseFastSigmoid",
    "SuperSpike",
    "SuperSpikeMemClamp",
    "SuperSpikeRescaled",
    "inv_square_grad",
    "soft_sign",
    "sparse_fast_sigmoid",
    "super_spike",
    "super_spike_mem_clamp",
    "super_spike_rescaled",
]


def _inverse_square(peak: float | Array, alpha: float | Array, size: Array) -> Array:
    """Return ``peak / (1 + alpha * size)**2``, even where the square over- or underflows."""
    r = 1 / (1 + alpha * size)
    return peak * r * r


def _fast_sigmoid(xp: Any, alpha: float | Array, x: Array) -> Array:
    """Return ``x / (1 + alpha * abs(x))``, the integral of `_inverse_square` from 0 to `x`."""
    # 1 / (1/|x| + alpha) beyond 1, where the printed form would end as inf / inf.
    s = sign(xp, x)
    near = xp.clip(s * x, max=1.0)
    far = at_least(xp, s * x, 1.0)
    return s * xp.where(s * x < 1, near / (1 + alpha * near), 1 / (1 / far + alpha))


def _tail(alpha: float | Array, size: Array) -> Array:
    """Return the integral of `_inverse_square` beyond `size`."""
    return 1 / alpha / (1 + alpha * size)


_HALF_WIDTH = math.sqrt(2) - 1  # of 1 / (1 + |x|)^2


class InvSquareGrad(Surrogate):
    """The derivative of the fast sigmoid, with peak 1 ("SuperSpike").

    ::

        g'(x) = 1 / (1 + alpha * abs(x))**2
        g(x) = 1 / 2 + x / (1 + alpha * abs(x))
        peak = 1
        area = 2 / alpha
        width = 2 * (sqrt(2) - 1) / alpha

    Parameters
    ----------
    alpha : float or array, default 100.0
        Sharpness, positive.

    References
    ----------
    F. Zenke and S. Ganguli, "SuperSpike: Supervised learning in multilayer spiking neural
    networks", Neural Computation 30 (2018) 1514-1541; with peak 1: F. Zenke and T. P. Vogels,
    Neural Computation 33 (2021) 899-925.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import InvSquareGrad
    >>> InvSquareGrad().surrogate_grad(np.asarray([-0.1, 0.0, 0.1])).round(5)
    array([0.00826, 1.     , 0.00826])
    """

    alpha: float | Array = positive(100.0)
    accuracy = SQUARED
    also_called = ("fast sigmoid", "SuperSpike", "Zenke")
    traceable = True
    follows_product: ClassVar = {"alpha": 1}
    scales_area: ClassVar = {"alpha": -1}

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 + _fast_sigmoid(xp, self.alpha, x)

    def area_to(self, xp: Any, x: Array) -> Array:
        return two_sided(xp, x, _tail(self.alpha, sign(xp, x) * x), 2 / self.alpha)

    def derivative(self, xp: Any, x: Array) -> Array:
        return _inverse_square(1.0, self.alpha, xp.abs(x))

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
        return 2 * _HALF_WIDTH / self.alpha


class SoftSign(UnitArea):
    """The derivative of the softsign: `InvSquareGrad` times ``alpha / 2``, with area 1.

    ::

        g'(x) = alpha / 2 / (1 + alpha * abs(x))**2
        g(x) = where(x < 0, 1 / (2 * (1 + alpha * abs(x))), 1 - 1 / (2 * (1 + alpha * abs(x))))
        peak = alpha / 2
        area = 1
        width = 2 * (sqrt(2) - 1) / alpha

    Parameters
    ----------
    alpha : float or array, default 1.0
        Sharpness, positive.

    References
    ----------
    F. Zenke and S. Ganguli, "SuperSpike", Neural Computation 30 (2018) 1514-1541; E. O. Neftci,
    H. Mostafa and F. Zenke, IEEE Signal Processing Magazine 36 (2019) 51-63.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import SoftSign
    >>> SoftSign().surrogate_grad(np.asarray([-1.0, 0.0, 1.0]))
    array([0.125, 0.5  , 0.125])
    """

    alpha: float | Array = positive(1.0)
    accuracy = SQUARED
    traceable = True
    follows_product: ClassVar = {"alpha": 1}

    def primitive(self, xp: Any, x: Array) -> Array:
        return two_sided(xp, x, 0.5 / (1 + self.alpha * (sign(xp, x) * x)))

    def derivative(self, xp: Any, x: Array) -> Array:
        return _inverse_square(self.alpha / 2, self.alpha, xp.abs(x))

    @property
    def peak(self) -> Any:
        return self.alpha / 2

    @property
    def width(self) -> Any:
        return 2 * _HALF_WIDTH / self.alpha


class SuperSpike(Surrogate):
    """`InvSquareGrad` of sharpness 1 with peak `alpha`, which is not a sharpness here.

    ::

        g'(x) = alpha / (1 + abs(x))**2
        g(x) = 1 / 2 + alpha * x / (1 + abs(x))
        peak = alpha
        area = 2 * alpha
        width = 2 * (sqrt(2) - 1)

    Parameters
    ----------
    alpha : float or array, default 1.0
        Amplitude, positive.

    References
    ----------
    ``SuperSpike`` of SpikingJelly; shape: Zenke and Ganguli 2018, see `InvSquareGrad`.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import SuperSpike
    >>> SuperSpike().surrogate_grad(np.asarray([-1.0, 0.0, 1.0]))
    array([0.25, 1.  , 0.25])
    """

    alpha: float | Array = positive(1.0)
    accuracy = SQUARED
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 + self.alpha * _fast_sigmoid(xp, 1.0, x)

    def area_to(self, xp: Any, x: Array) -> Array:
        return self.alpha * two_sided(xp, x, _tail(1.0, sign(xp, x) * x), 2.0)

    def derivative(self, xp: Any, x: Array) -> Array:
        return _inverse_square(self.alpha, 1.0, xp.abs(x))

    @property
    def peak(self) -> Any:
        return self.alpha

    @property
    def area(self) -> Any:
        return 2 * self.alpha

    @property
    def area_below(self) -> Any:
        """Half of the area: the derivative is even."""
        return self.alpha

    @property
    def width(self) -> Any:
        return 2 * _HALF_WIDTH


class SuperSpikeRescaled(Surrogate):
    """`InvSquareGrad`, scaled to be 1 one unit below the threshold.

    ::

        g'(x) = (beta + 1)**2 / (1 + beta * abs(x))**2
        g(x) = 1 / 2 + (beta + 1)**2 * x / (1 + beta * abs(x))
        peak = (beta + 1)**2
        area = 2 * (beta + 1)**2 / beta
        width = 2 * (sqrt(2) - 1) / beta

    The peak is 441 by default.

    Parameters
    ----------
    beta : float or array, default 20.0
        Sharpness, positive.

    References
    ----------
    ``SuperSpike_rescaled`` of stork; J. Rossbroich, J. Gygax and F. Zenke, "Fluctuation-driven
    initialization for spiking neural network training", Neuromorphic Computing and Engineering 2
    (2022) 044016.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import SuperSpikeRescaled
    >>> SuperSpikeRescaled().surrogate_grad(np.asarray([-1.0, 0.0, 1.0]))
    array([  1., 441.,   1.])
    """

    beta: float | Array = positive(20.0)
    accuracy = Accuracy(ulp=6.0)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 + (self.beta + 1) * (self.beta + 1) * _fast_sigmoid(xp, self.beta, x)

    def area_to(self, xp: Any, x: Array) -> Array:
        height = self.beta + 1
        # its square would overflow in the slope, once it is multiplied by a weight
        root = height / (1 + self.beta * (sign(xp, x) * x))
        return two_sided(xp, x, height / self.beta * root, 2 * height * (height / self.beta))

    def derivative(self, xp: Any, x: Array) -> Array:
        r = (self.beta + 1) / (1 + self.beta * xp.abs(x))
        return r * r

    @property
    def peak(self) -> Any:
        return (self.beta + 1) ** 2

    @property
    def area(self) -> Any:
        return 2 * (self.beta + 1) ** 2 / self.beta

    @property
    def area_below(self) -> Any:
        """Half of the area: the derivative is even."""
        return self.area / 2

    @property
    def width(self) -> Any:
        return 2 * _HALF_WIDTH / self.beta


class SuperSpikeMemClamp(InfiniteArea):
    """`InvSquareGrad` below the threshold, 1 above it.

    ::

        g'(x) = 1 / (1 + beta * maximum(-x, 0))**2
        g(x) = 1 / 2 + where(x < 0, x / (1 + beta * abs(x)), x)
        peak = 1
        area = inf
        width = inf

    Parameters
    ----------
    beta : float or array, default 20.0
        Sharpness, positive.

    References
    ----------
    ``SuperSpike_MemClamp`` of stork, see `SuperSpikeRescaled`.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import SuperSpikeMemClamp
    >>> SuperSpikeMemClamp(beta=1.0).surrogate_grad(np.asarray([-1.0, 0.0, 1.0]))
    array([0.25, 1.  , 1.  ])
    """

    beta: float | Array = positive(20.0)
    accuracy = SQUARED
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 + xp.where(x < 0, _fast_sigmoid(xp, self.beta, x), x)

    def area_to(self, xp: Any, x: Array) -> Array:
        return _tail(self.beta, -at_most(xp, x, 0.0)) + at_least(xp, x, 0.0)

    def derivative(self, xp: Any, x: Array) -> Array:
        return _inverse_square(1.0, self.beta, -at_most(xp, x, 0.0))

    @property
    def peak(self) -> Any:
        return 1.0

    @property
    def area_below(self) -> Any:
        """That of one side of `InvSquareGrad`."""
        return 1 / self.beta


class SparseFastSigmoid(Surrogate):
    """`InvSquareGrad` in a band around the threshold, 0 outside: few neurons get a gradient.

    ::

        g'(x) = where(abs(x) < band, 1 / (1 + slope * abs(x))**2, 0)
        g(x) = 1 / 2 + sign(x) * minimum(abs(x), band) / (1 + slope * minimum(abs(x), band))
        peak = 1
        area = 2 * band / (1 + slope * band)
        width = 2 * minimum((sqrt(2) - 1) / slope, band)

    Parameters
    ----------
    slope : float or array, default 100.0
        Sharpness, positive.
    band : float or array, default 0.2
        Half width of the band, positive, in the unit of `x`; its ends are outside.

    References
    ----------
    N. Perez-Nieves and D. F. M. Goodman, "Sparse spiking gradient descent", NeurIPS 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import SparseFastSigmoid
    >>> SparseFastSigmoid().surrogate_grad(np.asarray([-0.2, 0.0, 0.09]))
    array([0.  , 1.  , 0.01])
    """

    slope: float | Array = positive(100.0)
    band: float | Array = positive(0.2)
    accuracy = SQUARED
    also_called = ("sparse spiking gradient descent", "S3GD")
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        u = at_most(xp, cut_below(xp, x, -self.band, closed=False), self.band)
        return 0.5 + _fast_sigmoid(xp, self.slope, u)

    def area_to(self, xp: Any, x: Array) -> Array:
        # from `size` to `band`; so written, neither parameter's slope is a difference
        size = at_most(xp, sign(xp, x) * x, self.band)
        inside = size < self.band
        rest = xp.where(inside, self.band - size, xp.ones_like(x))
        start = 1 + self.slope * size
        tail = xp.where(inside, 1 / start / (start / rest + self.slope), xp.zeros_like(x))
        return keep_nan(xp, x, two_sided(xp, x, tail, 2 / (1 / self.band + self.slope)))

    def derivative(self, xp: Any, x: Array) -> Array:
        size = xp.abs(x)
        return xp.where(size >= self.band, 0.0, _inverse_square(1.0, self.slope, size))

    @property
    def peak(self) -> Any:
        return 1.0

    @property
    def area(self) -> Any:
        return 2 * self.band / (1 + self.slope * self.band)

    @property
    def area_below(self) -> Any:
        """Half of the area: the derivative is even."""
        return self.area / 2

    @property
    def width(self) -> Any:
        return 2 * smaller(_HALF_WIDTH / self.slope, self.band)

    @property
    def support(self) -> tuple[Any, Any]:
        return -self.band, self.band


inv_square_grad = function_form(InvSquareGrad, "inv_square_grad")
soft_sign = function_form(SoftSign, "soft_sign")
sparse_fast_sigmoid = function_form(SparseFastSigmoid, "sparse_fast_sigmoid")
super_spike = function_form(SuperSpike, "super_spike")
super_spike_mem_clamp = function_form(SuperSpikeMemClamp, "super_spike_mem_clamp")
super_spike_rescaled = function_form(SuperSpikeRescaled, "super_spike_rescaled")
