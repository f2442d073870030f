"""Random spikes: sample, and the firing probability."""

from __future__ import annotations

import math

import numpy as np
import pytest

import surrogates
from kinds import HALVES, Kind, assert_like, floats, generator, in_half
from surrogates import (
    Scaled,
    Sigmoid,
    Surrogate,
    backends,
)
from surrogates.definitions import SURROGATES


@pytest.mark.long("jax")
@pytest.mark.parametrize("name", ["Sigmoid", "ERF", "Arctan", "PiecewiseQuadratic"])
def test_sample_spikes_with_the_primitive_as_probability(name, kind):
    surrogate = SURROGATES[name]()
    levels = np.asarray([-0.7, -0.1, 0.3])
    x = kind.array(np.repeat(levels, 20_000).reshape(3, -1))
    spikes = surrogates.sample(surrogate, x, generator(kind))
    assert_like(spikes, x, kind)
    values = kind.numpy(spikes)
    assert set(np.unique(values)) == {0.0, 1.0}
    probability = surrogate.surrogate_fun(levels)
    # five standard deviations of a mean over 20 000 draws
    assert np.all(np.abs(values.mean(axis=1) - probability) < 5 * 0.5 / np.sqrt(20_000))
    again = kind.numpy(surrogates.sample(surrogate, x, generator(kind)))
    np.testing.assert_array_equal(values, again)


def test_sample_is_differentiated_as_the_surrogate(taped):
    x = taped.array(np.linspace(-1, 1, 7))
    surrogate = surrogates.Sigmoid()
    gradient = taped.gradient(lambda x: surrogates.sample(surrogate, x, generator(taped)), x)
    expected = surrogate.surrogate_grad(np.linspace(-1, 1, 7))
    np.testing.assert_allclose(taped.numpy(gradient), expected, rtol=1e-13)


def test_which_primitives_are_distribution_functions():
    found = {name for name, cls in SURROGATES.items() if cls().is_distribution}
    assert found == {
        "Arctan",
        "Boxcar",
        "Dspike",
        "ERF",
        "PiecewiseExp",
        "PiecewiseQuadratic",
        "QPseudoSpikeUnit",
        "Sigmoid",
        "SlantedBox",
        "SoftSign",
        "TwoSidedBox",
    }
    assert surrogates.GaussianGrad(alpha=1.0).is_distribution
    with pytest.raises(ValueError, match="be a density"):
        surrogates.sample(surrogates.SlayerGrad(), np.ones(3), np.random.default_rng())


def test_sample_wants_a_generator():
    with pytest.raises(TypeError, match=r"numpy\.random\.Generator"):
        surrogates.sample(surrogates.Sigmoid(), np.ones(3), 42)
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"torch\.Generator"):
        surrogates.sample(surrogates.Sigmoid(), torch.ones(3), np.random.default_rng())


SHIFTED = [
    (Scaled(surrogates.Sigmoid(4.0), shift=0.5), lambda x: 1 / (1 + np.exp(-4 * (x - 0.5)))),
    (Scaled(surrogates.Sigmoid(4.0), shift=-2.0), lambda x: 1 / (1 + np.exp(-4 * (x + 2)))),
    (
        surrogates.SpikeRateEscape(1.0, 0.5, 1.0),
        lambda x: np.where(x < 1, np.exp(-np.abs(x - 1)) / 2, 1 - np.exp(-np.abs(x - 1)) / 2),
    ),
    (
        surrogates.from_library("sinabs", "Gaussian", mu=0.5, grad_scale=1.0),
        lambda x: np.vectorize(lambda x: math.erfc(-(x - 0.5) / 0.5 / math.sqrt(2)) / 2)(x),
    ),
    (surrogates.InvSquareGrad(2.0), lambda x: 0.5 + x / (1 + 2 * np.abs(x))),
]


@pytest.mark.parametrize(("surrogate", "probability"), SHIFTED, ids=map(str, range(5)))
def test_the_firing_probability_is_the_area_to_the_left(surrogate, probability, kind):
    levels = np.asarray([-50.0, -0.5, 0.0, 0.7, 1.5, 50.0])
    if kind is Kind.DASK:
        pytest.skip("its blocks are NumPy's")
    x = kind.array(levels)
    area = surrogate.formula("area", surrogates.backends.of(x).namespace(x), x)
    np.testing.assert_allclose(kind.numpy(area), probability(levels), atol=1e-12)


class Lopsided(surrogates.Surrogate):
    """A density whose primitive carries a constant of its own."""

    def derivative(self, xp, x):
        return xp.exp(-xp.abs(x)) / 2

    def primitive(self, xp, x):
        return 7 + xp.where(x < 0, xp.exp(-xp.abs(x)) / 2, 1 - xp.exp(-xp.abs(x)) / 2)

    area = 1.0


