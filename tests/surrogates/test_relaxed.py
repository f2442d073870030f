"""Relaxed surrogates, besides their rows of the matrix of transforms."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate, real_parameters
from surrogates import Compressed, Relaxed, ReluGrad, Scaled, Sigmoid, Smooth, Ternary, Windowed
from surrogates._parameters import parameters as declared
from surrogates.definitions import SURROGATES


def test_relaxed_is_the_surrogate_in_numpy():
    x = np.asarray([-0.5, 0.0, 0.5, np.nan])
    surrogate = Sigmoid(np.asarray(2.0))
    np.testing.assert_array_equal(Relaxed(surrogate)(x), surrogate(x))
    np.testing.assert_array_equal(Relaxed(surrogate).surrogate_fun(x), surrogate.surrogate_fun(x))
    _, pullback = surrogates.vjp(Relaxed(surrogate), x)
    np.testing.assert_array_equal(pullback(np.ones(4)), surrogate.surrogate_grad(x))


def test_relaxed_measures_as_the_surrogate():
    inner = ReluGrad(alpha=0.5, width=2.0)
    outer = Relaxed(inner)
    for name in ("peak", "area", "width", "support"):
        assert getattr(outer, name) == getattr(inner, name)


def test_relaxed_is_equal_by_value_and_pickles():
    assert Relaxed(Sigmoid(2.0)) == Relaxed(Sigmoid(2.0)) != Relaxed(Sigmoid(3.0))
    assert pickle.loads(pickle.dumps(Relaxed(Sigmoid(2.0)))) == Relaxed(Sigmoid(2.0))
    assert repr(Relaxed(Sigmoid(2.0))) == "Relaxed(surrogate=Sigmoid(alpha=2.0))"


def test_relaxed_takes_a_surrogate():
    with pytest.raises(TypeError, match="Relaxed takes a surrogate"):
        Relaxed(lambda x: x)


def test_relaxed_spikes_are_exact_at_infinities_and_nan(torch):
    x = torch.tensor([-torch.inf, torch.inf, torch.nan, 1e30, 0.0], requires_grad=True)
    alpha = torch.tensor(2.0, requires_grad=True)
    spikes = Relaxed(Sigmoid(alpha))(x)
    np.testing.assert_array_equal(spikes.detach(), [0, 1, 0, 1, 1])
    spikes.sum().backward()
    np.testing.assert_array_equal(torch.isfinite(x.grad), [True, True, False, True, True])
    assert torch.isfinite(alpha.grad)


def test_relaxed_keeps_the_emission(torch):
    surrogate = Sigmoid(torch.tensor(2.0), at_threshold=0.5)
    assert Relaxed(surrogate)(torch.zeros(1)).item() == 0.5


@every_surrogate
def test_relaxed_gradient_to_x_is_that_of_the_surrogate_at_kinks_too(cls, torch):
    names = real_parameters(cls)
    if not names:
        pytest.skip("it has no parameter that may be an array")
    name = names[0]
    value = torch.tensor(getattr(cls(), name), dtype=torch.float64)
    surrogate = cls(**{name: value})
    x = torch.tensor([-1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0], dtype=torch.float64)
    x.requires_grad_()
    Relaxed(surrogate)(x).sum().backward()
    torch.testing.assert_close(x.grad, surrogate.surrogate_grad(x.detach()), rtol=1e-14, atol=0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_relaxed_emits_spikes_where_the_primitive_overflows(torch, dtype):
    delta_u = torch.tensor(0.1, dtype=getattr(torch, dtype), requires_grad=True)
    x = torch.tensor([0.1, 30.0, 1e3], dtype=getattr(torch, dtype))
    spikes = Relaxed(surrogates.ExpEscape(delta_u=delta_u))(x)
    assert spikes.tolist() == [1.0, 1.0, 1.0]
    spikes.sum().backward()
    assert torch.isfinite(delta_u.grad)


@pytest.mark.long
def test_relaxed_takes_a_number_under_jax_transforms(jax):
    spike = Relaxed(Sigmoid(jax.numpy.asarray(2.0)))
    expected = Sigmoid(2.0).surrogate_grad(0.3)
    np.testing.assert_allclose(jax.grad(spike)(0.3), expected, rtol=1e-12)
    np.testing.assert_allclose(jax.jvp(spike, (0.3,), (1.0,))[1], expected, rtol=1e-12)
    second = jax.hessian(lambda alpha: Relaxed(Sigmoid(alpha))(0.3))(2.0)
    rate = Sigmoid(2.0).surrogate_fun(0.3)
    np.testing.assert_allclose(second, 0.09 * rate * (1 - rate) * (1 - 2 * rate), rtol=1e-12)


def test_relaxed_has_the_threshold_of_the_surrogate_inside():
    inner = Sigmoid(at_threshold=0.0)
    assert Relaxed(inner)(0.0) == 0.0
    assert Relaxed(inner).at_threshold == 0.0
    with pytest.raises(TypeError, match="that of the surrogate inside"):
        Relaxed(inner, at_threshold=0.5)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_where_the_derivative_overflows_the_gradient_to_x_is_infinite_too(torch, dtype):
    p0 = torch.tensor(0.01, dtype=getattr(torch, dtype))
    x = torch.tensor([0.1, 12.3], dtype=getattr(torch, dtype), requires_grad=True)
    Relaxed(surrogates.ExpEscape(p0))(x).sum().backward()
    torch.testing.assert_close(x.grad, surrogates.ExpEscape(p0).surrogate_grad(x.detach()))
    assert x.grad[1] == float("inf")


FINITE_AREA = [cls for cls in SURROGATES.values() if np.isfinite(cls().area) and declared(cls)]


@pytest.mark.long("jax")
@pytest.mark.parametrize("cls", FINITE_AREA)
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_potential_at_the_end_of_the_range_does_not_spoil_the_gradient(cls, framework):
    names = real_parameters(cls)
    values = np.asarray([-3e38, -1e30, 1e30, 3e38], np.float32)
    for name in names:
        value = np.float32(getattr(cls(), name) or 0.25)
        if framework == "torch":
            torch = pytest.importorskip("torch")
            x = torch.tensor(values, requires_grad=True)
            parameter = torch.tensor(value, requires_grad=True)
            Relaxed(cls(**{name: parameter}))(x).sum().backward()
            found = [x.grad.numpy(), parameter.grad.numpy()]
        else:
            jax = pytest.importorskip("jax")
            function = lambda x, p: Relaxed(cls(**{name: p}))(x).sum()  # noqa: B023, E731
            x, parameter = jax.numpy.asarray(values), jax.numpy.asarray(value)
            found = jax.grad(function, argnums=(0, 1))(x, parameter)
        assert all(np.isfinite(gradient).all() for gradient in found), name
        # far out, all of the area is to the left, or none of it
        step = 1e-4 * float(value)
        around = [cls(**{name: float(value) + h}).area for h in (step, -step)]
        slope = 2 * (around[0] - around[1]) / (2 * step)
        np.testing.assert_allclose(found[1], slope, rtol=1e-4, atol=1e-6)


class DerivativeOnly(surrogates.Surrogate):
    beta: float = 2.0

    def derivative(self, xp, x):
        return self.beta / (1 + x * x)


def test_relaxed_parameters_need_a_primitive():
    assert Relaxed(DerivativeOnly())(0.5) == 1.0
    with pytest.raises(TypeError, match="defines no primitive"):
        Relaxed(DerivativeOnly(np.ones(3)))


# The gradients to parameters, as the area to the left of x changes with them.


def difference(function, value, step=1e-6):
    return (function(value + step) - function(value - step)) / (2 * step)


class Tall(surrogates.Surrogate):
    """A user's, whose primitive ends at a parameter."""

    height: float = surrogates.parameter(1.0, low=0.0)

    def derivative(self, xp, x):
        return self.height * (1 - xp.tanh(x) ** 2)

    def primitive(self, xp, x):
        return self.height * xp.tanh(x)


