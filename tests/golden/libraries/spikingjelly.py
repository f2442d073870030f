"""SpikingJelly: how its classes are called, and where they are not what they document."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Iterator

import numpy as np

from golden.facts import Difference, Facts, Peer, parameters
from golden.formulas import more_of_s2nn


def peers() -> Iterator[Peer]:
    module = importlib.import_module("spikingjelly.activation_based.surrogate")
    base = module.SurrogateFunctionBase
    for name, cls in inspect.getmembers(module, inspect.isclass):
        # PoissonPass emits random spikes.
        if not issubclass(cls, base) or cls is base or name == "PoissonPass":
            continue
        defaults = parameters(cls)
        relaxed = "spiking" in defaults and name != "DeterministicPass"

        def primitive(cls=cls, **given):
            return cls(spiking=False, **given)

        yield Peer(name, defaults, cls, primitive=primitive if relaxed else None)


def more_of_counting(x, max_spike_count, grad_window):
    """Return what a primitive that ignores `grad_window` has more than that of the window."""
    window = grad_window or (0, max_spike_count)
    return np.clip(x, 0, max_spike_count) - np.clip(x, *window)


FACTS = Facts(
    peers=peers,
    values={
        "T_period": (4.0, 3.0),
        "alpha": (0.75, 3.0),
        "QPseudoSpike.alpha": (1.5, 4.0),
        "Rect.alpha": (0.5, 2.0),
        "beta": (2.0, 0.5),
        "c": (0.25, 0.0),
        "grad_window": ([-0.5, 2.5], [0.25, 1.0]),
        "k": (2.0, 0.5),
        "leak": (0.25, 1.5),
        "max_spike_count": (1, 3, 2),
        "n": (4, 1),
        "w": (0.5, 2.0),
    },
    twice={"S2NN"},
    not_taken={"spiking"},  # spiking=False is `Smooth` here
    differences={
        "PiecewiseLeakyReLU": Difference(
            ours=lambda x, w, c: np.where(abs(x) <= w, 1 / (2 * w), c),
            theirs=lambda x, w, c: np.where(abs(x) < w, 1 / (2 * w), c),
        ),
        "FakeNumericalGradient": Difference(
            ours=lambda x, alpha: np.minimum(alpha, 1 / np.maximum(abs(x), 1e-9)),
            theirs=lambda x, alpha: np.where(
                (x == 0) & np.signbit(x), -math.inf, np.minimum(alpha, 1 / np.maximum(abs(x), 1e-9))
            ),
            overflows=True,
        ),
    },
    other_notes={"S2NN", "SquarewaveFourierSeries"},
    primitives={"MultiLevelSpikeCount": more_of_counting, "S2NN": more_of_s2nn},
)