def test_the_constant_of_a_primitive_is_no_probability():
    spikes = surrogates.sample(Lopsided(), np.full(20_000, -1.0), np.random.default_rng(0))
    assert abs(spikes.mean() - math.exp(-1) / 2) < 0.01
    assert abs(Lopsided().area_below - 0.5) < 1e-15


def test_probability_zero_never_spikes(monkeypatch):
    backend = surrogates.backends.of(np.zeros(1))
    monkeypatch.setattr(type(backend), "uniform", lambda self, g, x: np.zeros(x.shape))
    x = np.asarray([-1e5, -1.0, 0.0])
    spikes = surrogates.sample(surrogates.Boxcar(), x, np.random.default_rng(0))
    np.testing.assert_array_equal(spikes, [0, 0, 1])


@pytest.mark.parametrize(("half_kind", "half"), HALVES)
def test_rare_random_spikes_in_half_precision(half_kind, half):

    p = 3.35e-4  # the probability of Sigmoid(4) at -2
    count = 400_000
    x = in_half(np.full(count, -2.0), half, half_kind)
    spikes = surrogates.sample(surrogates.Sigmoid(4.0), x, generator(half_kind))
    assert spikes.dtype == x.dtype
    assert abs(floats(spikes, half_kind).sum() - p * count) < 5 * math.sqrt(p * count)
    certain = in_half(np.full(count, 60.0), half, half_kind)
    assert floats(
        surrogates.sample(surrogates.Sigmoid(4.0), certain, generator(half_kind)), half_kind
    ).all()


@pytest.fixture
def drawing(monkeypatch):
    """Let the generators of a kind of array draw one number only."""

    def draw(kind, x, number):
        backend = type(surrogates.backends.of(x))

        def uniform(self, generator, x):
            return kind.array(np.full(x.shape, number, kind.numpy(x).dtype))

        monkeypatch.setattr(backend, "uniform", uniform)

    return draw


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "surrogate",
    [surrogates.PiecewiseQuadratic(), surrogates.Boxcar(), Sigmoid(4.0)],
    ids=lambda s: type(s).__name__,
)
def test_sample_of_a_sure_spike_and_of_none(surrogate, dtype, kind, drawing):
    if kind is Kind.DASK:
        pytest.skip("its backend draws by chunks, and NumPy's compares")
    x = kind.array(np.asarray([-1e4, -2e3, 0.0, 2e3, 1e4], dtype))
    drawing(kind, x, 0.0)
    spikes = surrogates.sample(surrogate, x, None)
    assert_like(spikes, x, kind)
    np.testing.assert_array_equal(kind.numpy(spikes), [0, 0, 1, 1, 1])
    drawing(kind, x, 1 - np.finfo(dtype).epsneg)  # the largest number that may be drawn
    np.testing.assert_array_equal(
        kind.numpy(surrogates.sample(surrogate, x, None)), [0, 0, 0, 1, 1]
    )
    drawing(kind, x, 0.5)  # a number from [0, 1) is below 1/2 in half of all draws
    np.testing.assert_array_equal(
        kind.numpy(surrogates.sample(surrogate, x, None)), [0, 0, 0, 1, 1]
    )


@pytest.mark.parametrize(
    ("library", "message"),
    [
        ("numpy", r"numpy\.random\.Generator, such as numpy\.random\.default_rng\(0\), got 42"),
        ("torch", r"torch\.Generator, such as torch\.Generator\(\)\.manual_seed\(0\), got 42"),
        ("jax.numpy", r"key of JAX, such as jax\.random\.key\(0\), got 42"),
        ("mlx.core", r"key of MLX, such as mlx\.core\.random\.key\(0\), got 42"),
    ],
)
def test_a_wrong_generator_is_named(library, message):
    xp = pytest.importorskip(library)
    with pytest.raises(TypeError, match=f"generator must be a {message}"):
        surrogates.sample(Sigmoid(), xp.ones(3), 42)


class Unfinished(Surrogate):
    """A density whose primitive is NaN at infinity, and 0 at the threshold."""

    area = 1.0

    def derivative(self, xp, x):
        return 0.5 / (1 + xp.abs(x)) ** 2

    def primitive(self, xp, x):
        return 0.5 * x / (1 + xp.abs(x))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_primitive_that_is_nan_at_infinity_is_sampled_rightly():
    x = np.repeat([-1.0, 0.0, 1.0], 20_000).reshape(3, -1)
    rates = surrogates.sample(Unfinished(), x, np.random.default_rng(0)).mean(axis=1)
    np.testing.assert_allclose(rates, [0.25, 0.5, 0.75], atol=0.02)


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_parameters_that_may_be_traced_are_no_known_distribution(library):
    module = pytest.importorskip(library)
    one = module.numpy.asarray(1.0) if library == "jax" else module.tensor(1.0)
    assert surrogates.Sigmoid(one).is_distribution is True
    assert Scaled(surrogates.Sigmoid(), amplitude=one).is_distribution is False


