"""hxtorch: how its function is called, from a check-out."""

from __future__ import annotations

from collections.abc import Iterator

from golden.facts import Facts, Peer, functions
from golden.loading import checkout, load


def peers() -> Iterator[Peer]:
    path = "src/pyhxtorch/hxtorch/spiking/functional/superspike.py"
    yield from functions(load(checkout("hxtorch") / path), "superspike_func", "input")


FACTS = Facts(peers=peers, commit="3bfc7aa", values={"alpha": (0.75, 3.0, 2.0)})
