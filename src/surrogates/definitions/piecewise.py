"""Piecewise polynomials: straight edges, plateaus and steps."""

from __future__ import annotations

import math
from dataclasses import field
from typing import Any, ClassVar

from .._accuracy import DIFFERENCE
from .._function_form import function_form
from .._maths import (
    at_least,
    at_most,
    choose,
    cut_above,
    cut_below,
    either,
    infinite,
    keep_nan,
    larger,
    sign,
    smaller,
    times,
    two_sided,
)
from .._parameters import finite, non_negative, positive
from .._surrogate import Array, Surrogate
from ._bases import InfiniteArea, UnitArea

__all__ = [
    "Boxcar",
    "HardTanhRamp",
    "HeavisideGrad",
    "LeakyRelu",
    "PiecewiseLeakyRelu",
    "PiecewiseQuadratic",
    "ReluGrad",
    "SlantedBox",
    "StraightThrough",
    "TwoSidedBox",
    "boxcar",
    "hard_tanh_ramp",
    "heaviside_grad",
    "leaky_relu",
    "piecewise_leaky_relu",
    "piecewise_quadratic",
    "relu_grad",
    "slanted_box",
    "straight_through",
    "two_sided_box",
]


class ReluGrad(Surrogate):
    """A triangle of slope `alpha` and half base `width`.

    ::

        g'(x) = alpha * maximum(0, width - abs(x))
        g(x) = 1 / 2 + sign(x) * alpha * minimum(abs(x), width) \
* (width - minimum(abs(x), width) / 2)
        peak = alpha * width
        area = alpha * width**2
        width = width

    Parameters
    ----------
    alpha : float or array, default 0.3
        Slope of the edges, positive; the peak for ``width=1`` ("dampening factor").
    width : float or array, default 1.0
        Half of the base, which is the full width at half maximum, positive, in the unit of `x`.

    References
    ----------
    S. K. Esser et al., "Convolutional networks for fast, energy-efficient neuromorphic
    computing", PNAS 113 (2016) 11441-11446; with the factor 0.3, G. Bellec et al., "Long
    short-term memory and learning-to-learn in networks of spiking neurons", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import ReluGrad
    >>> ReluGrad().surrogate_grad(np.asarray([-2.0, -0.5, 0.0, 0.5, 2.0]))
    array([0.  , 0.15, 0.3 , 0.15, 0.  ])
    """

    alpha: float | Array = positive(0.3)
    width: float | Array = positive(1.0)
    also_called = ("triangle", "triangular", "hat", "Esser", "Bellec", "LSNN", "e-prop")
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        s = sign(xp, x)
        u = at_most(xp, s * x, self.width)
        return 0.5 + s * (self.alpha * (u * (self.width - u / 2)))

    def area_to(self, xp: Any, x: Array) -> Array:
        rest = at_least(xp, self.width - sign(xp, x) * x, 0.0)
        return self.alpha * two_sided(xp, x, rest * (rest / 2), self.width * self.width)

    def derivative(self, xp: Any, x: Array) -> Array:
        return self.alpha * at_least(xp, self.width - xp.abs(x), 0.0)

    @property
    def peak(self) -> Any:
        return self.alpha * self.width

    @property
    def area(self) -> Any:
        return self.alpha * self.width * self.width

    @property
    def area_below(self) -> Any:
        """Half of the area: the derivative is even."""
        return self.area / 2

    @property
    def support(self) -> tuple[Any, Any]:
        return -self.width, self.width


