"""mlx-snn: how its functions are called; it documents others."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from golden.facts import Facts, Peer, classes


def peers() -> Iterator[Peer]:
    module = importlib.import_module("mlxsnn.surrogate")
    names = ("fast_sigmoid", "arctan", "sigmoid", "straight_through", "triangular")
    yield from classes(module, " ".join(f"{name}_surrogate" for name in names))


FACTS = Facts(
    peers=peers,
    framework="mlx",
    requirements=("mlx-snn==0.5.0",),
    values={"alpha": (0.75, 3.0), "scale": (0.75, 100.0), "slope": (0.75, 100.0)},
    no_effect={"straight_through_surrogate": {"scale"}, "triangular_surrogate": {"scale"}},
    other_notes={
        "fast_sigmoid_surrogate",
        "sigmoid_surrogate",
        "straight_through_surrogate",
        "triangular_surrogate",
    },
    in_single_precision={"sigmoid_surrogate"},
)
