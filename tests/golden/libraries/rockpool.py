"""Rockpool: how its functions are called, and where one raises or ends its peaks."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator

import numpy as np

from golden.facts import Difference, Facts, Peer, parameters


def peers() -> Iterator[Peer]:
    module = importlib.import_module("rockpool.nn.modules.torch.lif_torch")
    torch = importlib.import_module("torch")
    for name in ("StepPWL", "PeriodicExponential"):
        function = getattr(module, name)
        original = parameters(function.forward, "ctx", "x", "data")
        defaults = {
            key: value.item() if isinstance(value, torch.Tensor) else value
            for key, value in original.items()
        }

        # As LIFTorch passes them: tensors. Those that are not given are the library's defaults.
        def make(function=function, original=original, **given):
            tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in given.items()}
            values = (original | tensors).values()
            return lambda v: function.apply(v, *values)

        yield Peer(name, defaults, make, lambda given: given.get("threshold", 1.0))


def periodic(x, threshold, window, max_spikes_per_dt):
    """Return an exponential peak at every multiple of the threshold, up to the most spikes."""
    nearest = np.clip(np.floor(x / threshold + 0.5), 0, max_spikes_per_dt - 1)
    return np.exp(-abs(x - nearest * threshold) / window) / threshold


FACTS = Facts(
    peers=peers,
    requirements=("rockpool==3.1.0",),
    values={
        "max_spikes_per_dt": (2.0, 3.0),
        "threshold": (2.0, 0.5),
        "window": (0.25, 1.0),
    },
    # Without a threshold it takes its own default, a float, and raises.
    more={
        "PeriodicExponential": [
            {"threshold": 1.0},
            {"threshold": 1.0, "window": 0.25},
            {"threshold": 1.0, "max_spikes_per_dt": 2.0},
        ],
    },
    differences={
        "PeriodicExponential": Difference(
            ours=lambda x, threshold, window, max_spikes_per_dt: periodic(
                x, threshold, window, math.inf
            ),
            theirs=periodic,
            error="RuntimeError: function PeriodicExponentialBackward returned a gradient "
            "different",
        ),
    },
    other_notes={"StepPWL"},
)