class PiecewiseQuadratic(UnitArea):
    """A triangle of area 1, whose primitive is piecewise quadratic.

    ``PiecewiseQuadratic(alpha)`` is ``ReluGrad(alpha**2, 1 / alpha)``.

    ::

        g'(x) = alpha * maximum(0, 1 - alpha * abs(x))
        g(x) = where(x < 0, maximum(0, 1 - alpha * abs(x))**2 / 2, \
1 - maximum(0, 1 - alpha * abs(x))**2 / 2)
        peak = alpha
        area = 1
        width = 1 / alpha

    Parameters
    ----------
    alpha : float or array, default 1.0
        Peak, positive; zero from ``|x| = 1 / alpha`` on.

    Notes
    -----
    The derivative is accurate to 4 ulp of its peak, and the primitive to 4 ulp of 1: at the foot
    of the triangle, ``1 - alpha |x|`` is a difference of nearly equal terms.

    References
    ----------
    S. K. Esser et al., PNAS 113 (2016) 11441-11446; G. Bellec et al., NeurIPS 2018; E. O. Neftci,
    H. Mostafa and F. Zenke, IEEE Signal Processing Magazine 36 (2019) 51-63.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import PiecewiseQuadratic
    >>> PiecewiseQuadratic().surrogate_grad(np.asarray([-0.5, 0.0, 2.0]))
    array([0.5, 1. , 0. ])
    """

    alpha: float | Array = positive(1.0)
    accuracy = DIFFERENCE
    also_called = ("triangle of area 1", "polynomial", "ZIF", "TET", "STBP", "Wu")
    traceable = True
    follows_product: ClassVar = {"alpha": 1}

    def primitive(self, xp: Any, x: Array) -> Array:
        rest = self._rest(xp, sign(xp, x) * x)
        return two_sided(xp, x, rest * rest / 2)

    def derivative(self, xp: Any, x: Array) -> Array:
        return self.alpha * self._rest(xp, xp.abs(x))

    def _rest(self, xp: Any, size: Array) -> Array:
        return at_least(xp, 1 - self.alpha * size, 0.0)

    @property
    def peak(self) -> Any:
        return self.alpha

    @property
    def width(self) -> Any:
        return 1 / self.alpha

    @property
    def support(self) -> tuple[Any, Any]:
        return -1 / self.alpha, 1 / self.alpha


class Boxcar(Surrogate):
    """A box of full width `width` and height `height`.

    ::

        g'(x) = where(abs(x) <= width / 2, height, 0)
        g(x) = 1 / 2 + height * maximum(-width / 2, minimum(x, width / 2))
        peak = height
        area = width * height
        width = width

    Parameters
    ----------
    width : float or array, default 1.0
        Full width, positive, in the unit of `x`.
    height : float or array, default 1.0
        Height, positive.
    closed : {"both", "neither", "left", "right"}, default "both"
        Which edges belong to the box. Libraries differ: "neither" in SpikingJelly and spyx,
        "right" in sparch and DECOLLE.

    References
    ----------
    Y. Wu et al., "Spatio-temporal backpropagation for training high-performance spiking neural
    networks", Frontiers in Neuroscience 12 (2018) 331.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import Boxcar
    >>> Boxcar().surrogate_grad(np.asarray([-0.5, 0.0, 0.5, 0.6]))
    array([1., 1., 1., 0.])
    >>> Boxcar(closed="neither").surrogate_grad(np.asarray([-0.5, 0.0, 0.5, 0.6]))
    array([0., 1., 0., 0.])
    """

    width: float | Array = positive(1.0)
    height: float | Array = positive(1.0)
    closed: str = field(default="both", metadata={"choices": ("both", "neither", "left", "right")})
    also_called = ("rectangle", "rectangular", "box", "window", "STBP", "Wu")
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        half = self.width / 2
        inside = cut_below(xp, x, -half, closed=self.closed in ("both", "left"))
        inside = cut_above(xp, inside, half, closed=self.closed in ("both", "right"))
        return 0.5 + self.height * inside

    def derivative(self, xp: Any, x: Array) -> Array:
        half = self.width / 2
        left = x >= -half if self.closed in ("both", "left") else x > -half
        right = x <= half if self.closed in ("both", "right") else x < half
        return keep_nan(xp, x, self.height * xp.astype(left & right, x.dtype))

    @property
    def peak(self) -> Any:
        return self.height

    @property
    def area(self) -> Any:
        return self.width * self.height

    @property
    def area_below(self) -> Any:
        """Half of the area: the derivative is even."""
        return self.area / 2

    @property
    def support(self) -> tuple[Any, Any]:
        return -self.width / 2, self.width / 2


