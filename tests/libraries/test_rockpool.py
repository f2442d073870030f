"""Every neuron of Rockpool's PyTorch backend with our surrogate instead of its own."""

from __future__ import annotations

import sys

import pytest

import surrogates

pytest.importorskip("torch")
sys.modules.setdefault("samna", None)  # it would install itself from another index
torch_modules = pytest.importorskip("rockpool.nn.modules.torch")

import torch
from rockpool.nn.modules.torch.lif_torch import StepPWL
from rockpool.parameters import Constant

import neurons
from neurons import NEURONS

OURS = surrogates.to_library("rockpool", surrogates.from_library("rockpool", "StepPWL"))
# The height of StepPWL follows a threshold that is learned, and that of a surrogate does not.
FIXED = {"threshold": Constant(1.0)}


def make(name, **given):
    return lambda f: getattr(torch_modules, name)(
        shape=NEURONS, spike_generation_fn=f, dt=1e-2, tau_mem=Constant(0.02), **given
    )


CLASSES = {
    "LIFTorch": make("LIFTorch", **FIXED),
    "LIFBitshiftTorch": make("LIFBitshiftTorch", **FIXED),
    "aLIFTorch": make("aLIFTorch", **FIXED),
    "LIFNeuronTorch": make("LIFNeuronTorch", **FIXED),
}


def run(neuron, currents):
    """Give all steps, second in order there."""
    neuron.reset_state()
    return neuron(3.0 * currents.transpose(0, 1))[0]


@pytest.mark.parametrize("check", neurons.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", CLASSES)
def test_neuron(name, check):
    check(CLASSES[name], run, StepPWL, OURS)


def test_the_threshold_has_the_librarys_own_gradient():
    found = []
    for function in (StepPWL, OURS):
        neuron = make("LIFTorch")(function)
        run(neuron, torch.linspace(-1.0, 2.0, 30 * NEURONS).reshape(5, 6, NEURONS)).sum().backward()
        found.append(neuron.threshold.grad)
    assert found[0].abs().max() > 0.0
    torch.testing.assert_close(found[1], found[0])
