"""Gaussian bumps and their integrals, the error function."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .._maths import erfc
from .._parameters import finite, positive
from .._surrogate import Array, Surrogate, function_form

__all__ = ["GaussianGrad", "gaussian_grad"]


@dataclass(frozen=True)
class GaussianGrad(Surrogate):
    r"""A normal density of standard deviation `sigma`, times `alpha`.

    .. math::

        g'(x) &= \frac{\alpha}{\sigma \sqrt{2\pi}}\, e^{-x^2 / (2\sigma^2)} \\
        g(x) &= \tfrac12 + \frac{\alpha}{2} \operatorname{erf}\frac{x}{\sigma\sqrt 2}

    Area :math:`\alpha`, peak :math:`\alpha / (\sigma \sqrt{2\pi})` (0.399 by default), half width
    at half maximum :math:`\sigma \sqrt{2 \ln 2}`.

    Parameters
    ----------
    sigma : float or array, default 0.5
        Standard deviation, positive, in the unit of `x`.
    alpha : float or array, default 0.5
        Amplitude, any finite number: the area under the derivative. With 1, the primitive is the
        normal distribution function.

    Raises
    ------
    ValueError
        If `sigma` is not a positive finite number, or `alpha` not a finite one.

    References
    ----------
    B. Yin, F. Corradi and S. M. Bohté, "Accurate and efficient time-domain classification with
    adaptive spiking recurrent neural networks", Nature Machine Intelligence 3 (2021) 905-913.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import GaussianGrad
    >>> GaussianGrad().surrogate_grad(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.054 , 0.3989, 0.054 ])
    """

    sigma: float | Array = positive(0.5)
    alpha: float | Array = finite(0.5)

    def _primitive(self, xp: Any, x: Array) -> Array:
        # 1 + erf(z) = erfc(-z) keeps the left tail, which 1/2 + erf(z) / 2 rounds away.
        z = x / self.sigma * math.sqrt(0.5)
        return (1 - self.alpha) / 2 + self.alpha / 2 * erfc(xp, -z)

    def _derivative(self, xp: Any, x: Array) -> Array:
        z = x / self.sigma  # squared after scaling: sigma^2 could underflow
        return self.alpha / (self.sigma * math.sqrt(2 * math.pi)) * xp.exp(-z * z / 2)


gaussian_grad = function_form(GaussianGrad, "gaussian_grad")
