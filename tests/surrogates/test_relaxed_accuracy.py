"""What is differentiated besides the spike, in single precision, out into both tails.

The gradient of a parameter under `Relaxed`, and the slope of the primitive as a framework takes
it, must be as exact as they are at an `x` and a parameter that are rounded: nothing may cancel.
"""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate
from surrogates import Relaxed
from surrogates._parameters import COUNT
from surrogates._parameters import parameters as declared
from surrogates.backends._numpy import _DIALECT

SIZES = np.geomspace(1e-3, 2000, 120)
X = np.concatenate([-SIZES[::-1], SIZES]).astype(np.float32)
EPS, LEAST = 2.0**-23, 1e-36


def cases(cls):
    """Give the name and a value of each parameter that has a gradient."""
    for p in declared(cls):
        if p.metadata["interval"] is not COUNT and "without_gradient" not in p.metadata:
            start = getattr(cls(), p.name)
            for factor in (1.3, 6.93):
                yield p.name, float(np.float32(start * factor if start else 0.4 * factor))


def potentials(cls):
    if cls is surrogates.PeriodicExponential:
        return X[X < 1]  # above, what neighbouring periods add to the gradient cancels
    return X


def by_program(make, value, x):
    definition, arrays = make(np.asarray(value, x.dtype)).partition()
    program = _DIALECT.parameter_program(definition, x.dtype.name, 1, 0)
    return _DIALECT.evaluate(program, x, np.ones_like(x), np.empty_like(x), arrays)


def by_torch(make, value, x, is_recorded):
    torch = pytest.importorskip("torch")
    parameter = torch.full(x.shape, value, dtype=torch.float32, requires_grad=True)
    spikes = Relaxed(make(parameter))(torch.tensor(x))
    grad = torch.autograd.grad(
        spikes.sum(), parameter, create_graph=is_recorded, materialize_grads=True
    )[0]
    return grad.detach().numpy()


def by_jax(make, value, x):
    jax = pytest.importorskip("jax")
    parameter = jax.numpy.full(x.shape, value, np.float32)
    function = lambda parameter: Relaxed(make(parameter))(jax.numpy.asarray(x))  # noqa: E731
    return np.asarray(jax.jvp(function, (parameter,), (jax.numpy.ones_like(parameter),))[1])


PATHS = {
    "program": by_program,
    "PyTorch in place": lambda *given: by_torch(*given, is_recorded=False),
    "PyTorch recorded": lambda *given: by_torch(*given, is_recorded=True),
    "JAX": by_jax,
}


def size_of_rounding(make, value, x, exact):
    """Return by how much the gradient changes, at most, where `x` or the parameter is rounded."""
    moved = [by_program(make, value * (1 + step), x) - exact for step in (1e-6, -1e-6)]
    moved += [by_program(make, value, x * (1 + step)) - exact for step in (1e-6, -1e-6)]
    # A parameter that is a scale has terms of this size, which cancel near 0.
    term = x * make(value).surrogate_grad(x) / value
    return abs(exact) + abs(term) + np.max(np.abs(moved), axis=0) / 1e-6


@pytest.mark.long
@every_surrogate
@pytest.mark.parametrize("path", PATHS)
def test_nothing_cancels_in_the_tails(cls, path):
    for name, value in cases(cls):
        make = lambda parameter: cls(**{name: parameter})  # noqa: B023, E731
        x = potentials(cls)
        wide = x.astype(np.float64)
        with np.errstate(all="ignore"):
            exact = by_program(make, value, wide)
            slack = 32 * EPS * size_of_rounding(make, value, wide, exact) + LEAST
            actual = PATHS[path](make, value, x)
            # near the largest number, that of PyTorch and JAX is 0
            is_near = np.abs(make(value).surrogate_grad(wide)) < 1e30
            error = np.where(is_near & np.isfinite(exact), np.abs(actual - exact), 0.0)
        slack = np.nan_to_num(slack, nan=np.inf)
        worst = np.argmax(error / slack)
        assert error[worst] <= slack[worst], (name, value, x[worst], actual[worst], exact[worst])


@every_surrogate
def test_the_area_keeps_its_digits_on_the_left(cls):
    """So that rare spikes that are drawn are as rare as they should be."""
    surrogate = cls()
    if not np.isfinite(surrogate.area):
        return  # nothing is drawn from it
    with np.errstate(all="ignore"):
        actual = surrogate.formula("area", np, X)
        exact, moved = (surrogate.formula("area", np, X.astype(np.float64) * f) for f in (1, 1.01))
    slack = 16 * EPS * (np.abs(exact) + np.abs(moved - exact) / 0.01) + LEAST
    assert np.all(np.abs(actual - exact) <= slack)


def slope_by_torch(surrogate, x):
    torch = pytest.importorskip("torch")
    at = torch.tensor(x, requires_grad=True)
    return torch.autograd.grad(surrogate.surrogate_fun(at).sum(), at)[0].numpy()


def slope_by_jax(surrogate, x):
    jax = pytest.importorskip("jax")
    at = jax.numpy.asarray(x)
    return np.asarray(jax.jvp(surrogate.surrogate_fun, (at,), (jax.numpy.ones_like(at),))[1])


@every_surrogate
@pytest.mark.parametrize("slope", [slope_by_torch, slope_by_jax])
def test_the_slope_of_the_primitive_keeps_its_digits(cls, slope):
    surrogate = cls()
    with np.errstate(all="ignore"):
        exact, moved = (surrogate.surrogate_grad(X.astype(np.float64) * f) for f in (1, 1.001))
        slack = 16 * EPS * (np.abs(exact) + np.abs(moved - exact) / 0.001) + LEAST
        error = np.abs(slope(surrogate, X) - exact)
    assert np.all((error <= slack) | (np.abs(exact) > 1e30))


@every_surrogate
def test_with_a_large_weight_the_gradient_to_x_is_finite_where_the_derivative_is(cls):
    """The slope of the area, which is recorded, may overflow where the derivative does not."""
    torch = pytest.importorskip("torch")
    x = torch.tensor([-1e6, -1.0, -1e-3, 0.0, 1e-3, 1.0, 1e6])
    for name, _ in cases(cls):
        interval = next(p.metadata["interval"] for p in declared(cls) if p.name == name)
        for value in (1e14, 1e7, 1e-7, 1e-14):
            if not interval.low <= value <= interval.high:
                continue
            mixture = surrogates.Mixture((cls(**{name: value}),), (torch.full((7,), 1e12),))
            gradient = torch.func.grad(lambda x, m=mixture: Relaxed(m)(x).sum())(x)
            derivative = mixture.surrogate_grad(x)
            known = torch.isfinite(derivative)
            torch.testing.assert_close(gradient[known], derivative[known], rtol=1e-3, atol=1e-30)
