"""NEST: what is read of it, since it is a simulator."""

from __future__ import annotations

import numpy as np

from golden.facts import Facts


def height_and_width(shape):
    def formula(x, surrogate_gradient_height=0.3, surrogate_gradient_width=1.0):
        return surrogate_gradient_height * shape(abs(x) / surrogate_gradient_width)

    return formula


FACTS = Facts(
    read={
        "arctan_derivative": height_and_width(lambda u: 1 / (1 + u**2)),
        "exponential": height_and_width(lambda u: np.exp(-u)),
        "fast_sigmoid_derivative": height_and_width(lambda u: (1 + u) ** -2),
        "piecewise_linear": height_and_width(lambda u: np.maximum(0, 1 - u)),
    }
)
