"""Relaxed and learnable surrogates, besides their rows of the matrix of transforms."""

from __future__ import annotations

import pickle
import sys
import warnings

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate
from surrogates import Relaxed, ReluGrad, Scaled, Sigmoid, learnable
from surrogates._parameters import COUNT, parameters
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
    declared = parameters(cls)
    if not declared or declared[0].metadata["interval"] is COUNT:
        pytest.skip("it has no parameter that may be an array")
    name = declared[0].name
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


def test_relaxed_takes_a_number_under_jax_transforms(jax):
    spike = Relaxed(Sigmoid(jax.numpy.asarray(2.0)))
    expected = Sigmoid(2.0).surrogate_grad(0.3)
    np.testing.assert_allclose(jax.grad(spike)(0.3), expected, rtol=1e-12)
    np.testing.assert_allclose(jax.jvp(spike, (0.3,), (1.0,))[1], expected, rtol=1e-12)


def test_relaxed_has_the_threshold_of_the_surrogate_inside():
    inner = Sigmoid(at_threshold=0.0)
    assert Relaxed(inner)(0.0) == 0.0
    assert Relaxed(inner).at_threshold == 0.0
    with pytest.raises(TypeError, match="that of the surrogate inside"):
        Relaxed(inner, at_threshold=0.5)


def test_onnx_of_a_learnable_model_is_one_comparison_too(torch):
    pytest.importorskip("onnxscript")
    spike = learnable(Sigmoid(), "alpha", framework="torch").eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(spike, (torch.zeros(3),), dynamo=True, verbose=False)
    assert [node.op_type for node in program.model_proto.graph.node] == ["GreaterOrEqual", "Cast"]


@pytest.mark.parametrize(
    ("surrogate", "names", "message"),
    [
        (Sigmoid(), (), "name one or more of the real-valued parameters of Sigmoid"),
        (Sigmoid(), ("beta",), "which are alpha; got 'beta'"),
        (surrogates.StraightThrough(), ("alpha",), "which it does not have"),
        (surrogates.SquarewaveFourierSeries(), ("n",), "got 'n'"),
        (Sigmoid(), ("at_threshold",), "got 'at_threshold'"),
    ],
    ids=["no name", "no such name", "no parameter", "a count", "the emission"],
)
def test_what_cannot_be_learned(surrogate, names, message):
    with pytest.raises(ValueError, match=message):
        learnable(surrogate, *names, framework="torch")


def test_learnable_takes_a_surrogate_and_a_known_framework():
    with pytest.raises(TypeError, match="expected a surrogate"):
        learnable("sigmoid", "alpha")
    with pytest.raises(ValueError, match="got 'keras'"):
        learnable(Sigmoid(), "alpha", framework="keras")


