"""MLX in single precision, as exact as its float64 is: so the matrix of transforms has no MLX."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate
from matrix import Cell

BOUND = 2e-5  # of the largest derivative, at eight points: MLX's `exp` is accurate to an ulp or two


@pytest.fixture
def mx():
    mlx = pytest.importorskip("mlx.core")
    mlx.set_default_device(mlx.cpu)
    return mlx


def cell_of(cls):
    cell = Cell(cls(), lambda *_: None)
    cell.x = cell.x.astype(np.float32).astype(np.float64)  # as MLX gets it
    return cell


def total(f):
    return lambda *arguments: f(*arguments).sum()


FIRST = {
    "grad": lambda mx, f: mx.grad(total(f)),
    "vjp": lambda mx, f: lambda x: mx.vjp(f, [x], [mx.ones_like(x)])[1][0],
    "jvp": lambda mx, f: lambda x: mx.jvp(f, [x], [mx.ones_like(x)])[1][0],
    "vmap of grad": lambda mx, f: mx.vmap(mx.grad(f)),
    "grad of vmap": lambda mx, f: mx.grad(total(mx.vmap(f))),
    "checkpoint": lambda mx, f: mx.grad(total(mx.checkpoint(f))),
}


def assert_close(actual, exact):
    size = np.abs(exact).max()
    np.testing.assert_allclose(np.asarray(actual), exact, rtol=0, atol=BOUND * (size or 1.0))


@pytest.mark.long
@every_surrogate
def test_first_derivative(cls, mx):
    cell = cell_of(cls)
    x = mx.array(cell.x.astype(np.float32))
    for transform in FIRST.values():
        assert_close(transform(mx, cell.surrogate)(x), cell.derivative())


@pytest.mark.long
@every_surrogate
def test_second_derivative(cls, mx):
    cell = cell_of(cls)
    x = mx.array(cell.x.astype(np.float32))
    for outer in FIRST.values():
        for inner in ("grad", "jvp"):
            assert_close(outer(mx, FIRST[inner](mx, cell.surrogate))(x), cell.derivative(2))


def tangent(mx, f, held, x):
    """Return the derivative of a function of a parameter and x to the parameter, for each x."""
    return mx.jvp(lambda p: f(p, x), [held], [mx.ones_like(held)])[1][0]


@pytest.mark.long
@every_surrogate
def test_hypergradient_and_relaxed_gradient(cls, mx):
    cell = cell_of(cls)
    x = mx.array(cell.x.astype(np.float32))
    for _ in cell.each():
        held = mx.array(np.float32(cell.value))

        def spikes(p, x, cell=cell):
            return surrogates.Relaxed(cell.at(p))(x)

        assert_close(tangent(mx, spikes, held, x), cell.relaxed_derivative())
        assert_close(mx.grad(total(spikes))(held, x), cell.relaxed_derivative().sum())
        exact = cell.parameter_derivative("surrogate_grad")
        for make in (spikes, lambda p, x: cell.at(p)(x)):
            assert_close(tangent(mx, mx.grad(total(make), argnums=1), held, x), exact)
        of_parameter = mx.grad(total(spikes))
        assert_close(mx.grad(of_parameter, argnums=1)(held, x), exact)


def test_compile(mx):
    cell = cell_of(surrogates.Sigmoid)  # each function of each surrogate is a compilation of C++
    x = mx.array(cell.x.astype(np.float32))
    first = mx.compile(mx.grad(total(cell.surrogate)))
    assert_close(first(x), cell.derivative())
    assert_close(mx.compile(mx.grad(total(first)))(x), cell.derivative(2))