class SlantedBox(Surrogate):
    """A box whose top slopes: neurons of higher potential get a larger gradient.

    With ``tilt=1`` it is the asymmetric gradient of A2SG, of half width `band` (there beta) and
    offset `height` (there h); with ``tilt=0`` it is ``Boxcar(2 * band, height)``. The default is
    a ramp from 0 to 1, of area 1.

    ::

        g'(x) = where(abs(x) <= band, height + tilt * x / (2 * band), 0)
        g(x) = 1 / 2 + height * maximum(-band, minimum(x, band)) \
+ tilt * maximum(-band, minimum(x, band))**2 / (4 * band)
        peak = height + abs(tilt) / 2
        area = 2 * band * height
        width = where(3 * abs(tilt) <= 2 * height, 2 * band, band / 2 + band * height / abs(tilt))

    Parameters
    ----------
    band : float or array, default 1.0
        Half of the width of the box, positive, in the unit of `x`; its edges belong to it.
    height : float or array, default 0.5
        Derivative at the threshold, positive.
    tilt : float or array, default 1.0
        How far the top rises from the left edge to the right, any finite number. Beyond
        ``2 * height`` in size, the derivative is negative at one of the edges.

    Notes
    -----
    The derivative is accurate to 4 ulp of its peak: where the slope meets 0, it is a difference of
    nearly equal terms.

    References
    ----------
    Y. Kang et al., "A2SG: Adaptive and asymmetric surrogate gradients for training deep spiking
    neural networks", arXiv:2606.11236 (2026): the formula as a review of the paper quotes it, since
    the authors' repository has no code. The default values are this package's.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import SlantedBox
    >>> SlantedBox().surrogate_grad(np.asarray([-2.0, -0.5, 0.0, 1.0]))
    array([0.  , 0.25, 0.5 , 1.  ])
    """

    band: float | Array = positive(1.0)
    height: float | Array = positive(0.5)
    tilt: float | Array = finite(1.0)
    accuracy = DIFFERENCE
    also_called = ("A2SG",)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        u = cut_above(xp, at_least(xp, x, -self.band), self.band, closed=True)
        return 0.5 + u * (self.height + self.tilt * (u / self.band) / 4)

    def area_to(self, xp: Any, x: Array) -> Array:
        rest = at_least(xp, cut_above(xp, x, self.band, closed=True) + self.band, 0.0)
        return rest * (self.height - self.tilt / 2 + self.tilt * (rest / self.band) / 4)

    def derivative(self, xp: Any, x: Array) -> Array:
        zero = xp.zeros_like(x)
        inside = xp.abs(x) <= self.band
        top = self.height + self.tilt * (xp.where(inside, x, zero) / self.band) / 2
        return keep_nan(xp, x, xp.where(inside, top, zero))

    @property
    def _lowest(self) -> Any:
        return smaller(0.0, self.height - abs(self.tilt) / 2)

    @property
    def peak(self) -> Any:
        return self.height + abs(self.tilt) / 2

    @property
    def area(self) -> Any:
        return 2 * self.band * self.height

    @property
    def area_below(self) -> Any:
        """That of the left half of the box."""
        return self.band * (self.height - self.tilt / 4)

    @property
    def width(self) -> Any:
        steep = 3 * abs(self.tilt) > 2 * self.height
        # where the top is flat, a quotient that is not chosen must not be 0 / 0
        rise = choose(steep, abs(self.tilt), self.height, like=self.tilt + self.height)
        part = choose(steep, 0.5 + self.height / rise, 2.0, like=rise)
        return self.band * part

    @property
    def support(self) -> tuple[Any, Any]:
        return -self.band, self.band

    @property
    def _negative(self) -> Any:
        return abs(self.tilt) > 2 * self.height

    @property
    def _largest_term(self) -> Any:
        return self.band * self.peak


