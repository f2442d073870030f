"""Surrogates as modules of PyTorch, Flax NNX and Equinox, and how they are switched."""

from __future__ import annotations

import copy
import io
import pickle
import sys
import warnings

import numpy as np
import pytest

import surrogates
from surrogates import (
    Arctan,
    Compressed,
    Mixture,
    MultiSpike,
    Relaxed,
    Scaled,
    Sigmoid,
    Smooth,
    Ternary,
    learnable,
    module,
    set_spiking_mode,
)

FRAMEWORKS = ("torch", "flax", "equinox")
VALUES = np.asarray([[-0.6, -0.1, 0.2], [0.0, 0.5, -0.3]])


@pytest.fixture(params=FRAMEWORKS)
def library(request):
    """A library of modules: its name, and how its arrays are made and read."""
    return _Library(request.param)


class _Library:
    def __init__(self, name):
        pytest.importorskip({"flax": "flax.nnx"}.get(name, name))
        self.name = name

    def array(self, values):
        if self.name == "torch":
            import torch

            return torch.asarray(np.asarray(values, np.float32))
        import jax.numpy as jnp

        return jnp.asarray(values, jnp.float32)

    def read(self, array):
        return np.asarray(array.detach() if self.name == "torch" else array)

    def gradient(self, function, x):
        if self.name == "torch":
            x = x.clone().requires_grad_()
            function(x).sum().backward()
            return x.grad.numpy()
        import jax

        return np.asarray(jax.grad(lambda x: function(x).sum())(x))


def perceptron(library, spike):
    """Return a network with a surrogate between two layers."""
    if library.name == "torch":
        import torch

        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(3, 3), spike, torch.nn.Linear(3, 1))
    import jax

    if library.name == "flax":
        from flax import nnx

        rngs = nnx.Rngs(0)
        return nnx.Sequential(nnx.Linear(3, 3, rngs=rngs), spike, nnx.Linear(3, 1, rngs=rngs))
    import equinox as eqx

    first, second = jax.random.split(jax.random.key(0))
    layers = [eqx.nn.Linear(3, 3, key=first), eqx.nn.Lambda(spike), eqx.nn.Linear(3, 1, key=second)]
    return eqx.nn.Sequential(layers)


def spike_of(library, network):
    """Return the module of the surrogate in a perceptron."""
    layer = network.layers[1] if library.name != "torch" else network[1]
    return layer.fn if library.name == "equinox" else layer


MADE = {
    "numbers": lambda array: Sigmoid(2.0),
    "array": lambda array: Sigmoid(array([1.0, 2.0, 3.0])),
    "nested": lambda array: Mixture((Sigmoid(), Arctan(array([1.0, 2.0, 3.0]))), (0.5, 0.25)),
    "wrapped": lambda array: Compressed(Scaled(Sigmoid(), amplitude=array(2.0)), "float16"),
    "signed": lambda array: Ternary(Sigmoid(array(2.0)), threshold=array(0.25)),
    "several": lambda array: MultiSpike(Arctan(array([1.0, 2.0, 3.0]))),
    "smooth": lambda array: Smooth(Sigmoid(array(2.0))),
    "relaxed": lambda array: Relaxed(Sigmoid(array(2.0))),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE.keys())
def test_a_module_computes_what_its_surrogate_computes(library, make):
    surrogate, x = make(library.array), library.array(VALUES)
    spike = module(surrogate, framework=library.name)
    np.testing.assert_array_equal(library.read(spike(x)), library.read(surrogate(x)))
    np.testing.assert_array_equal(library.gradient(spike, x), library.gradient(surrogate, x))
    for method in ("surrogate_grad", "surrogate_fun"):
        try:
            expected = library.read(getattr(surrogate, method)(x))
        except NotImplementedError:
            continue
        np.testing.assert_array_equal(library.read(getattr(spike, method)(x)), expected)
    assert type(spike.surrogate) is type(surrogate)
    assert repr(spike).startswith(f"SurrogateModule({type(surrogate).__name__}(")


