"""Other spikes than the step, other scales, and surrogates of your own."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import WITH_TAPE, assert_like, every_surrogate, generator, parameters
from surrogates.definitions import SURROGATES


@pytest.mark.parametrize("at_threshold", [0.0, 0.5, 1.0])
@every_surrogate
def test_at_threshold(cls, at_threshold, kind):
    x = kind.array(np.asarray([-1.0, -0.0, 0.0, 1.0, np.nan]))
    surrogate = cls(at_threshold=at_threshold)
    spikes = surrogate(x)
    assert_like(spikes, x, kind)
    expected = np.heaviside([-1.0, -0.0, 0.0, 1.0], at_threshold)
    np.testing.assert_array_equal(kind.numpy(spikes), [*expected, 0])
    np.testing.assert_array_equal(
        kind.numpy(surrogate.surrogate_grad(x)), kind.numpy(cls().surrogate_grad(x))
    )


V = np.asarray([-2.5, -1.0, -0.3, 0.4, 0.9, 1.0, 1.6, 2.0, 2.5, 3.7, 40.0])
EMISSIONS = [
    (surrogates.MultiSpike(surrogates.SlayerGrad()), np.maximum(np.floor(V), 0)),
    (
        surrogates.MultiSpike(surrogates.SlayerGrad(), max_spikes=3),
        np.clip(np.floor(V), 0, 3),
    ),
    (
        surrogates.MultiSpike(surrogates.SlayerGrad(), 1.0, 10, rounding="nearest", offset=0.5),
        np.clip(np.round(V - 1 + 0.5), 0, 10),
    ),
    (surrogates.Ternary(surrogates.SlayerGrad()), (V >= 1) * 1.0 - (V <= -1)),
    (surrogates.Ternary(surrogates.SlayerGrad(), threshold=0.0), np.sign(V - 1)),
]


@pytest.mark.parametrize(("surrogate", "expected"), EMISSIONS, ids=repr)
def test_other_emissions(surrogate, expected, kind):
    x = kind.array(V - 1.0)
    spikes = surrogate(x)
    assert_like(spikes, x, kind)
    np.testing.assert_array_equal(kind.numpy(spikes), expected)
    _, pullback = surrogates.vjp(surrogate, x)
    derivative = surrogate.surrogate_grad(V - 1.0)
    np.testing.assert_allclose(
        kind.numpy(pullback(kind.array(np.ones(V.shape)))), derivative, rtol=1e-13, atol=1e-300
    )


@pytest.mark.parametrize("taped", parameters(WITH_TAPE))
@pytest.mark.parametrize(("surrogate", "expected"), EMISSIONS, ids=repr)
def test_other_emissions_are_differentiated_as_the_surrogate(surrogate, expected, taped):
    if taped.missing():
        pytest.skip(taped.missing())
    x = taped.array(V - 1.0)
    gradient = taped.numpy(taped.gradient(surrogate, x))
    np.testing.assert_allclose(gradient, surrogate.surrogate_grad(V - 1.0), rtol=1e-13, atol=1e-300)


def test_ternary_has_both_thresholds():
    surrogate = surrogates.Ternary(surrogates.ReluGrad(alpha=1.0, width=0.5), threshold=1.0)
    v = np.asarray([-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(surrogate.surrogate_grad(v - 1), [0.5, 0.0, 0.5])
    assert surrogate.surrogate_fun(0.0) == 0.5


@pytest.mark.parametrize("arguments", [{"max_spikes": 0}, {"max_spikes": 1.5}, {"rounding": "up"}])
def test_multi_spike_refuses_nonsense(arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=f"MultiSpike: {name} must be"):
        surrogates.MultiSpike(surrogates.SlayerGrad(), **arguments)


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


@pytest.mark.parametrize("taped", parameters(WITH_TAPE))
def test_sample_is_differentiated_as_the_surrogate(taped):
    if taped.missing():
        pytest.skip(taped.missing())
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
        "ERF",
        "PiecewiseExp",
        "PiecewiseQuadratic",
        "QPseudoSpikeUnit",
        "Sigmoid",
        "SoftSign",
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


@every_surrogate
def test_scaled(cls):
    surrogate = cls()
    for peak, width in ((2.5, None), (None, 0.7), (2.5, 0.7)):
        finite = [np.isfinite(surrogate.peak), width is None or np.isfinite(surrogate.width)]
        if not all(finite):
            with pytest.raises(ValueError, match="nothing to scale by"):
                surrogates.rescaled(surrogate, peak=peak, width=width)
            continue
        changed = surrogates.rescaled(surrogate, peak=peak, width=width)
        np.testing.assert_allclose(changed.peak, peak or surrogate.peak)
        np.testing.assert_allclose(changed.width, width or surrogate.width)
        x = np.linspace(-2, 2, 41)
        rate = surrogate.width / width if width else 1.0
        factor = (peak or surrogate.peak) / surrogate.peak
        np.testing.assert_allclose(
            changed.surrogate_grad(x), factor * surrogate.surrogate_grad(rate * x), rtol=1e-13
        )
        assert abs(changed.surrogate_fun(0.0) - 0.5) < 1e-15


def test_scaled_wants_positive_numbers():
    with pytest.raises(ValueError, match="peak must be a positive finite number"):
        surrogates.rescaled(surrogates.Sigmoid(), peak=-1.0)


@pytest.mark.parametrize("by", ["peak", "width", "area"])
def test_matched(by):
    one, other = surrogates.InvSquareGrad(7.0), surrogates.GaussianGrad(0.3, 0.9)
    changed = surrogates.matched(one, other, by)
    np.testing.assert_allclose(getattr(changed, by), getattr(other, by))
    with pytest.raises(ValueError, match="by must be"):
        surrogates.matched(one, other, "shape")


def arctangent(x):
    from array_api_compat import array_namespace

    return 0.5 + array_namespace(x).atan(x)


class GradientOnly(surrogates.Surrogate):
    def surrogate_grad(self, x):
        return 1 / (1 + x * x)


class PrimitiveOnly(surrogates.Surrogate):
    def surrogate_fun(self, x):
        return arctangent(x)


OWN = [
    GradientOnly(),
    PrimitiveOnly(),
    surrogates.Custom(lambda x: 1 / (1 + x * x)),
    surrogates.Custom(fun=arctangent),
    surrogates.Custom(lambda x: 1 / (1 + x * x), arctangent, at_threshold=0.0),
]


@pytest.mark.parametrize("surrogate", OWN, ids=lambda s: type(s).__name__)
def test_your_own_surrogate(surrogate, kind):
    values = np.linspace(-3, 3, 9)
    x = kind.array(values)
    np.testing.assert_array_equal(
        kind.numpy(surrogate(x)), np.heaviside(values, surrogate.at_threshold)
    )
    expected = 1 / (1 + values**2)
    np.testing.assert_allclose(kind.numpy(surrogate.surrogate_grad(x)), expected, atol=1e-12)
    _, pullback = surrogates.vjp(surrogate, x)
    np.testing.assert_allclose(kind.numpy(pullback(kind.array(np.ones(9)))), expected, atol=1e-12)
    if kind in WITH_TAPE:
        np.testing.assert_allclose(kind.numpy(kind.gradient(surrogate, x)), expected, atol=1e-12)


# PyTorch's own forward mode imports the deprecated torch.jit
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_your_own_surrogate_to_second_order():
    torch = pytest.importorskip("torch")
    x = torch.linspace(-1, 1, 5, dtype=torch.float64)
    for surrogate in OWN:
        second = torch.func.hessian(lambda x: surrogate(x).sum())(x).diagonal()  # noqa: B023
        torch.testing.assert_close(second, -2 * x / (1 + x * x) ** 2, rtol=1e-9, atol=1e-12)


def test_what_is_not_defined_says_so():
    with pytest.raises(NotImplementedError, match=r"GradientOnly\(\) defines no primitive"):
        GradientOnly().surrogate_fun(np.ones(3))
    with pytest.raises(NotImplementedError, match="defines no peak"):
        surrogates.rescaled(GradientOnly(), peak=2.0)

    class Nothing(surrogates.Surrogate):
        pass

    with pytest.raises(NotImplementedError, match="defines no derivative"):
        Nothing().surrogate_grad(np.ones(3))
    with pytest.raises(TypeError, match="Custom takes one or two functions"):
        surrogates.Custom()


def test_central_difference_states_its_accuracy():
    x = np.linspace(-10, 10, 2001)
    surrogate = surrogates.Custom(fun=lambda x: np.tanh(3 * x))
    error = surrogate.surrogate_grad(x) - 3 / np.cosh(3 * x) ** 2
    assert np.max(np.abs(error)) < 1e-12
    single = surrogate.surrogate_grad(x.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, 3 / np.cosh(3 * x.astype(np.float32)) ** 2, atol=2e-6)


def test_array_parameters_inside_a_wrapper(kind):
    inner = surrogates.Sigmoid(kind.array(np.asarray([1.0, 2.0, 3.0])))
    surrogate = surrogates.Scaled(inner, amplitude=kind.array(np.asarray([1.0, 0.5, 0.25])))
    definition, arrays = surrogate.partition()
    assert len(arrays) == 2
    hash(definition)
    x = kind.array(np.full((2, 3), 0.3))
    expected = [
        a * surrogates.Sigmoid(k).surrogate_grad(0.3) for a, k in ((1, 1), (0.5, 2), (0.25, 3))
    ]
    np.testing.assert_allclose(
        kind.numpy(surrogate.surrogate_grad(x)), [expected, expected], rtol=1e-14
    )
    if kind in WITH_TAPE:
        gradient = kind.numpy(kind.gradient(surrogate, x))
        np.testing.assert_allclose(gradient, [expected, expected], rtol=1e-14)


class WithAttribute(surrogates.Surrogate):
    def __init__(self, alpha=2.0):
        super().__init__()
        self.alpha = alpha

    def surrogate_grad(self, x):
        return 1 / (1 + self.alpha * x * x)


class WithField(surrogates.Surrogate):
    alpha: float = 2.0

    def surrogate_grad(self, x):
        return 1 / (1 + self.alpha * x * x)


@pytest.mark.parametrize("cls", [WithAttribute, WithField])
def test_your_own_parameter_tells_surrogates_apart(cls):
    assert cls(1.0) == cls(1.0)
    assert hash(cls(1.0)) == hash(cls(1.0))
    assert cls(1.0) != cls(100.0)
    assert "alpha=100.0" in repr(cls(100.0))
    jax = pytest.importorskip("jax")
    slope = jax.jit(lambda s, x: jax.grad(s)(x), static_argnums=0)
    np.testing.assert_allclose(slope(cls(1.0), 0.5), 0.8)
    np.testing.assert_allclose(slope(cls(100.0), 0.5), 1 / 26)


def test_surrogates_with_arrays_are_equal_by_identity():
    alpha = np.ones(3)
    assert surrogates.Sigmoid(alpha) == surrogates.Sigmoid(alpha)
    assert hash(surrogates.Sigmoid(alpha)) == hash(surrogates.Sigmoid(alpha))
    assert surrogates.Sigmoid(alpha) != surrogates.Sigmoid(np.ones(3))


def test_a_class_where_a_surrogate_is_wanted():
    for wrapper in (surrogates.MultiSpike, surrogates.Ternary, surrogates.Scaled):
        with pytest.raises(TypeError, match="takes a surrogate such as"):
            wrapper(surrogates.Sigmoid)
    with pytest.raises(TypeError, match="other must be a surrogate"):
        surrogates.matched(surrogates.Sigmoid(), surrogates.ERF, by="width")