class TwoSidedBox(Surrogate):
    """Two boxes that meet at the threshold, each with its width and its area.

    With ``alpha=beta`` and ``below=above`` it is ``Boxcar(2 * below, alpha / below)``.

    ::

        g'(x) = where(x < 0, where(x > -below, alpha / below, 0), where(x < above, beta / above, 0))
        g(x) = 1 / 2 + alpha / below * maximum(-below, minimum(x, 0)) \
+ beta / above * maximum(0, minimum(x, above))
        peak = maximum(alpha / below, beta / above)
        area = alpha + beta
        width = where(2 * alpha / below < beta / above, 0, below) \
+ where(2 * beta / above < alpha / below, 0, above)

    Parameters
    ----------
    alpha : float or array, default 0.5
        Area below the threshold, positive.
    beta : float or array, default 0.5
        Area from the threshold on, positive.
    below : float or array, default 1.0
        How far the box reaches below the threshold, positive, in the unit of `x`.
    above : float or array, default 1.0
        How far it reaches above, positive, in the unit of `x`.

    References
    ----------
    K. Hou, K. Wu and Y. Zhou, "Adaptive and lightweight surrogate gradients: enhancing training
    efficiency of spiking neural networks" (AdaLi), Frontiers in Neuroscience (2026),
    doi:10.3389/fnins.2026.1795946: the formula, with open ends, as it is quoted elsewhere. The
    default values are this package's. AdaLi narrows both widths from epoch to epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import TwoSidedBox
    >>> TwoSidedBox(above=0.25).surrogate_grad(np.asarray([-1.0, -0.5, 0.0, 0.2, 0.25]))
    array([0. , 0.5, 2. , 2. , 0. ])
    """

    alpha: float | Array = positive(0.5)
    beta: float | Array = positive(0.5)
    below: float | Array = positive(1.0)
    above: float | Array = positive(1.0)
    also_called = ("AdaLi",)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        left = at_least(xp, at_most(xp, x, 0.0), -self.below)
        right = at_most(xp, at_least(xp, x, 0.0), self.above)
        return 0.5 + (self.alpha * (left / self.below) + self.beta * (right / self.above))

    def area_to(self, xp: Any, x: Array) -> Array:
        # Not by clipped quotients: beyond the edges, their slopes would not cancel exactly.
        zero, left, right = xp.zeros_like(x), at_most(xp, x, 0.0), at_least(xp, x, 0.0)
        in_left, in_right = left > -self.below, right < self.above
        first = self.alpha + self.alpha * (xp.where(in_left, left, zero) / self.below)
        second = self.beta * (xp.where(in_right, right, zero) / self.above)
        whole = zero + self.beta
        area = xp.where(in_left, first, zero) + xp.where(in_right, second, whole)
        return keep_nan(xp, x, area)

    def derivative(self, xp: Any, x: Array) -> Array:
        zero = xp.zeros_like(x)
        left = xp.where(x > -self.below, zero + self.alpha / self.below, zero)
        right = xp.where(x < self.above, zero + self.beta / self.above, zero)
        return keep_nan(xp, x, xp.where(x < 0, left, right))

    @property
    def peak(self) -> Any:
        return larger(self.alpha / self.below, self.beta / self.above)

    @property
    def area(self) -> Any:
        return self.alpha + self.beta

    @property
    def area_below(self) -> Any:
        """`alpha`, by definition."""
        return self.alpha

    @property
    def width(self) -> Any:
        left, right = self.alpha / self.below, self.beta / self.above
        like = left + right
        below = choose(2 * left < right, 0.0, self.below, like=like)
        return below + choose(2 * right < left, 0.0, self.above, like=like)

    @property
    def support(self) -> tuple[Any, Any]:
        return -self.below, self.above


class PiecewiseLeakyRelu(Surrogate):
    """A box of area 1 on a plateau: ``1 / (2 w)`` within `w` of the threshold, `c` outside.

    ``PiecewiseLeakyRelu(c=0, w)`` is ``Boxcar(2 * w, 1 / (2 * w))``.

    ::

        g'(x) = where(abs(x) <= w, 1 / (2 * w), c)
        g(x) = 1 / 2 + sign(x) * (minimum(abs(x), w) / (2 * w) + c * maximum(abs(x) - w, 0))
        peak = maximum(1 / (2 * w), c)
        area = where(c == 0, 1, where(c < 0, -inf, inf))
        width = where(c < 1 / (4 * w), 2 * w, inf)

    Parameters
    ----------
    c : float or array, default 0.01
        Derivative outside, any finite number.
    w : float or array, default 1.0
        Half width of the box, positive, in the unit of `x`; its edges belong to it.

    References
    ----------
    S. Yin et al., "Algorithm and hardware design of discrete-time spiking neural networks based on
    back propagation with binary activations", BioCAS 2017; Y. Wu et al., Frontiers in Neuroscience
    12 (2018) 331 (with c = 0).

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import PiecewiseLeakyRelu
    >>> PiecewiseLeakyRelu().surrogate_grad(np.asarray([-2.0, 0.0, 1.0]))
    array([0.01, 0.5 , 0.5 ])
    """

    c: float | Array = finite(0.01)
    w: float | Array = positive(1.0)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        s = sign(xp, x)
        inside = cut_above(xp, s * x, self.w, closed=True) / (2 * self.w)
        outside = cut_below(xp, s * x - self.w, 0.0, closed=False)
        return 0.5 + s * (inside + times(xp, self.c, outside))

    def derivative(self, xp: Any, x: Array) -> Array:
        zero = xp.zeros_like(x)
        return keep_nan(xp, x, xp.where(xp.abs(x) <= self.w, zero + 0.5 / self.w, zero + self.c))

    @property
    def _lowest(self) -> Any:
        return smaller(0.5 / self.w, self.c)

    @property
    def peak(self) -> Any:
        return larger(0.5 / self.w, self.c)

    @property
    def area(self) -> Any:
        return 1.0 + infinite(self.c)

    @property
    def area_below(self) -> Any:
        """Half of the area: the derivative is even."""
        return self.area / 2

    @property
    def width(self) -> Any:
        box = 2 * self.w
        return choose(self.c < 0.25 / self.w, box, math.inf, like=self.c + box)

    @property
    def support(self) -> tuple[Any, Any]:
        edge = choose(self.c == 0, self.w, math.inf, like=self.c)
        return -edge, edge

    @property
    def _negative(self) -> Any:
        return self.c < 0

    @property
    def _largest_slope(self) -> Any:
        return larger(0.5 / self.w, abs(self.c))


