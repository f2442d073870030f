"""sparxml, imported as sparx: how its surrogates are called. It asks for Python 3.12 or newer."""

from __future__ import annotations

from collections.abc import Iterator

from golden.facts import Facts, Peer, classes
from golden.loading import installed, load


def peers() -> Iterator[Peer]:
    module = load(installed("sparx") / "sparx/surrogate.py")
    names = "ATan Sigmoid FastSigmoid Triangle Rectangle Gaussian StraightThrough"
    yield from classes(module, names)


FACTS = Facts(
    peers=peers,
    framework="jax",
    values={
        "alpha": (0.75, 3.0),
        "scale": (0.25, 2.0),
        "sigma": (1.0, 0.25),
        "slope": (0.75, 100.0),
        "width": (0.5, 2.0),
    },
)
