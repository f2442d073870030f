"""JAX's hook: what it compiles and keeps, dtypes, ranks, and gradients that are not defined."""

from __future__ import annotations

import gc
import os
from functools import lru_cache

import numpy as np
import pytest

import surrogates
from kinds import others_long
from surrogates import Arctan, Compressed, MultiSpike, Relaxed, Scaled, Sigmoid, Ternary

jax = pytest.importorskip("jax")
jnp = jax.numpy

X = np.linspace(-1.3, 1.2, 8).reshape(2, 4)

EMISSIONS = {
    "at_threshold=0": lambda alpha: Arctan(alpha, at_threshold=0.0),
    "at_threshold=0.5": lambda alpha: Arctan(alpha, at_threshold=0.5),
    "at_threshold=1": Arctan,
    "MultiSpike": lambda alpha: MultiSpike(Arctan(alpha), threshold=alpha),
    "Ternary": lambda alpha: Ternary(Arctan(alpha), threshold=alpha),
    "compressed": lambda alpha: Compressed(Arctan(alpha)),
}
VALUES = np.linspace(1, 2, 200).tolist()


class Compilations:
    """The number of programs that XLA compiled so far."""

    def __init__(self):
        self.count = 0
        jax.monitoring.register_event_duration_secs_listener(self._heard)

    def _heard(self, event, *_, **__):
        self.count += event == "/jax/core/compile/backend_compile_duration"


@pytest.fixture(scope="module")
def compilations():
    compilations = Compilations()
    jax.jit(lambda x: x + 0.123)(jnp.asarray(X))
    assert compilations.count > 0  # it is heard
    return compilations


def resident():
    """Return the resident memory of this process, in MB."""
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("resident memory is read from /proc")
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.parametrize("emission", others_long(EMISSIONS, "at_threshold=0"))
def test_nothing_is_compiled_nor_kept_for_a_new_value(emission, compilations):
    make, x = EMISSIONS[emission], jnp.asarray(X)
    gradient = lambda alpha: jax.grad(lambda x: make(alpha)(x).sum())(x)  # noqa: E731
    for alpha in np.linspace(0.5, 0.6, 6).tolist():  # once for all values
        make(alpha)(x), gradient(alpha)
    compiled, memory = compilations.count, resident()
    for alpha in VALUES:
        make(alpha)(x)
        gradient(alpha)
    assert compilations.count == compiled
    assert resident() - memory < 20  # 1.5 MB for each value would be 300


@pytest.mark.parametrize(("at_threshold", "comparison"), [(1.0, "ge"), (0.0, "gt")])
def test_eager_spikes_are_compiled_once_for_all_parameters(
    monkeypatch, compilations, at_threshold, comparison
):
    from surrogates.backends._jax import _COMPARISONS

    # A function of this test: what ran before has compiled, or evicted, the one of the module.
    compare = _COMPARISONS[comparison]
    monkeypatch.setitem(_COMPARISONS, comparison, jax.jit(lambda x: compare(x)))
    x, before = jnp.asarray(X), compilations.count
    for alpha in VALUES[:20]:
        np.testing.assert_array_equal(Arctan(alpha, at_threshold=at_threshold)(x), X > 0)
    assert compilations.count == before + 1


@pytest.mark.long
def test_what_is_compiled_for_eager_gradients_is_bounded(compilations, monkeypatch):
    from surrogates.backends import _jax_tangent as hook

    assert hook._compiled.cache_info().maxsize <= 64
    monkeypatch.setattr(hook, "_compiled", lru_cache(maxsize=8)(hook._Compiled))
    x = jnp.asarray(X)

    def use(values):
        for alpha in values:
            surrogate = Arctan(alpha)
            for _ in range(hook._Compiled.uses_before_compiling + 1):
                jax.grad(lambda x, surrogate=surrogate: surrogate(x).sum())(x)

    use(np.linspace(3, 4, 6).tolist())
    compiled, memory = compilations.count, resident()
    use(np.linspace(5, 6, 24).tolist())
    assert compilations.count >= compiled + 24  # so they were compiled indeed
    if jax.__version_info__ < (0, 10):
        pytest.skip("JAX 0.4.35 keeps what it compiled of a function that is gone; 0.10.2 does not")
    assert resident() - memory < 15  # of 1.5 MB for each


