"""Every neuron of norse within the context of our surrogate."""

from __future__ import annotations

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
}


def run(cell, currents, function):
    """Run the cell, within the context if a function is given."""
    state, spikes = None, []
    for current in 20.0 * currents:
        if function is None:
            spike, state = cell(current, state)
        else:
            with surrogates.to_library("norse", function):
                spike, state = cell(current, state)
        spikes.append(spike)
    return torch.stack(spikes)


def network(name, function):
    return neurons.Network(
        lambda f: CELLS[name](), lambda cell, currents: run(cell, currents, function), function
    )


@pytest.mark.parametrize("name", CELLS)
def test_cell(name):
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        own = neurons.outcome(network(name, None), dtype)
        ours = neurons.outcome(network(name, OURS), dtype)
        neurons.assert_same(ours, own, tolerance)
        assert own[0].max() > 0.0
    assert neurons.losses(network(name, OURS)) == neurons.losses(network(name, None))


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
    (own,) = torch.autograd.grad(run(cell, x.expand(5, NEURONS), None).sum(), x)
    (ours,) = torch.autograd.grad(run(norse.LIFCell(), x.expand(5, NEURONS), surrogate).sum(), x)
    torch.testing.assert_close(ours, own)


def test_nothing_stays_behind():
    home = __import__("sys").modules["norse.torch.functional.threshold"]
    before = home.threshold
    with surrogates.to_library("norse", OURS):
        assert home.threshold is not before
    assert home.threshold is before
