"""What JAX does to a spike: every transform, and the same answer inside a scan as outside."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate

jax = pytest.importorskip("jax")
jnp = jax.numpy

X = np.asarray([-1.3, -0.4, 0.2, 0.9])


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-15)


@every_surrogate
def test_first_derivative_by_every_transform(cls):
    surrogate = cls()
    first = surrogate.surrogate_grad(jnp.asarray(X))
    ones = jnp.ones_like(X)

    def total(x):
        return surrogate(x).sum()

    close(jax.grad(total)(X), first)
    close(jax.jit(jax.grad(total))(X), first)
    close(jax.vmap(jax.grad(surrogate))(X), first)
    close(jax.jvp(surrogate, (X,), (ones,))[1], first)
    close(jax.vjp(surrogate, X)[1](ones)[0], first)
    close(jax.linearize(surrogate, X)[1](ones), first)
    close(jax.jacfwd(surrogate)(X).diagonal(), first)
    close(jax.jacrev(surrogate)(X).diagonal(), first)
    close(jax.grad(jax.checkpoint(total))(X), first)


@every_surrogate
def test_second_derivative_by_every_composition(cls):
    surrogate = cls()
    second = jax.vmap(jax.grad(surrogate.surrogate_grad))(X)

    def total(x):
        return surrogate(x).sum()

    close(jax.hessian(total)(X).diagonal(), second)
    for outer in (jax.jacfwd, jax.jacrev):
        for inner in (jax.jacfwd, jax.jacrev):
            close(outer(inner(total))(X).diagonal(), second)
            close(jax.jit(outer(inner(jax.checkpoint(total))))(X).diagonal(), second)


def network(surrogate, weights, scanned, checkpointed):
    """Return the loss of three adaptive neurons over twelve steps."""

    def body(state, current):
        state = 0.9 * state + jnp.tanh(weights * current)
        spikes = surrogate(state - 1.0)
        return state - spikes, spikes * current

    if checkpointed:
        body = jax.checkpoint(body)
    currents = jnp.linspace(0.3, 1.7, 12)
    if scanned:
        _, outputs = jax.lax.scan(body, jnp.zeros(3), currents)
    else:
        state, outputs = jnp.zeros(3), []
        for current in currents:
            state, output = body(state, current)
            outputs.append(output)
        outputs = jnp.stack(outputs)
    return (outputs**2).sum() + (outputs.sum() - 2) ** 2


@every_surrogate
def test_hessian_vector_product_is_the_same_in_scan_and_remat(cls):
    surrogate = cls()
    weights, direction = jnp.asarray([0.5, 0.7, 1.1]), jnp.asarray([1.0, -2.0, 0.5])
    products, losses = [], []
    for scanned in (False, True):
        for checkpointed in (False, True):

            def loss(w, scanned=scanned, checkpointed=checkpointed):
                return network(surrogate, w, scanned, checkpointed)

            losses.append(loss(weights))
            products.append(jax.jvp(jax.grad(loss), (weights,), (direction,))[1])
            products.append(jax.grad(lambda w: jax.jvp(loss, (w,), (direction,))[1])(weights))
    close(losses, losses[0])
    assert np.all(np.abs(products[0]) > 0)
    np.testing.assert_allclose(products, [products[0]] * 8, rtol=1e-9)


def test_third_derivative_inside_scan():
    surrogate = surrogates.GaussianGrad()

    def summed(x):
        return jax.lax.scan(lambda total, _: (total + surrogate(x), None), 0.0, length=3)[0]

    third = jax.grad(jax.grad(surrogate.surrogate_grad))(0.3)
    close(jax.grad(jax.grad(jax.grad(summed)))(0.3), 3 * third)
    close(jax.jvp(jax.grad(jax.grad(summed)), (0.3,), (1.0,))[1], 3 * third)


def test_no_derivative_is_computed_unasked():
    jaxpr = jax.make_jaxpr(surrogates.SlayerGrad(2.0))(X)
    assert [str(equation.primitive) for equation in jaxpr.eqns] == ["spike"]
    text = jax.jit(surrogates.SlayerGrad(2.0)).lower(X).as_text()
    assert "compare" in text
    assert "exponential" not in text


def test_tangent_keeps_a_narrow_dtype():
    x = jnp.asarray([0.5, -0.5], jnp.bfloat16)
    surrogate = surrogates.SlayerGrad(jnp.asarray([1.0, 2.0], jnp.float32))
    assert jax.grad(lambda x: surrogate(x).sum())(x).dtype == jnp.bfloat16


def test_parameters_may_be_traced_and_vmapped():
    alphas = jnp.asarray([1.0, 2.0, 3.0])

    def slopes(alpha):
        return jax.grad(lambda x: surrogates.SlayerGrad(alpha)(x).sum())(X)

    expected = np.stack([surrogates.SlayerGrad(float(a)).surrogate_grad(X) for a in alphas])
    close(jax.vmap(slopes)(alphas), expected)
    close(jax.jit(jax.vmap(slopes))(alphas), expected)

    def summed(x):
        return jax.vmap(lambda alpha: surrogates.SlayerGrad(alpha)(x))(alphas).sum()

    close(jax.grad(summed)(X), expected.sum(axis=0))


def test_per_channel_parameter_under_vmap_over_x():
    surrogate = surrogates.SlayerGrad(jnp.asarray([1.0, 2.0, 3.0, 4.0]))
    batch = np.stack([X, X + 0.1])
    gradients = jax.vmap(jax.grad(lambda x: surrogate(x).sum()))(batch)
    close(gradients, surrogate.surrogate_grad(jnp.asarray(batch)))


def test_step_does_not_depend_on_the_parameter_but_its_gradient_does():
    def gradient_norm(alpha):
        return (jax.grad(lambda x: surrogates.SlayerGrad(alpha)(x).sum())(X) ** 2).sum()

    close(jax.grad(lambda alpha: surrogates.SlayerGrad(alpha)(jnp.asarray(X)).sum())(2.0), 0.0)
    size = np.abs(X)
    close(jax.grad(gradient_norm)(2.0), (-2 * size * np.exp(-4 * size)).sum())


def test_static_argument_does_not_recompile_for_equal_surrogates():
    traces = []

    def step(surrogate, x):
        traces.append(surrogate)
        return surrogate(x)

    jitted = jax.jit(step, static_argnums=0)
    for alpha in (2.0, 2.0, 3.0):
        jitted(surrogates.SlayerGrad(alpha), X)
    assert traces == [surrogates.SlayerGrad(2.0), surrogates.SlayerGrad(3.0)]


def test_export_round_trip():
    from jax import export

    exported = export.export(jax.jit(surrogates.SlayerGrad()))(jnp.asarray(X))
    restored = export.deserialize(exported.serialize(vjp_order=2))
    close(restored.call(jnp.asarray(X)), X >= 0)
    gradient = jax.grad(lambda x: restored.call(x).sum())(jnp.asarray(X))
    close(gradient, surrogates.SlayerGrad().surrogate_grad(X))


def test_eager_call_is_compiled_once_for_all_parameters():
    from surrogates.backends._jax import _heaviside

    surrogates.SlayerGrad(1.0)(jnp.asarray(X))
    before = _heaviside._cache_size()
    for alpha in np.linspace(1, 2, 20):
        surrogates.SlayerGrad(float(alpha))(jnp.asarray(X))
    assert _heaviside._cache_size() == before
