"""Relaxed and learnable surrogates, beside their rows of the matrix of transforms."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest

import surrogates
from surrogates import Relaxed, ReluGrad, Scaled, Sigmoid, learnable, relaxed


def test_relaxed_is_the_surrogate_in_numpy():
    x = np.asarray([-0.5, 0.0, 0.5, np.nan])
    surrogate = Sigmoid(np.asarray(2.0))
    np.testing.assert_array_equal(relaxed(surrogate)(x), surrogate(x))
    np.testing.assert_array_equal(relaxed(surrogate).surrogate_fun(x), surrogate.surrogate_fun(x))
    _, pullback = surrogates.vjp(relaxed(surrogate), x)
    np.testing.assert_array_equal(pullback(np.ones(4)), surrogate.surrogate_grad(x))


def test_relaxed_measures_as_the_surrogate():
    inner = ReluGrad(alpha=0.5, width=2.0)
    outer = relaxed(inner)
    for name in ("peak", "area", "width", "support"):
        assert getattr(outer, name) == getattr(inner, name)


def test_relaxed_is_equal_by_value_and_pickles():
    assert relaxed(Sigmoid(2.0)) == Relaxed(Sigmoid(2.0)) != relaxed(Sigmoid(3.0))
    assert pickle.loads(pickle.dumps(relaxed(Sigmoid(2.0)))) == relaxed(Sigmoid(2.0))
    assert repr(relaxed(Sigmoid(2.0))) == "Relaxed(surrogate=Sigmoid(alpha=2.0))"


def test_relaxed_takes_a_surrogate():
    with pytest.raises(TypeError, match="Relaxed takes a surrogate"):
        relaxed(lambda x: x)


def test_relaxed_spikes_are_exact_at_infinities_and_nan(torch):
    x = torch.tensor([-torch.inf, torch.inf, torch.nan, 1e30, 0.0], requires_grad=True)
    alpha = torch.tensor(2.0, requires_grad=True)
    spikes = relaxed(Sigmoid(alpha))(x)
    np.testing.assert_array_equal(spikes.detach(), [0, 1, 0, 1, 1])
    spikes.sum().backward()
    assert torch.all(torch.isfinite(x.grad))
    assert torch.isfinite(alpha.grad)


def test_relaxed_keeps_the_emission(torch):
    surrogate = Sigmoid(torch.tensor(2.0), at_threshold=0.5)
    assert relaxed(surrogate)(torch.zeros(1)).item() == 0.5


@pytest.mark.parametrize(
    ("surrogate", "names", "message"),
    [
        (Sigmoid(), (), "name one or more of the real-valued parameters of Sigmoid"),
        (Sigmoid(), ("beta",), "which are alpha; got 'beta'"),
        (surrogates.StraightThrough(), ("alpha",), "which are none"),
        (surrogates.SquarewaveFourierSeries(), ("n",), "got 'n'"),
        (Sigmoid(), ("at_threshold",), "got 'at_threshold'"),
        (surrogates.HeavisideGrad(), ("window",), "window=0.0 cannot be learned"),
    ],
    ids=["no name", "no such name", "no parameter", "a count", "the emission", "end of the range"],
)
def test_what_cannot_be_learned(surrogate, names, message):
    with pytest.raises(ValueError, match=message):
        learnable(surrogate, *names, framework="torch")


def test_learnable_takes_a_surrogate_and_a_known_framework():
    with pytest.raises(TypeError, match="expected a surrogate"):
        learnable("sigmoid", "alpha")
    with pytest.raises(ValueError, match="got 'keras'"):
        learnable(Sigmoid(), "alpha", framework="keras")


@pytest.mark.parametrize("imported", [(), ("torch", "flax")])
def test_learnable_asks_where_it_cannot_know_the_framework(monkeypatch, imported):
    for name in ("torch", "flax", "equinox"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in imported:
        monkeypatch.setitem(sys.modules, name, object())
    with pytest.raises(ValueError, match='for instance framework="torch"'):
        learnable(Sigmoid(), "alpha")


def test_learnable_several_per_channel(torch):
    shape = Scaled(Sigmoid(), amplitude=torch.tensor([-1.0, 2.0]), rate=3.0)
    module = learnable(shape, "amplitude", "rate", framework="torch")
    assert {name for name, _ in module.named_parameters()} == {"raw.amplitude", "raw.rate"}
    torch.testing.assert_close(module.surrogate.amplitude, torch.tensor([-1.0, 2.0]))
    torch.testing.assert_close(module.surrogate.rate, torch.tensor(3.0))
    module(torch.tensor([[0.1, -0.2]])).sum().backward()
    assert module.raw["amplitude"].grad.shape == (2,)


def test_learnable_module_saves_and_moves_with_its_network(torch, tmp_path):
    network = torch.nn.Sequential(
        torch.nn.Linear(2, 2), learnable(Sigmoid(), "alpha", framework="torch")
    )
    torch.save(network.state_dict(), tmp_path / "network.pt")
    other = torch.nn.Sequential(
        torch.nn.Linear(2, 2), learnable(Sigmoid(1.0), "alpha", framework="torch")
    )
    other.load_state_dict(torch.load(tmp_path / "network.pt"))
    torch.testing.assert_close(other[1].surrogate.alpha, torch.tensor(4.0))
    assert network.double()[1].surrogate.alpha.dtype == torch.float64


def test_a_network_learns_its_surrogate(torch):
    torch.manual_seed(0)
    spike = learnable(Sigmoid(1.0), "alpha", framework="torch")
    x = torch.linspace(0.1, 1.0, 16)
    optimiser = torch.optim.Adam(spike.parameters(), lr=0.1)
    for _ in range(20):
        optimiser.zero_grad()
        (-spike(x)).sum().backward()  # larger where the primitive is steeper
        optimiser.step()
    assert spike.surrogate.alpha > 2.0
