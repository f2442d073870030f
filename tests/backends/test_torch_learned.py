"""Eager PyTorch with parameters that are learned: where no program tells the gradient."""

from __future__ import annotations

from typing import ClassVar

import pytest

import surrogates
from surrogates import MultiSpike, Relaxed, Scaled, Sigmoid

torch = pytest.importorskip("torch")

from surrogates.backends._torch import program, relaxed  # noqa: E402


class Ramp(surrogates.Surrogate):
    """Whose area follows beta * x, of a beta that may be 0."""

    traceable = True
    follows_product: ClassVar = {"beta": 1}
    beta: float = surrogates.parameter(1.0)
    area = area_below = float("inf")

    def derivative(self, xp, x):
        return self.beta + 0 * x

    def primitive(self, xp, x):
        return 0.5 + self.beta * x


class Twice(surrogates.Surrogate):
    """Whose area follows alpha * beta * x, so that both have the same terms."""

    traceable = True
    follows_product: ClassVar = {"alpha": 1, "beta": 1}
    alpha: float = surrogates.parameter(1.0)
    beta: float = surrogates.parameter(1.0)

    def derivative(self, xp, x):
        return self.alpha * self.beta / (1 + (self.alpha * self.beta * x) ** 2)

    def primitive(self, xp, x):
        return 0.5 + xp.atan(self.alpha * self.beta * x)


class Inverse(surrogates.Surrogate):
    """Whose primitive is no program, since a graph has no asinh."""

    traceable = True
    beta: float = surrogates.parameter(1.0)

    def derivative(self, xp, x):
        return self.beta / xp.sqrt(1 + (self.beta * x) ** 2)

    def primitive(self, xp, x):
        return 0.5 + xp.asinh(self.beta * x)


class ScaledInverse(Inverse):
    """The same over beta: the form of its gradient needs the area."""

    traceable = True
    follows_product: ClassVar = {"beta": 1}
    scales_area: ClassVar = {"beta": -1}

    def derivative(self, xp, x):
        return 1 / xp.sqrt(1 + (self.beta * x) ** 2)

    def primitive(self, xp, x):
        return 0.5 + xp.asinh(self.beta * x) / self.beta


def as_module(surrogate, name):
    module = surrogates.learnable(surrogate, name, framework="torch")
    return module, module.raw[name]


def as_tensor(surrogate, name):
    value = torch.tensor(getattr(surrogate, name), requires_grad=True)
    with_tensor = {f: getattr(surrogate, f) for f in ("surrogate",) if hasattr(surrogate, f)}
    return Relaxed(type(surrogate)(**with_tensor, **{name: value})), value


both = pytest.mark.parametrize("make", [as_module, as_tensor])


def gradients(spike, x, *parameters, cotangent=1.0):
    x = torch.tensor(x, requires_grad=True)
    spikes = spike(x)
    return torch.autograd.grad(spikes, (x, *parameters), torch.full_like(x, cotangent))


@pytest.fixture
def answers(monkeypatch):
    """Return whether a program told the gradients, of each backward that was run."""
    found = []

    def watched(function):
        def call(*arguments):
            found.append(function(*arguments))
            return found[-1]

        return call

    for name in ("learned_gradients", "relaxed_gradients"):
        monkeypatch.setattr(relaxed, name, watched(getattr(program, name)))
    return found


@both
def test_at_a_parameter_of_0_the_gradient_is_not_the_quotient_by_it(make, answers):
    spike, beta = make(Ramp(0.0), "beta")
    of_x, of_beta = gradients(spike, [0.3, 0.5, -0.1], beta)
    assert answers[0] is None
    assert not of_x.any()
    assert of_beta.item() == pytest.approx(0.3 + 0.5 - 0.1)


@both
def test_far_out_the_gradient_of_a_parameter_leaves_out_what_overflows(make, answers):
    spike, shift = make(Scaled(Sigmoid(4.0), shift=0.0), "shift")
    of_x, of_shift = gradients(spike, [0.3, 1e25, -0.1], shift)
    slopes = Sigmoid(4.0).surrogate_grad(torch.tensor([0.3, 1e25, -0.1]))
    assert answers[0] is None
    torch.testing.assert_close(of_x, slopes)
    assert of_shift.item() == pytest.approx(-slopes.sum().item())


