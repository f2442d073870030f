"""Modules that learn, compiled: Dynamo puts what they compute into its graph unread."""

from __future__ import annotations

import copy
import pickle
from typing import ClassVar

import pytest

import surrogates
from surrogates import Arctan, Compressed, LogisticRamp, Scaled, Sigmoid, TanhGrad, learnable

torch = pytest.importorskip("torch")
from in_torch import WARNINGS, by_dual, counted, guards, leaf  # noqa: E402

pytestmark = WARNINGS
X = torch.tensor([-1.5, -0.25, 0.0, 0.75])


def module(surrogate, *names):
    return learnable(surrogate, *names, framework="torch")


def gradients(spike, numbers, x=X):
    x = leaf(x)
    spikes = spike(x)
    return spikes.detach(), *torch.autograd.grad(spikes, (x, *numbers), 1 + x.detach() ** 2)


def compiled(function, backend="aot_eager"):
    torch.compiler.reset()
    return torch.compile(function, fullgraph=True, backend=backend)


@pytest.mark.parametrize("surrogate", [Sigmoid(2.0), Arctan(2.0)], ids=["Sigmoid", "Arctan"])
def test_compiled_guards_do_not_grow_with_what_is_computed(surrogate):
    spike = module(surrogate, "alpha")
    found = guards(lambda x: spike(x), leaf(X))
    assert len(found) <= 56, f"{len(found)}; with PyTorch 2.13 it had 53:\n" + "\n".join(found)


@pytest.mark.long
@pytest.mark.parametrize(
    ("backend", "dtype"),
    [
        ("eager", torch.float32),
        ("aot_eager", torch.float64),
        ("aot_eager", torch.bfloat16),
        ("inductor", torch.float32),
    ],
    ids=str,
)
def test_compiled_gradients_are_those_of_eager(backend, dtype):
    for surrogate, *names in (
        (Sigmoid(2.0), "alpha"),
        (TanhGrad(2.0), "alpha"),  # whose area is scaled by its parameter
        (Scaled(LogisticRamp(3.0, 2.0), rate=0.5), "surrogate.scale", "rate", "surrogate.alpha"),
    ):
        spike = module(surrogate, *names)
        numbers = [*spike.parameters()]
        ours = gradients(compiled(lambda x, spike=spike: spike(x), backend), numbers, X.to(dtype))
        torch.testing.assert_close(ours, gradients(spike, numbers, X.to(dtype)))


def test_two_surrogates_in_one_compiled_function_are_told_apart():
    step, counter = counted(lambda spike, x: spike(x))
    spikes = [module(s, "alpha") for s in (Sigmoid(2.0), Arctan(2.0), Sigmoid(2.0, at_threshold=0))]
    for spike in (*spikes, *spikes):
        numbers = [*spike.parameters()]
        ours = gradients(lambda x, spike=spike: step(spike, x), numbers)
        torch.testing.assert_close(ours, gradients(spike, numbers))
    assert counter.frame_count == 3


def test_equal_modules_and_copies_compile_once():
    step, counter = counted(lambda spike, x: spike(x))
    spike = module(Sigmoid(2.0), "alpha")
    copies = [copy.deepcopy(spike), copy.copy(spike), pickle.loads(pickle.dumps(spike))]
    for other in (spike, module(Sigmoid(3.0), "alpha"), *copies):
        numbers = [*other.parameters()]
        ours = gradients(lambda x, other=other: step(other, x), numbers)
        torch.testing.assert_close(ours, gradients(other, numbers))
    assert counter.frame_count == 1


class Changing(surrogates.Surrogate):
    """Whose formula reads what changes, so that it is not declared traceable."""

    height: ClassVar = 1.0
    follows_product: ClassVar = {"alpha": 1}
    alpha: float = surrogates.parameter(1.0)

    def derivative(self, xp, x):
        return self.height * self.alpha * (1 - xp.tanh(self.alpha * x) ** 2)

    def primitive(self, xp, x):
        return self.height * xp.tanh(self.alpha * x)


def test_a_formula_that_may_read_what_changes_is_read_by_dynamo():
    spike = module(Changing(2.0), "alpha")
    numbers = [*spike.parameters()]
    step = compiled(lambda x: spike(x))
    try:
        for Changing.height in (1.0, 3.0):
            torch.testing.assert_close(gradients(step, numbers), gradients(spike, numbers))
    finally:
        Changing.height = 1.0


@pytest.mark.parametrize("is_recorded", [False, True])
def test_compiled_without_a_gradient_of_its_own(is_recorded):
    spike = module(Sigmoid(2.0), "alpha").requires_grad_(False)
    step = compiled(lambda x: spike(x))
    if is_recorded:
        torch.testing.assert_close(gradients(step, ()), gradients(spike, ()))
    else:
        with torch.no_grad():
            assert torch.equal(step(X), spike(X))


@pytest.mark.long
@pytest.mark.parametrize("surrogate", [Sigmoid(2.0), Compressed(Sigmoid(2.0), "float16")], ids=str)
def test_what_observes_it_takes_the_form_that_it_needs(surrogate):
    spike = module(surrogate, "surrogate.alpha" if surrogate.residual_dtype else "alpha")
    numbers = [*spike.parameters()]
    slopes = Sigmoid(2.0).surrogate_grad(X.half().float() if surrogate.residual_dtype else X)
    torch.testing.assert_close(compiled(lambda x: by_dual(spike, x)[1])(X), slopes)
    derivative = torch.func.grad(lambda x: spike(x).sum())
    torch.testing.assert_close(compiled(lambda x: derivative(x))(X), slopes)
    torch.compiler.reset()
    exported = torch.export.export(spike, (X,), strict=True).module()
    ours = gradients(exported, [*exported.parameters()])
    torch.testing.assert_close(ours, gradients(spike, numbers))
