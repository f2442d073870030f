"""Firing rates of neurons, as functions of their input: the gradient is that of the rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._accuracy import Accuracy
from .._function_form import function_form
from .._maths import at_least, at_most, namespace, of_parameter, one_above, over, sign
from .._numeric import counted, first_below, from_values, highest, promoting, with_slope
from .._parameters import positive
from .._surrogate import Array, Surrogate

__all__ = ["SoftLIF", "soft_lif"]


class SoftLIF(Surrogate):
    """The slope of the firing rate of a leaky integrate-and-fire neuron, smoothed at the threshold.

    The rate at the current ``1 + x``, in units of the current that just makes the neuron fire, is
    ``1 / (tau_ref + tau_rc * log1p(1 / x))``. Here `x` is replaced by ``sigma * log1p(exp(x / \
sigma))``.

    ::

        g'(x) = tau_rc / (tau_ref + tau_rc * log1p(1 / (sigma * log1p(exp(x / sigma)))))**2 \
/ (sigma * log1p(exp(x / sigma)) * (1 + sigma * log1p(exp(x / sigma))) * (1 + exp(-x / sigma)))
        g(x) = 1 / 2 + 1 / (tau_ref + tau_rc * log1p(1 / (sigma * log1p(exp(x / sigma))))) \
- 1 / (tau_ref + tau_rc * log1p(1 / (sigma * log(2))))
        area = 1 / tau_ref

    Both tails fall as ``1 / x**2``. The peak is found by search, as is the width.

    Parameters
    ----------
    sigma : float or array, default 1.0
        Smoothing around the threshold, positive, in the unit of `x`.
    tau_rc : float or array, default 0.02
        Time constant of the membrane, positive.
    tau_ref : float or array, default 0.002
        Refractory period, positive, in the unit of `tau_rc`.

    Notes
    -----
    Accurate to ``9 + 2 * log(maximum(1, sigma))`` ulp: a large `sigma` moves the peak as far as to
    ``x = -sigma * log(sigma)``, and an exponential magnifies the rounding of its argument by that
    argument. An amplitude is that of `Scaled`.

    References
    ----------
    E. Hunsberger and C. Eliasmith, "Spiking deep networks with LIF neurons", arXiv:1510.08829
    (2015); the defaults are those of ``SoftLIFRate`` of nengo-dl.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import SoftLIF
    >>> SoftLIF().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(2)
    array([13.9 , 21.6 , 27.11])
    """

    sigma: float | Array = positive(1.0)
    tau_rc: float | Array = positive(0.02)
    tau_ref: float | Array = positive(0.002)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 + (self.area_to(xp, x) - self.area_below)

    def area_to(self, xp: Any, x: Array) -> Array:
        interval, *_ = self._parts(xp, x)
        return 1 / (self.tau_ref + self.tau_rc * interval)

    def derivative(self, xp: Any, x: Array) -> Array:
        interval, z, decay, part = self._parts(xp, x)
        rate = 1 / (self.tau_ref + self.tau_rc * interval)
        # slope / part is that of z in x over z, times sigma below the threshold
        slope = one_above(xp, x, decay) / (1 + decay)
        share = slope / part * xp.where(x < 0, 1 / self.sigma + xp.zeros_like(x), xp.ones_like(x))
        return rate / (1 + z) * (self.tau_rc * rate * share)

    def _parts(self, xp: Any, x: Array) -> tuple[Array, Array, Array, Array]:
        """Return ``log1p(1 / z)``, the softened `x` itself, z, and what it is made of.

        That is the decay below the threshold, and z there in units of `sigma`, where z itself may
        underflow; above it, where z over `sigma` may overflow, z.
        """
        u = over(sign(xp, x) * x, self.sigma)
        # beyond 40, log1p(exp(-u)) is exp(-u), whose square would underflow, and with it slopes
        deepest = math.inf if getattr(xp, "exact", False) else 40.0
        decay, beyond = xp.exp(-at_most(xp, u, deepest)), at_least(xp, u - deepest, 0.0)
        soft = xp.log1p(decay)
        z = at_least(xp, x, 0.0) + self.sigma * soft * xp.exp(-beyond)
        part = xp.where(x < 0, soft, z)
        # not math.log, for each value of which torch.compile would compile anew
        unit = xp.where(x < 0, xp.log(self.sigma + xp.zeros_like(x)) - beyond, xp.zeros_like(x))
        # log1p(1 / z) = log1p(z) - log(z)
        small = xp.where(z < 1, z, 1 / at_least(xp, z, 1.0))
        large = xp.where(z < 1, xp.log(part) + unit, xp.zeros_like(x))
        return xp.log1p(small) - large, z, decay, part

    @property
    def accuracy(self) -> Accuracy:  # type: ignore[override]
        """The stated bound, which grows with the logarithm of a large `sigma`."""
        # the values of an array may be traced: the bound of the largest that are allowed
        known = self.sigma if isinstance(self.sigma, (float, np.ndarray)) else 1e15
        return Accuracy(ulp=9.0 + 2 * math.log(np.max(known, initial=1.0)))

    @property
    def peak(self) -> Any:
        return self._searched("peak")

    @property
    def area(self) -> Any:
        return 1 / self.tau_ref

    @property
    def area_below(self) -> Any:
        """The rate at the threshold."""
        interval = of_parameter("log1p", 1 / (self.sigma * math.log(2)))
        return 1 / (self.tau_ref + self.tau_rc * interval)

    @property
    def width(self) -> Any:
        return self._searched("width")

    @property
    def _largest_term(self) -> Any:
        return self.area_below

    def _searched(self, measure: str) -> Any:
        """Return the peak or the width, differentiable in the parameters."""
        from_known = from_values(self, lambda known: known._searched(measure))
        if from_known is not None:
            return from_known
        definition, arrays = self.partition()
        if not arrays:
            return float(_found(definition, measure, np.asarray(0.0)))
        # not in half precision, and not to a warning that a place far out overflows
        xp = namespace(sum(0 * array for array in arrays))
        full = (xp.float32, xp.float64)
        wide = [a if a.dtype in full else xp.astype(a, xp.float32) for a in arrays]
        with promoting(wide[0]):
            zero = sum(0 * array for array in wide)
            return _found(definition.combine(wide), measure, zero)


def _found(surrogate: Any, measure: str, zero: Array) -> Array:
    """Return the peak or the width for each of the values that `zero` has the shape of."""
    xp, sigma = namespace(zero), surrogate.sigma

    def bump(y: Array) -> Array:  # 128 sigma to the right, since a search begins at 0
        return surrogate.derivative(xp, sigma * (y - 128) + zero)

    # it rises, then falls: the peak lies within 110 sigma of the threshold
    place = highest(xp, bump, counted(xp, zero, 1025) / 4)
    top = bump(place)
    if measure == "peak":
        return top
    # either tail may be long: from 1e-6 sigma to 1e51 sigma
    steps = xp.exp(math.log(2) * (counted(xp, zero, 761) / 4 - 20))
    grid = xp.concat([counted(xp, zero, 1), steps])
    width = zero
    for side in (-1, 1):

        def away(distance: Array, side: int = side) -> Array:
            return bump(place + side * distance)

        edge = first_below(xp, away, top / 2, grid)
        width = width + sigma * with_slope(xp, away, top / 2, edge)
    return width


soft_lif = function_form(SoftLIF, "soft_lif")
