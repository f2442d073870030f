"""norse: how its methods are called, and where they are not what they are named."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from golden.facts import Difference, Facts, Peer, parameters
from golden.formulas import fast_sigmoid


def peers() -> Iterator[Peer]:
    module = importlib.import_module("norse.torch.functional.threshold")

    # The parameters are named as the autograd functions name them.
    def peer(method: str, function: Callable[..., Any], forward: Callable[..., Any]) -> Peer:
        (name,) = parameters(forward, "ctx", "x", "input_tensor")
        (default,) = parameters(function, "x").values()

        def make(**given):
            values = given.values() or [default]
            return lambda x: module.threshold(x, method, *values)

        return Peer(method, {name: default}, make)

    yield peer("super", module.super_fn, module.super_fn)
    yield peer("triangle", module.triangle_fn, module.Triangle.forward)
    yield peer("heavi_erfc", module.heavi_erfc_fn, module.HeaviErfc.forward)
    yield peer("tanh", module.heavi_tanh_fn, module.HeaviTanh.forward)
    yield peer("circ", module.heavi_circ_fn, module.HeaviCirc.forward)


FACTS = Facts(
    peers=peers,
    values={"alpha": (0.75, 3.0, 2.0), "k": (0.75, 3.0, 2.0)},
    no_effect={"super": {"alpha"}},  # the difference below
    differences={
        "super": Difference(
            ours=lambda x, alpha: fast_sigmoid(x, alpha),
            theirs=lambda x, alpha: fast_sigmoid(x, 1.0),
        ),
        "heavi_erfc": Difference(
            ours=lambda x, k: 2 * np.exp(-((k * x) ** 2)) / math.sqrt(math.pi),
            theirs=lambda x, k: 2 * np.exp(-((k * x) ** 2)) / float(np.sqrt(np.float32(math.pi))),
            rounds=True,
        ),
    },
    other_notes={"tanh", "circ"},
)
