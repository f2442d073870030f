"""Exponential tails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._maths import sign
from .._parameters import positive
from .._surrogate import Array, Surrogate, function_form

__all__ = ["SlayerGrad", "slayer_grad"]


@dataclass(frozen=True)
class SlayerGrad(Surrogate):
    r"""Two-sided exponential decay with peak 1.

    .. math::

        g'(x) &= e^{-\alpha |x|} \\
        g(x) &= \tfrac12 + \operatorname{sign}(x)\, \frac{1 - e^{-\alpha |x|}}{\alpha}

    Area :math:`2 / \alpha`, peak 1, half width at half maximum :math:`\ln 2 / \alpha`.

    Parameters
    ----------
    alpha : float or array, default 1.0
        Sharpness, positive: the decay per unit of `x`.

    Raises
    ------
    ValueError
        If a parameter is not a positive finite number.

    References
    ----------
    S. B. Shrestha and G. Orchard, "SLAYER: Spike Layer Error Reassignment in Time", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import SlayerGrad
    >>> SlayerGrad().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.3679, 1.    , 0.3679])
    """

    alpha: float | Array = positive(1.0)

    def _primitive(self, xp: Any, x: Array) -> Array:
        s = sign(xp, x)
        return 0.5 - s * (xp.expm1(-self.alpha * (s * x)) / self.alpha)

    def _derivative(self, xp: Any, x: Array) -> Array:
        return xp.exp(-self.alpha * xp.abs(x))


slayer_grad = function_form(SlayerGrad, "slayer_grad")
