"""Primitives that grow like a logarithm: the gradient falls as 1/x and reaches everywhere."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._accuracy import EXPONENTIAL
from .._function_form import function_form
from .._maths import (
    at_least,
    at_most,
    choose,
    elementary,
    infinite,
    larger,
    log1p_of_product,
    of_parameter,
    sign,
    smaller,
    times,
)
from .._parameters import finite, non_negative, positive
from .._surrogate import Array, Surrogate
from .sigmoidal import Sigmoid

__all__ = [
    "S2NN",
    "FakeNumericalGrad",
    "LogTailedRelu",
    "NonzeroSignLog",
    "fake_numerical_grad",
    "log_tailed_relu",
    "nonzero_sign_log",
    "s2nn",
]


class NonzeroSignLog(Surrogate):
    """The derivative of ``log(1 + alpha |x|)``.

    ::

        g'(x) = alpha / (1 + alpha * abs(x))
        g(x) = 1 / 2 + sign(x) * log(1 + alpha * abs(x))
        peak = alpha
        area = inf
        width = 2 / alpha

    braintools' and SpikingJelly's primitives are without the 1/2.

    Parameters
    ----------
    alpha : float or array, default 1.0
        Sharpness and peak, positive.

    References
    ----------
    ``NonzeroSignLogAbs`` of SpikingJelly, which cites S. Yin et al., "Algorithm and hardware design
    of discrete-time spiking neural networks based on back propagation with binary activations",
    BioCAS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import NonzeroSignLog
    >>> NonzeroSignLog().surrogate_grad(np.asarray([-1.0, 0.0, 1.0]))
    array([0.5, 1. , 0.5])
    """

    alpha: float | Array = positive(1.0)
    traceable = True
    follows_product: ClassVar = {"alpha": 1}

    def primitive(self, xp: Any, x: Array) -> Array:
        s = sign(xp, x)
        return 0.5 + s * log1p_of_product(xp, self.alpha, s * x)

    def derivative(self, xp: Any, x: Array) -> Array:
        return 1 / (1 / self.alpha + xp.abs(x))  # alpha * x could overflow

    @property
    def peak(self) -> Any:
        return self.alpha

    @property
    def area(self) -> Any:
        return math.inf

    @property
    def area_below(self) -> Any:
        """Infinite, as the area."""
        return math.inf

    @property
    def width(self) -> Any:
        return 2 / self.alpha


class FakeNumericalGrad(Surrogate):
    """The slope of the chord from the threshold, ``sign(x) / x``, cut off at `alpha`.

    ::

        g'(x) = alpha / maximum(1, alpha * abs(x))
        g(x) = 1 / 2 + sign(x) * where(alpha * abs(x) <= 1, alpha * abs(x), \
1 + log(maximum(1, alpha * abs(x))))
        peak = alpha
        area = inf
        width = 4 / alpha

    Parameters
    ----------
    alpha : float or array, default 0.3
        Peak, positive; flat until ``|x| = 1 / alpha``.

    References
    ----------
    ``FakeNumericalGradient`` of SpikingJelly, which names no source.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import FakeNumericalGrad
    >>> FakeNumericalGrad().surrogate_grad(np.asarray([-10.0, 0.0, 10.0]))
    array([0.1, 0.3, 0.1])
    """

    alpha: float | Array = positive(0.3)
    traceable = True
    follows_product: ClassVar = {"alpha": 1}

    def primitive(self, xp: Any, x: Array) -> Array:
        s = sign(xp, x)
        size = s * x
        u = xp.clip(self.alpha * size, max=1e18)
        near, far = at_most(xp, u, 1.0), xp.log(at_least(xp, u, 1.0))
        # alpha * x could overflow: where u was clipped, add the logarithms instead
        apart = xp.log(xp.clip(size, min=1e-30)) + elementary(xp, "log", self.alpha)
        return 0.5 + s * (near + xp.where(u < 1e18, far, apart))

    def derivative(self, xp: Any, x: Array) -> Array:
        return 1 / at_least(xp, xp.abs(x), 1 / self.alpha)

    @property
    def peak(self) -> Any:
        return self.alpha

    @property
    def area(self) -> Any:
        return math.inf

    @property
    def area_below(self) -> Any:
        """Infinite, as the area."""
        return math.inf

    @property
    def width(self) -> Any:
        return 4 / self.alpha


class LogTailedRelu(Surrogate):
    """A rectifier that goes on as a logarithm: `alpha` up to 0, then 1, then ``1 / x``.

    At ``x = 0``, where the neuron spikes, the derivative is `alpha`: 0 by default.

    ::

        g'(x) = where(x <= 0, alpha, 1 / maximum(1, x))
        g(x) = 1 / 2 + where(x <= 0, alpha * x, minimum(x, 1) + log(maximum(1, x)))
        peak = maximum(1, alpha)
        area = inf
        width = where(alpha < 1 / 2, 2, inf)

    Parameters
    ----------
    alpha : float or array, default 0.0
        Derivative below the threshold, any finite number.

    References
    ----------
    Z. Cai et al., "Deep learning with low precision by half-wave Gaussian quantization", CVPR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import LogTailedRelu
    >>> LogTailedRelu().surrogate_grad(np.asarray([-1.0, 0.0, 0.5, 4.0]))
    array([0.  , 0.  , 1.  , 0.25])
    """

    alpha: float | Array = finite(0.0)
    also_called = ("half-wave Gaussian quantization", "HWGQ")
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        above = at_most(xp, x, 1.0) + xp.log(at_least(xp, x, 1.0))
        return 0.5 + xp.where(x <= 0, times(xp, self.alpha, x), above)

    def derivative(self, xp: Any, x: Array) -> Array:
        return xp.where(x <= 0, self.alpha + 0 * self._inverse(xp, x), self._inverse(xp, x))

    def _inverse(self, xp: Any, x: Array) -> Array:
        return 1 / at_least(xp, x, 1.0)

    @property
    def _lowest(self) -> Any:
        return smaller(self.alpha, 0.0)

    @property
    def peak(self) -> Any:
        return larger(1.0, self.alpha)

    @property
    def area(self) -> Any:
        return math.inf

    @property
    def area_below(self) -> Any:
        """0 by default, else infinite, of the sign of `alpha`."""
        return infinite(self.alpha)

    @property
    def width(self) -> Any:
        return choose(self.alpha < 0.5, 2.0, math.inf, like=self.alpha)

    @property
    def support(self) -> tuple[Any, Any]:
        return choose(self.alpha == 0, 0.0, -math.inf, like=self.alpha), math.inf

    @property
    def _negative(self) -> Any:
        return self.alpha < 0

    @property
    def _largest_slope(self) -> Any:
        return larger(1.0, abs(self.alpha))


class S2NN(Surrogate):
    """`Sigmoid` below the threshold, ``beta / (1 + x)`` above it.

    ::

        g'(x) = where(x < 0, alpha * exp(alpha * minimum(x, 0)) / (1 + exp(alpha * minimum(x, 0)))\
**2, beta / (1 + maximum(x, 0)))
        g(x) = where(x < 0, 1 / (1 + exp(-alpha * minimum(x, 0))), \
1 / 2 + beta * log(1 + maximum(x, 0)))
        peak = maximum(beta, alpha / 4)
        area = inf

    Continuous at 0 for ``alpha = 4 * beta``, as by default. The width is, below the threshold, that
    of the logistic density at half of the peak, and above it ``2 * beta / peak - 1``.

    Parameters
    ----------
    alpha : float or array, default 4.0
        Sharpness below the threshold, positive.
    beta : float or array, default 1.0
        Derivative at the threshold, positive.
    epsilon : float, default 1e-8
        Has no effect. Other libraries add it inside the logarithm of the primitive, against a
        singularity that does not exist; it is here so that their calls work.

    Notes
    -----
    A derivative below the smallest normal number (1.2e-38 in float32) times `alpha` may be 0.

    References
    ----------
    K. Suetake et al., "S2NN: Time step reduction of spiking surrogate gradients for training energy
    efficient single-step neural networks", Neural Networks 159 (2023) 208-219.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import S2NN
    >>> S2NN().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.0707, 1.    , 0.5   ])
    """

    alpha: float | Array = positive(4.0)
    beta: float | Array = positive(1.0)
    epsilon: float | Array = non_negative(1e-8)
    accuracy = EXPONENTIAL
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        below = Sigmoid.primitive(self, xp, xp.clip(x, max=0.0))  # type: ignore[arg-type]
        return xp.where(x < 0, below, 0.5 + self.beta * xp.log1p(at_least(xp, x, 0.0)))

    def derivative(self, xp: Any, x: Array) -> Array:
        below = Sigmoid.derivative(self, xp, xp.clip(x, max=0.0))  # type: ignore[arg-type]
        return xp.where(x < 0, below, self.beta / (1 + at_least(xp, x, 0.0)))

    @property
    def peak(self) -> Any:
        return larger(self.beta, self.alpha / 4)

    @property
    def area(self) -> Any:
        return math.inf

    @property
    def area_below(self) -> Any:
        """That of one side of `Sigmoid`."""
        return 0.5

    @property
    def width(self) -> Any:
        half = self.peak / 2
        excess = self.alpha / 4 / half
        # acosh has no slope at 1, where the lower side is at half of the peak
        root = of_parameter("sqrt", choose(excess > 1, excess, 2.0, like=excess))
        below = 2 / self.alpha * of_parameter("acosh", root)
        below = choose(excess > 1, below, 0.0, like=below)
        return below + larger(0.0, self.beta / half - 1)


fake_numerical_grad = function_form(FakeNumericalGrad, "fake_numerical_grad")
log_tailed_relu = function_form(LogTailedRelu, "log_tailed_relu")
nonzero_sign_log = function_form(NonzeroSignLog, "nonzero_sign_log")
s2nn = function_form(S2NN, "s2nn")
