"""JAX's rows of the matrix of transforms that are about parameters."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from matrix import central_difference, rows

jax = pytest.importorskip("jax")
jnp, lax = jax.numpy, jax.lax
from in_jax import counted  # noqa: E402

FRAMEWORK = "JAX"


def slopes_at(cell, alpha, x):
    return jax.grad(lambda x: cell.at(alpha)(x).sum())(x)


@rows("parameter: traced scalar")
def test_traced_parameter(cell):
    expected = cell.at(cell.value).surrogate_grad(cell.x)
    cell.check(jax.jit(slopes_at, static_argnums=0)(cell, cell.value, cell.x), expected, 1e-14)


@rows("parameter: per-channel array, under vmap over x")
def test_channel_parameter(cell):
    alphas = cell.value * np.linspace(1.0, 1.5, 4)
    x = cell.x.reshape(2, 4)
    expected = np.stack(
        [cell.at(float(a)).surrogate_grad(x[:, i]) for i, a in enumerate(alphas)], axis=1
    )
    gradient = jax.vmap(lambda x: slopes_at(cell, jnp.asarray(alphas), x))
    cell.check(gradient(jnp.asarray(x)), expected, 1e-14)


@rows("parameter: vmapped array")
def test_vmapped_parameter(cell):
    alphas = cell.value * np.linspace(1.0, 1.5, 3)
    expected = np.stack([cell.at(float(a)).surrogate_grad(cell.x) for a in alphas])
    cell.check(jax.vmap(lambda a: slopes_at(cell, a, cell.x))(alphas), expected, 1e-14)


@rows("the spike's gradient to a parameter is zero")
def test_parameter_gradient_is_zero(cell):
    def spikes(alpha):
        return cell.at(alpha)(jnp.asarray(cell.x)).sum()

    assert jax.grad(spikes)(cell.value) == 0.0


def weight_gradient(cell, alpha):
    """Return the gradient of a loss to the weight of eight neurons with one weight."""
    x = jnp.asarray(cell.x)

    def loss(weight):
        return ((cell.at(alpha)(jnp.tanh(weight * x) - 0.01) - 0.25 * x) ** 2).sum()

    return jax.grad(loss)(0.8)


@rows("hypergradient: weight gradient to each parameter")
def test_hypergradient(cell):
    for _ in cell.each():
        gradient = jax.jit(lambda alpha: weight_gradient(cell, alpha))
        exact = central_difference(gradient, cell.value)
        cell.check(jax.grad(gradient)(cell.value), exact, 1e-8)


@pytest.mark.long
@rows("relaxed: gradient to x and to each parameter")
def test_relaxed(cell):
    x = jnp.asarray(cell.x)
    for _ in cell.each():

        def spikes(x, alpha):
            return surrogates.Relaxed(cell.at(alpha))(x)

        cell.check_spikes(spikes(x, cell.value))
        of_x = jax.grad(lambda x: spikes(x, jnp.asarray(cell.value)).sum())(x)
        cell.check(of_x, cell.at(cell.value).surrogate_grad(cell.x), 1e-12)
        of_alpha = jax.jacrev(lambda alpha: spikes(x, alpha))(cell.value)
        cell.check(of_alpha, cell.relaxed_derivative(), 1e-12)


# Each returns the derivative of f(alpha), an array, to alpha.
RELAXED = {
    "relaxed: jit of jacrev": lambda f: jax.jit(jax.jacrev(f)),
    "relaxed: jacfwd": jax.jacfwd,
    "relaxed: vmap of jacrev": lambda f: lambda a: jax.vmap(jax.jacrev(f))(a[None])[0],
    "relaxed: jacrev over checkpoint": lambda f: jax.jacrev(jax.checkpoint(f)),
    "relaxed: jacrev over scan": lambda f: jax.jacrev(
        lambda a: lax.scan(lambda c, _: (c + f(a) / 2, None), jnp.zeros(8), length=2)[0]
    ),
}


@pytest.mark.long
@rows(*RELAXED)
def test_relaxed_transform(cell, transform):
    x = jnp.asarray(cell.x)
    derivative = RELAXED[transform](lambda alpha: surrogates.Relaxed(cell.at(alpha))(x))
    exact = cell.relaxed_derivative()
    cell.check(derivative(jnp.asarray(cell.value)), exact, 1e-12)


@rows("relaxed: mixed derivative to x and to a parameter, as of surrogate_grad")
def test_relaxed_mixed(cell):
    def slope(x, alpha):
        return jax.grad(lambda x: surrogates.Relaxed(cell.at(alpha))(x))(x)

    mixed = jax.vmap(jax.grad(slope, argnums=1), (0, None))
    exact = cell.parameter_derivative("surrogate_grad")
    # Sums of primitives, whose large terms cancel where the derivative is small.
    cell.check(mixed(jnp.asarray(cell.x), jnp.asarray(cell.value)), exact, 1e-9)


@rows("learnable, an Equinox module: in range after wild steps, compiled once")
def test_learnable_equinox(cell):
    eqx = pytest.importorskip("equinox")

    def step(m, g):
        name = cell.parameter
        return eqx.tree_at(lambda m: m.raw[name], m, m.raw[name] - 1e3 * jnp.sign(g))

    for _ in cell.each():
        module = surrogates.learnable(cell.at(cell.value), cell.parameter, framework="equinox")
        gradient, traces = counted(
            lambda m: eqx.filter_grad(lambda m: m(jnp.asarray(cell.x)).sum())(m).raw
        )
        check_learnable(cell, module, lambda m: gradient(m)[cell.parameter], step)  # noqa: B023
        assert len(traces) == 1


@rows("learnable, a Flax NNX module: in range after wild steps, compiled once")
def test_learnable_flax(cell):
    nnx = pytest.importorskip("flax.nnx")

    def step(m, g):
        raw = m.raw[cell.parameter]
        raw[...] = raw[...] - 1e3 * jnp.sign(g)
        return m

    for _ in cell.each():
        module = surrogates.learnable(cell.at(cell.value), cell.parameter, framework="flax")
        traces = []

        def summed(m):
            traces.append(1)  # noqa: B023
            return m(jnp.asarray(cell.x)).sum()

        gradient = nnx.jit(nnx.grad(summed))
        check_learnable(cell, module, lambda m: gradient(m)["raw"][cell.parameter][...], step)  # noqa: B023
        assert len(traces) == 1


def check_learnable(cell, module, gradient, step):
    cell.check_spikes(module(jnp.asarray(cell.x)))
    np.testing.assert_allclose(getattr(module.surrogate, cell.parameter), cell.value, rtol=1e-12)
    cell.check(gradient(module), cell.raw_gradient(), 1e-11)
    for _ in range(2):
        module = step(module, jnp.ones(()))
        cell.require_in_range(float(getattr(module.surrogate, cell.parameter)))
        cell.check_spikes(module(jnp.asarray(cell.x)))
        assert jnp.isfinite(gradient(module))
