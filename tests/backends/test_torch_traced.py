"""What Dynamo traces in forward mode, exports, and compiles of parameters and what is kept."""

from __future__ import annotations

import math

import pytest

import surrogates
from laws import DECIDING
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


class Whole(surrogates.Surrogate):
    """Which emits what another method has computed, and no copy of it."""

    def derivative(self, xp, x):
        return 1 / (1 + x * x)

    def emit(self, x):
        return (x >= 0).to(x.dtype).to(x.dtype)


FUNCTIONS = {
    "number": Sigmoid(2.0),
    "array": Sigmoid(ALPHA),
    "a user's": Whole(),
    **{cls.__name__: cls(Sigmoid(2.0)) for cls in (*DECIDING, Compressed)},
    **{f"{cls.__name__} of an array": cls(Sigmoid(ALPHA)) for cls in (*DECIDING, Compressed)},
    "relaxed": Relaxed(Sigmoid(leaf(ALPHA))),
}


class Fresh(torch.fx.Interpreter):
    """Runs a graph, and tells whether its first result is also that of an operation before."""

    def run_node(self, n):
        result = super().run_node(n)
        if n.op == "output":
            first = result[0] if isinstance(result, tuple) else result
            first = first[0] if isinstance(first, tuple) else first
            self.is_fresh = sum(first is earlier for earlier in self.results) == 1
        else:
            self.results.append(result)
        return result


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_function_returns_is_no_intermediate(name):
    """Of which Dynamo of PyTorch 2.11 makes two results, of which the used one has no gradient."""
    seen = []

    def backend(module, arguments):
        for name, body in module.named_modules():
            if name.startswith("fwd_body"):
                fakes = [n.meta["example_value"] for n in body.graph.find_nodes(op="placeholder")]
                run = Fresh(body)
                run.results = []
                run.run(*(torch.zeros(fake.shape, dtype=fake.dtype) for fake in fakes))
                seen.append(run.is_fresh)
        return module.forward

    torch.compiler.reset()
    x = leaf(X)
    spikes = torch.compile(FUNCTIONS[name], fullgraph=True, backend=backend)(x)
    assert seen  # a body for each Function
    assert all(seen)
    (grad,) = torch.autograd.grad(spikes.sum(), x)
    torch.testing.assert_close(grad, FUNCTIONS[name].surrogate_grad(X))