class Own(surrogates.Surrogate):
    """A user's, with a primitive of its own."""

    alpha: float = surrogates.parameter(1.0, low=0.0)

    def primitive(self, xp, x):
        return 0.5 + xp.atan(self.alpha * x)


def _slayer_area(p, x):
    return np.where(x < 0, np.exp(p * x), 2 - np.exp(-p * x)) / p


MOVES = {
    "shift of Scaled": (
        lambda p: Relaxed(Scaled(surrogates.Sigmoid(4.0), shift=p)),
        lambda p, x: 1 / (1 + np.exp(-4 * (x - p))),
        0.3,
    ),
    "amplitude of Scaled": (
        lambda p: Scaled(Relaxed(surrogates.Sigmoid(4.0)), amplitude=p),
        lambda p, x: p / (1 + np.exp(-4 * x)),
        0.3,
    ),
    "shift of SpikeRateEscape": (
        lambda p: Relaxed(surrogates.SpikeRateEscape(1.0, 0.5, p)),
        lambda p, x: np.where(x < p, np.exp(x - p) / 2, 1 - np.exp(p - x) / 2),
        0.25,
    ),
    "alpha of SlayerGrad": (
        lambda p: Compressed(Relaxed(surrogates.SlayerGrad(p))),
        lambda p, x: _slayer_area(p, x.astype(np.float16).astype(np.float64)),
        1.5,
    ),
    "alpha inside of two Scaled": (
        lambda p: Relaxed(Scaled(Scaled(surrogates.Sigmoid(p), shift=0.2), rate=2.0)),
        lambda p, x: 1 / (1 + np.exp(-p * (2 * x - 0.2))) / 2,
        1.5,
    ),
    "alpha of an own surrogate, scaled": (
        lambda p: Relaxed(Scaled(Own(p), amplitude=2.0, shift=0.2)),
        lambda p, x: 1 + 2 * np.arctan(p * (x - 0.2)),
        1.5,
    ),
    "height of an own surrogate": (
        lambda p: Relaxed(Tall(p)),
        lambda p, x: p * (1 + np.tanh(x)),
        1.5,
    ),
    "height of an own surrogate, scaled": (
        lambda p: Relaxed(Scaled(Tall(p), rate=2.0)),
        lambda p, x: p * (1 + np.tanh(2 * x)) / 2,
        1.5,
    ),
    "amplitude of what ends at a rounding error": (
        lambda p: Relaxed(Scaled(surrogates.ReluGrad(0.39, 3.0), amplitude=p, shift=0.3)),
        lambda p, x: p * (surrogates.ReluGrad(0.39, 3.0).surrogate_fun(x - 0.3) - 0.5 + 0.39 * 4.5),
        0.8,
    ),
    "shift where the area is infinite": (
        lambda p: Relaxed(Scaled(surrogates.StraightThrough(), amplitude=2.0, shift=p)),
        lambda p, x: 0.5 + 2 * (x - p),
        0.3,
    ),
    "threshold of Ternary": (
        lambda p: Ternary(surrogates.Sigmoid(2.0), p),
        lambda p, x: 1 / (1 + np.exp(-2 * x)) - 1 / (1 + np.exp(2 * (x + 2 * p))),
        0.4,
    ),
    "threshold of Ternary, scaled and relaxed": (
        lambda p: Relaxed(Scaled(Ternary(surrogates.Sigmoid(1.0), p), rate=2.0, amplitude=2.0)),
        lambda p, x: 1 / (1 + np.exp(-2 * x)) - 1 / (1 + np.exp(2 * (x + 2 * p))),
        0.4,
    ),
}