@pytest.mark.parametrize("names", [(), ("alpha",)], ids=["module", "learnable"])
def test_one_class_holds_what_is_learned_and_what_is_not(library, names):
    surrogate = Scaled(Sigmoid(library.array([1.0, 2.0, 3.0])), amplitude=library.array(2.0))
    spike = module(surrogate, library.name)
    if names:
        spike = learnable(surrogate, *names, framework=library.name)
    assert type(spike) is type(module(Sigmoid(), library.name))
    text = "Sigmoid(alpha=[1.0, 2.0, 3.0]), amplitude=2.0, rate=1.0, shift=0.0)"
    learned = ", learned=surrogate.alpha" if names else ""
    assert repr(spike) == f"SurrogateModule(Scaled(surrogate={text}{learned}, spiking=True)"


# Which parameters an optimiser with weight decay gets, and moves.


def trained(library, network, x, steps=3, mask=None):
    """Return a network after steps of AdamW with much weight decay, as its library's users take."""
    if library.name == "torch":
        import torch

        optimiser = torch.optim.AdamW(network.parameters(), lr=0.5, weight_decay=0.5)
        for _ in range(steps):
            optimiser.zero_grad()
            network(x).sum().backward()
            optimiser.step()
        return network
    optax = pytest.importorskip("optax")
    adamw = optax.adamw(0.5, weight_decay=0.5, mask=mask)
    if library.name == "flax":
        from flax import nnx

        optimiser = nnx.Optimizer(network, adamw, wrt=nnx.Param)

        @nnx.jit
        def step(network, optimiser):
            optimiser.update(network, nnx.grad(lambda network: network(x).sum())(network))

        for _ in range(steps):
            step(network, optimiser)
        return network
    import equinox as eqx
    import jax

    for chosen in (eqx.is_array, eqx.is_inexact_array):  # both are in use
        state = adamw.init(eqx.filter(network, chosen))

        @eqx.filter_jit
        def step(network, state):
            gradient = eqx.filter_grad(lambda network: jax.vmap(network)(x).sum())(network)
            updates, state = adamw.update(gradient, state, eqx.filter(network, chosen))  # noqa: B023
            return eqx.apply_updates(network, updates), state

        for _ in range(steps):
            network, state = step(network, state)
    return network


def test_weight_decay_moves_no_array_of_a_module(library):
    alphas = library.array([1.0, 2.0, 3.0])
    network = perceptron(library, module(Sigmoid(alphas), library.name))
    before = np.array(library.read(weight_of(library, network)))
    network = trained(library, network, library.array(VALUES))
    alpha = spike_of(library, network).surrogate.alpha
    np.testing.assert_array_equal(library.read(alpha), [1.0, 2.0, 3.0])
    assert np.abs(library.read(weight_of(library, network)) - before).max() > 0.1


def test_weight_decay_moves_no_array_beside_a_learned_one(library):
    surrogate = Scaled(Sigmoid(), amplitude=library.array([1.0, 2.0, 3.0]))
    network = perceptron(library, learnable(surrogate, "alpha", framework=library.name))
    network = trained(library, network, library.array(VALUES))
    now = spike_of(library, network).surrogate
    np.testing.assert_array_equal(library.read(now.amplitude), [1.0, 2.0, 3.0])
    assert abs(library.read(now.surrogate.alpha) - 4.0) > 0.1


@pytest.mark.parametrize("name", ["flax", "equinox"])
def test_the_mask_that_docs_recommend_leaves_what_is_learned_alone(jax, name):
    def decayed(parameters):
        keystr = jax.tree_util.keystr
        return jax.tree_util.tree_map_with_path(lambda p, _: "raw" not in keystr(p), parameters)

    library = _Library(name)
    far = library.array(np.full((2, 3), 1e6))  # where the surrogate has no gradient
    network = perceptron(library, learnable(Sigmoid(4.0), "alpha", framework=name))
    before = np.array(library.read(weight_of(library, network)))
    network = trained(library, network, far, mask=decayed)
    assert spike_of(library, network).surrogate.alpha == pytest.approx(4.0)
    assert np.abs(library.read(weight_of(library, network)) - before).max() > 0.1


def weight_of(library, network):
    layer = network[0] if library.name == "torch" else network.layers[0]
    return layer.kernel[...] if library.name == "flax" else layer.weight


