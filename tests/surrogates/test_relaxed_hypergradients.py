"""The gradient to x of a relaxed surrogate, differentiated to a parameter."""

from __future__ import annotations

import numpy as np
import pytest

from kinds import Kind, parameters, required
from surrogates import (
    Compressed,
    ExpEscape,
    GaussianGrad,
    Mixture,
    Relaxed,
    Scaled,
    Sigmoid,
    Smooth,
    StraightThrough,
    Windowed,
)

TAPED = parameters(kind for kind in Kind if kind.differentiates)


def twice(kind, first, second, x, p):
    """Return the gradient to x of ``first(x, p)``, differentiated to p, and that of `second`."""
    functions = (lambda p: kind.grad(lambda x: first(x, p))(x), lambda p: second(x, p))
    return [kind.numpy(kind.grad(function)(p)) for function in functions]


def negative(kind):
    """Return what cannot be made a density: its area is NaN, and so is its derivative."""
    height = kind.array(np.asarray(-5.0, np.float32))
    return Windowed(GaussianGrad(0.5, height), normalise=True)


WITHOUT_AREA = {
    "NaN": (lambda p, kind: Mixture((negative(kind), Sigmoid()), (1.0, p)), 0.0, 3.0),
    "overflows": (lambda p, kind: Scaled(Scaled(StraightThrough(), p), 1e15), 1e9, 1e15),
    "overflows with its slope": (lambda p, kind: ExpEscape(p), 89.0, 1.0),
}


@pytest.mark.long("jax")
@pytest.mark.parametrize("relax", [Relaxed, Smooth, lambda s: Compressed(Relaxed(s))])
@pytest.mark.parametrize("name", WITHOUT_AREA)
@pytest.mark.parametrize("kind", TAPED)
def test_where_the_area_is_no_number_the_gradient_to_x_still_has_its_gradient(kind, name, relax):
    required(kind)
    make, x, value = WITHOUT_AREA[name]
    x, value = (kind.array(np.asarray([v], np.float32)) for v in (x, value))
    found, exact = twice(
        kind,
        lambda x, p: relax(make(p, kind))(x),
        lambda x, p: make(p, kind).surrogate_grad(x),
        x,
        value,
    )
    assert exact > 0
    half = 2e-3 * (relax is not Relaxed and relax is not Smooth)  # x was kept in half precision
    np.testing.assert_allclose(found, exact, rtol=1e-5 + half)


@pytest.mark.parametrize("at", [(np.inf, 0.5), (-np.inf, 0.5), (np.nan, 0.5)])
def test_an_infinite_potential_does_not_spoil_the_gradient_of_a_shared_parameter(at, torch):
    x = torch.tensor(at, requires_grad=True)
    alpha = torch.tensor(2.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(Relaxed(Sigmoid(alpha))(x).sum(), x, create_graph=True)
    (found,) = torch.autograd.grad(gradient.sum(), alpha)
    (exact,) = torch.autograd.grad(Sigmoid(alpha).surrogate_grad(x[1:]).sum(), alpha)
    torch.testing.assert_close(found, exact)


SHAPES = [((1,), ()), ((1, 1), ()), ((1, 1), (1,)), ((2, 1), ()), ((2, 1), (1,)), ((2, 1), (1, 1))]


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("kind", TAPED)
def test_a_gradient_has_the_shape_of_its_parameter_where_x_has_axes_of_one_element(kind, shapes):
    required(kind)
    of_x, of_p = (np.full(shape, 0.5, np.float32) for shape in shapes)
    x, p = kind.array(of_x), kind.array(of_p)
    gradient = kind.numpy(kind.gradient(lambda p: Relaxed(Sigmoid(p))(x), p))
    rate = 1 / (1 + np.exp(-0.25))
    assert gradient.shape == of_p.shape
    np.testing.assert_allclose(gradient, of_x.size * 0.5 * rate * (1 - rate), rtol=1e-6)
