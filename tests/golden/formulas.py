"""Formulas that several libraries have, in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from golden.facts import Difference


def fast_sigmoid(x: Any, slope: float) -> Any:
    return 1 / (1 + slope * abs(x)) ** 2


def gaussian(x: Any, sigma: float, constant: type = float) -> Any:
    """Return the normal density, with its constant factor in float or in np.float32."""
    factor = float(constant(sigma) * np.sqrt(constant(2) * constant(math.pi)))
    return np.exp(-((x / sigma) ** 2) / 2) / factor


def logistic(x: Any, slope: float) -> Any:
    tail = np.exp(-slope * abs(x))
    return slope * tail / (1 + tail) ** 2


def arctan(x: Any, alpha: float) -> Any:
    return alpha / 2 / (1 + (math.pi / 2 * alpha * x) ** 2)


def with_rounded_pi(x: Any, alpha: float) -> Any:
    """Return the gradient of `arctan`, as it is where alpha is a float32 tensor."""
    rounded = float(np.float32(alpha) * np.float32(math.pi) / np.float32(2))
    return alpha / 2 / (1 + (rounded * x) ** 2)


ROUNDED_PI = Difference(ours=arctan, theirs=with_rounded_pi, rounds=True)


def more_of_s2nn(x: Any, beta: float, epsilon: float = 1e-5, **_: Any) -> Any:
    """Return what a primitive has more that adds an epsilon inside the logarithm."""
    above = np.maximum(x, 0)
    return np.where(x >= 0, beta * (np.log(above + 1 + epsilon) - np.log1p(above)), 0.0)
