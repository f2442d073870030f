"""pyaromatics: what is read of it, since it needs TensorFlow."""

from __future__ import annotations

import math

import numpy as np

from golden.facts import Facts
from golden.formulas import logistic


def damped(shape):
    return lambda x, dampening=1.0, sharpness=1.0: dampening * shape(x * sharpness)


FACTS = Facts(
    read={
        "ExpSpikeFunction": damped(lambda u: np.exp(-abs(2 * u))),
        "FastSigmoidSpikeFunction": damped(lambda u: 1 / (1 + abs(2 * u)) ** 2),
        "NTailSpikeFunction": lambda x, dampening=1.0, sharpness=1.0, tail=1.56: (
            dampening / (1 + abs(x * sharpness) / ((tail - 1) / 2)) ** tail
        ),
        "RectangularSpikeFunction": damped(lambda u: np.where(abs(2 * u) < 1, 1, 0)),
        "SpikeFunction": damped(lambda u: np.maximum(1 - abs(u), 0)),
        "SpikeFunctionCauchy": damped(lambda u: 1 / (1 + (math.pi * u) ** 2)),
        "SpikeFunctionGauss": damped(lambda u: np.exp(-math.pi * u**2)),
        "SpikeFunctionSigmoid": damped(lambda u: logistic(4 * u, 1.0) * 4),
    }
)
