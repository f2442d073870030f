"""jaxsnn: how its function is called, from a check-out."""

from __future__ import annotations

from collections.abc import Iterator

from golden.facts import Facts, Peer, functions
from golden.loading import checkout, load


def peers() -> Iterator[Peer]:
    path = "src/pyjaxsnn/jaxsnn/discrete/functional/threshold.py"
    yield from functions(load(checkout("jaxsnn") / path), "superspike", "x")


FACTS = Facts(peers=peers, framework="jax", commit="5e9bb86", values={"alpha": (0.75, 3.0)})