@pytest.mark.long("jax")
@pytest.mark.parametrize("name", MOVES)
def test_the_constant_of_the_primitive_does_not_leak(name, taped):
    surrogate, area, value = MOVES[name]
    x = np.asarray([-0.5, 0.1, 0.9])
    gradient = taped.gradient(
        lambda p: surrogate(p)(taped.array(x)), taped.array(np.asarray(value))
    )
    expected = difference(lambda p: area(p, x).sum(), value)
    np.testing.assert_allclose(taped.numpy(gradient), expected, rtol=1e-7)


def test_relaxed_in_half_precision(taped):
    x = taped.array(np.asarray([0.0, 1.0], np.float16))
    amplitude = taped.array(np.asarray(1e5))
    surrogate = lambda p: Relaxed(Scaled(surrogates.Sigmoid(4.0), amplitude=p))  # noqa: E731
    gradient = taped.gradient(lambda p: surrogate(p)(x), amplitude)
    expected = 0.5 + 1 / (1 + math.exp(-4))
    np.testing.assert_allclose(taped.numpy(gradient), expected, rtol=2e-3)
    slope = taped.numpy(
        taped.gradient(Relaxed(surrogates.Sigmoid(taped.array(np.asarray(1e6)))), x)
    )
    np.testing.assert_array_equal(slope, [np.inf, 0])


AROUND = {
    "scaled": lambda s: Scaled(s, 1.5, 2.0, 0.25),
    "windowed": lambda s: Windowed(s, 0.7),
    "windowed, normalised": lambda s: Windowed(s, 0.7, normalise=True),
    "windowed, scaled": lambda s: Scaled(Windowed(s, 0.7), 1.5, 2.0, 0.25),
    "mixture": lambda s: surrogates.Mixture((s, surrogates.Arctan(2.0)), (0.75, 0.5)),
    "spliced below": lambda s: surrogates.Spliced(s, surrogates.ReluGrad()),
    "spliced above": lambda s: surrogates.Spliced(surrogates.ReluGrad(), s),
    "smooth": Smooth,
    "smooth, scaled": lambda s: Scaled(Smooth(s), 1.5, 2.0, 0.25),
    "graded": lambda s: surrogates.Graded(s, 0.5, 2.0),
    "several": lambda s: surrogates.MultiSpike(s, 0.5),
    "compressed": Compressed,
}
LEAVES = ("Arctan", "InvSquareGrad", "Sigmoid", "SlayerGrad", "TanhGrad")


@pytest.mark.long("jax")
@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("around", AROUND)
def test_the_gradient_of_a_parameter_inside_is_that_of_the_whole_area(taped, around, leaf):

    def make(alpha):
        surrogate = AROUND[around](getattr(surrogates, leaf)(alpha))
        return surrogate if surrogate.relaxes else Relaxed(surrogate)

    # half precision has them all, and so has what is compressed
    values, step = np.asarray([-1.3125, -0.5625, -0.0625, 0.0625, 0.5625, 1.3125]), 1e-6
    x = taped.array(values)
    gradient = taped.gradient(lambda alpha: make(alpha)(x), taped.array(np.full(6, 2.0)))
    high, low = (make(2.0 + h).formula("area", np, values) for h in (step, -step))
    expected = (high - low) / (2 * step)
    np.testing.assert_allclose(taped.numpy(gradient), expected, rtol=1e-7, atol=1e-9)
