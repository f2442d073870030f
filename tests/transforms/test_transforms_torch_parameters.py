"""PyTorch's rows of the matrix of transforms that are about parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import surrogates
from matrix import central_difference, rows

torch = pytest.importorskip("torch")
func, autograd = torch.func, torch.autograd
from torch.utils.checkpoint import checkpoint  # noqa: E402

from in_torch import (  # noqa: E402
    WARNINGS,
    backward,
    compiled,
    counted,
    leaf,
    numpy,
    potentials,
    total,
)

FRAMEWORK = "PyTorch"
pytestmark = WARNINGS


@rows("parameter: per-channel tensor, under vmap over x")
def test_channel_parameter(cell):
    alphas = torch.tensor(cell.value * np.linspace(1.0, 1.5, 4))
    x = potentials(cell).reshape(2, 4)
    expected = np.stack(
        [cell.at(float(a)).surrogate_grad(numpy(x[:, i])) for i, a in enumerate(alphas)], axis=1
    )
    cell.check(numpy(func.vmap(func.grad(total(cell.at(alphas))))(x)), expected, 1e-14)
    cell.check(numpy(backward(cell.at(alphas))(x)), expected, 1e-14)


@rows("parameter: vmapped tensor")
def test_vmapped_parameter(cell):
    alphas = torch.tensor(cell.value * np.linspace(1.0, 1.5, 3))
    x = potentials(cell)
    expected = np.stack([cell.at(float(a)).surrogate_grad(cell.x) for a in alphas])
    slopes = func.vmap(lambda alpha: func.grad(lambda x: cell.at(alpha)(x).sum())(x))
    cell.check(numpy(slopes(alphas)), expected, 1e-14)
    summed = func.grad(lambda x: func.vmap(lambda alpha: cell.at(alpha)(x))(alphas).sum())
    cell.check(numpy(summed(x)), expected.sum(axis=0), 1e-14)


@rows("the spike's gradient to a parameter is zero")
def test_parameter_gradient_is_zero(cell):
    x, alpha = potentials(cell), torch.tensor(cell.value, dtype=torch.float64)
    assert func.grad(lambda alpha: cell.at(alpha)(x).sum())(alpha) == 0.0
    loss = cell.at(leaf(alpha))(leaf(x)).sum()
    assert loss.requires_grad


def weight_gradient(cell, alpha):
    """Return the gradient of a loss to the weight of eight neurons with one weight."""
    x = potentials(cell)

    def loss(weight):
        return ((cell.at(alpha)(torch.tanh(weight * x) - 0.01) - 0.25 * x) ** 2).sum()

    return func.grad(loss)(torch.tensor(0.8, dtype=torch.float64))


@rows("hypergradient: weight gradient to each parameter")
def test_hypergradient(cell):
    for _ in cell.each():
        alpha = torch.tensor(cell.value, dtype=torch.float64)
        exact = central_difference(lambda alpha: weight_gradient(cell, alpha), alpha)
        cell.check(numpy(func.grad(lambda a: weight_gradient(cell, a))(alpha)), numpy(exact), 1e-8)


@rows("relaxed: gradient to x and to each parameter")
def test_relaxed(cell):
    for _ in cell.each():
        x, alpha = leaf(potentials(cell)), torch.tensor(cell.value, dtype=torch.float64)
        spikes = surrogates.Relaxed(cell.at(leaf(alpha)))(x)
        cell.check_spikes(numpy(spikes))
        spikes.sum().backward()
        cell.check(numpy(x.grad), cell.at(cell.value).surrogate_grad(cell.x), 1e-12)
        jacobian = func.jacrev(lambda a: surrogates.Relaxed(cell.at(a))(potentials(cell)))(alpha)
        cell.check(numpy(jacobian), cell.relaxed_derivative(), 1e-12)


def compiled_backward(f):
    def summed(alpha):
        alpha = leaf(alpha)
        (gradient,) = autograd.grad(compiled(f, "inductor")(alpha).sum(), alpha)
        return gradient

    return summed


# Each returns the derivative to alpha of the sum of f(alpha).
RELAXED = {
    "relaxed: func.jacfwd": lambda f: lambda a: func.jacfwd(f)(a).sum(),
    "relaxed: func.vmap of grad": lambda f: lambda a: func.vmap(func.grad(total(f)))(a[None])[0],
    "relaxed: backward over checkpoint": lambda f: backward(
        lambda a: checkpoint(f, a, use_reentrant=False)
    ),
    "relaxed: compile, Inductor": compiled_backward,
    "relaxed: compile of func.grad": lambda f: compiled(func.grad(total(f)), "aot_eager"),
}


@pytest.mark.long
@rows(*RELAXED)
def test_relaxed_transform(cell, transform):
    x, alpha = potentials(cell), torch.tensor(cell.value, dtype=torch.float64)
    surrogate, name = cell.surrogate, cell.parameter
    derivative = RELAXED[transform](
        lambda alpha: surrogates.Relaxed(replace(surrogate, **{name: alpha}))(x)
    )
    exact = cell.relaxed_derivative().sum()
    cell.check(numpy(derivative(alpha)), exact, 1e-11)


@pytest.mark.long
@rows("learnable, a torch.nn.Module: in range after wild steps, compiled once")
def test_learnable(cell):
    for name in cell.each():
        module = surrogates.learnable(cell.at(cell.value), name, framework="torch").double()
        raw = module.raw[name]
        np.testing.assert_allclose(getattr(module.surrogate, name).item(), cell.value, rtol=1e-6)
        with torch.no_grad():
            raw.copy_(cell.raw())
        step, counter = counted(module)
        spikes = step(leaf(potentials(cell)))
        cell.check_spikes(numpy(spikes))
        spikes.sum().backward()
        gradient = torch.zeros(()) if raw.grad is None else raw.grad
        cell.check(numpy(gradient.sum()), cell.raw_gradient(), 1e-11)  # of one element
        count = counter.frame_count
        for maximize in (False, True):
            raw.grad = torch.ones_like(raw)
            torch.optim.SGD(module.parameters(), lr=1e6, maximize=maximize).step()
            cell.require_in_range(getattr(module.surrogate, name).item())
            cell.check_spikes(numpy(step(leaf(potentials(cell)))))
        assert counter.frame_count == count
