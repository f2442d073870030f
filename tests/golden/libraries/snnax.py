"""snnax: how its functions are called, and where they are not what they are named."""

from __future__ import annotations

from collections.abc import Iterator

from golden.facts import Difference, Facts, Peer, classes
from golden.formulas import fast_sigmoid, logistic
from golden.loading import by_file


def peers() -> Iterator[Peer]:
    kinds = ("superspike", "sigmoid", "piecewise")
    module = by_file("snnax", "functional/surrogate.py")
    yield from classes(module, " ".join(f"{kind}_surrogate" for kind in kinds))


FACTS = Facts(
    peers=peers,
    framework="jax",
    requirements=("snnax==0.0.1",),
    values={"beta": (0.25, 2.5)},
    differences={
        "superspike_surrogate": Difference(
            ours=lambda x, beta: fast_sigmoid(x, beta),
            theirs=lambda x, beta: 1 / (1 + beta * abs(x)),
        ),
        "sigmoid_surrogate": Difference(
            ours=lambda x, beta: logistic(x, beta),
            theirs=None,
            error="TypeError: sigmoid() takes 1 positional argument but 2 were given",
        ),
    },
)
