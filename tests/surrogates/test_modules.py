"""Surrogates as modules of PyTorch, Flax NNX and Equinox."""

from __future__ import annotations

import copy
import pickle
import sys

import numpy as np
import pytest

from networks import LIBRARIES, VALUES
from surrogates import (
    Arctan,
    Compressed,
    GaussianGrad,
    Mixture,
    MultiSpike,
    Relaxed,
    Scaled,
    Sigmoid,
    Smooth,
    Ternary,
    _modules,
    learnable,
    module,
    set_spiking_mode,
)
from surrogates._modules import FRAMEWORKS


@pytest.fixture(params=FRAMEWORKS)
def library(request):
    return LIBRARIES[request.param]()


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
    slopes = library.gradient(spike, x), library.gradient(surrogate, x)
    np.testing.assert_allclose(*slopes, rtol=1e-6)  # JAX compiles what was used four times
    for method in ("surrogate_grad", "surrogate_fun"):
        try:
            expected = library.read(getattr(surrogate, method)(x))
        except NotImplementedError:
            continue
        np.testing.assert_array_equal(library.read(getattr(spike, method)(x)), expected)
    assert type(spike.surrogate) is type(surrogate)
    assert repr(spike).startswith(f"SurrogateModule({type(surrogate).__name__}(")


@pytest.mark.parametrize(("make", "names"), [(module, ()), (learnable, ("alpha",))])
def test_a_module_takes_an_array_of_numpy_where_its_surrogate_does(library, make, names):
    surrogate, x = Sigmoid(library.array([1.0, 2.0, 3.0])), VALUES.astype(np.float32)
    spike = make(surrogate, *names, framework=library.name)
    if not library.takes_numpy:
        for called in (surrogate, spike):
            with pytest.raises(TypeError, match=r"x is an array of numpy and .*alpha is one of"):
                called(x)
    else:
        assert type(spike(x)) is type(surrogate(x)) is type(library.array(x))
        np.testing.assert_array_equal(library.read(spike(x)), library.read(surrogate(x)))


@pytest.mark.parametrize("names", [(), ("alpha",)], ids=["module", "learnable"])
def test_a_module_refuses_a_parameter_that_is_set_on_it(library, names):
    spike = library.spike_of(library.perceptron(module(Sigmoid(), framework=library.name)))
    if names:
        spike = learnable(Scaled(Sigmoid(), 2.0), *names, framework=library.name)
    before = repr(spike)
    maker = "learnable" if names else "module"
    told = rf"alpha.* changes nothing; call surrogates\.{maker} again|cannot assign .*alpha"
    with pytest.raises(AttributeError, match=told):
        spike.alpha = 1.0
    assert not hasattr(spike, "alpha")
    assert repr(spike) == before
    if not library.is_frozen:
        spike.note = "anything else is set as on any module"
        assert copy.deepcopy(spike).note == spike.note


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


class Changing(Sigmoid):
    """Of a user, whose formula may read what changes."""


@pytest.mark.parametrize(("cls", "is_shared"), [(Sigmoid, True), (Changing, False)])
def test_equal_modules_have_one_definition_unless_it_may_change(torch, cls, is_shared):
    one, other = (learnable(cls(2.0), "alpha", framework="torch") for _ in range(2))
    assert one.plan == other.plan
    assert (one.plan.definition is other.plan.definition) is is_shared


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "[]"),
        ([1.0, 2.0, 3.0, 4.0], "[1.0, 2.0, 3.0, 4.0]"),
        ([3.0, 1.0, 2.5, 7.0, 4.0], "<shape (5,), 1 to 7>"),
        ([[1.0, 2.0], [0.5, 123.456]], "<shape (2, 2), 0.5 to 123.5>"),
    ],
)
@pytest.mark.parametrize("names", [(), ("alpha",)], ids=["module", "learnable"])
def test_many_values_are_shown_by_their_range(library, values, text, names):
    surrogate = Sigmoid(library.array(values))
    spike = module(surrogate, library.name)
    if names:
        spike = learnable(surrogate, *names, framework=library.name)
    learned = ", learned=alpha" if names else ""
    assert repr(spike) == f"SurrogateModule(Sigmoid(alpha={text}){learned}, spiking=True)"
    x = library.array(np.zeros((3, 0) if values == [] else np.shape(values)))
    assert library.read(spike(x)).shape == library.read(x).shape


