"""Every neuron of snnTorch with our surrogate instead of its own."""

from __future__ import annotations

import pytest

import surrogates

pytest.importorskip("torch")
snntorch = pytest.importorskip("snntorch")

import torch

import neurons
from neurons import BATCH, NEURONS

OWN = snntorch.surrogate.fast_sigmoid(slope=25)
OURS = surrogates.to_library("snntorch", surrogates.from_library("snntorch", "fast_sigmoid"))


def with_states(neuron, currents):
    """Give the states that a neuron returned to its next step."""
    spikes, states = [], neuron.reset_mem()
    states = states if isinstance(states, tuple) else (states,)
    for current in currents:
        spike, *states = neuron(current, *states)
        spikes.append(spike)
    return torch.stack(spikes)


def at_once(neuron, currents):
    """Give all steps in one call."""
    result = neuron(currents)
    return result[0] if isinstance(result, tuple) else result


def convolution(neuron, currents):
    """Give the currents as pictures."""
    return with_states(neuron, currents.reshape(len(currents), BATCH, 1, 2, 3))


NEURON_CLASSES = {
    "Alpha": (lambda f: snntorch.Alpha(alpha=0.9, beta=0.8, spike_grad=f), with_states),
    "Lapicque": (lambda f: snntorch.Lapicque(beta=0.9, threshold=0.1, spike_grad=f), with_states),
    "Leaky": (lambda f: snntorch.Leaky(beta=0.9, spike_grad=f), with_states),
    "LeakyParallel": (
        lambda f: snntorch.LeakyParallel(NEURONS, NEURONS, beta=0.9, spike_grad=f),
        at_once,
    ),
    "LinearLeaky": (
        lambda f: snntorch.LinearLeaky(0.9, NEURONS, NEURONS, spike_grad=f, threshold=0.25),
        at_once,
    ),
    "RLeaky": (
        lambda f: snntorch.RLeaky(beta=0.9, linear_features=NEURONS, spike_grad=f),
        with_states,
    ),
    "RSynaptic": (
        lambda f: snntorch.RSynaptic(0.8, 0.9, linear_features=NEURONS, spike_grad=f),
        with_states,
    ),
    "SConv2dLSTM": (
        lambda f: snntorch.SConv2dLSTM(1, 2, 3, threshold=0.05, spike_grad=f),
        convolution,
    ),
    "SLSTM": (
        lambda f: snntorch.SLSTM(NEURONS, NEURONS, threshold=0.05, spike_grad=f),
        with_states,
    ),
    "StateLeaky": (
        lambda f: snntorch.StateLeaky(0.9, NEURONS, spike_grad=f, threshold=0.25),
        at_once,
    ),
    "Synaptic": (lambda f: snntorch.Synaptic(alpha=0.8, beta=0.9, spike_grad=f), with_states),
}


@pytest.mark.parametrize("check", neurons.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NEURON_CLASSES)
def test_neuron(name, check):
    make, run = NEURON_CLASSES[name]
    check(make, run, OWN, OURS)


def test_own_sigmoid_makes_nan_of_weights_where_a_potential_is_far_below_and_ours_does_not():
    """As docs/reference/neurons.md says; once it is mended there, the page is to be changed."""
    ours = surrogates.from_library("snntorch", "sigmoid")
    for spike_grad, is_finite in ((snntorch.surrogate.sigmoid(), False), (ours, True)):
        weights = torch.nn.Linear(2, 1, bias=False)
        torch.nn.init.ones_(weights.weight)
        neuron = snntorch.Leaky(beta=0.9, spike_grad=spike_grad)  # its threshold is 1
        spikes, _ = neuron(weights(torch.tensor([[0.5, 0.5], [-1.3, -1.3]])), torch.zeros(2, 1))
        spikes.sum().backward()
        torch.optim.SGD(weights.parameters(), lr=0.1).step()
        assert weights.weight.isfinite().all().item() is is_finite
