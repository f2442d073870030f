"""SNNGrow: how its classes are called, from a check-out; one raises."""

from __future__ import annotations

from collections.abc import Iterator

from golden.facts import Difference, Facts, Peer, classes
from golden.formulas import arctan
from golden.loading import beneath, checkout


def peers() -> Iterator[Peer]:
    root = checkout("snngrow")
    for name in ("ATan", "Sigmoid"):
        yield from classes(beneath(root, f"snngrow.base.surrogate.{name}"), name)


FACTS = Facts(
    peers=peers,
    commit="329ccef",
    values={"alpha": (0.75, 3.0)},
    not_taken={"spike_out", "spiking"},
    differences={
        "ATan": Difference(
            ours=arctan,
            theirs=None,
            error="RuntimeError: function atanBackward returned an incorrect number of gradients",
        ),
    },
)