def test_weight_decay_alone_pulls_what_is_learned_towards_one(torch):
    spike = learnable(Sigmoid(4.0), "alpha", framework="torch")
    optimiser = torch.optim.AdamW(spike.parameters(), lr=1.0, weight_decay=0.5)
    for _ in range(60):
        spike.raw["alpha"].grad = torch.zeros(1)
        optimiser.step()
    assert spike.surrogate.alpha.item() == pytest.approx(1.0)


# Modules of PyTorch.


def in_torch():
    import in_torch  # which imports PyTorch

    return in_torch


def test_a_torch_module_is_moved_saved_and_copied_with_its_network(torch, tmp_path):
    spike = module(Scaled(Sigmoid(torch.tensor([1.0, 2.0, 3.0])), rate=torch.tensor(2.0)))
    assert isinstance(spike, torch.nn.Module)
    assert list(spike.state_dict()) == ["array_surrogate/alpha", "array_rate"]
    assert not list(spike.parameters())
    network = torch.nn.Sequential(torch.nn.Linear(3, 3), spike)
    for name in ("double", "half", "bfloat16"):
        moved = getattr(copy.deepcopy(network), name)()
        dtype = moved[0].weight.dtype
        assert moved[1].surrogate.surrogate.alpha.dtype == dtype
        x = torch.asarray(VALUES, dtype=dtype, requires_grad=True)
        moved(x).sum().backward()
        assert x.grad.dtype == dtype
    assert copy.deepcopy(network).to("meta")[1].surrogate.rate.device.type == "meta"
    torch.save(network.state_dict(), tmp_path / "state.pt")
    other = module(Scaled(Sigmoid(torch.ones(3)), rate=torch.tensor(1.0)))
    other = torch.nn.Sequential(torch.nn.Linear(3, 3), other)
    other.load_state_dict(torch.load(tmp_path / "state.pt"))
    memory = io.BytesIO()
    torch.save(network, memory)
    memory.seek(0)
    x = torch.asarray(VALUES, dtype=torch.float32)
    expected = network(x)
    for copied in (
        other,
        copy.deepcopy(network),
        pickle.loads(pickle.dumps(network)),
        torch.load(memory, weights_only=False),
    ):
        torch.testing.assert_close(copied(x), expected)
        assert repr(copied[1]) == repr(spike)


def test_hooks_of_a_torch_module_are_called(torch):
    spike, seen = module(Sigmoid(), "torch"), []
    spike.register_forward_hook(lambda module, inputs, output: seen.append(output.tolist()))
    torch.nn.Sequential(spike)(torch.tensor([-0.5, 0.5]))
    assert seen == [[0.0, 1.0]]


def test_a_torch_module_can_be_replicated(torch):
    # What DataParallel does for each device, which takes two of them.
    spike = learnable(Scaled(Sigmoid(torch.tensor([1.0, 2.0, 3.0]))), "amplitude")
    x = torch.asarray(VALUES, dtype=torch.float32)
    assert torch.equal(torch.nn.DataParallel(spike)(x), spike(x))
    replica, raw = spike._replicate_for_data_parallel(), spike.raw._replicate_for_data_parallel()
    replica._modules["raw"] = raw
    raw.amplitude = spike.raw["amplitude"] * 1  # a copy, through which a gradient arrives
    replica(x).sum().backward()
    found = spike.raw["amplitude"].grad.clone()
    spike.raw["amplitude"].grad = None
    spike(x).sum().backward()
    torch.testing.assert_close(found, spike.raw["amplitude"].grad)


# which PyTorch itself causes while it traces
from_dynamo = pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")


@from_dynamo
@pytest.mark.parametrize("is_learned", [False, True])
def test_a_torch_module_compiles_once_for_each_mode(torch, is_learned):
    surrogate = Sigmoid(torch.tensor([1.0, 2.0, 3.0]))
    spike = learnable(surrogate, "alpha") if is_learned else module(surrogate)
    network = torch.nn.Sequential(torch.nn.Linear(3, 3), spike)
    compiled, counter = in_torch().counted(network)
    x = torch.asarray(VALUES, dtype=torch.float32)
    for number in range(6):
        spiking = number % 2 == 0
        set_spiking_mode(network, spiking)
        output = compiled(x)
        output.sum().backward()
        torch.testing.assert_close(output, network(x))
        assert (output.detach().unique().numel() <= 2) is spiking
    assert counter.frame_count == 2