class LeakyRelu(InfiniteArea):
    """One constant below the threshold and another from it on.

    ::

        g'(x) = where(x < 0, alpha, beta)
        g(x) = 1 / 2 + where(x < 0, alpha * x, beta * x)
        peak = maximum(alpha, beta)
        width = inf

    The area is infinite, of the sign of `alpha` and `beta`, and NaN where those differ.
    braintools' and SpikingJelly's primitives are without the 1/2.

    Parameters
    ----------
    alpha : float or array, default 0.1
        Derivative below the threshold, any finite number.
    beta : float or array, default 1.0
        Derivative at the threshold and above, any finite number.

    References
    ----------
    The derivative of the leaky rectifier; as a surrogate in SpikingJelly (``LeakyKReLU``), which
    cites S. Yin et al., BioCAS 2017, and Y. Wu et al., Frontiers in Neuroscience 12 (2018) 331.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import LeakyRelu
    >>> LeakyRelu().surrogate_grad(np.asarray([-1.0, 0.0, 1.0]))
    array([0.1, 1. , 1. ])
    """

    alpha: float | Array = finite(0.1)
    beta: float | Array = finite(1.0)
    also_called = ("leaky rectifier",)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 + xp.where(x < 0, times(xp, self.alpha, x), times(xp, self.beta, x))

    def derivative(self, xp: Any, x: Array) -> Array:
        zero = xp.zeros_like(x)
        return keep_nan(xp, x, xp.where(x < 0, zero + self.alpha, zero + self.beta))

    @property
    def _lowest(self) -> Any:
        return smaller(self.alpha, self.beta)

    @property
    def peak(self) -> Any:
        return larger(self.alpha, self.beta)

    @property
    def area(self) -> Any:
        total = self.alpha + self.beta
        opposed = self.alpha * self.beta < 0
        return choose(opposed, math.nan, infinite(total), like=total)

    @property
    def area_below(self) -> Any:
        """0 where `alpha` is, else infinite, of its sign."""
        return infinite(self.alpha)

    @property
    def support(self) -> tuple[Any, Any]:
        low = choose(self.alpha == 0, 0.0, -math.inf, like=self.alpha)
        return low, choose(self.beta == 0, 0.0, math.inf, like=self.beta)

    @property
    def _negative(self) -> Any:
        return either(self.alpha < 0, self.beta < 0)

    @property
    def _largest_slope(self) -> Any:
        return larger(abs(self.alpha), abs(self.beta))


class HeavisideGrad(InfiniteArea):
    """A step: `height` from `window` below the threshold on, 0 before.

    By default the derivative is the spike itself.

    ::

        g'(x) = where(x > -window, height, 0)
        g(x) = 1 / 2 + height * (maximum(x + window, 0) - window)
        peak = height
        area = inf
        width = inf

    Parameters
    ----------
    window : float or array, default 0.0
        How far below the threshold the gradient begins, not negative, in the unit of `x`.
    height : float or array, default 1.0
        Height, positive.
    closed : {"neither", "left"}, default "neither"
        Whether the derivative is `height` at ``x = -window`` itself: "left" in sinabs.

    References
    ----------
    ``heaviside`` of snnTorch, ``Heaviside`` of sinabs; compare B. Gardner, I. Sporea and A.
    Grüning, "Learning spatiotemporally encoded pattern transformations in structured spiking
    neural networks", Neural Computation 27 (2015) 2548-2586.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import HeavisideGrad
    >>> HeavisideGrad(window=0.5).surrogate_grad(np.asarray([-1.0, -0.5, 0.0]))
    array([0., 0., 1.])
    """

    window: float | Array = non_negative(0.0)
    height: float | Array = positive(1.0)
    closed: str = field(default="neither", metadata={"choices": ("neither", "left")})
    also_called = ("MultilayerSpiker",)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 + self.height * cut_below(xp, x, -self.window, closed=self.closed == "left")

    def area_to(self, xp: Any, x: Array) -> Array:
        return self.height * cut_below(xp, x + self.window, 0.0, closed=self.closed == "left")

    def derivative(self, xp: Any, x: Array) -> Array:
        inside = x > -self.window if self.closed == "neither" else x >= -self.window
        return keep_nan(xp, x, self.height * xp.astype(inside, x.dtype))

    @property
    def peak(self) -> Any:
        return self.height

    @property
    def area_below(self) -> Any:
        """That of the part of the step below the threshold."""
        return self.height * self.window

    @property
    def support(self) -> tuple[Any, Any]:
        return -self.window, math.inf


