"""A weighted sum of shapes in frameworks: its arrays, what it learns, and what is compiled."""

from __future__ import annotations

import numpy as np
import pytest

from kinds import assert_like
from surrogates import (
    Arctan,
    Compressed,
    Mixture,
    Relaxed,
    Scaled,
    Sigmoid,
    Spliced,
    StraightThrough,
    Windowed,
    learnable,
    vjp,
)

HEAVY = Mixture((Sigmoid(8.0), Sigmoid(1.0)), (0.75, 0.25))


def test_its_arrays_are_taken_out_and_put_back_in(kind):
    alpha, weights = kind.array(np.asarray([1.0, 4.0])), kind.array(np.asarray([[0.5], [0.25]]))
    mixture = Mixture((Sigmoid(2.0), Sigmoid(alpha)), weights)
    definition, arrays = mixture.partition()
    assert [array.shape for array in arrays] == [(2,), (1,), (1,)]
    assert arrays[0] is alpha
    assert hash(definition) == hash(mixture.partition()[0])
    x = kind.array(np.asarray([[0.5, -0.5], [0.0, 2.0]]))
    expected = 0.5 * Sigmoid(2.0).surrogate_grad(x) + 0.25 * Sigmoid(alpha).surrogate_grad(x)
    for surrogate in (mixture, definition.combine(arrays)):
        spikes, pullback = vjp(surrogate, x)
        assert_like(spikes, x, kind)
        np.testing.assert_array_equal(kind.numpy(spikes), [[1, 0], [1, 1]])
        slope = pullback(kind.array(np.ones((2, 2))))
        np.testing.assert_allclose(kind.numpy(slope), kind.numpy(expected), rtol=1e-15)


@pytest.mark.long("jax")
def test_weights_that_learn(taped):
    x = taped.array(np.linspace(-2, 2, 7))

    def spikes(theta):
        return Relaxed(Mixture((Sigmoid(2.0), Arctan(4.0)), (theta[0], theta[1])))(x)

    def primitives(theta):
        one, other = Sigmoid(2.0).surrogate_fun(x), Arctan(4.0).surrogate_fun(x)
        return theta[0] * one + theta[1] * other

    theta = taped.array(np.asarray([0.3, 0.7]))
    learned, expected = (taped.gradient(f, theta) for f in (spikes, primitives))
    np.testing.assert_allclose(taped.numpy(learned), taped.numpy(expected), rtol=1e-14)


def test_one_array_has_the_weights_along_its_first_axis(taped):
    x, theta = taped.array(np.asarray([0.3])), taped.array(np.asarray([1.0, 2.0]))
    parts = (StraightThrough(), Scaled(StraightThrough(), 3.0))
    slope = taped.gradient(lambda t: Mixture(parts, t).surrogate_grad(x), theta)
    np.testing.assert_array_equal(taped.numpy(slope), [1.0, 3.0])


def test_its_arrays_are_leaves_in_jax():
    jax = pytest.importorskip("jax")
    array = jax.numpy.asarray([1.0, 2.0])
    mixture = Mixture((Sigmoid(array), Sigmoid()), (array, -0.5))
    assert len(jax.tree.leaves(mixture)) == 2
    moved = jax.grad(lambda mixture: mixture.surrogate_grad(array).sum())(mixture)
    expected = jax.grad(lambda w: (w * Sigmoid(array).surrogate_grad(array)).sum())(array)
    np.testing.assert_allclose(moved.weights[0], expected, rtol=1e-6)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")
def test_it_compiles_in_pytorch():
    torch = pytest.importorskip("torch")
    x = torch.linspace(-2, 2, 9, dtype=torch.float64, requires_grad=True)
    weight = torch.tensor(0.25, dtype=torch.float64, requires_grad=True)
    compressed = Compressed(HEAVY, "uint8")  # which searches for the peak

    def spikes(x, weight):
        spliced = Spliced(Sigmoid(3.0), Arctan(2.0))  # whose measures are NumPy's
        windowed = Windowed(Scaled(spliced, 0.5, shift=0.25), 1.0, normalise=True)
        numbers = Mixture((Windowed(Sigmoid(3.0), 1.5), Scaled(spliced, 2.0)), (0.5, 0.5))
        parts = (Sigmoid(2.0), Arctan(4.0), numbers, windowed)
        mixture = Mixture(parts, (weight, 1 - weight, weight, 0.5))
        return Relaxed(mixture)(x) + compressed(x)

    gradients = []
    for function in (spikes, torch.compile(spikes, fullgraph=True, backend="aot_eager")):
        cotangent = torch.linspace(1, 2, 9, dtype=torch.float64)
        gradients.append(torch.autograd.grad(function(x, weight), (x, weight), cotangent))
    for eager, compiled in zip(*gradients, strict=True):
        torch.testing.assert_close(compiled, eager, rtol=1e-12, atol=0)


def test_it_is_a_pytree():
    jax = pytest.importorskip("jax")
    mixture = Mixture((Sigmoid(jax.numpy.asarray([1.0, 2.0])), Arctan(4.0)), (0.5, 0.25))
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(mixture)]
    assert paths == [".surrogates.0.alpha"]
    x = jax.numpy.asarray([[0.3, 0.1], [0.0, 1.0]])
    slope = jax.jit(lambda s, x: s.surrogate_grad(x))(mixture, x)
    np.testing.assert_allclose(slope, mixture.surrogate_grad(x), rtol=1e-6)
    mapped = jax.vmap(lambda s, x: s.surrogate_grad(x), in_axes=(0, 1), out_axes=1)(mixture, x)
    np.testing.assert_allclose(mapped, mixture.surrogate_grad(x), rtol=1e-6)
    numbers = jax.tree_util.tree_map(lambda leaf: 3, mixture)
    assert repr(numbers) == repr(Mixture((Sigmoid(3.0), Arctan(4.0)), (0.5, 0.25)))
    assert numbers.surrogate_grad(0.0) == 0.5 * 0.75 + 0.25 * 2.0


def test_another_value_compiles_nothing_anew_in_jax():
    pytest.importorskip("jax")
    lifted = {Compressed(Mixture(HEAVY.surrogates, (w, 0.5)), "uint8").lifted() for w in (0.25, 1)}
    assert len({definition for definition, _ in lifted}) == 1


def test_learned_by_name():
    pytest.importorskip("torch")
    module = learnable(HEAVY, "weights", "surrogates.1.alpha", framework="torch")
    assert [*module.raw] == ["weights/0", "weights/1", "surrogates/1/alpha"]
    before = [float(w.detach()) for w in module.surrogate.weights]
    np.testing.assert_allclose(before, HEAVY.weights)
    assert float(module.surrogate.surrogates[1].alpha.detach()) == pytest.approx(1.0)
    outer = learnable(Mixture((HEAVY, Sigmoid()), (1.0, 2.0)), "weights", framework="torch")
    assert [*outer.raw] == ["weights/0", "weights/1"]


def test_a_name_that_occurs_twice():
    pytest.importorskip("torch")
    with pytest.raises(ValueError, match=r"surrogates\.0\.alpha, surrogates\.1\.alpha"):
        learnable(HEAVY, "alpha", framework="torch")
    module = learnable(Scaled(HEAVY), "rate", framework="torch")
    assert [*module.raw] == ["rate"]
