"""slax: how its functions are called."""

from __future__ import annotations

from collections.abc import Iterator

from golden.facts import Facts, Peer, classes
from golden.loading import by_file


def peers() -> Iterator[Peer]:
    yield from classes(by_file("slax", "models/surrogates.py"), "fast_sigmoid atan multi_gauss")


FACTS = Facts(
    peers=peers,
    framework="jax",
    requirements=("slax==0.0.1",),
    values={
        "alpha": (0.75, 3.0),
        "gamma": (2.0, 0.25),
        "height": (0.25, 0.5),
        "lens": (1.0, 0.25),
        "scale": (3.0, 2.0),
        "slope": (0.75, 100.0),
    },
)