def forms(alpha, threshold):
    return {
        "own": Arctan(alpha),
        "scaled": Scaled(Arctan(alpha), amplitude=alpha, rate=alpha),
        "several": MultiSpike(Arctan(2.0), threshold=threshold),
        "signed": Ternary(Arctan(alpha), threshold=threshold),
        "relaxed": Relaxed(Arctan(alpha)),
        "float16": Compressed(Arctan(alpha), "float16"),
        "uint8": Compressed(Arctan(alpha), "uint8"),
    }


FORMS = list(forms(1.0, 1.0))
DTYPES = ["float16", "bfloat16", "float32", "float64"]


@pytest.mark.parametrize("of_parameter", others_long(["float16", "float64"], "float64"))
@pytest.mark.parametrize("dtype", others_long(DTYPES, "float32"))
@pytest.mark.parametrize("form", FORMS)
def test_spikes_and_tangents_have_the_dtype_of_x(form, dtype, of_parameter):
    x = jnp.asarray(X, dtype)
    array = jnp.ones(4, of_parameter)

    def pair(x, array):
        return jax.jvp(forms(array, array)[form], (x,), (jnp.ones_like(x),))

    for one in (pair(x, array), jax.jit(pair)(x, array), jax.vmap(pair)(x, jnp.stack([array] * 2))):
        assert [a.dtype for a in one] == [x.dtype] * 2
    assert forms(array, array)[form](x).dtype == x.dtype


@pytest.mark.parametrize("form", others_long(FORMS, "several"))
def test_one_value_for_each_channel_where_ranks_are_not_promoted(form):
    x, array = jnp.asarray(X), jnp.linspace(1.0, 2.0, 4)

    def everything(x, array):
        surrogate = forms(array, array)[form]
        return (
            surrogate(x),
            surrogate.surrogate_grad(x),
            surrogate.surrogate_fun(x),
            jax.grad(lambda x: (surrogate(x) * x).sum())(x),
            jax.vmap(surrogate)(x),
        )

    expected = jax.jit(everything)(x, array)
    with jax.numpy_rank_promotion("raise"):
        for function in (everything, jax.jit(everything)):
            for one, other in zip(function(x, array), expected, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-14)
        if form == "relaxed":
            learned = jax.grad(lambda a: forms(a, a)[form](x).sum())(array)
            assert learned.shape == array.shape


def measured(array):
    """Return surrogates with several numbers for a parameter; measures of the last are searched."""
    return (
        Arctan(array),
        Scaled(Ternary(Arctan(array), array), array, array, array),
        surrogates.Windowed(Arctan(array), array),
        surrogates.Windowed(Arctan(2.0), array, normalise=True),
        surrogates.Mixture((Arctan(array), Sigmoid(array)), (array, -0.5)),
        surrogates.Spliced(Arctan(array), Sigmoid(array)),
        surrogates.MultiGaussianGrad(sigma=array),
        surrogates.SoftLIF(sigma=array),
    )


@pytest.mark.long
@pytest.mark.parametrize("number", range(8))
def test_measures_where_ranks_are_not_promoted(number):
    array = np.linspace(1.0, 2.0, 4)
    in_numpy, in_jax = measured(array)[number], measured(jnp.asarray(array))[number]
    for name in ("peak", "area_below", "width", "_lowest"):
        with jax.numpy_rank_promotion("raise"):
            found = getattr(in_jax, name)
            compiled = jax.jit(lambda s, name=name: getattr(s, name))(in_jax)
        expected = getattr(in_numpy, name)  # of a search, which ends there
        np.testing.assert_allclose(found, expected, rtol=1e-7)
        np.testing.assert_allclose(compiled, found, rtol=1e-10)


def test_samples_where_ranks_are_not_promoted():
    with jax.numpy_rank_promotion("raise"):
        spikes = surrogates.sample(Sigmoid(jnp.ones(4)), jnp.asarray(X), jax.random.key(0))
    assert spikes.shape == X.shape


ASKED = {
    "grad": lambda f, a: jax.grad(f)(a),
    "jvp": lambda f, a: jax.jvp(f, (a,), (jnp.ones_like(a),)),
    "jit of grad": lambda f, a: jax.jit(jax.grad(f))(a),
    "grad of jit": lambda f, a: jax.grad(jax.jit(f))(a),
    "vmap of grad": lambda f, a: jax.vmap(jax.grad(f))(jnp.stack([a, a])),
    "grad of vmap": lambda f, a: jax.grad(lambda a: jax.vmap(f)(a).sum())(jnp.stack([a, a])),
    "linearize": lambda f, a: jax.linearize(f, a)[1](a),
    "checkpoint": lambda f, a: jax.grad(jax.checkpoint(f))(a),
    "grad of scan": lambda f, a: jax.grad(
        lambda a: jax.lax.scan(lambda c, _: (c + f(a), None), 0.0, length=3)[0]
    )(a),
    "scan of grad": lambda f, a: jax.lax.scan(lambda c, _: (jax.grad(f)(c), None), a, length=3),
}


