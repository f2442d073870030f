"""Every spiking layer of sinabs, with our surrogate in both of its arguments."""

from __future__ import annotations

import sys

import pytest

import surrogates

pytest.importorskip("torch")
sys.modules.setdefault("samna", None)  # it would install itself from another index
sinabs = pytest.importorskip("sinabs")

import sinabs.activation as activation
import sinabs.layers as layers
import torch

import neurons
from neurons import BATCH, NEURONS

THRESHOLD = torch.tensor(0.75)


class Recurrence(torch.nn.Linear):
    """Recurrent weights, the same in every layer."""


LAYERS = {
    "IAF": lambda **given: layers.IAF(**given),
    "LIF": lambda **given: layers.LIF(tau_mem=3.0, **given),
    "ALIF": lambda **given: layers.ALIF(tau_mem=3.0, tau_adapt=5.0, **given),
    "IAFRecurrent": lambda **given: layers.IAFRecurrent(Recurrence(NEURONS, NEURONS), **given),
    "LIFRecurrent": lambda **given: layers.LIFRecurrent(3.0, Recurrence(NEURONS, NEURONS), **given),
    "ALIFRecurrent": lambda **given: layers.ALIFRecurrent(
        3.0, 5.0, Recurrence(NEURONS, NEURONS), **given
    ),
    "IAFSqueeze": lambda **given: layers.IAFSqueeze(BATCH, **given),
    "LIFSqueeze": lambda **given: layers.LIFSqueeze(BATCH, tau_mem=3.0, **given),
}


def run(layer, currents):
    """Give all steps, second in order there, or in one axis with the batch."""
    layer.reset_states()
    steps = 3.0 * currents.transpose(0, 1)
    return layer(steps.flatten(0, 1) if isinstance(layer, layers.SqueezeMixin) else steps)


def taking(surrogate, *arguments):
    """Return the surrogate for these arguments of a layer."""
    return {name: surrogates.to_library("sinabs", surrogate, name) for name in arguments}


def of_library(name):
    return surrogates.from_library("sinabs", name, spike_threshold=THRESHOLD.item())


def exponential(v_mem, spike_threshold):
    """Return a derivative that does not depend on the threshold, which adapts in ALIF."""
    return 2.0 * torch.exp(-2.0 * torch.abs(v_mem - spike_threshold))


SINGLE = {"spike_fn": activation.SingleSpike}
OWN = {**SINGLE, "surrogate_grad_fn": activation.SingleExponential(0.5)}
OWN_COUNTING = {
    "spike_fn": activation.MultiSpike,
    "surrogate_grad_fn": activation.PeriodicExponential(),
}
OWN_ADAPTIVE = {**SINGLE, "surrogate_grad_fn": exponential}
ADAPTIVE = surrogates.Scaled(surrogates.SlayerGrad(2.0), amplitude=2.0)
PAIRS = {
    "grad": (OWN, {**SINGLE, **taking(of_library("SingleExponential"), "surrogate_grad_fn")}),
    "spikes": (OWN, taking(of_library("SingleExponential"), "spike_fn")),
    "counting": (OWN_COUNTING, taking(of_library("PeriodicExponential"), "spike_fn")),
    "adaptive-grad": (OWN_ADAPTIVE, {**SINGLE, **taking(ADAPTIVE, "surrogate_grad_fn")}),
    "adaptive-spikes": (OWN_ADAPTIVE, taking(ADAPTIVE, "spike_fn")),
}
CASES = [
    (name, pair)
    for name in LAYERS
    for pair in PAIRS
    if name.startswith("ALIF") == pair.startswith("adaptive")
]


@pytest.mark.parametrize("check", neurons.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("name", "pair"), CASES)
def test_layer(name, pair, check):
    check(lambda f: LAYERS[name](spike_threshold=THRESHOLD, **f), run, *PAIRS[pair])


def test_native_is_its_own_object():
    surrogate = surrogates.from_library("sinabs", "Gaussian", sigma=0.25)
    native = surrogates.to_library("sinabs", surrogate, native=True)
    assert native == activation.Gaussian(sigma=0.25)
