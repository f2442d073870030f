"""Piecewise polynomials: straight edges and compact support."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._maths import sign
from .._parameters import positive
from .._surrogate import Array, Surrogate, function_form

__all__ = ["ReluGrad", "relu_grad"]


@dataclass(frozen=True)
class ReluGrad(Surrogate):
    r"""A triangle of slope `alpha` and half base `width`.

    .. math::

        g'(x) &= \alpha \max(0,\; w - |x|) \\
        g(x) &= \tfrac12 + \alpha u \left(w - \tfrac12 |u|\right),
            \quad u = \min(\max(x, -w), w)

    Area :math:`\alpha w^2`, peak :math:`\alpha w`, half width at half maximum :math:`w / 2`;
    zero from :math:`|x| = w` on.

    Parameters
    ----------
    alpha : float or array, default 0.3
        Slope of the edges, positive; the peak for ``width=1`` ("dampening factor").
    width : float or array, default 1.0
        Half of the base, positive, in the unit of `x`.

    Raises
    ------
    ValueError
        If a parameter is not a positive finite number.

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

    def _primitive(self, xp: Any, x: Array) -> Array:
        s = sign(xp, x)
        u = xp.clip(s * x, max=self.width)
        return 0.5 + s * (self.alpha * (u * (self.width - u / 2)))

    def _derivative(self, xp: Any, x: Array) -> Array:
        return self.alpha * xp.clip(self.width - xp.abs(x), min=0.0)


relu_grad = function_form(ReluGrad, "relu_grad")