@pytest.mark.parametrize("transform", ASKED)
def test_a_gradient_that_is_not_defined_is_refused(transform):
    x = jnp.asarray(X)

    def of_threshold(threshold):
        return MultiSpike(Arctan(2.0), threshold)(x).sum()

    with pytest.raises(NotImplementedError, match="threshold"):
        ASKED[transform](of_threshold, jnp.ones(4))


@pytest.mark.parametrize("transform", others_long(ASKED, "grad", "jvp", "scan of grad"))
def test_of_what_is_held_no_gradient_is_asked_for(transform):
    threshold = jnp.ones(4)

    def of_x(x):
        held = jax.lax.stop_gradient(threshold * x.sum())
        return MultiSpike(Arctan(2.0), threshold)(x).sum() + MultiSpike(Arctan(2.0), held)(x).sum()

    ASKED[transform](of_x, jnp.linspace(0.1, 1.0, 4))


def test_batch_axes_other_than_the_first():
    x, alpha = jnp.asarray(X), jnp.linspace(1.0, 2.0, 4)
    slope = jax.grad(lambda x, alpha: Arctan(alpha)(x).sum())
    batched = jax.vmap(slope, in_axes=(1, 0), out_axes=1)(x, alpha)
    np.testing.assert_allclose(batched, Arctan(alpha).surrogate_grad(x), rtol=1e-14)
    swapped = jax.vmap(lambda x, a: Ternary(Arctan(a), a)(x), in_axes=(1, None), out_axes=1)
    np.testing.assert_array_equal(swapped(x, 0.3 * jnp.ones(2)), Ternary(Arctan(), 0.3)(X))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_numbers_drawn_for_samples(dtype):
    backend = surrogates.backends.of(jnp.zeros(1))
    draws = backend.uniform(jax.random.key(0), jnp.zeros(100_000, dtype))
    assert draws.dtype == ("float64" if dtype == "float64" else "float32")
    assert 0 <= draws.min() < 1e-4
    assert 1 - 1e-4 < draws.max() < 1


def test_flax_serializes_a_model_that_holds_surrogates():
    serialization = pytest.importorskip("flax.serialization")

    def model(scale):
        array = scale * jnp.arange(1.0, 4.0)
        return {
            "weight": array,
            "number": Arctan(2.0),
            "array": Arctan(array),
            "nested": Scaled(Arctan(array), amplitude=array[0]),
        }

    class Mine(surrogates.Surrogate):  # classes are registered when they are first used
        def surrogate_grad(self, x):
            return 1 / (1 + x * x)

    saved, other = {**model(1.0), "mine": Mine()}, {**model(5.0), "mine": Mine()}
    restored = serialization.from_bytes(other, serialization.to_bytes(saved))
    assert restored["number"] == Arctan(2.0)
    leaves = zip(jax.tree.leaves(restored), jax.tree.leaves(saved), strict=True)
    assert all(np.array_equal(one, other) for one, other in leaves)
    assert type(restored["nested"].surrogate) is Arctan
    assert isinstance(restored["mine"], Mine)


def test_flax_drops_no_array_of_a_state_in_silence():
    serialization = pytest.importorskip("flax.serialization")
    state = serialization.to_state_dict(Scaled(Arctan(jnp.arange(1.0, 4.0))))
    for inside, name in ((Arctan(2.0), "surrogate"), (Scaled(Arctan(2.0), jnp.ones(())), "alpha")):
        with pytest.raises(ValueError, match=f"{name}, which is no array of .* an array there"):
            serialization.from_state_dict(Scaled(inside), state)


def test_flax_keeps_the_serialization_that_an_author_registered():
    serialization = pytest.importorskip("flax.serialization")

    class Mine(Arctan):
        pass

    own = {"of": "its author"}
    serialization.register_serialization_state(Mine, lambda surrogate: own, lambda _, state: state)
    np.testing.assert_array_equal(Mine(jnp.asarray(2.0))(jnp.ones(2)), 1.0)
    assert serialization.to_state_dict(Mine(jnp.asarray(2.0))) == own
