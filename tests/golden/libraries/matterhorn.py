"""Matterhorn: how its classes and functions are called, and where two of them overflow."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator

import numpy as np

from golden.facts import Difference, Facts, Peer, functions, parameters
from golden.formulas import logistic


def peers() -> Iterator[Peer]:
    firing = importlib.import_module("matterhorn_pytorch.snn.firing")
    functional = importlib.import_module("matterhorn_pytorch.snn.functional")
    for name in ("Rectangular", "Polynomial", "Sigmoid", "Gaussian", "Floor", "Round"):
        cls = getattr(firing, name)
        yield Peer(name, parameters(cls), cls, lambda given: 1.0)
    kinds = ("rectangular", "polynomial", "sigmoid", "gaussian")
    yield from functions(functional, " ".join(f"heaviside_{kind}" for kind in kinds), "x")


# exp(-x / a) is infinite, and divided by its own square
OVERFLOWS = Difference(
    ours=lambda x, a: logistic(x, 1 / a),
    theirs=lambda x, a: np.where(
        -x / a > math.log(np.finfo(float).max), math.nan, logistic(x, 1 / a)
    ),
    overflows=True,
)

FACTS = Facts(
    peers=peers,
    requirements=("matterhorn-pytorch==2.0.0",),
    values={
        "a": (0.5, 2.0),
        "Sigmoid.a": (0.5, 0.001953125),
        "heaviside_sigmoid.a": (0.5, 0.001953125),
    },
    differences={"Sigmoid": OVERFLOWS, "heaviside_sigmoid": OVERFLOWS},
)
