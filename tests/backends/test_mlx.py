"""MLX: where its functions differ from those of others, and its arrays among numbers."""

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate
from surrogates import (
    Arctan,
    LeakyRelu,
    Mixture,
    MultiGaussianGrad,
    MultiSpike,
    Relaxed,
    ReluGrad,
    Scaled,
    Sigmoid,
    SlayerGrad,
)

MIXED = {
    "a weight": lambda p: Mixture((Sigmoid(2.0), SlayerGrad(2.0)), (p, 1.0)),
    "a part": lambda p: Mixture((Sigmoid(2.0), SlayerGrad(p)), (1.0, 2.0)),
    "a negative weight": lambda p: Mixture((Sigmoid(p), Sigmoid(1.0)), (-0.1, 2.0)),
    "a part without an area": lambda p: Mixture((LeakyRelu(), Sigmoid(2.0)), (1.0, p)),
    "an amplitude": lambda p: Scaled(MultiGaussianGrad(), p),
    "one slope": lambda p: LeakyRelu(alpha=p, beta=-0.01),
    "one height": lambda p: MultiGaussianGrad(h=p),
}


@pytest.fixture
def mx():
    mlx = pytest.importorskip("mlx.core")
    mlx.set_default_device(mlx.cpu)
    return mlx


@pytest.mark.parametrize("mixed", MIXED.values(), ids=MIXED)
def test_arrays_and_numbers_meet_in_the_conditions_of_measures(mx, mixed):
    values = np.asarray([1.3, 0.7], np.float32)
    negative = mixed(mx.array(values))._negative
    np.testing.assert_array_equal(np.asarray(negative), mixed(values)._negative)


@pytest.mark.parametrize("mixed", MIXED.values(), ids=MIXED)
def test_a_relaxed_gradient_takes_arrays_and_numbers(mx, mixed):
    values = np.asarray([1.3, 0.7], np.float32)
    x = np.asarray([[-1.2, 0.3], [0.7, 0.1]], np.float32)

    def loss(p, x):
        return Relaxed(mixed(p))(x).sum()

    of_p, of_x = mx.grad(loss, argnums=(0, 1))(mx.array(values), mx.array(x))
    wide = values.astype(np.float64)
    step = 1e-5
    above, below = (mixed(wide + s).formula("area", np, x.astype(float)) for s in (step, -step))
    expected = (above - below).sum(axis=0) / (2 * step)
    np.testing.assert_allclose(np.asarray(of_p), expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(np.asarray(of_x), mixed(wide).surrogate_grad(x), rtol=1e-4)


@pytest.mark.long
@every_surrogate
def test_at_the_threshold_derivatives_of_high_order_are_those_of_jax(mx, jax, cls):
    """MLX's abs has slope 0 at 0, and lost the curvature of an even function of it."""
    by_mlx, by_jax = cls(), cls()
    for _ in range(3):
        by_mlx, by_jax = mx.grad(by_mlx), jax.grad(by_jax)
        found, expected = by_mlx(mx.array(0.0)), by_jax(jax.numpy.float32(0.0))
        np.testing.assert_allclose(found.item(), expected, rtol=1e-5, atol=1e-6)


def test_the_size_of_negative_zero_is_zero(mx):
    xp = surrogates.backends.of(mx.array(0.0)).namespace(mx.array(0.0))
    size = np.asarray(xp.abs(mx.array([-0.0, 0.0, -2.0, 3.0, -np.inf, np.nan])))
    np.testing.assert_array_equal(size, [0.0, 0.0, 2.0, 3.0, np.inf, np.nan])
    assert not np.signbit(size[0])


@pytest.mark.parametrize("axes", [(0, None), (0, 0), (None, 0)])
def test_vmap_over_an_axis_of_length_0_gives_one(mx, axes):
    x, p = (mx.zeros((0, 3)) if axis == 0 else mx.ones(3) for axis in axes)
    spikes = mx.vmap(lambda x, p: surrogates.SlayerGrad(alpha=p)(x), in_axes=axes)(x, p)
    assert spikes.shape == (0, 3)


def test_a_parameter_is_mapped_with_its_own_rank(mx):
    alpha, x = np.asarray([1.0, 4.0], np.float32), np.asarray([[-0.5, 0.2], [0.1, 0.9]], np.float32)
    spikes = mx.vmap(lambda a, x: Sigmoid(a)(x))  # by our rule, since it is differentiated later
    gradient = mx.grad(lambda x: spikes(mx.array(alpha), x).sum())
    mapped = np.asarray(gradient(mx.array(x)))
    expected = [Sigmoid(float(a)).surrogate_grad(row) for a, row in zip(alpha, x, strict=True)]
    np.testing.assert_allclose(mapped, np.stack(expected), rtol=1e-5)


def test_a_key_draws_the_same_again_and_another_key_other_spikes(mx):
    x = mx.zeros(200)
    one, again, other = (
        np.asarray(surrogates.sample(Sigmoid(), x, mx.random.key(seed))) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


@pytest.mark.parametrize(
    "surrogate",
    [
        Arctan(),
        pytest.param(ReluGrad(), marks=pytest.mark.long),
        pytest.param(Mixture((Sigmoid(2.0), SlayerGrad(2.0)), (0.5, 1.0)), marks=pytest.mark.long),
        pytest.param(MultiSpike(Sigmoid()), marks=pytest.mark.long),
    ],
    ids=lambda surrogate: type(surrogate).__name__,
)
def test_compiled_spikes_and_derivatives_are_those_of_the_formulas(mx, surrogate):
    first = mx.grad(lambda x: surrogate(x).sum())
    second = mx.grad(lambda x: first(x).sum())

    def everything(x):  # in one, since each compilation is one of C++
        return surrogate(x), first(x), second(x)

    x = np.linspace(-1.95, 3.1, 41, dtype=np.float32)
    spikes, gradient, curvature = mx.compile(everything)(mx.array(x))
    np.testing.assert_array_equal(np.asarray(spikes), surrogate(x))
    exact = surrogate.surrogate_grad(x.astype(np.float64))
    np.testing.assert_allclose(np.asarray(gradient), exact, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.asarray(curvature), second(mx.array(x)), rtol=1e-4, atol=1e-5)
    assert np.abs(np.asarray(curvature)).max() > 0.0


def test_a_compiled_function_takes_another_alpha(mx):
    def loss(alpha, x):
        return Relaxed(Sigmoid(alpha))(x).sum()

    x = mx.array(np.linspace(-1.0, 1.0, 5, dtype=np.float32) + 0.1)
    gradient = mx.grad(loss, argnums=(0, 1))
    compiled = mx.compile(gradient)
    for alpha in (mx.array(2.0), mx.array(4.0)):
        for found, expected in zip(compiled(alpha, x), gradient(alpha, x), strict=True):
            np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-5)