# Which parameters an optimiser with weight decay gets, and moves.


def test_weight_decay_moves_no_array_of_a_module(library):
    alphas = library.array([1.0, 2.0, 3.0])
    network = library.perceptron(module(Sigmoid(alphas), library.name))
    before = np.array(library.read(library.weight_of(network)))
    network = library.trained(network, library.array(VALUES))
    alpha = library.spike_of(network).surrogate.alpha
    np.testing.assert_array_equal(library.read(alpha), [1.0, 2.0, 3.0])
    assert np.abs(library.read(library.weight_of(network)) - before).max() > 0.1


def test_weight_decay_moves_no_array_beside_a_learned_one(library):
    surrogate = Scaled(Sigmoid(), amplitude=library.array([1.0, 2.0, 3.0]))
    network = library.perceptron(learnable(surrogate, "alpha", framework=library.name))
    network = library.trained(network, library.array(VALUES))
    now = library.spike_of(network).surrogate
    np.testing.assert_array_equal(library.read(now.amplitude), [1.0, 2.0, 3.0])
    assert abs(library.read(now.surrogate.alpha) - 4.0) > 0.1


@pytest.mark.parametrize("name", ["flax", "equinox"])
def test_the_mask_that_docs_recommend_leaves_what_is_learned_alone(jax, name):
    def decayed(parameters):
        keystr = jax.tree_util.keystr
        return jax.tree_util.tree_map_with_path(lambda p, _: "raw" not in keystr(p), parameters)

    library = LIBRARIES[name]()
    far = library.array(np.full((2, 3), 1e6))  # where the surrogate has no gradient
    network = library.perceptron(learnable(Sigmoid(4.0), "alpha", framework=name))
    before = np.array(library.read(library.weight_of(network)))
    network = library.trained(network, far, mask=decayed)
    assert library.spike_of(network).surrogate.alpha == pytest.approx(4.0)
    assert np.abs(library.read(library.weight_of(network)) - before).max() > 0.1


def test_weight_decay_alone_pulls_what_is_learned_towards_one(torch):
    spike = learnable(Sigmoid(4.0), "alpha", framework="torch")
    optimiser = torch.optim.AdamW(spike.parameters(), lr=1.0, weight_decay=0.5)
    for _ in range(60):
        spike.raw["alpha"].grad = torch.zeros(1)
        optimiser.step()
    assert spike.surrogate.alpha.item() == pytest.approx(1.0)


# Modules of JAX.


@pytest.mark.parametrize("name", ["flax", "equinox"])
def test_a_jax_module_is_traced_once_for_each_mode(jax, name):
    library = LIBRARIES[name]()
    network = library.perceptron(module(Sigmoid(library.array([1.0, 2.0, 3.0])), name))
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
    others = [alphas[::-1], [alphas], np.asarray(alphas, np.float32)]
    others = [module(Sigmoid(jax.numpy.asarray(other)), "equinox") for other in others]
    first, *structures = [jax.tree.structure(m) for m in (*made, *others)]
    assert [first == other for other in structures] == [True, False, False, False]
    assert hash(first) == hash(structures[0])
    assert made[0].held != alphas
    assert not jax.tree.leaves(made[0])  # all of it is structure
    learned = learnable(Scaled(Sigmoid(), 2.0), "alpha", framework="equinox")
    assert [leaf.shape for leaf in jax.tree.leaves(learned)] == [()]


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
    # nothing is learned, so it has no gradient, as in the surrogate itself
    assert jax.grad(lambda alpha: module(Sigmoid(alpha), "flax")(jax.numpy.ones(())))(2.0) == 0


def test_a_flax_module_learns_where_its_number_is_traced(jax):
    pytest.importorskip("flax")
    x, shown = jax.numpy.asarray([-0.4, 0.0, 0.7]), []

    @jax.jit
    def learned(alpha):
        spike = learnable(Sigmoid(alpha), "alpha", framework="flax")
        shown.append(repr(spike))
        return spike(x), spike.surrogate.alpha, spike.surrogate_grad(x)

    for alpha in (2.0, 5.0):  # of which neither is the default
        spikes, now, slopes = learned(jax.numpy.asarray(alpha))
        np.testing.assert_array_equal(spikes, [0.0, 1.0, 1.0])
        np.testing.assert_allclose(now, alpha, rtol=1e-6)
        np.testing.assert_allclose(slopes, Sigmoid(alpha).surrogate_grad(np.asarray(x)), rtol=1e-6)
    assert shown == ["SurrogateModule(Sigmoid(alpha=<shape ()>), learned=alpha, spiking=True)"]