@from_dynamo
def test_a_module_without_arrays_compiles_once(torch):
    compiled, counter = in_torch().counted(module(Sigmoid(), "torch"))
    for _ in range(3):
        x = torch.asarray(VALUES, dtype=torch.float32).requires_grad_()
        compiled(x).sum().backward()
        torch.testing.assert_close(x.grad, Sigmoid().surrogate_grad(x.detach()))
    assert counter.frame_count == 1


# Modules of JAX.


@pytest.mark.parametrize("name", ["flax", "equinox"])
def test_a_jax_module_is_traced_once_for_each_mode(jax, name):
    library = _Library(name)
    network = perceptron(library, module(Sigmoid(library.array([1.0, 2.0, 3.0])), name))
    x, traces = library.array(VALUES), []

    def loss(network, x):
        traces.append(1)
        return (network(x) if name == "flax" else jax.vmap(network)(x)).sum()

    if name == "flax":
        from flax import nnx

        gradient = nnx.jit(nnx.grad(loss))
    else:
        import equinox as eqx

        gradient = eqx.filter_jit(eqx.filter_grad(loss))
    leaves = []
    for number in range(6):
        network = set_spiking_mode(network, number % 2 == 0)
        leaves.append(jax.tree.leaves(gradient(network, x)))
    assert len(traces) == 2
    assert len(leaves[0]) == 4  # two layers with a bias; the surrogate has nothing to train


def test_equal_modules_of_equinox_have_equal_structure(jax):
    pytest.importorskip("equinox")
    alphas = [1.0, 2.0, 3.0]
    made = [module(Sigmoid(jax.numpy.asarray(alphas)), "equinox") for _ in range(2)]
    other = module(Sigmoid(jax.numpy.asarray(alphas[::-1])), "equinox")
    structures = [jax.tree.structure(m) for m in (*made, other)]
    assert structures[0] == structures[1] != structures[2]
    assert hash(structures[0]) == hash(structures[1])


def test_an_equinox_module_refuses_an_array_that_is_traced(jax):
    pytest.importorskip("equinox")
    with pytest.raises(TypeError, match=r"a parameter is traced.* outside of jit"):
        jax.jit(lambda alpha: module(Sigmoid(alpha), "equinox")(alpha))(2.0)


def test_a_flax_module_may_be_made_where_its_arrays_are_traced(jax):
    pytest.importorskip("flax")

    def slope(alpha):
        spike = module(Sigmoid(alpha), "flax")
        return jax.grad(lambda x: spike(x))(0.3)

    expected = jax.grad(lambda alpha: Sigmoid(alpha).surrogate_grad(jax.numpy.asarray(0.3)))(2.0)
    np.testing.assert_allclose(jax.grad(slope)(2.0), expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["flax", "equinox"])
def test_a_jax_module_is_copied_and_pickled(jax, name):
    library = _Library(name)
    x = library.array(VALUES)
    spike = module(Sigmoid(library.array([1.0, 2.0, 3.0])), name)
    for copied in (copy.deepcopy(spike), pickle.loads(pickle.dumps(spike))):
        assert repr(copied) == repr(spike)
        np.testing.assert_array_equal(copied.surrogate_grad(x), spike.surrogate_grad(x))


# Which library.


def test_the_arrays_of_a_surrogate_tell_its_library(torch):
    jax = pytest.importorskip("jax")
    pytest.importorskip("flax")
    assert isinstance(module(Sigmoid(torch.tensor(2.0))), torch.nn.Module)
    assert isinstance(learnable(Sigmoid(torch.tensor(2.0)), "alpha"), torch.nn.Module)
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "equinox", raising=False)
        patch.setitem(sys.modules, "flax", sys.modules["flax"])
        assert "_flax" in type(module(Sigmoid(jax.numpy.asarray(2.0)))).__module__


