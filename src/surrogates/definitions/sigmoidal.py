"""The logistic function and the hyperbolic tangent, and their derivatives: one bell, scaled."""

from __future__ import annotations

import math
from dataclasses import field
from typing import Any, ClassVar

from .._accuracy import EXPONENTIAL, Accuracy
from .._function_form import function_form
from .._maths import (
    at_least,
    at_most,
    cut_above,
    cut_below,
    elementary,
    keep_nan,
    logistic,
    of_parameter,
    one_above,
    sign,
    smaller,
    tanh,
    two_sided,
)
from .._parameters import positive
from .._surrogate import Array, Surrogate
from ._bases import InfiniteArea, UnitArea

__all__ = [
    "Dspike",
    "LogisticRamp",
    "Sigmoid",
    "TanhGrad",
    "TanhOffset",
    "dspike",
    "logistic_ramp",
    "sigmoid",
    "tanh_grad",
    "tanh_offset",
]


def _bell(xp: Any, factor: float | Array, size: Array) -> Array:
    """Return ``factor s(size) (1 - s(size))``, s the logistic function, for ``size >= 0``."""
    tail = logistic(xp, -size)  # 1 - s(size), which would round to 0
    return factor * (tail - tail * tail)


class Sigmoid(UnitArea):
    """The derivative of the logistic function, the logistic density.

    ::

        g'(x) = alpha * exp(-alpha * abs(x)) / (1 + exp(-alpha * abs(x)))**2
        g(x) = 1 / (1 + exp(-alpha * x))
        peak = alpha / 4
        area = 1
        width = 2 * log(3 + 2 * sqrt(2)) / alpha

    Parameters
    ----------
    alpha : float or array, default 4.0
        Sharpness, positive.

    Notes
    -----
    A derivative below the smallest normal number (1.2e-38 in float32) times `alpha` may be 0.

    References
    ----------
    Y. Wu et al., "Spatio-temporal backpropagation for training high-performance spiking neural
    networks", Frontiers in Neuroscience 12 (2018) 331; F. Zenke and S. Ganguli, "SuperSpike",
    Neural Computation 30 (2018) 1514-1541.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import Sigmoid
    >>> Sigmoid().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.0707, 1.    , 0.0707])
    """

    alpha: float | Array = positive(4.0)
    accuracy = EXPONENTIAL
    also_called = ("logistic", "STBP", "Wu")
    traceable = True
    follows_product: ClassVar = {"alpha": 1}

    def primitive(self, xp: Any, x: Array) -> Array:
        s = sign(xp, x)
        decay = xp.exp(-self.alpha * (s * x))
        return xp.where(x < 0, decay, 1.0 + 0 * decay) / (1 + decay)

    def derivative(self, xp: Any, x: Array) -> Array:
        return _bell(xp, self.alpha, self.alpha * xp.abs(x))

    @property
    def peak(self) -> Any:
        return self.alpha / 4

    @property
    def width(self) -> Any:
        return 2 * math.log(3 + 2 * math.sqrt(2)) / self.alpha


class TanhGrad(Surrogate):
    """The derivative of the hyperbolic tangent, with peak 1: ``2 / alpha`` times `Sigmoid`.

    ``TanhGrad(k)`` is ``2 / k * Sigmoid(2 * k)``.

    ::

        g'(x) = 4 * exp(-2 * alpha * abs(x)) / (1 + exp(-2 * alpha * abs(x)))**2
        g(x) = 1 / 2 + tanh(alpha * x) / alpha
        peak = 1
        area = 2 / alpha
        width = log(3 + 2 * sqrt(2)) / alpha

    Parameters
    ----------
    alpha : float or array, default 1.0
        Sharpness, positive.

    References
    ----------
    Used without a source by norse ("tanh") and spyx; the logistic density of `Sigmoid`.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import TanhGrad
    >>> TanhGrad().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.42, 1.  , 0.42])
    """

    alpha: float | Array = positive(1.0)
    accuracy = EXPONENTIAL
    also_called = ("sech squared", "sech2")
    traceable = True
    follows_product: ClassVar = {"alpha": 1}
    scales_area: ClassVar = {"alpha": -1}

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 + tanh(xp, self.alpha * x) / self.alpha

    def area_to(self, xp: Any, x: Array) -> Array:
        tail = logistic(xp, -2 * self.alpha * (sign(xp, x) * x))
        return 2 / self.alpha * two_sided(xp, x, tail)

    def derivative(self, xp: Any, x: Array) -> Array:
        return _bell(xp, 4.0, 2 * self.alpha * xp.abs(x))

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
        return math.log(3 + 2 * math.sqrt(2)) / self.alpha


