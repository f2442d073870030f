"""Every neuron of SpikingJelly with our surrogate instead of its own."""

from __future__ import annotations

import pytest

import surrogates

pytest.importorskip("torch")
pytest.importorskip("spikingjelly")

import torch
from spikingjelly.activation_based import functional, neuron, rnn, surrogate

import neurons
from neurons import NEURONS, STEPS

OWN = surrogate.ATan(alpha=2.0)
OURS = surrogates.to_library("spikingjelly", surrogates.Arctan(2.0))
# What spikes weigh and take away, a power of two for each step, and the same for large inputs.
POWERS = [2.0, 1.0, 0.5, 0.25, 0.125]
TABLE = neuron.FewSpikeTable(POWERS, POWERS, POWERS)
OUTLIERS = neuron.FewSpikeTable(*([2.0 * power for power in POWERS],) * 3)


def steps(node, currents):
    """Reset the node, and call it with each step."""
    functional.reset_net(node)
    return neurons.step_by_step(node, currents)


def at_once(node, currents):
    """Reset the node, and call it with all steps."""
    functional.reset_net(node)
    return node(currents)


def apart(node, currents):
    """Reset the node, and call it with a copy of each step, which it writes to."""
    functional.reset_net(node)
    return neurons.step_by_step(node, [current.clone() for current in currents])


def with_state(cell, currents):
    """Call the cell with each step and what it returned at the step before."""
    state, found = None, []
    for current in currents:
        state = cell(current, state)
        found.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(found)


def layer(stack, currents):
    """Call layers of cells with all steps."""
    return stack(currents)[0]


def of_cells(names, run, *arguments):
    """Return cells, or layers of them, whose gates take one function, or two."""

    def make(name, both):
        one = "surrogate_function" if "Vanilla" in name else "surrogate_function1"
        return lambda f: getattr(rnn, name)(
            NEURONS, NEURONS, *arguments, **{one: f, **({"surrogate_function2": f} if both else {})}
        )

    made = {name: (make(name, False), run) for name in names.split()}
    twice = {f"{name}-two": (make(name, True), run) for name in made if "Vanilla" not in name}
    return {**made, **twice}


def of_classes(names, run=steps, **given):
    def make(name):
        return lambda f: getattr(neuron, name)(surrogate_function=f, **given)

    return {name: (make(name), run) for name in names.split()}


NODES = {
    **of_classes("IFNode LIFNode ParametricLIFNode KLIFNode QIFNode EIFNode ComplementaryLIFNode"),
    **of_classes("OTTTLIFNode SLTTLIFNode SimpleIFNode HalfThresholdIFNode"),
    **of_classes("TernaryIFNode TernaryLIFNode CUBALIFNode IzhikevichNode RAFNode"),
    **of_classes("ActivationAwareIFNode"),
    **of_classes("ILCIFNode ILCLIFNode ILCCUBALIFNode", apart, act_dim=2, dec_pop_dim=NEURONS // 2),
    **of_classes("MPBNLIFNode", out_features=NEURONS),
    **of_classes("SimpleLIFNode", tau=2.0, decay_input=True),
    **of_classes("GatedLIFNode", at_once, T=STEPS, inplane=None),
    **of_classes("PSN", at_once, T=STEPS),
    **of_classes("MaskedPSN", at_once, k=2, T=STEPS, step_mode="m"),
    **of_classes("SlidingPSN", at_once, k=2, step_mode="m"),
    **of_classes("LIAFNode", act=torch.tanh, threshold_related=True),
    **of_classes("FewSpikeNode", at_once, table=TABLE, step_mode="m"),
    **of_classes(
        "OutlierAwareThresholdNode",
        at_once,
        table=TABLE,
        outlier_table=OUTLIERS,
        split_threshold=2.0,
        step_mode="m",
    ),
    **of_classes("HGNode", at_once, tables=[TABLE, OUTLIERS], gate_thresholds=[2.0], step_mode="m"),
    **of_classes("NoisyCUBALIFNode", at_once, num_node=NEURONS, T=STEPS, is_training=False),
    **of_classes(
        "NoisyILCCUBALIFNode",
        at_once,
        act_dim=2,
        dec_pop_dim=NEURONS // 2,
        T=STEPS,
        is_training=False,
    ),
    **of_cells("SpikingVanillaRNNCell SpikingLSTMCell SpikingGRUCell", with_state),
    **of_cells("SpikingVanillaRNN SpikingLSTM SpikingGRU", layer, 2),
}


@pytest.mark.parametrize("check", neurons.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NODES)
def test_node(name, check):
    make, run = NODES[name]
    check(make, run, OWN, OURS)


def test_complementary_node_asks_in_evaluation_whether_it_spikes():
    x = neurons.inputs(torch.float32)
    nodes = [neuron.ComplementaryLIFNode(surrogate_function=f).eval() for f in (OWN, OURS)]
    own, ours = (steps(node, x) for node in nodes)
    assert own.max() == 1.0
    assert torch.equal(ours, own)


def test_native_is_its_own_class():
    native = surrogates.to_library("spikingjelly", surrogates.Arctan(3.0), native=True)
    assert type(native) is surrogate.ATan
    assert native.alpha == 3.0
    counting = surrogates.from_library("spikingjelly", surrogate.MultiLevelSpikeCount(4))
    own = surrogates.to_library("spikingjelly", counting, native=True)
    assert neuron.ILIFNode(surrogate_function=own).surrogate_function.max_spike_count == 4
