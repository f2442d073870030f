"""Every neuron of SpikingJelly with our surrogate in the place of its own."""

from __future__ import annotations

import pytest

import surrogates

pytest.importorskip("torch")
pytest.importorskip("spikingjelly")

from spikingjelly.activation_based import functional, neuron, surrogate

import neurons
from neurons import NEURONS, STEPS

OWN = surrogate.ATan(alpha=2.0)
OURS = surrogates.to_library("spikingjelly", surrogates.Arctan(2.0))
PLAIN = surrogates.Arctan(2.0)


def steps(node, currents):
    """Reset the node, and call it with each step."""
    functional.reset_net(node)
    return neurons.step_by_step(node, currents)


def at_once(node, currents):
    """Reset the node, and call it with all steps."""
    functional.reset_net(node)
    return node(currents)


def of_classes(names, run=steps, **given):
    def make(name):
        return lambda f: getattr(neuron, name)(surrogate_function=f, **given)

    return {name: (make(name), run) for name in names.split()}


NODES = {
    **of_classes("IFNode LIFNode ParametricLIFNode KLIFNode QIFNode EIFNode ComplementaryLIFNode"),
    **of_classes("OTTTLIFNode SLTTLIFNode SimpleIFNode HalfThresholdIFNode"),
    **of_classes("TernaryIFNode TernaryLIFNode CUBALIFNode IzhikevichNode RAFNode"),
    **of_classes("MPBNLIFNode", out_features=NEURONS),
    **of_classes("SimpleLIFNode", tau=2.0, decay_input=True),
    **of_classes("GatedLIFNode", at_once, T=STEPS, inplane=None),
    **of_classes("PSN", at_once, T=STEPS),
    **of_classes("MaskedPSN", at_once, k=2, T=STEPS, step_mode="m"),
    **of_classes("SlidingPSN", at_once, k=2, step_mode="m"),
}


@pytest.mark.parametrize("check", neurons.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NODES)
def test_node(name, check):
    make, run = NODES[name]
    check(make, run, OWN, OURS)