class TanhOffset(InfiniteArea):
    """`TanhGrad` on top of a straight-through gradient: never below 1.

    ::

        g'(x) = 1 + 4 * exp(-2 * beta * abs(x)) / (1 + exp(-2 * beta * abs(x)))**2
        g(x) = 1 / 2 + x + tanh(beta * x) / beta
        peak = 2
        area = inf
        width = inf

    Parameters
    ----------
    beta : float or array, default 100.0
        Sharpness of the bump, positive.

    References
    ----------
    ``TanhSpike`` of stork; J. Rossbroich, J. Gygax and F. Zenke, "Fluctuation-driven
    initialization for spiking neural network training", Neuromorphic Computing and Engineering 2
    (2022) 044016.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import TanhOffset
    >>> TanhOffset().surrogate_grad(np.asarray([-1.0, 0.0, 1.0]))
    array([1., 2., 1.])
    """

    beta: float | Array = positive(100.0)
    accuracy = Accuracy()
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 + x + tanh(xp, self.beta * x) / self.beta

    def derivative(self, xp: Any, x: Array) -> Array:
        return 1 + _bell(xp, 4.0, 2 * self.beta * xp.abs(x))

    @property
    def _lowest(self) -> Any:
        return 1.0

    @property
    def peak(self) -> Any:
        return 2.0

    @property
    def area_below(self) -> Any:
        """Infinite, as the area."""
        return math.inf


class Dspike(UnitArea):
    """`TanhGrad` in a band around the threshold, 0 outside, with area 1.

    As `b` falls it becomes ``Boxcar(2 * band, 1 / (2 * band))``, as `b` grows ``Sigmoid(2 * b)``.

    ::

        g'(x) = where(abs(x) <= band, \
b / (2 * tanh(b * band)) * 4 * exp(-2 * b * abs(x)) / (1 + exp(-2 * b * abs(x)))**2, 0)
        g(x) = 1 / 2 + tanh(b * maximum(-band, minimum(x, band))) / (2 * tanh(b * band))
        peak = b / (2 * tanh(b * band))
        area = 1
        width = 2 * minimum(log(1 + sqrt(2)) / b, band)

    Parameters
    ----------
    b : float or array, default 3.0
        Temperature, positive: the sharpness in the band.
    band : float or array, default 0.5
        Half width of the band, positive, in the unit of `x`.
    closed : {"both", "neither", "left", "right"}, default "both"
        Which ends belong to the band.

    Notes
    -----
    A derivative below the smallest normal number (1.2e-38 in float32) times `b` may be 0.

    References
    ----------
    Y. Li et al., "Differentiable spike: Rethinking gradient-descent for training spiking neural
    networks", NeurIPS 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import Dspike
    >>> Dspike().surrogate_grad(np.asarray([-0.75, -0.5, 0.0, 0.25])).round(4)
    array([0.    , 0.2995, 1.6572, 0.9887])
    """

    b: float | Array = positive(3.0)
    band: float | Array = positive(0.5)
    closed: str = field(default="both", metadata={"choices": ("both", "neither", "left", "right")})
    accuracy = Accuracy(ulp=6.0, per_efold=2.0)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        size = self._size(xp, x)
        # not 1/2 - tanh, which would cancel in the tails
        rest = xp.expm1(-2 * self.b * (self.band - size))
        rest = rest / elementary(xp, "expm1", -2 * self.b * self.band)
        return two_sided(xp, x, rest * logistic(xp, -2 * self.b * size))

    def area_to(self, xp: Any, x: Array) -> Array:
        # Near the threshold the slopes of both factors in `b` would cancel.
        size = at_most(xp, self._size(xp, x), 0.25 / self.b)
        half = elementary(xp, "tanh", self.b * self.band) * 2
        near = 0.5 - xp.tanh(self.b * size) / half
        is_near = self.b * xp.abs(x) < 0.25
        return xp.where(is_near, two_sided(xp, x, near), self.primitive(xp, x))

    def _size(self, xp: Any, x: Array) -> Array:
        """Return ``abs(x)`` within the band, constant beyond the ends."""
        inside = cut_below(xp, x, -self.band, closed=self.closed in ("both", "left"))
        inside = cut_above(xp, inside, self.band, closed=self.closed in ("both", "right"))
        return sign(xp, inside) * inside

    def derivative(self, xp: Any, x: Array) -> Array:
        left = x >= -self.band if self.closed in ("both", "left") else x > -self.band
        right = x <= self.band if self.closed in ("both", "right") else x < self.band
        size = xp.where(left & right, xp.abs(x), xp.zeros_like(x))
        factor = 2 * self.b / elementary(xp, "tanh", self.b * self.band)
        bell = _bell(xp, factor, 2 * self.b * size)
        return keep_nan(xp, x, xp.where(left & right, bell, xp.zeros_like(x)))

    @property
    def peak(self) -> Any:
        return self.b / (2 * of_parameter("tanh", self.b * self.band))

    @property
    def width(self) -> Any:
        return 2 * smaller(math.asinh(1) / self.b, self.band)

    @property
    def support(self) -> tuple[Any, Any]:
        return -self.band, self.band