@pytest.mark.parametrize("name", ["flax", "equinox"])
def test_a_jax_module_is_copied_and_pickled(jax, name):
    library = LIBRARIES[name]()
    x = library.array(VALUES)
    spike = module(Sigmoid(library.array([1.0, 2.0, 3.0])), name)
    for copied in (copy.deepcopy(spike), pickle.loads(pickle.dumps(spike))):
        assert repr(copied) == repr(spike)
        np.testing.assert_array_equal(copied.surrogate_grad(x), spike.surrogate_grad(x))


@pytest.mark.parametrize("method", ["surrogate_grad", "surrogate_fun"])
def test_a_method_of_an_equinox_module_is_a_pytree_as_of_any_other(jax, method):
    equinox = pytest.importorskip("equinox")
    spike = learnable(Sigmoid(2.0), "alpha", framework="equinox")
    bound = getattr(spike, method)
    assert len(jax.tree.leaves(bound)) == 1
    x = jax.numpy.asarray(VALUES)
    np.testing.assert_allclose(equinox.filter_jit(bound)(x), bound(x), rtol=1e-6)


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


EVERY = ", ".join(FRAMEWORKS)
OF_JAX = [name for name in FRAMEWORKS if _modules._LIBRARIES[name].arrays == "jax"]


def choices(names):
    return " or ".join(f'framework="{name}"' for name in names)


@pytest.mark.parametrize(
    ("imported", "message"),
    [
        ((), f"none of {EVERY} is imported"),
        (("torch", "flax"), f"torch, flax of {EVERY} are imported"),
    ],
)
def test_what_cannot_be_told_is_asked_for(monkeypatch, imported, message):
    for name in FRAMEWORKS:
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in imported:
        monkeypatch.setitem(sys.modules, name, object())
    said = f"{message}; say .*: {choices(FRAMEWORKS)}$"
    with pytest.raises(ValueError, match=f"module: cannot tell .*, since {said}"):
        module(Sigmoid())


def test_arrays_of_jax_leave_its_libraries(jax, monkeypatch):
    assert {"flax", "equinox"} <= {*OF_JAX}
    for name in OF_JAX:
        monkeypatch.setitem(sys.modules, name, object())
    names = ", ".join(OF_JAX)
    why = rf"the arrays of Sigmoid are of jax, and {names} of {names} are imported"
    with pytest.raises(ValueError, match=f"{why}; .* {choices(OF_JAX)}$"):
        module(Sigmoid(jax.numpy.asarray(2.0)))


def test_arrays_of_two_libraries_leave_all(jax, torch):
    surrogate = GaussianGrad(jax.numpy.ones(2), torch.ones(2))
    with pytest.raises(ValueError, match=f"are of jax and torch; say .*: {choices(FRAMEWORKS)}$"):
        module(surrogate)
    assert module(surrogate, "torch").surrogate.sigma.shape == (2,)


def test_the_only_library_that_is_imported_is_taken(torch, monkeypatch):
    for name in {*FRAMEWORKS} - {"torch"}:
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert isinstance(module(Sigmoid()), torch.nn.Module)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_library_that_is_not_installed_is_named_with_the_remedy(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)  # as if it were not there
    monkeypatch.delitem(sys.modules, f"surrogates._modules._{name}", raising=False)
    monkeypatch.delattr(_modules, f"_{name}", raising=False)
    with pytest.raises(ModuleNotFoundError, match=f"module: framework='{name}' .*install {name}"):
        module(Sigmoid(), framework=name)


def test_module_takes_a_surrogate_a_known_framework_and_a_bool():
    with pytest.raises(TypeError, match="expected a surrogate"):
        module(Sigmoid)
    with pytest.raises(ValueError, match=r"module: framework must be one of .* got 'keras'"):
        module(Sigmoid(), framework="keras")
    with pytest.raises(TypeError, match="module: spiking must be True or False, got 'no'"):
        module(Sigmoid(), framework="torch", spiking="no")
