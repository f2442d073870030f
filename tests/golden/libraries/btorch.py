"""btorch: how its classes and functions are called; what differs is documented otherwise."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from golden.facts import Facts, Peer, applied, classes, parameters
from golden.loading import beneath, installed

CLASSES = "ATan Erf Sigmoid SuperSpike Triangle"
FUNCTIONS = "atan erf sigmoid superspike triangle"


def peers() -> Iterator[Peer]:
    module = beneath(installed("btorch"), "btorch.models.surrogate")
    yield from classes(module, CLASSES)
    # The modules have these names, too.
    for name in FUNCTIONS.split():
        function = getattr(sys.modules[f"btorch.models.surrogate.{name}"], name)
        yield Peer(name, parameters(function, "x"), applied(function))


FACTS = Facts(
    peers=peers,
    requirements=("btorch==0.1.0",),
    values={
        "alpha": (0.75, 3.0),
        "damping_factor": (2.0, 0.25),
        "variance": (0.25, 4.0),
    },
    not_taken={"spiking"},
    other_notes={*CLASSES.split(), *FUNCTIONS.split()},
)
