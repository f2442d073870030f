"""What a diagnosis sees of a network, and what it leaves alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

import surrogates as sg
from kinds import others_long

DEPTH, WIDTH, TIME = 5, 60, 3


def narrow(width):
    return sg.rescaled(sg.Sigmoid(), width=width, peak=1.0)


class Numbers:
    """The numbers of a feed-forward network of neurons without memory, by hand."""

    def __init__(self, width):
        random = np.random.default_rng(0)
        self.weights = [random.normal(size=(WIDTH, WIDTH)) / math.sqrt(WIDTH) for _ in range(DEPTH)]
        self.x = random.normal(size=(16, WIDTH))
        self.surrogate = narrow(width)

    def layers(self):
        x, found = self.x, []
        for weight in self.weights:
            potential = 3 * x @ weight - 0.5
            x, pullback = sg.vjp(self.surrogate, potential)
            found.append((potential, x, pullback, weight))
        gradient = np.ones_like(x)
        norms = []
        for *_, pullback, weight in reversed(found):
            leaving = pullback(gradient)
            norms.insert(0, (np.linalg.norm(gradient), np.linalg.norm(leaving)))
            gradient = leaving @ (3 * weight).T
        return [
            (potential, spikes, *n) for (potential, spikes, *_), n in zip(found, norms, strict=True)
        ]


def assert_is(diagnosis, numbers, names=None):
    expected = numbers.layers()
    assert len(diagnosis.layers) == len(expected)
    for layer, (potential, spikes, arriving, leaving) in zip(
        diagnosis.layers, expected, strict=True
    ):
        derivative = numbers.surrogate.surrogate_grad(potential)
        assert layer["potential"]["mean"] == pytest.approx(potential.mean())
        assert layer["potential"]["std"] == pytest.approx(potential.std())
        assert layer["potential"]["low"] == pytest.approx(potential.min())
        assert layer["potential"]["high"] == pytest.approx(potential.max())
        assert layer["rate"] == pytest.approx(spikes.mean())
        assert layer["gain"] == pytest.approx(np.sqrt((derivative**2).mean()))
        assert layer["share"] == pytest.approx((derivative > 1e-3).mean())
        assert layer["arriving"] == pytest.approx(arriving)
        assert layer["leaving"] == pytest.approx(leaving)
    if names:
        assert [layer["name"] for layer in diagnosis.layers] == names


def torch_network(torch, numbers):
    class Neuron(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.spike = numbers.surrogate

        def forward(self, x):
            return self.spike(3 * x - 0.5)

    layers = []
    for weight in numbers.weights:
        linear = torch.nn.Linear(WIDTH, WIDTH, bias=False, dtype=torch.float64)
        linear.weight.data = torch.tensor(weight.T)
        layers += [linear, Neuron()]
    return torch.nn.Sequential(*layers)


@pytest.mark.parametrize("width", [0.01, 1.0])
@pytest.mark.parametrize("is_frozen", [False, True])
def test_pytorch(torch, width, is_frozen):
    numbers = Numbers(width)
    network = torch_network(torch, numbers).requires_grad_(not is_frozen)
    diagnosis = sg.diagnose(network, torch.tensor(numbers.x), loss=lambda y: y.sum())
    assert_is(diagnosis, numbers, ["1", "3", "5", "7", "9"])
    assert diagnosis.unseen == []


@pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")
def test_compiled_pytorch(torch):
    numbers = Numbers(1.0)
    network = torch.compile(torch_network(torch, numbers), backend="eager")
    x = torch.tensor(numbers.x)
    network(x)
    assert_is(sg.diagnose(network, x, loss=lambda y: y.sum()), numbers)


def test_what_an_activation_checkpoint_calls_again_is_not_counted(torch):
    checkpoint = pytest.importorskip("torch.utils.checkpoint").checkpoint

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.saves = torch.nn.Linear(9, 9), False

        def forward(self, x):
            def layer(x):
                return sg.Sigmoid()(self.linear(x))

            return checkpoint(layer, x, use_reentrant=False) if self.saves else layer(x)

    network, x = Network(), torch.ones(4, 9)
    (plain,) = sg.diagnose(network, x).layers
    network.saves = True
    (found,) = sg.diagnose(network, x).layers
    for name in ("calls", "rate", "arriving", "leaving"):
        assert found[name] == plain[name]


def test_dask_lists_a_call_once():
    da = pytest.importorskip("dask.array")
    x = da.from_array(np.linspace(-1, 1, 16).reshape(4, 4), chunks=2)
    for model in (
        lambda x: sg.Sigmoid()(x),
        lambda x: sg.MultiSpike(sg.Sigmoid())(2 * x).compute(),
    ):
        (layer,) = sg.diagnose(model, x).layers
        assert layer["calls"] == 1
        assert layer["name"].startswith("test_diagnose.py:")
    own = sg.diagnose(lambda x: x.map_blocks(sg.Boxcar(), meta=x._meta).compute(), x)
    assert sum(layer["calls"] for layer in own.layers) == 4


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("transform", ["vmap", "grad", "jvp"])
def test_what_a_transform_of_pytorch_hides_is_named(torch, transform):
    linear, surrogate = torch.nn.Linear(4, 4), sg.Sigmoid()
    models = {
        "vmap": torch.vmap(lambda x: surrogate(linear(x))),
        "grad": torch.func.grad(lambda x: surrogate(linear(x)).sum()),
        "jvp": lambda x: torch.func.jvp(surrogate, (x,), (torch.ones_like(x),))[0],
    }
    diagnosis = sg.diagnose(models[transform], torch.ones(3, 4))
    assert diagnosis.layers == []
    (why,) = diagnosis.unseen
    assert "it runs inside torch.vmap or another transform of torch.func" in why
    assert "no layer could be seen" in str(diagnosis)
    # a layer outside of the transform is seen
    both = sg.diagnose(lambda x: surrogate(models["vmap"](x) - 0.5), torch.ones(3, 4))
    assert len(both.layers) == len(both.unseen) == 1
    assert both.layers[0]["leaving"] > 0


def test_no_gradient_anywhere_is_named(torch):
    network = torch.nn.Sequential(
        torch.nn.Linear(9, 9),
        sg.learnable(sg.Sigmoid(), "alpha", framework="torch"),
        torch.nn.Linear(9, 2),
    )
    torch.nn.init.zeros_(network[2].weight)
    diagnosis = sg.diagnose(network, torch.ones(4, 9))
    assert diagnosis.layers[0]["findings"] == ["vanishing"]
    assert "the gradient that leaves is 0 of the largest" in diagnosis.findings[0]


def test_pytorch_without_gradients(torch):
    @torch.no_grad()
    def network(x):
        return sg.Sigmoid()(x)

    diagnosis = sg.diagnose(network, torch.ones(3))
    assert diagnosis.layers[0]["leaving"] is None
    assert "torch.no_grad" in diagnosis.unseen[0]
    assert "gradients: no output" in str(diagnosis)


def test_a_network_that_cannot_be_copied(torch):
    network = torch.nn.Linear(2, 2)
    network.state = network(torch.ones(2))
    with pytest.raises(RuntimeError, match="reset or detach the states of its neurons"):
        sg.diagnose(network, torch.ones(2))


def equinox_network(numbers):
    eqx = pytest.importorskip("equinox")
    jax = pytest.importorskip("jax")

    class Layer(eqx.Module):
        weight: jax.Array
        spike: sg.Surrogate

        def __call__(self, x):
            def step(carry, _):
                return carry, self.spike(3 * x @ self.weight - 0.5)

            return jax.lax.scan(step, 0.0, length=TIME)[1].mean(0)

    class Network(eqx.Module):
        layers: list

        def __call__(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    weights = map(jax.numpy.asarray, numbers.weights)
    return Network([Layer(weight, numbers.surrogate) for weight in weights])


@pytest.mark.parametrize("wrapped", others_long(["vmap", "lambda", "jit"], "jit"))
def test_equinox(jax, wrapped):
    numbers = Numbers(1.0)
    network = equinox_network(numbers)
    import equinox as eqx

    calls = {
        "vmap": jax.vmap(network),
        "lambda": lambda x: jax.vmap(network)(x),
        "jit": eqx.filter_jit(network),
    }
    x = jax.numpy.asarray(numbers.x)
    jax.block_until_ready(calls[wrapped](x))  # compiled before
    diagnosis = sg.diagnose(calls[wrapped], x, loss=lambda y: y.sum())
    for layer in diagnosis.layers:  # each of the equal steps gets a third
        layer["arriving"] *= math.sqrt(TIME)
        layer["leaving"] *= math.sqrt(TIME)
    copies = [f"Layer ({i + 1})" for i in range(DEPTH)]
    named = [f"layers.{i}" for i in range(DEPTH)]
    assert_is(diagnosis, numbers, copies if wrapped == "jit" else named)
    assert diagnosis.unseen == []


@pytest.mark.long
def test_flax(jax):
    nnx = pytest.importorskip("flax.nnx")

    class Network(nnx.Module):
        def __init__(self, rngs):
            self.first = nnx.Linear(5, 5, rngs=rngs)
            self.norm = nnx.BatchNorm(5, rngs=rngs)
            self.learned = sg.learnable(sg.Sigmoid(), "alpha", framework="flax")
            self.last = sg.Sigmoid()

        def __call__(self, x):
            return self.last(self.learned(self.norm(self.first(x))) - 0.5)

    network = Network(nnx.Rngs(0))
    before = jax.tree.leaves(nnx.state(network))
    diagnosis = sg.diagnose(network, np.arange(10.0, dtype="float32").reshape(2, 5))
    assert [layer["name"] for layer in diagnosis.layers] == ["learned", "Network"]
    assert all(layer["leaving"] > 0 for layer in diagnosis.layers)
    after = jax.tree.leaves(nnx.state(network))
    assert all(map(jax.numpy.array_equal, before, after))


def test_a_function_around_a_module_of_flax_that_changes_is_refused(jax):
    nnx = pytest.importorskip("flax.nnx")
    norm = nnx.BatchNorm(5, rngs=nnx.Rngs(0))
    before = jax.tree.leaves(nnx.state(norm))
    with pytest.raises(
        TypeError, match=r"^diagnose: the network is a function .*hand over the module"
    ):
        sg.diagnose(lambda x: sg.Sigmoid()(norm(x)), jax.numpy.ones((2, 5), "float32"))
    assert all(map(jax.numpy.array_equal, before, jax.tree.leaves(nnx.state(norm))))


def test_what_does_not_reach_the_output_in_jax(jax):
    def network(x):
        sg.Sigmoid()(x)
        return x

    diagnosis = sg.diagnose(network, jax.numpy.ones(3))
    assert diagnosis.layers[0]["leaving"] is None
    assert "no output depends on its spikes" in diagnosis.unseen[0]


def test_numpy():
    numbers = Numbers(1.0)

    def network(x):
        for weight in numbers.weights:
            x = numbers.surrogate(3 * x @ weight - 0.5)
        return x

    diagnosis = sg.diagnose(network, numbers.x)
    (layer,) = diagnosis.layers  # the same line
    assert layer["calls"] == DEPTH
    assert layer["name"].startswith("test_diagnose.py:")
    assert layer["rate"] == np.mean([spikes for _, spikes, *_ in numbers.layers()])
    assert layer["leaving"] is None
    assert "neither network nor batch is of PyTorch or JAX" in diagnosis.unseen[0]


FINDINGS = {
    "silent": (lambda x: 0 * x - 3, 1.0),
    "saturated": (lambda x: 0 * x + 3, 1.0),
    "dead": (lambda x: x, 1e-6),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_a_layer_that_does_not_learn_is_named(name):
    potential, width = FINDINGS[name]
    surrogate = narrow(width)
    diagnosis = sg.diagnose(lambda x: surrogate(potential(x)), np.linspace(-2, 2.1, 100))
    assert name in diagnosis.layers[0]["findings"]
    assert any(f": {name}; " in finding for finding in diagnosis.findings)


@pytest.mark.parametrize("held", ["surrogate", "network", "module"])
def test_a_parameter_that_no_optimiser_moves_is_named(torch, held):
    class Neuron(torch.nn.Module):
        def __init__(self):
            super().__init__()
            alpha = torch.nn.Parameter(torch.tensor(1e6))  # so narrow that it is dead, too
            relaxed = sg.Relaxed(sg.Sigmoid(alpha))
            self.surrogate = sg.module(relaxed) if held == "module" else relaxed
            if held == "network":
                self.alpha = alpha

        def forward(self, x):
            return self.surrogate(x)

    neuron = Neuron()
    diagnosis = sg.diagnose(neuron, torch.linspace(-2, 2.1, 100))
    is_missing = held == "surrogate"
    assert bool(list(neuron.parameters())) != is_missing
    assert diagnosis.layers[0]["untrained"] == ["surrogate.alpha"] * is_missing
    assert ("untrained" in diagnosis.layers[0]["findings"]) == is_missing
    named = "untrained; surrogate.alpha is a Parameter that network.parameters() lacks"
    assert (named in str(diagnosis)) == is_missing
    assert "width of 3.53e-06" in str(diagnosis)


def test_potentials_that_are_not_finite_are_named():
    diagnosis = sg.diagnose(sg.Sigmoid(), np.asarray([0.0, np.nan, 1.0]))
    assert diagnosis.layers[0]["findings"] == ["not finite"]


def test_a_layer_that_learns_has_no_finding():
    diagnosis = sg.diagnose(sg.Sigmoid(), np.linspace(-2, 2, 100))
    assert diagnosis.findings == []
    assert "nothing found" in str(diagnosis)


@pytest.mark.parametrize(("width", "peak", "name"), [(0.01, 1, "vanishing"), (9, 9, "exploding")])
def test_a_gradient_that_vanishes_or_explodes_is_named(torch, width, peak, name):
    numbers = Numbers(width)
    numbers.surrogate = sg.rescaled(sg.Sigmoid(), width=width, peak=peak)
    diagnosis = sg.diagnose(torch_network(torch, numbers), torch.tensor(numbers.x))
    first, last = diagnosis.layers[0], diagnosis.layers[-1]
    assert name in first["findings"]
    assert name not in last["findings"]
    assert any(finding.startswith(f"1: {name}; the gradient") for finding in diagnosis.findings)
    row = str(diagnosis).splitlines()[1]
    assert row.startswith("1 ")
    assert row.endswith(", ".join(first["findings"]))


def test_the_picture_shows_each_layer(torch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    numbers = Numbers(1.0)
    diagnosis = sg.diagnose(torch_network(torch, numbers), torch.tensor(numbers.x))
    ax = diagnosis.plot()
    leaving, gain, rate = (line.get_ydata() for line in ax.lines)
    assert list(leaving) == [layer["leaving"] for layer in diagnosis.layers]
    assert list(gain) == [layer["gain"] for layer in diagnosis.layers]
    assert list(rate) == [layer["rate"] for layer in diagnosis.layers]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "3", "5", "7", "9"]
    pyplot.close(ax.figure)


def test_bad_input():
    with pytest.raises(TypeError, match="model must be a network that can be called, got 3"):
        sg.diagnose(3, np.ones(2))
    with pytest.raises(TypeError, match=r"got the class Sigmoid; make an object of it, Sigmoid\("):
        sg.diagnose(sg.Sigmoid, np.ones(2))
    with pytest.raises(TypeError, match=r"loss must be a function .* got loss=3"):
        sg.diagnose(sg.Sigmoid(), np.ones(2), loss=3)
    with pytest.raises(ValueError, match="function called no surrogate of this package"):
        sg.diagnose(lambda x: x, np.ones(2))
