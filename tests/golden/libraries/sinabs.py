"""sinabs: how its classes are called, and where two of them round, or forget `mu`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

import numpy as np

from golden.facts import Difference, Facts, Peer, parameters
from golden.formulas import gaussian


def peers() -> Iterator[Peer]:
    module = importlib.import_module("sinabs.activation")
    layer = importlib.import_module("sinabs.layers").IAF
    default = inspect.signature(layer).parameters["spike_threshold"].default.item()

    def threshold(given):
        return given.get("spike_threshold", default)

    for name in (
        "SingleExponential",
        "Gaussian",
        "MultiGaussian",
        "Heaviside",
        "PeriodicExponential",
    ):
        cls = getattr(module, name)
        emission = module.MultiSpike if name == "PeriodicExponential" else module.SingleSpike

        def make(cls=cls, emission=emission, spike_threshold=default, **given):
            return lambda v: emission.apply(v, spike_threshold, cls(**given))

        yield Peer(name, {**parameters(cls), "spike_threshold": default}, make, threshold)


def multi_gaussian(x, mu, sigma, h, s, grad_scale, side=None, constant=float):
    """Return the sum of three Gaussians; the outer two are centred at `side`, by default `mu`."""
    side = mu if side is None else side
    outer = [gaussian(x - side - d, s * sigma, constant) for d in (-sigma, sigma)]
    return grad_scale * ((1 + h) * gaussian(x - mu, sigma, constant) - h * sum(outer))


FACTS = Facts(
    peers=peers,
    values={
        "grad_scale": (2.0, 0.25),
        "grad_width": (0.25, 1.0),
        "h": (0.25, 0.5),
        "mu": (0.25, -0.5),
        "s": (3.0, 2.0),
        "sigma": (1.0, 0.25),
        "spike_threshold": (2.0, 0.5),
        "window": (0.5, 2.5),
    },
    no_effect={"Gaussian": {"spike_threshold"}, "MultiGaussian": {"spike_threshold"}},
    differences={
        "Gaussian": Difference(
            ours=lambda x, mu, sigma, grad_scale, spike_threshold: (
                grad_scale * gaussian(x - mu, sigma)
            ),
            theirs=lambda x, mu, sigma, grad_scale, spike_threshold: (
                grad_scale * gaussian(x - mu, sigma, np.float32)
            ),
            rounds=True,
        ),
        "MultiGaussian": Difference(
            ours=lambda x, spike_threshold, **given: multi_gaussian(x, **given),
            theirs=lambda x, spike_threshold, **given: multi_gaussian(
                x, **given, side=0.0, constant=np.float32
            ),
            rounds=True,
        ),
    },
    other_notes={"Heaviside"},
)
