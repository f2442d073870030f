"""spikeDE: how its functions are called, from a check-out, and where one rounds."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from golden.facts import Difference, Facts, Peer, functions
from golden.formulas import gaussian
from golden.loading import checkout, load


def peers() -> Iterator[Peer]:
    module = load(checkout("spikede") / "spikeDE/surrogate.py")
    kinds = ("sigmoid", "arctan", "piecewise_linear", "gaussian")
    yield from functions(module, " ".join(f"{kind}_surrogate" for kind in kinds), "input")


FACTS = Facts(
    peers=peers,
    commit="fcd743b",
    values={"gamma": (0.5, 2.0), "scale": (0.75, 3.0), "sigma": (0.5, 2.0)},
    differences={
        "gaussian_surrogate": Difference(
            ours=lambda x, sigma: gaussian(x, sigma),
            theirs=lambda x, sigma: (
                np.exp(-((x / sigma) ** 2) / 2) / (sigma * float(np.sqrt(np.float32(2 * math.pi))))
            ),
            rounds=True,
        ),
    },
    other_notes={"arctan_surrogate", "piecewise_linear_surrogate"},
)