def test_two_bumps_are_no_density():
    assert surrogates.Sigmoid().is_distribution
    assert not surrogates.Ternary(surrogates.Sigmoid()).is_distribution
    assert not Scaled(surrogates.Ternary(surrogates.Sigmoid())).is_distribution


def test_the_probability_of_another_surrogate(kind):
    x = kind.array(np.linspace(-1, 1, 101))
    inside = surrogates.ReluGrad(2.0, 0.5)
    spikes = surrogates.sample(inside, x, generator(kind), probability=surrogates.Sigmoid(4.0))
    expected = surrogates.sample(surrogates.Sigmoid(4.0), x, generator(kind))
    assert_like(spikes, x, kind)
    np.testing.assert_array_equal(kind.numpy(spikes), kind.numpy(expected))


@pytest.mark.long("jax")
def test_another_probability_leaves_the_gradient(taped):
    x = taped.array(np.linspace(-1, 1, 11))
    inside = surrogates.Scaled(surrogates.ReluGrad(2.0, 0.5), 3.0)

    def spikes(x):
        density = surrogates.Sigmoid(4.0)
        return surrogates.sample(inside, x, generator(taped), probability=density)

    slope = taped.numpy(taped.gradient(spikes, x))
    np.testing.assert_allclose(slope, taped.numpy(inside.surrogate_grad(x)), rtol=1e-15)


def test_probabilities_that_are_refused():
    x, rng = np.zeros(3), np.random.default_rng(0)
    for other in (0.5, "sigmoid", surrogates.Sigmoid):
        with pytest.raises(TypeError, match=r"sample: probability must be a surrogate .* got"):
            surrogates.sample(surrogates.Sigmoid(), x, rng, probability=other)
    for other in (surrogates.Boxcar(2.0, 1.0), surrogates.StraightThrough()):
        with pytest.raises(ValueError, match=r"not known to be a density .* choose one of area 1"):
            surrogates.sample(surrogates.Sigmoid(), x, rng, probability=other)
    several = surrogates.MultiSpike(surrogates.Sigmoid())
    with pytest.raises(TypeError, match="MultiSpike decides the emission"):
        surrogates.sample(surrogates.Sigmoid(), x, rng, probability=several)


@pytest.mark.parametrize("name", SURROGATES)
def test_the_area_to_the_left_of_nan_is_nan(name):
    nan = np.asarray([math.nan])
    assert np.isnan(
        SURROGATES[name]().formula("area", surrogates.backends.of(nan).namespace(nan), nan)
    )


def test_a_potential_that_is_nan_never_spikes():
    x = np.full(100, math.nan)
    for cls in SURROGATES.values():
        if cls().is_distribution:
            assert not surrogates.sample(cls(), x, np.random.default_rng(0)).any()


@pytest.mark.parametrize(("dtype", "bits"), [("float32", 24), ("float64", 53)])
def test_the_random_numbers_have_as_many_bits_as_is_said(dtype, bits, kind):
    x = kind.astype(kind.array(np.zeros(1000)), dtype)
    draws = kind.numpy(backends.of(x).uniform(generator(kind), x)).astype(np.float64)
    bits -= kind.library == "jax"
    assert (draws < 1).all()  # or there would be no spike for sure
    assert (draws * 2.0 ** (bits - 1) % 1 > 0).any()
    if not kind.on_gpu:  # small numbers of a GPU have more
        assert (draws * 2.0**bits % 1 == 0).all()


@pytest.mark.parametrize("use_reentrant", [True, False])
@pytest.mark.parametrize("made", ["default", "inside"])
def test_under_activation_checkpoints_the_gradient_is_that_of_the_spikes(use_reentrant, made):
    torch = pytest.importorskip("torch")

    def layer(w):
        seeded = torch.Generator().manual_seed(3)
        spikes = surrogates.sample(
            Sigmoid(), 0.1 * w, torch.default_generator if made == "default" else seeded
        )
        return spikes * w

    gradients = []
    for run in (
        layer,
        lambda w: torch.utils.checkpoint.checkpoint(layer, w, use_reentrant=use_reentrant),
    ):
        w = torch.ones(64, requires_grad=True)
        with torch.random.fork_rng([]):
            torch.manual_seed(5)
            run(w).sum().backward()
        gradients.append(w.grad)
    assert torch.equal(*gradients)