@both
def test_a_gradient_beyond_the_range_of_the_dtype_is_infinite(make, answers):
    spike, alpha = make(Sigmoid(1.0), "alpha")
    of_x, of_alpha = gradients(spike, [1.0] * 8, alpha, cotangent=3e38)
    assert answers[0] is None
    torch.testing.assert_close(of_x, 3e38 * Sigmoid(1.0).surrogate_grad(torch.ones(8)))
    assert of_alpha.item() == torch.inf


@both
@pytest.mark.parametrize("cls", [Inverse, ScaledInverse])
def test_a_primitive_that_is_no_program_is_differentiated_by_pytorch(make, cls, answers):
    spike, beta = make(cls(2.0), "beta")
    of_x, of_beta = gradients(spike, [0.3, -0.7], beta)
    x = torch.tensor([0.3, -0.7])
    size = torch.sqrt(1 + (2 * x) ** 2)
    expected = {
        Inverse: (2 / size, x / size),
        ScaledInverse: (1 / size, x / size / 2 - torch.asinh(2 * x) / 4),
    }[cls]
    assert answers[0] is None
    torch.testing.assert_close(of_x, expected[0])
    torch.testing.assert_close(of_beta.sum(), expected[1].sum())


def test_parameters_with_the_same_terms_have_each_its_gradient(answers):
    values = torch.tensor(2.0, requires_grad=True), torch.tensor(-0.5, requires_grad=True)
    module = surrogates.learnable(Twice(2.0, -0.5), "alpha", "beta", framework="torch")
    for spike, given in ((Relaxed(Twice(*values)), values), (module, tuple(module.parameters()))):
        x = torch.tensor([0.3, 0.5, -0.2])
        _, of_alpha, of_beta = gradients(spike, x.tolist(), *given)
        terms = (x / (1 + x * x)).sum().item()  # alpha * beta is -1
        assert answers.pop() is not None
        assert of_alpha.item() == pytest.approx(-0.5 * terms)
        assert of_beta.item() == pytest.approx(2.0 * terms)


def test_what_is_no_longer_trained_leaves_the_gradient_of_the_rest():
    surrogate, x = Scaled(Sigmoid(2.0), 3.0), [0.3, 0.5, -0.2]
    module = surrogates.learnable(surrogate, "amplitude", "alpha", framework="torch")
    numbers = dict(module.raw.items())
    found = dict(zip(numbers, gradients(module, x, *numbers.values())[1:], strict=True))
    for name, other in (("amplitude", "surrogate/alpha"), ("surrogate/alpha", "amplitude")):
        numbers[name].requires_grad_(False)
        (of_other,) = gradients(module, x, numbers[other])[1:]
        torch.testing.assert_close(of_other, found[other], rtol=1e-5, atol=0.0)
        numbers[name].requires_grad_(True)


def test_a_module_in_double_takes_x_in_single(answers):
    module = surrogates.learnable(Sigmoid(2.0), "alpha", framework="torch").double()
    x = [0.3, 0.5, -0.2]
    assert module(torch.tensor(x)).dtype is torch.float32
    of_x, of_raw = gradients(module, x, module.raw["alpha"])
    slopes = Sigmoid(2.0).surrogate_grad(torch.tensor(x))
    assert of_x.dtype is torch.float32
    assert of_raw.dtype is torch.float64
    torch.testing.assert_close(of_x, slopes)
    # raw is the logarithm of alpha
    assert of_raw.item() == pytest.approx((torch.tensor(x) * slopes).sum().item(), rel=1e-6)


@pytest.mark.parametrize("wrap", [lambda s: s, MultiSpike], ids=["step", "several"])
def test_a_module_emits_the_same_where_nothing_is_recorded(wrap):
    name = "surrogate.alpha" if wrap is MultiSpike else "alpha"
    module = surrogates.learnable(wrap(Sigmoid(2.0)), name, framework="torch")
    x = torch.tensor([-0.5, 0.0, 0.5, 2.5])
    expected = wrap(Sigmoid(2.0))(x)
    recorded = module(x)
    assert recorded.requires_grad
    with torch.no_grad():
        spikes = module(x)
    assert not spikes.requires_grad
    assert spikes.tolist() == recorded.tolist() == expected.tolist()
