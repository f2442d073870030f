"""Derivatives of the logistic function and the hyperbolic tangent: one bell, scaled."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._accuracy import EXPONENTIAL, Accuracy
from .._function_form import function_form
from .._maths import logistic, sign, two_sided
from .._parameters import positive
from .._surrogate import Array, Surrogate
from ._bases import InfiniteArea, UnitArea

__all__ = ["Sigmoid", "TanhGrad", "TanhOffset", "sigmoid", "tanh_grad", "tanh_offset"]


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
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 + xp.tanh(self.alpha * x) / self.alpha

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
        return 0.5 + x + xp.tanh(self.beta * x) / self.beta

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


sigmoid = function_form(Sigmoid, "sigmoid")
tanh_grad = function_form(TanhGrad, "tanh_grad")
tanh_offset = function_form(TanhOffset, "tanh_offset")
