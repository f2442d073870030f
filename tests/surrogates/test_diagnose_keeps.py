"""What a diagnosis leaves as it was: the network, the batch and the random numbers."""

from __future__ import annotations

import copy
import functools
import random
import sys

import numpy as np
import pytest

import kinds
import surrogates as sg


def test_the_network_stays_as_it_is(torch):
    network = torch.nn.Sequential(
        torch.nn.Linear(9, 9),
        torch.nn.BatchNorm1d(9),
        torch.nn.Dropout(),
        sg.learnable(sg.Sigmoid(), "alpha", framework="torch"),
    )
    before = copy.deepcopy(network.state_dict())
    call, state = sg.Surrogate.__call__, torch.get_rng_state()
    first, second = (str(sg.diagnose(network, torch.ones(4, 9))) for _ in range(2))
    assert first == second
    assert torch.equal(torch.get_rng_state(), state)
    assert sg.Surrogate.__call__ is call
    assert all(parameter.grad is None for parameter in network.parameters())
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_no_gradient_is_left_in_the_batch_nor_in_what_a_function_uses(torch):
    linear, x = torch.nn.Linear(9, 9), torch.ones(4, 9, requires_grad=True)
    (layer,) = sg.diagnose(lambda x: sg.Sigmoid()(linear(x)), x).layers
    assert layer["leaving"] > 0
    assert x.grad is None
    assert linear.weight.grad is None


STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


class Net:
    """A network that is no module, whose state changes as it runs."""

    def __init__(self, norm=None):
        self.norm, self.mem, self.random = norm, np.zeros(9), np.random.default_rng(0)

    def __call__(self, x):
        self.mem = self.mem + 1
        return self.step(x)

    def step(self, x):
        self.random.random()
        return sg.Sigmoid()(self.norm(x) if self.norm else x)


GLOBAL = None


def _with_global(x):
    return sg.Sigmoid()(GLOBAL(x))


def _calling(x):
    return _with_global(x)


@pytest.mark.parametrize("held", ["lambda", "partial", "object", "method", "global", "functional"])
def test_running_statistics_stay_as_they_are_wherever_they_are_held(torch, held, monkeypatch):
    norm = torch.nn.BatchNorm1d(9)
    mean, var = norm.running_mean, norm.running_var
    function = torch.nn.functional.batch_norm
    models = {
        "lambda": lambda x: sg.Sigmoid()(torch.nn.Sequential(norm, torch.nn.ReLU())(x)),
        "partial": functools.partial(lambda norm, x: sg.Sigmoid()(norm(x)), norm),
        "object": Net(norm),
        "method": Net(norm).step,
        "global": _calling,
        "functional": lambda x: sg.Sigmoid()(function(x, mean, var, training=True)),
    }
    monkeypatch.setitem(globals(), "GLOBAL", norm)
    before = copy.deepcopy(norm.state_dict())
    x = torch.randn(8, 9)
    models[held](x)
    changed = norm.state_dict()
    assert not torch.equal(changed["running_mean"], before["running_mean"])
    norm.load_state_dict(before)
    sg.diagnose(models[held], x)
    after = norm.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in STATISTICS)
    assert norm.running_mean is mean


@pytest.mark.parametrize(
    ("made", "draw"),
    [
        (np.random.default_rng, lambda held: held.integers(2**31)),
        (np.random.default_rng, lambda held: held.spawn(1)[0].integers(2**31)),
        (np.random.SeedSequence, lambda held: held.spawn(2)[1].generate_state(1)[0]),
        (np.random.RandomState, lambda held: held.randint(2**31)),
        (random.Random, lambda held: held.random()),
    ],
    ids=["Generator", "spawned", "SeedSequence", "RandomState", "random.Random"],
)
def test_what_a_network_draws_next_is_as_if_it_had_not_run(made, draw):
    class Noisy:
        def __init__(self):
            self.held, self.drawn = made(0), 0

        def __call__(self, x):
            self.drawn = draw(self.held)
            return sg.Sigmoid()(x)

    network = Noisy()
    draw(network.held)
    expected = copy.deepcopy(network)
    sg.diagnose(network, np.zeros(9))
    assert network.drawn == 0
    assert draw(network.held) == draw(expected.held)