@pytest.mark.parametrize("imported", [(), ("torch", "flax")])
def test_learnable_asks_where_it_cannot_know_the_framework(monkeypatch, imported):
    for name in ("torch", "flax", "equinox"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in imported:
        monkeypatch.setitem(sys.modules, name, object())
    with pytest.raises(ValueError, match='for instance framework="torch"'):
        learnable(Sigmoid(), "alpha")


def test_a_number_at_the_end_of_its_range_cannot_be_learned(torch):
    with pytest.raises(ValueError, match=r"window=0\.0 cannot be learned"):
        learnable(surrogates.HeavisideGrad(), "window", framework="torch")


def test_a_tensor_at_or_beyond_the_end_of_its_range_cannot_be_learned(torch):
    for surrogate in (Sigmoid(torch.tensor(-3.0)), Sigmoid(torch.tensor([1.0, 0.0]))):
        with pytest.raises(ValueError, match="start inside of its range"):
            learnable(surrogate, "alpha", framework="torch")


@pytest.mark.parametrize("framework", ["flax", "equinox"])
def test_learnable_arrays_in_jax(jax, framework):
    pytest.importorskip(framework)
    alphas = jax.numpy.asarray([1.0, 2.0, 3.0])
    module = learnable(Sigmoid(alphas), "alpha", framework=framework)
    np.testing.assert_allclose(module.surrogate.alpha, alphas, rtol=1e-12)
    shape = Scaled(Sigmoid(), amplitude=alphas)
    module = learnable(shape, "rate", framework=framework)
    x = jax.numpy.asarray([0.1, 0.2, -0.3])
    np.testing.assert_array_equal(module(x), [1, 1, 0])
    np.testing.assert_allclose(jax.grad(lambda x: module(x).sum())(x), shape.surrogate_grad(x))


def test_learnable_holds_its_other_tensors(torch):
    amplitude = torch.tensor([1.0, 2.0])
    module = learnable(Scaled(Sigmoid(), amplitude=amplitude), "rate", framework="torch")
    assert set(module.state_dict()) == {"raw.rate", "array0"}
    assert module.double().surrogate.amplitude.dtype == torch.float64
    shared = torch.nn.Parameter(amplitude)
    module = learnable(Scaled(Sigmoid(), amplitude=shared), "rate", framework="torch")
    assert shared in set(module.parameters())
    copied = pickle.loads(pickle.dumps(module))
    torch.testing.assert_close(copied.surrogate.amplitude, amplitude)


@pytest.mark.parametrize("cls", [Sigmoid, surrogates.QPseudoSpikeUnit])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_learnable_stays_in_range_in_half_precision(torch, cls, dtype):
    module = learnable(cls(), "alpha", framework="torch").to(getattr(torch, dtype))
    for raw in (-1e4, 1e4):
        torch.nn.init.constant_(module.raw["alpha"], raw)
        alpha = module.surrogate.alpha.item()
        assert (1.0 if cls is surrogates.QPseudoSpikeUnit else 0.0) < alpha < float("inf")
        x = torch.tensor([-0.5, 0.5], dtype=getattr(torch, dtype))
        assert module(x).tolist() == [0.0, 1.0]


def test_learnable_several_per_channel(torch):
    shape = Scaled(Sigmoid(), amplitude=torch.tensor([-1.0, 2.0]), rate=3.0)
    module = learnable(shape, "amplitude", "rate", framework="torch")
    assert {name for name, _ in module.named_parameters()} == {"raw.amplitude", "raw.rate"}
    torch.testing.assert_close(module.surrogate.amplitude, torch.tensor([-1.0, 2.0]))
    torch.testing.assert_close(module.surrogate.rate, torch.tensor(3.0))
    module(torch.tensor([[0.1, -0.2]])).sum().backward()
    assert module.raw["amplitude"].grad.shape == (2,)


def test_learnable_module_saves_and_moves_with_its_network(torch, tmp_path):
    network = torch.nn.Sequential(
        torch.nn.Linear(2, 2), learnable(Sigmoid(), "alpha", framework="torch")
    )
    torch.save(network.state_dict(), tmp_path / "network.pt")
    other = torch.nn.Sequential(
        torch.nn.Linear(2, 2), learnable(Sigmoid(1.0), "alpha", framework="torch")
    )
    other.load_state_dict(torch.load(tmp_path / "network.pt"))
    torch.testing.assert_close(other[1].surrogate.alpha, torch.tensor(4.0))
    assert network.double()[1].surrogate.alpha.dtype == torch.float64


def test_a_network_learns_its_surrogate(torch):
    torch.manual_seed(0)
    spike = learnable(Sigmoid(1.0), "alpha", framework="torch")
    x = torch.linspace(0.1, 1.0, 16)
    optimiser = torch.optim.Adam(spike.parameters(), lr=0.1)
    for _ in range(20):
        optimiser.zero_grad()
        (-spike(x)).sum().backward()  # larger where the primitive is steeper
        optimiser.step()
    assert spike.surrogate.alpha > 2.0


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_where_the_derivative_overflows_the_gradient_to_x_is_infinite_too(torch, dtype):
    p0 = torch.tensor(0.01, dtype=getattr(torch, dtype))
    x = torch.tensor([0.1, 12.3], dtype=getattr(torch, dtype), requires_grad=True)
    Relaxed(surrogates.ExpEscape(p0))(x).sum().backward()
    torch.testing.assert_close(x.grad, surrogates.ExpEscape(p0).surrogate_grad(x.detach()))
    assert x.grad[1] == float("inf")


FINITE_AREA = [cls for cls in SURROGATES.values() if np.isfinite(cls().area) and parameters(cls)]


@pytest.mark.parametrize("cls", FINITE_AREA)
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_potential_at_the_end_of_the_range_does_not_spoil_the_gradient(cls, framework):
    names = [p.name for p in parameters(cls) if p.metadata["interval"] is not COUNT]
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


def test_learnable_takes_a_list_of_names(torch):
    module = learnable(surrogates.GaussianGrad(0.5), ["sigma", "alpha"], framework="torch")
    assert set(module.raw) == {"sigma", "alpha"}


def test_learnable_refuses_what_has_no_gradient_and_says_what_to_do():
    with pytest.raises(ValueError, match=r"threshold has no gradient: .*v / threshold - 1"):
        learnable(surrogates.MultiSpike(Sigmoid()), "threshold", framework="torch")


def test_learnable_reaches_into_what_is_translated(torch):
    module = learnable(surrogates.from_library("spyx", "arctan"), "alpha", framework="torch")
    module(torch.tensor([0.5])).sum().backward()
    (raw,) = module.parameters()
    assert raw.grad.abs() > 0


class DerivativeOnly(surrogates.Surrogate):
    beta: float = 2.0

    def derivative(self, xp, x):
        return self.beta / (1 + x * x)


def test_relaxed_parameters_need_a_primitive():
    assert Relaxed(DerivativeOnly())(0.5) == 1.0
    with pytest.raises(TypeError, match="defines no primitive"):
        Relaxed(DerivativeOnly(np.ones(3)))