@pytest.mark.parametrize(
    ("imported", "message"),
    [
        ((), "none of torch, flax, equinox is imported"),
        (("torch", "flax"), "torch, flax of torch, flax, equinox are imported"),
    ],
)
def test_what_cannot_be_told_is_asked_for(monkeypatch, imported, message):
    for name in FRAMEWORKS:
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in imported:
        monkeypatch.setitem(sys.modules, name, object())
    with pytest.raises(ValueError, match=f"module: cannot tell the framework.*{message}"):
        module(Sigmoid())


def test_arrays_of_jax_leave_two_libraries(jax, monkeypatch):
    for name in ("flax", "equinox"):
        monkeypatch.setitem(sys.modules, name, object())
    with pytest.raises(ValueError, match=r"flax, equinox of flax, equinox are .*\"flax\""):
        module(Sigmoid(jax.numpy.asarray(2.0)))


def test_the_only_library_that_is_imported_is_taken(torch, monkeypatch):
    for name in ("flax", "equinox"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert isinstance(module(Sigmoid()), torch.nn.Module)


def test_module_takes_a_surrogate_a_known_framework_and_a_bool():
    with pytest.raises(TypeError, match="expected a surrogate"):
        module(Sigmoid)
    with pytest.raises(ValueError, match=r"module: framework must be one of .* got 'keras'"):
        module(Sigmoid(), framework="keras")
    with pytest.raises(TypeError, match="module: spiking must be True or False, got 'no'"):
        module(Sigmoid(), framework="torch", spiking="no")


# Spikes, or the primitive.


@pytest.mark.parametrize("is_learned", [False, True])
def test_the_primitive_is_emitted_with_its_gradient(library, is_learned):
    surrogate, x = Sigmoid(library.array([1.0, 2.0, 3.0])), library.array(VALUES)
    if is_learned:
        spike = learnable(surrogate, "alpha", framework=library.name, spiking=False)
    else:
        spike = module(surrogate, library.name, spiking=False)
    assert spike.spiking is False
    assert "spiking=False" in repr(spike)
    np.testing.assert_allclose(
        library.read(spike(x)), library.read(surrogate.surrogate_fun(x)), rtol=1e-6
    )
    slope = library.gradient(spike, x)
    np.testing.assert_allclose(slope, library.read(surrogate.surrogate_grad(x)), rtol=1e-6)
    assert repr(spike.surrogate) == repr(set_spiking_mode(spike, True).surrogate)
    spike = set_spiking_mode(spike, True)
    np.testing.assert_array_equal(library.read(spike(x)), library.read(surrogate(x)))


def test_a_model_is_turned_over_and_back(library):
    network = perceptron(library, learnable(Sigmoid(2.0), "alpha", framework=library.name))
    for spiking in (False, True):
        switched = set_spiking_mode(network, spiking)
        assert spike_of(library, switched).spiking is spiking
        assert library.name == "equinox" or switched is network
    if library.name == "equinox":
        assert spike_of(library, set_spiking_mode(network, False)).spiking is False
        assert spike_of(library, network).spiking is True


@pytest.mark.parametrize("name", ["torch", "flax"])
def test_a_module_can_be_switched_as_those_of_spikingjelly_are(name):
    pytest.importorskip({"flax": "flax.nnx"}.get(name, name))
    spike = module(Sigmoid(), name)
    spike.spiking = False
    assert spike.spiking is False
    spike.set_spiking_mode(True)
    assert spike.spiking is True


def test_the_surrogate_functions_of_spikingjelly_are_switched_too(torch):
    class Theirs(torch.nn.Module):
        spiking = True

        def set_spiking_mode(self, spiking):
            self.spiking = spiking

    network = torch.nn.Sequential(Theirs(), module(Sigmoid(), "torch"))
    set_spiking_mode(network, False)
    assert [layer.spiking for layer in network] == [False, False]


def test_a_plain_surrogate_in_a_model_cannot_be_switched(library):
    if library.name == "torch":
        import torch

        network = torch.nn.Sequential(torch.nn.Identity(), module(Sigmoid(), "torch"))
        network[0].neurons = {"first": [Sigmoid()]}
        place = "0.neurons"
    else:
        network = perceptron(library, Sigmoid())
        place = "layers.1" + (".fn" if library.name == "equinox" else "")
    with pytest.raises(ValueError, match=rf"set_spiking_mode: {place} of the Sequential cannot"):
        set_spiking_mode(network, False)


def test_all_surrogates_are_switched_or_none(library):
    class Derivative(surrogates.Surrogate):
        def derivative(self, xp, x):
            return 1 / (1 + x * x)

    spikes = [module(s, library.name) for s in (Sigmoid(), Derivative())]
    if library.name == "torch":
        import torch

        network = torch.nn.Sequential(*spikes)
    elif library.name == "flax":
        from flax import nnx

        network = nnx.Sequential(*spikes)
    else:
        import equinox as eqx

        network = eqx.nn.Sequential([eqx.nn.Lambda(spike) for spike in spikes])
    with pytest.raises(TypeError, match=r"emits the primitive\. .* defines no primitive"):
        set_spiking_mode(network, False)
    assert spikes[0].spiking is True


def test_what_cannot_be_switched(torch):
    with pytest.raises(ValueError, match="found no surrogate in the Linear"):
        set_spiking_mode(torch.nn.Linear(2, 2), False)
    with pytest.raises(TypeError, match=r"expected a model .* got Sigmoid\(alpha=4\.0\)"):
        set_spiking_mode(Sigmoid(), False)
    with pytest.raises(TypeError, match="spiking must be True or False, got 0"):
        set_spiking_mode(module(Sigmoid(), "torch"), 0)
    with pytest.raises(TypeError, match="MultiSpike inside decides the emission already"):
        module(MultiSpike(Sigmoid()), "torch", spiking=False)
    smooth = module(Smooth(Sigmoid()), "torch")
    assert smooth.spiking is False
    with pytest.raises(ValueError, match="cannot spike, since Smooth decides"):
        smooth.spiking = True


# Parameters of PyTorch that nothing would train.


def test_a_parameter_that_a_spike_does_not_depend_on_is_told(torch):
    alpha = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
    x = torch.asarray(VALUES, dtype=torch.float32)
    for surrogate, place in (
        (Sigmoid(alpha), "alpha"),
        (MultiSpike(Sigmoid(alpha)), "surrogate.alpha"),
        (Ternary(Sigmoid(alpha)), "surrogate.alpha"),
        (Mixture((Sigmoid(), Arctan(alpha)), (0.5, 0.5)), "surrogates.1.alpha"),
    ):
        with pytest.warns(UserWarning, match=rf"{place} is a Parameter, but .*'{place}'") as found:
            surrogate(x)
        assert [w.filename for w in found] == [__file__]


def test_a_parameter_that_is_trained_or_needs_no_training_is_not_told(torch):
    alpha = torch.nn.Parameter(torch.tensor(2.0))
    x = torch.asarray(VALUES, dtype=torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Relaxed(Sigmoid(alpha))(x)
        Smooth(Sigmoid(alpha))(x)
        learnable(Sigmoid(alpha), "alpha")(x)
        Ternary(Sigmoid(), threshold=torch.nn.Parameter(torch.tensor(2.0)))(x)
        Sigmoid(torch.tensor(2.0, requires_grad=True))(x)  # of a hypergradient
        with torch.no_grad():
            Sigmoid(alpha)(x)
        torch.compile(Sigmoid(alpha), fullgraph=True, backend="eager")(x)


@pytest.mark.parametrize("wrap", ["Parameter", "tensor"])
def test_a_module_refuses_what_would_get_no_gradient(torch, wrap):
    alpha = torch.tensor(2.0, requires_grad=True)
    alpha = torch.nn.Parameter(alpha) if wrap == "Parameter" else alpha
    message = r"surrogate\.alpha requires a gradient.*learnable\(surrogate, 'surrogate\.alpha'\)"
    with pytest.raises(ValueError, match=f"{message}.*alpha=tensor"):
        module(Scaled(Sigmoid(alpha)))


def test_a_parameter_that_has_a_gradient_is_one_of_the_module(torch):
    alpha = torch.nn.Parameter(torch.tensor(2.0))
    for surrogate in (Relaxed(Sigmoid(alpha)), Ternary(Sigmoid(), threshold=alpha)):
        alpha.grad = None
        spike = module(surrogate)
        assert list(spike.parameters()) == [alpha]
        spike(torch.tensor([0.3])).sum().backward()
        assert alpha.grad.abs() > 0