def test_the_state_of_a_network_of_numpy_stays_as_it_is():
    network = Net()
    mem, drawn = network.mem, network.random.bit_generator.state
    weights = np.ones(9)

    def model(x):
        np.multiply(weights, 2.0, out=weights)
        return network(x * weights)

    sg.diagnose(model, np.ones(9))
    assert network.mem is mem
    assert network.random.bit_generator.state == drawn
    assert (weights == 1.0).all()


def test_a_batch_that_the_network_changes_stays_as_it_is():
    for kind in (kinds.Kind.NUMPY, kinds.Kind.TORCH):
        if kind.missing():
            continue
        x, batch = kind.array(np.ones(3)), {"x": [kind.array(np.ones(3))]}

        def model(x, batch):
            x *= 2.0
            batch["x"][0] += 1.0
            batch["y"] = 1
            return sg.Sigmoid()(x + batch["x"][0])

        assert sg.diagnose(model, x, batch).layers[0]["potential"]["mean"] == 4.0
        assert (kind.numpy(x) == 1.0).all()
        assert list(batch) == ["x"]
        assert (kind.numpy(batch["x"][0]) == 1.0).all()


@pytest.mark.parametrize("others", ["", "jax"])
def test_a_batch_that_cannot_be_copied_is_named(others):
    if others:
        pytest.importorskip(others)
    batch = (x for x in [np.ones(3)])
    diagnosis = sg.diagnose(lambda batch: sg.Sigmoid()(next(batch)), batch)
    assert "whether the network changes the batch, which cannot be copied" in str(diagnosis)


def test_a_batch_may_be_the_result_of_a_computation(torch):
    x = torch.ones(3, requires_grad=True) * 2
    assert sg.diagnose(sg.Sigmoid(), {"a": 1} and x).layers[0]["potential"]["mean"] == 2.0


@pytest.mark.long("jax")
@pytest.mark.parametrize("kind", kinds.parameters(kinds.Kind))
def test_the_random_states_of_all_libraries_stay_as_they_are(kind):
    kinds.required(kind)
    torch = sys.modules.get("torch")

    def states():
        numpy = np.random.get_state()  # noqa: NPY002
        drawn = torch.get_rng_state().tolist() if torch else None
        return random.getstate(), numpy[1].tolist(), numpy[2], drawn

    def model(x):
        random.random()
        np.random.rand()  # noqa: NPY002
        if torch:
            torch.rand(1)
        return sg.Sigmoid()(x)

    x = kind.array(np.ones(3))
    before = states()
    sg.diagnose(model, x)
    assert states() == before


def test_a_network_that_was_trained_and_holds_states_is_run_by_a_function(torch):
    class Leaky(torch.nn.Module):
        v = 0.0

        def forward(self, current):
            self.v = 0.9 * self.v + current
            return sg.Sigmoid(4.0)(self.v - 1.0)

    network = torch.nn.Sequential(torch.nn.Linear(4, 3), Leaky())

    def run(x):
        network[1].v = 0.0
        return torch.stack([network(now) for now in x])

    x = torch.ones(5, 2, 4)
    run(x).sum().backward()
    held = network[1].v
    with pytest.raises(RuntimeError, match=r"cannot be copied, .* that resets .* diagnose\(run, x"):
        sg.diagnose(network, x)
    assert sg.diagnose(run, x).layers[0]["calls"] == 5
    assert network[1].v is held


@pytest.mark.parametrize("wrap", [lambda network: network, lambda network: lambda x: network(x)])
@pytest.mark.parametrize(
    ("library", "argument"), [("snntorch", "spike_grad"), ("spikingjelly", "surrogate_function")]
)
def test_the_own_surrogate_of_a_library_is_told_how_to_replace(torch, wrap, library, argument):
    own = type("Leaky", (torch.nn.Module,), {"forward": lambda self, x: (x > 0).to(x)})
    own.__module__ = f"{library}.neurons"
    network = wrap(torch.nn.Sequential(torch.nn.Linear(4, 3), own()))
    hint = rf"{argument}=to_library\('{library}', from_library\('{library}', ...\)\)$"
    with pytest.raises(ValueError, match=f"no surrogate of this package.* {library} is.* {hint}"):
        sg.diagnose(network, torch.ones(2, 4))
