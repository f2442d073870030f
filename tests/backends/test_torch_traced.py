"""What Dynamo traces in forward mode, exports, and compiles of parameters and what is kept."""

from __future__ import annotations

import math

import pytest

import surrogates
from surrogates import Arctan, Compressed, Relaxed, Sigmoid

torch = pytest.importorskip("torch")
from in_torch import WARNINGS, Each, by_dual, leaf  # noqa: E402

pytestmark = WARNINGS
X = torch.tensor([-1.5, -0.25, 0.0, 0.75], dtype=torch.float64)
ALPHA = torch.tensor(2.0, dtype=torch.float64)
FORMS = {
    "number": lambda alpha: Sigmoid(2.0),
    "array": Sigmoid,
    "relaxed": lambda alpha: Relaxed(Sigmoid(alpha)),
}
every_form = pytest.mark.parametrize("form", FORMS)


def compiled(function):
    torch.compiler.reset()
    return torch.compile(function, fullgraph=True, backend="eager")


@every_form
def test_compiled_forward_mode_is_differentiated_to_x(form):
    surrogate = FORMS[form](ALPHA)
    slopes = compiled(lambda x: by_dual(surrogate, x)[1])(X)
    torch.testing.assert_close(slopes, Sigmoid(2.0).surrogate_grad(X))


def test_compiled_forward_mode_is_differentiated_to_a_parameter():
    slope = compiled(lambda a: by_dual(lambda a: Relaxed(Sigmoid(a))(X).sum(), a)[1])(ALPHA)
    area = torch.sigmoid(ALPHA * X)
    torch.testing.assert_close(slope, (X * area * (1 - area)).sum())


@every_form
def test_what_dynamo_exports_is_differentiated_to_x(form):
    torch.compiler.reset()
    module = torch.export.export(Each(FORMS[form](ALPHA)), (X,), strict=True).module()
    x = leaf(X)
    spikes = module(x)[0]
    assert torch.equal(spikes.detach(), (X >= 0).double())
    (slopes,) = torch.autograd.grad(spikes.sum(), x)
    torch.testing.assert_close(slopes, Sigmoid(2.0).surrogate_grad(X))


def test_compiled_what_is_kept_compressed_has_the_gradients_of_eager():
    def gradients(transform):
        x, alpha = leaf(X / 3), leaf(ALPHA)
        spikes = transform(lambda x, alpha: Compressed(Relaxed(Arctan(alpha)))(x))(x, alpha)
        return torch.autograd.grad(spikes.sum(), (x, alpha))

    eager = gradients(lambda function: function)
    exact = Arctan(2.0).surrogate_grad(X / 3)
    assert (eager[0] - exact).abs().max() > 1e-5  # rounded, which tells the forms apart
    torch.testing.assert_close(gradients(compiled), eager)


class Own(surrogates.Surrogate):
    """Whose area is computed of its primitive."""

    alpha: float = surrogates.parameter(1.0)

    def derivative(self, xp, x):
        return self.alpha / (1 + (self.alpha * x) ** 2)

    def primitive(self, xp, x):
        return 0.5 + xp.atan(self.alpha * x)


def test_compiled_the_area_of_a_surrogate_of_your_own_is_computed_in_double_precision():
    areas = compiled(lambda x: x * Own(2.0).area_below)(X)
    torch.testing.assert_close(areas, math.pi / 2 * X, rtol=1e-15, atol=0.0)
