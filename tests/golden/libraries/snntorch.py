"""snnTorch: how its functions are called, and where they are not what they are named."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator

import numpy as np

from golden.facts import Difference, Facts, Peer, classes
from golden.formulas import fast_sigmoid, logistic


def peers() -> Iterator[Peer]:
    yield from classes(
        importlib.import_module("snntorch.surrogate"),
        "atan fast_sigmoid heaviside LSO SFS sigmoid spike_rate_escape "
        "straight_through_estimator triangular",
    )


FACTS = Facts(
    peers=peers,
    values={
        "B": (0.25, 0.5),
        "alpha": (0.75, 3.0),
        "beta": (2.0, 0.5),
        "slope": (4.0, 100.0),
        "sigmoid.slope": (4.0, 512.0),
        "threshold": (2.0, 0.5),
    },
    differences={
        "sigmoid": Difference(
            ours=lambda x, slope: logistic(x, slope),
            theirs=lambda x, slope: np.where(
                -slope * x > math.log(np.finfo(float).max), math.nan, logistic(x, slope)
            ),
            overflows=True,
        ),
        "triangular": Difference(
            ours=lambda x, threshold: threshold * np.maximum(0, 1 - abs(x)),
            theirs=lambda x, threshold: np.where(x < 0, threshold, -threshold),
        ),
        "LSO": Difference(
            ours=lambda x, slope: np.where(x < 0, slope, 1.0),
            theirs=None,
            error="TypeError: StochasticSpikeOperator.forward() missing 1 required positional "
            "argument",
        ),
        "spike_rate_escape": Difference(
            ours=lambda x, beta, slope: slope * np.exp(-beta * abs(x)),
            theirs=lambda x, beta, slope: slope * np.exp(-beta * abs(x - 1)),
        ),
        "SFS": Difference(
            ours=lambda x, slope, **b: np.where(abs(x) < b["B"], fast_sigmoid(x, slope), 0.0),
            theirs=lambda x, slope, **b: np.where(x > b["B"], fast_sigmoid(x, slope), 0.0),
        ),
    },
    other_notes={"atan"},
)
