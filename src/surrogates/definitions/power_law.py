"""Power-law tails: they reach neurons far from threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .._maths import select, sign
from .._parameters import positive
from .._surrogate import Array, Surrogate, function_form

__all__ = ["InvSquareGrad", "QPseudoSpike", "inv_square_grad", "q_pseudo_spike"]


@dataclass(frozen=True)
class InvSquareGrad(Surrogate):
    r"""The derivative of the fast sigmoid, with peak 1 ("SuperSpike").

    .. math::

        g'(x) &= \frac{1}{(1 + \alpha |x|)^2} \\
        g(x) &= \tfrac12 + \frac{x}{1 + \alpha |x|}

    Area :math:`2 / \alpha`, peak 1, half width at half maximum :math:`(\sqrt2 - 1) / \alpha`, tail
    :math:`1 / (\alpha x)^2`.

    Parameters
    ----------
    alpha : float or array, default 100.0
        Sharpness, positive.

    Raises
    ------
    ValueError
        If a parameter is not a positive finite number.

    References
    ----------
    F. Zenke and S. Ganguli, "SuperSpike: Supervised learning in multilayer spiking neural
    networks", Neural Computation 30 (2018) 1514-1541.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import InvSquareGrad
    >>> InvSquareGrad().surrogate_grad(np.asarray([-0.1, 0.0, 0.1])).round(5)
    array([0.00826, 1.     , 0.00826])
    """

    alpha: float | Array = positive(100.0)

    def _primitive(self, xp: Any, x: Array) -> Array:
        # 1 / (1/|x| + alpha) beyond 1, where x / (1 + alpha |x|) would end as inf / inf.
        s = sign(xp, x)
        near = xp.clip(s * x, max=1.0)
        far = xp.clip(s * x, min=1.0)
        size = xp.where(s * x < 1, near / (1 + self.alpha * near), 1 / (1 / far + self.alpha))
        return 0.5 + s * size

    def _derivative(self, xp: Any, x: Array) -> Array:
        r = 1 / (1 + self.alpha * xp.abs(x))
        return r * r


@dataclass(frozen=True)
class QPseudoSpike(Surrogate):
    r"""A bump of peak 1 whose tail grows fatter as `alpha` falls.

    .. math::

        g'(x) &= \left(1 + \frac{2|x|}{\alpha + 1}\right)^{-\alpha} \\
        g(x) &= \tfrac12 + \operatorname{sign}(x)\, \frac{\alpha + 1}{2 (1 - \alpha)}
            \left[\left(1 + \frac{2|x|}{\alpha + 1}\right)^{1 - \alpha} - 1\right]

    and at :math:`\alpha = 1` the limit of the latter,
    :math:`\tfrac12 + \operatorname{sign}(x) \ln(1 + |x|)`.

    Area :math:`(\alpha + 1) / (\alpha - 1)` for :math:`\alpha > 1`, else infinite; peak 1; half
    width at half maximum :math:`\tfrac12 (\alpha + 1)(2^{1/\alpha} - 1)`. For large
    :math:`\alpha` it becomes :math:`e^{-2|x|}`. Herranz-Celotti and Rouat print
    :math:`\alpha - 1` in the place of :math:`\alpha + 1`, another function, finite only for
    :math:`\alpha > 1`.

    Parameters
    ----------
    alpha : float or array, default 2.0
        Exponent of the tail, positive.

    Raises
    ------
    ValueError
        If a parameter is not a positive finite number.

    References
    ----------
    L. Herranz-Celotti and J. Rouat, "Stabilizing Spiking Neuron Training", arXiv:2202.00282
    (2022).

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import QPseudoSpike
    >>> QPseudoSpike().surrogate_grad(np.asarray([-1.0, 0.0, 1.0]))
    array([0.36, 1.  , 0.36])
    """

    alpha: float | Array = positive(2.0)

    def _primitive(self, xp: Any, x: Array) -> Array:
        # (b^q - 1) / q as expm1(q L) / q, L = ln b: no cancellation as q = 1 - alpha nears 0.
        s = sign(xp, x)
        log_base = self._log_base(xp, s * x)
        q = 1 - self.alpha
        nonzero = select(xp, q == 0, 1.0, q)
        size = select(xp, q == 0, log_base, xp.expm1(nonzero * log_base) / nonzero)
        return 0.5 + s * ((self.alpha + 1) / 2 * size)

    def _derivative(self, xp: Any, x: Array) -> Array:
        return xp.exp(-self.alpha * self._log_base(xp, xp.abs(x)))

    def _log_base(self, xp: Any, size: Array) -> Array:
        # ln(1 + 2u), from 1 on as ln(1/2 + u) + ln 2: there 2u could overflow.
        u = size / (self.alpha + 1)
        far = u >= 1
        return xp.log1p(xp.where(far, u - 0.5, 2 * u)) + math.log(2) * xp.astype(far, u.dtype)


inv_square_grad = function_form(InvSquareGrad, "inv_square_grad")
q_pseudo_spike = function_form(QPseudoSpike, "q_pseudo_spike")
