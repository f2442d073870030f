"""Periodic gradients: for several spikes per time step, and a Fourier series."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from .._accuracy import EXPONENTIAL, SQUARED, Accuracy
from .._function_form import function_form
from .._maths import at_least, at_most, choose, finite_part, over, remainder, sign
from .._numeric import bisected
from .._parameters import count, positive
from .._surrogate import Array, Surrogate
from .exponential import _decay_integral
from .fast_sigmoid import _HALF_WIDTH, _fast_sigmoid, _inverse_square, _tail

__all__ = [
    "MultiSpikeSuper",
    "PeriodicExponential",
    "SquarewaveFourierSeries",
    "multi_spike_super",
    "periodic_exponential",
    "squarewave_fourier_series",
]


def _width_of_sum(n: int) -> float:
    """Return the full width at half maximum of the sum of `n` cosines, in periods."""
    # that sum is sin(2 n p) / (2 sin(p)), n at the phase p = 0 and n / 2 once before pi / (2 n)
    phase = bisected(lambda p: math.sin(2 * n * p) - n * math.sin(p), 1e-4 / n, math.pi / (2 * n))
    return phase / math.pi


def _is_infinite(xp: Any, x: Array) -> Array:
    return x > float(xp.finfo(x.dtype).max)


def _rest(xp: Any, x: Array, period: Array) -> Array:
    """Return the remainder of ``x >= 0``: 0 at infinity, since the largest number has another."""
    return remainder(xp, xp.where(_is_infinite(xp, x), xp.zeros_like(x), x), period)


class SquarewaveFourierSeries(Surrogate):
    """The derivative of the first terms of a square wave's Fourier series.

    ::

        g'(x) = 4 / t_period * sum(cos((2 * i - 1) * 2 * pi * x / t_period), 1, n)
        g(x) = 1 / 2 + 2 / pi * sum(sin((2 * i - 1) * 2 * pi * x / t_period) / (2 * i - 1), 1, n)
        peak = 4 * n / t_period

    It does not decay, and is negative half of the time: neurons far from threshold get a gradient
    of full size. It has no area (that is NaN). The width is that of the central lobe, whose
    ratio to the period is found by bisection.

    Parameters
    ----------
    n : int, default 2
        Number of terms, at least 1.
    t_period : float or array, default 8.0
        Period, positive, in the unit of `x`.

    Notes
    -----
    Derivative and primitive are accurate to ``4 * n + 1`` ulp of their largest values: no relative
    bound holds where they change sign, and the rounding of the phase counts more in higher terms.
    At infinite `x`, where there is no limit, they are those at a whole number of periods.

    References
    ----------
    ``SquarewaveFourierSeries`` of SpikingJelly (whose `n` gives ``n - 1`` terms).

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import SquarewaveFourierSeries
    >>> SquarewaveFourierSeries().surrogate_grad(np.asarray([0.0, 1.0, 4.0])).round(4)
    array([ 1.,  0., -1.])
    """

    n: int = count(2)
    t_period: float | Array = positive(8.0)
    traceable = True
    follows_product: ClassVar = {"t_period": -1}

    def primitive(self, xp: Any, x: Array) -> Array:
        phase, _ = self._phase(xp, x)
        terms = [xp.sin(m * phase) / m for m in self._odd()]
        return 0.5 + 2 / math.pi * sum(terms[1:], terms[0])

    def derivative(self, xp: Any, x: Array) -> Array:
        phase, side = self._phase(xp, x)
        terms = [xp.cos(m * phase) for m in self._odd()]
        return side * (4 / self.t_period * sum(terms[1:], terms[0]))

    def _odd(self) -> range:
        return range(1, 2 * self.n, 2)

    def _phase(self, xp: Any, x: Array) -> tuple[Array, Array]:
        """Return ``2 pi x / t_period``, folded to a quarter turn, and the sign of the cosines.

        The remainder and the reflections are exact; the phase itself of a large `x` would lose
        all its digits.
        """
        period = self.t_period + xp.zeros_like(x)
        s = sign(xp, x)
        rest = _rest(xp, s * x, period)
        s = xp.where(rest > period / 2, -s, s)
        size = xp.where(rest > period / 2, period - rest, rest)
        far = size > period / 4
        folded = xp.where(far, period / 2 - size, size)
        return 2 * math.pi * (s * folded / period), 1 - 2 * xp.astype(far, x.dtype)

    @property
    def accuracy(self) -> Accuracy:  # type: ignore[override]
        """The stated bound, which grows with the number of terms."""
        return Accuracy(ulp=4.0 * self.n + 1.0, of_peak=True)

    @property
    def _lowest(self) -> Any:
        return -4 * self.n / self.t_period

    @property
    def peak(self) -> Any:
        return 4 * self.n / self.t_period

    @property
    def area(self) -> Any:
        return math.nan

    @property
    def area_below(self) -> Any:
        """Undefined, NaN, like the area."""
        return math.nan

    @property
    def width(self) -> Any:
        return self.t_period * _width_of_sum(self.n)

    @property
    def _negative(self) -> bool:
        return True

    def _moments(self, law: Any) -> tuple[float, float]:
        """Return the mean and root mean square: integrals over very many periods."""
        rate = 2 * math.pi / self.t_period
        odd = np.asarray(self._odd(), dtype=float)
        # The squares of a sum of cosines are cosines of the sums and differences of phases.
        pairs = np.stack([odd[:, None] + odd, odd[:, None] - odd])
        height = 4 / self.t_period
        mean = float(law.mean_cos(rate * odd).sum())
        square = float(law.mean_cos(rate * pairs).sum()) / 2
        return height * mean, height * math.sqrt(max(square, 0.0))


class PeriodicExponential(Surrogate):
    """`SlayerGrad` below the threshold, and one peak for each further spike above it.

    ::

        g'(x) = scale * exp(-where(x < 0, -x, fold * minimum(mod(maximum(x, 0), threshold), \
threshold - mod(maximum(x, 0), threshold))) / grad_width)
        g(x) = 1 / 2 + scale * grad_width * where(x < 0, exp(x / grad_width) - 1, \
(2 * round(x / threshold) * (1 - exp(-fold * threshold / (2 * grad_width))) \
+ sign(x - threshold * round(x / threshold)) \
* (1 - exp(-fold * abs(x - threshold * round(x / threshold)) / grad_width))) / fold)
        peak = scale
        area = inf

    With `v` the membrane potential and ``x = v - threshold``, the distance above the threshold is
    that of `v` to the nearest multiple of the threshold, times `fold`.

    Parameters
    ----------
    grad_width : float or array, default 0.5
        Length of the decay, positive, in the unit of `x`.
    scale : float or array, default 1.0
        Peak, positive.
    threshold : float or array, default 1.0
        Threshold, the distance between peaks, positive, in the unit of `x`.
    fold : float or array, default 2.0
        Factor of distances above the threshold, positive: 2 in sinabs, 1 in Rockpool.

    Notes
    -----
    A derivative below the smallest normal number (1.2e-38 in float32) times `scale` may be 0.

    At infinite `x`, where there is no limit, the derivative is that at a multiple of the threshold.

    References
    ----------
    P. Weidel and S. Sheik, "WaveSense: Efficient Temporal Convolutions with Spiking Neural
    Networks for Keyword Spotting", arXiv:2111.01456 (2021).

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import PeriodicExponential
    >>> PeriodicExponential().surrogate_grad(np.asarray([-0.5, 0.0, 0.25, 1.0])).round(4)
    array([0.3679, 1.    , 0.3679, 1.    ])
    """

    grad_width: float | Array = positive(0.5)
    scale: float | Array = positive(1.0)
    threshold: float | Array = positive(1.0)
    fold: float | Array = positive(2.0)
    accuracy = EXPONENTIAL
    also_called = ("WaveSense",)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        below = _decay_integral(xp, 1 / self.grad_width, at_most(xp, x, 0.0))
        return 0.5 + self.scale * (below + self._above(xp, x))

    def area_to(self, xp: Any, x: Array) -> Array:
        below = self.grad_width * xp.exp(over(at_most(xp, x, 0.0), self.grad_width))
        return self.scale * (below + self._above(xp, x))

    def _above(self, xp: Any, x: Array) -> Array:
        """Return the integral from 0 to `x` where that is positive, else 0, without `scale`."""
        rest = self._rest(xp, x)
        rate = self.fold / self.grad_width
        half = self._integral(xp, rate, xp.zeros_like(x) + self.threshold / 2)
        nearest = xp.where(rest > self.threshold / 2, rest - self.threshold, rest)
        above = finite_part(xp, at_least(xp, x, 0.0))
        # (above - rest) / threshold, the number of whole periods, could overflow
        whole = 2 * half / self.threshold * (above - rest)
        whole = whole + 2 * half * xp.astype(rest > self.threshold / 2, x.dtype)
        integral = whole + self._integral(xp, rate, nearest)
        return xp.where(_is_infinite(xp, x), x, integral)

    def derivative(self, xp: Any, x: Array) -> Array:
        rest = self._rest(xp, x)
        distance = self.fold * xp.where(rest > self.threshold / 2, self.threshold - rest, rest)
        return self.scale * xp.exp(-(distance - at_most(xp, x, 0.0)) / self.grad_width)

    def _integral(self, xp: Any, rate: float | Array, x: Array) -> Array:
        # a product of rate and threshold that underflows would leave 0
        return xp.where(xp.abs(rate * x) < 1e-20, x, _decay_integral(xp, rate, x))

    def _rest(self, xp: Any, x: Array) -> Array:
        return _rest(xp, at_least(xp, x, 0.0), self.threshold + xp.zeros_like(x))

    @property
    def peak(self) -> Any:
        return self.scale

    @property
    def area(self) -> Any:
        return math.inf

    @property
    def area_below(self) -> Any:
        """That of one side of `SlayerGrad`."""
        return self.scale * self.grad_width

    @property
    def width(self) -> Any:
        length = math.log(2) * self.grad_width
        farthest = self.fold * self.threshold / 2
        full = length * (1 + 1 / self.fold)
        return choose(length > farthest, math.inf, full, like=full + farthest)


class MultiSpikeSuper(Surrogate):
    """`InvSquareGrad` around the threshold and around every multiple of it above.

    ::

        g'(x) = 1 / (1 + beta * abs(x - maximum(round(x), 0)))**2
        g(x) = 1 / 2 + 2 * maximum(round(x), 0) / (2 + beta) \
