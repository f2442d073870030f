"""Every neuron of norse within the context of our surrogate."""

from __future__ import annotations

import copy
import pickle

import pytest

import surrogates

pytest.importorskip("torch")
norse = pytest.importorskip("norse.torch")

import torch

import neurons
from neurons import NEURONS

# At alpha = 1 norse computes what its "super" documents.
OURS = surrogates.InvSquareGrad(1.0, at_threshold=0.0)
CELLS = {
    "IAFCell": lambda: norse.IAFCell(norse.IAFParameters(alpha=1.0)),
    "LIFCell": lambda: norse.LIFCell(norse.LIFParameters(alpha=1.0)),
    "LIFBoxCell": lambda: norse.LIFBoxCell(norse.LIFBoxParameters(alpha=1.0)),
    "LIFRecurrentCell": lambda: norse.LIFRecurrentCell(NEURONS, NEURONS),
    "LIFAdExCell": lambda: norse.LIFAdExCell(norse.LIFAdExParameters(alpha=1.0)),
    "LIFExCell": lambda: norse.LIFExCell(norse.LIFExParameters(alpha=1.0)),
    "LIFRefracCell": lambda: norse.LIFRefracCell(
        norse.LIFRefracParameters(norse.LIFParameters(alpha=1.0), rho_reset=torch.as_tensor(2.0))
    ),
    "LIFAdExRecurrentCell": lambda: norse.LIFAdExRecurrentCell(NEURONS, NEURONS),
    "LIFAdExRefracCell": lambda: norse.LIFAdExRefracCell(),
    "LIFExRecurrentCell": lambda: norse.LIFExRecurrentCell(NEURONS, NEURONS),
    "LIFMCRecurrentCell": lambda: norse.LIFMCRecurrentCell(NEURONS, NEURONS),
    "LIFMCRefracRecurrentCell": lambda: norse.LIFMCRefracRecurrentCell(NEURONS, NEURONS),
    "LIFRefracRecurrentCell": lambda: norse.LIFRefracRecurrentCell(NEURONS, NEURONS),
    "LSNNCell": lambda: norse.LSNNCell(norse.LSNNParameters(alpha=1.0)),
    "LSNNRecurrentCell": lambda: norse.LSNNRecurrentCell(NEURONS, NEURONS),
    # In larger steps than by default, of which five are too few to spike.
    "IzhikevichCell": lambda: norse.IzhikevichCell(norse.tonic_spiking, dt=0.005),
    "IzhikevichRecurrentCell": lambda: norse.IzhikevichRecurrentCell(
        NEURONS, NEURONS, norse.tonic_spiking, dt=0.005
    ),
    "Izhikevich": lambda: norse.Izhikevich(norse.tonic_spiking, dt=0.005),
    **{name: getattr(norse, name) for name in ("IAF", "LIF", "LIFAdEx", "LIFEx", "LSNN")},
    **{
        name: lambda name=name: getattr(norse, name)(NEURONS, NEURONS)
        for name in ("LIFRecurrent", "LIFAdExRecurrent", "LIFExRecurrent", "LSNNRecurrent")
    },
}


class Spiking(torch.nn.Module):
    """A cell or a layer, within the context if a function is given."""

    def __init__(self, cell, function):
        super().__init__()
        self.cell, self.function = cell, function

    def forward(self, currents):
        """Return the spikes of all steps, of which a layer is given all at once."""
        if not type(self.cell).__name__.endswith("Cell"):
            if self.function is None:
                return self.cell(20.0 * currents)[0]
            with surrogates.to_library("norse", self.function):
                return self.cell(20.0 * currents)[0]
        state, spikes = None, []
        for current in 20.0 * currents:
            if self.function is None:
                spike, state = self.cell(current, state)
            else:
                with surrogates.to_library("norse", self.function):
                    spike, state = self.cell(current, state)
            spikes.append(spike)
        return torch.stack(spikes)


def run(neuron, currents):
    return neuron(currents)


def network(name, function):
    return neurons.Network(lambda f: Spiking(CELLS[name](), f), run, function)


@pytest.mark.parametrize("name", CELLS)
def test_cell(name):
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        own = neurons.outcome(network(name, None), dtype)
        ours = neurons.outcome(network(name, OURS), dtype)
        neurons.assert_same(ours, own, tolerance)
        assert own[0].max() > 0.0
    assert neurons.losses(network(name, OURS)) == neurons.losses(network(name, None))


@pytest.mark.parametrize("check", [neurons.half_precision, neurons.compiled])
@pytest.mark.parametrize("name", CELLS)
def test_cell_in_half_precision_and_compiled(name, check):
    check(lambda f: Spiking(CELLS[name](), f), run, None, OURS)


@pytest.mark.parametrize("name", CELLS)
def test_copies(name):
    """They do the same with either function: some lose norse's own hook, some are not pickled."""
    assert_copies_alike(name, copy.deepcopy)
    for again in (neurons.pickled, neurons.filed):
        try:
            again(network(name, None))
        except pickle.PicklingError:
            with pytest.raises(pickle.PicklingError, match=r"norse\..*Parameters"):
                again(network(name, OURS))
        else:
            assert_copies_alike(name, again)


def assert_copies_alike(name, again):
    own, ours = (neurons.outcome(again(network(name, function))) for function in (None, OURS))
    neurons.assert_same(ours, own, 1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_the_surrogate_is_the_one_that_is_used(name):
    steep = neurons.outcome(network(name, surrogates.InvSquareGrad(9.0, at_threshold=0.0)))
    flat = neurons.outcome(network(name, OURS))
    assert torch.equal(steep[0], flat[0])
    assert not torch.allclose(steep[1], flat[1])


def test_native_parameters_are_those_of_a_neuron():
    surrogate = surrogates.TanhGrad(3.0, at_threshold=0.0)
    native = surrogates.to_library("norse", surrogate, native=True)
    cell = norse.LIFCell(norse.LIFParameters(**native))
    x = torch.linspace(0.0, 20.0, NEURONS, requires_grad=True)
    currents = x.expand(5, NEURONS)
    (own,) = torch.autograd.grad(Spiking(cell, None)(currents).sum(), x)
    (ours,) = torch.autograd.grad(Spiking(norse.LIFCell(), surrogate)(currents).sum(), x)
    torch.testing.assert_close(ours, own)


def test_nothing_stays_behind():
    home = __import__("sys").modules["norse.torch.functional.threshold"]
    before = home.threshold
    with surrogates.to_library("norse", OURS):
        assert home.threshold is not before
    assert home.threshold is before