class LogisticRamp(InfiniteArea):
    """The logistic function itself: a firing probability that is passed on as the derivative.

    ::

        g'(x) = scale / (1 + exp(-alpha * x))
        g(x) = 1 / 2 + scale * (maximum(x, 0) + log((1 + exp(-alpha * abs(x))) / 2) / alpha)
        peak = scale
        area = inf
        width = inf

    Parameters
    ----------
    alpha : float or array, default 10.0
        Sharpness, positive.
    scale : float or array, default 0.8
        Height far above the threshold, positive.

    Notes
    -----
    A derivative below the smallest normal number (1.2e-38 in float32) times `scale` may be 0.

    References
    ----------
    ``sigmoid_bernoulli`` of spyx (``spyx.experimental.stochastic``), which emits a random spike
    with this probability and passes the probability on as the gradient, not its slope.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import LogisticRamp
    >>> LogisticRamp().surrogate_grad(np.asarray([-0.2, 0.0, 0.2])).round(4)
    array([0.0954, 0.4   , 0.7046])
    """

    alpha: float | Array = positive(10.0)
    scale: float | Array = positive(0.8)
    accuracy = EXPONENTIAL
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        # log((1 + decay) / 2), but not as log1p of a negative number, where XLA errs by 115 ulp
        fall = xp.log1p(tanh(xp, self.alpha * (sign(xp, x) * x) / 2))
        return 0.5 + self.scale * (at_least(xp, x, 0.0) - fall / self.alpha)

    def area_to(self, xp: Any, x: Array) -> Array:
        decay = xp.exp(-self.alpha * (sign(xp, x) * x))
        return self.scale * (at_least(xp, x, 0.0) + xp.log1p(decay) / self.alpha)

    def derivative(self, xp: Any, x: Array) -> Array:
        decay = xp.exp(-self.alpha * xp.abs(x))
        return self.scale * (one_above(xp, x, decay) / (1 + decay))

    @property
    def peak(self) -> Any:
        return self.scale

    @property
    def area_below(self) -> Any:
        """That of the lower tail."""
        return self.scale / self.alpha * math.log(2)


dspike = function_form(Dspike, "dspike")
logistic_ramp = function_form(LogisticRamp, "logistic_ramp")
sigmoid = function_form(Sigmoid, "sigmoid")
tanh_grad = function_form(TanhGrad, "tanh_grad")
tanh_offset = function_form(TanhOffset, "tanh_offset")