+ (x - maximum(round(x), 0)) / (1 + beta * abs(x - maximum(round(x), 0)))
        peak = 1
        area = inf
        width = 2 * (sqrt(2) - 1) / beta

    For a threshold of 1. The width is that of a single bump (``beta > 2 * (sqrt(2) - 1)``).

    Parameters
    ----------
    beta : float or array, default 100.0
        Sharpness, positive.

    References
    ----------
    ``MultiSpike`` of stork; J. Rossbroich, J. Gygax and F. Zenke, Neuromorphic Computing and
    Engineering 2 (2022) 044016.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import MultiSpikeSuper
    >>> MultiSpikeSuper(beta=10.0).surrogate_grad(np.asarray([-0.1, 0.0, 0.9, 1.0]))
    array([0.25, 1.  , 0.25, 1.  ])
    """

    beta: float | Array = positive(100.0)
    accuracy = SQUARED
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        bump = xp.clip(xp.round(x), min=0.0)
        return 0.5 + 2 / (2 + self.beta) * bump + _fast_sigmoid(xp, self.beta, self._offset(xp, x))

    def area_to(self, xp: Any, x: Array) -> Array:
        below, above = at_most(xp, x, 0.0), at_least(xp, x, 0.0)
        bump, offset = xp.round(above), self._offset(xp, above)
        rise = 2 / (2 + self.beta) * bump + _fast_sigmoid(xp, self.beta, offset)
        return _tail(self.beta, -below) + rise

    def derivative(self, xp: Any, x: Array) -> Array:
        return _inverse_square(1.0, self.beta, xp.abs(self._offset(xp, x)))

    def _offset(self, xp: Any, x: Array) -> Array:
        """Return the distance from the nearest bump, with its sign."""
        x = xp.clip(x, max=float(xp.finfo(x.dtype).max))
        return x - xp.round(xp.clip(x, min=0.0))

    @property
    def peak(self) -> Any:
        return 1.0

    @property
    def area(self) -> Any:
        return math.inf

    @property
    def area_below(self) -> Any:
        """That of one side of `InvSquareGrad`."""
        return 1 / self.beta

    @property
    def width(self) -> Any:
        full = 2 * _HALF_WIDTH / self.beta
        return choose(self.beta > 2 * _HALF_WIDTH, full, math.inf, like=self.beta)


multi_spike_super = function_form(MultiSpikeSuper, "multi_spike_super")
periodic_exponential = function_form(PeriodicExponential, "periodic_exponential")
squarewave_fourier_series = function_form(SquarewaveFourierSeries, "squarewave_fourier_series")
