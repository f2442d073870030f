"""spyx: how its functions are called, and where two are not what they document."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import numpy as np

from golden.facts import Difference, Facts, Peer, classes


def peers() -> Iterator[Peer]:
    module = importlib.import_module("spyx.axn")
    yield from classes(module, "arctan boxcar custom superspike tanh triangular")


FACTS = Facts(
    peers=peers,
    framework="jax",
    values={"height": (2.0, 0.75), "k": (0.75, 3.0), "width": (1.0, 5.0)},
    not_taken={"bwd", "fwd"},  # functions, which are `surrogates.Custom` here
    differences={
        "boxcar": Difference(
            ours=lambda x, width, height: np.where(abs(x) <= width / 2, height, 0.0),
            theirs=lambda x, width, height: np.where(abs(x) < width / 2, height, 0.0),
        ),
        "custom": Difference(ours=lambda x: np.ones_like(x), theirs=lambda x: x),
    },
)