class StraightThrough(InfiniteArea):
    """The straight-through estimator: as if the spike were the potential itself.

    ::

        g'(x) = 1
        g(x) = 1 / 2 + x
        peak = 1
        area = inf
        width = inf

    References
    ----------
    Y. Bengio, N. Léonard and A. Courville, "Estimating or propagating gradients through stochastic
    neurons for conditional computation", arXiv:1308.3432 (2013).

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import StraightThrough
    >>> StraightThrough().surrogate_grad(np.asarray([-1.0, 0.0, 1.0]))
    array([1., 1., 1.])
    """

    also_called = ("STE", "straight-through estimator", "identity")
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        return 0.5 + x

    def derivative(self, xp: Any, x: Array) -> Array:
        return keep_nan(xp, x, xp.ones_like(x))

    @property
    def _lowest(self) -> Any:
        return 1.0

    @property
    def peak(self) -> Any:
        return 1.0

    @property
    def area_below(self) -> Any:
        """Infinite, as the area."""
        return math.inf


class HardTanhRamp(InfiniteArea):
    """A ramp from 0 to 2 around the threshold.

    ::

        g'(x) = 1 + maximum(-1, minimum(beta * x, 1))
        g(x) = 1 / 2 - 1 / (2 * beta) + beta * maximum(0, minimum(x + 1 / beta, 2 / beta))**2 / 2 \
+ 2 * maximum(x - 1 / beta, 0)
        peak = 2
        area = inf
        width = inf

    Parameters
    ----------
    beta : float or array, default 100.0
        Slope of the ramp, positive.

    Notes
    -----
    The derivative is accurate to 4 ulp of its peak: at the foot of the ramp, ``1 + beta x`` is a
    difference of nearly equal terms.

    References
    ----------
    ``HardTanhSpike`` of stork; J. Rossbroich, J. Gygax and F. Zenke, Neuromorphic Computing and
    Engineering 2 (2022) 044016.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import HardTanhRamp
    >>> HardTanhRamp(beta=1.0).surrogate_grad(np.asarray([-2.0, -0.5, 0.0, 2.0]))
    array([0. , 0.5, 1. , 2. ])
    """

    beta: float | Array = positive(100.0)
    accuracy = DIFFERENCE
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        edge = 1 / self.beta
        u = at_most(xp, at_least(xp, x, -edge), edge)
        return 0.5 + u + self.beta / 2 * u * u + 2 * at_least(xp, x - edge, 0.0)

    def area_to(self, xp: Any, x: Array) -> Array:
        edge = 1 / self.beta
        rest = at_least(xp, at_most(xp, x, edge) + edge, 0.0)
        return xp.where(x >= edge, 2 * x, self.beta / 2 * rest * rest)

    def derivative(self, xp: Any, x: Array) -> Array:
        return 1 + at_most(xp, at_least(xp, self.beta * x, -1.0), 1.0)

    @property
    def peak(self) -> Any:
        return 2.0

    @property
    def area_below(self) -> Any:
        """That of the triangle that the ramp is below the threshold."""
        return 0.5 / self.beta

    @property
    def support(self) -> tuple[Any, Any]:
        return -1 / self.beta, math.inf


boxcar = function_form(Boxcar, "boxcar")
hard_tanh_ramp = function_form(HardTanhRamp, "hard_tanh_ramp")
heaviside_grad = function_form(HeavisideGrad, "heaviside_grad")
leaky_relu = function_form(LeakyRelu, "leaky_relu")
piecewise_leaky_relu = function_form(PiecewiseLeakyRelu, "piecewise_leaky_relu")
piecewise_quadratic = function_form(PiecewiseQuadratic, "piecewise_quadratic")
relu_grad = function_form(ReluGrad, "relu_grad")
slanted_box = function_form(SlantedBox, "slanted_box")
straight_through = function_form(StraightThrough, "straight_through")
two_sided_box = function_form(TwoSidedBox, "two_sided_box")
