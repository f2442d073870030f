"""jaxpike: how its classes are called, and where one is not what it documents."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import numpy as np

from golden.facts import Difference, Facts, Peer, classes


def peers() -> Iterator[Peer]:
    module = importlib.import_module("jaxpike.surrogate")
    yield from classes(module, "FastSigmoid ATan Triangular Boxcar")


FACTS = Facts(
    peers=peers,
    framework="jax",
    requirements=("jaxpike==0.1.4",),
    values={"alpha": (0.75, 3.0), "slope": (0.75, 100.0), "width": (0.5, 2.0)},
    differences={
        "Boxcar": Difference(
            ours=lambda x, width: np.where(abs(x) <= width / 2, 1 / width, 0.0),
            theirs=lambda x, width: (
                ((abs(x) < width / 2) + 0.0 + (abs(x) <= width / 2)) / 2 / width
            ),
        ),
    },
)
