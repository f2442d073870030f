"""What is JAX's alone, besides the rows of the matrix of transforms: jaxprs, pytrees, caches."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import surrogates

jax = pytest.importorskip("jax")
jnp = jax.numpy

X = np.asarray([-1.3, -0.4, 0.2, 0.9])


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-15)


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


def test_spikes_promote_alike_eager_and_compiled():
    def promoted(x):
        return surrogates.Sigmoid()(x) * jnp.ones(2, jnp.bfloat16)

    x = jnp.asarray(0.5)  # weakly typed: it would take the dtype of what it meets
    assert promoted(x).dtype == jax.jit(promoted)(x).dtype == jax.jit(promoted)(0.5).dtype


@pytest.mark.long
def test_derivatives_are_the_same_before_and_after_the_spike_is_compiled():
    from surrogates.backends import _jax_tangent as hook

    spikes = surrogates.GaussianGrad(sigma=0.731)  # used nowhere else

    def over_scan(x):
        return jax.lax.scan(lambda c, p: (c + spikes(p), None), 0.0, x)[0]

    def derivatives(x):
        return [
            jax.grad(lambda x: spikes(x).sum())(x),
            jax.vmap(jax.grad(jax.grad(spikes)))(x),
            jax.hessian(lambda x: spikes(x).sum())(x),
            jax.grad(over_scan)(x),
            jax.jvp(spikes, (x,), (x,))[1],
        ]

    first = derivatives(jnp.asarray(X))
    for _ in range(5):
        later = derivatives(jnp.asarray(X))
    uses = hook._compiled(hook._pulled, spikes, (0,)).uses
    assert uses > hook._Compiled.uses_before_compiling
    for one, other in zip(first, later, strict=True):
        close(one, other)
    close(first[0], spikes.surrogate_grad(X))


def test_gradient_over_vmap_over_the_parameter_is_no_multiple():
    alphas = jnp.asarray([1.0, 2.0, 3.0])

    def summed(x):
        return jax.vmap(lambda alpha: surrogates.SlayerGrad(alpha)(x))(alphas).sum()

    expected = sum(surrogates.SlayerGrad(float(a)).surrogate_grad(X) for a in alphas)
    close(jax.grad(summed)(X), expected)


def test_array_parameters_are_the_leaves():
    alpha = jnp.ones(3)
    surrogate = surrogates.Scaled(surrogates.Sigmoid(alpha), rate=jnp.asarray(2.0))
    paths = jax.tree_util.tree_flatten_with_path(surrogate)[0]
    assert [jax.tree_util.keystr(path) for path, _ in paths] == [".surrogate.alpha", ".rate"]
    doubled = jax.tree.map(lambda leaf: 2 * leaf, surrogate)
    close(doubled.surrogate.alpha, 2 * alpha)
    assert doubled.amplitude == 1.0
    assert jax.tree.leaves(surrogates.Sigmoid(4.0)) == []


def test_surrogates_without_arrays_are_equal_as_trees():
    structure = jax.tree.structure(surrogates.Sigmoid(4.0))
    assert structure == jax.tree.structure(surrogates.Sigmoid(4.0))
    assert structure != jax.tree.structure(surrogates.Sigmoid(3.0))


def test_your_own_surrogate_is_a_pytree():
    class Lorentzian(surrogates.Surrogate):
        def surrogate_grad(self, x):
            return 1 / (1 + x * x)

    assert jax.tree.leaves(Lorentzian()) == []
    close(jax.jit(lambda s, x: jax.grad(s)(x))(Lorentzian(), 1.0), 0.5)


@pytest.mark.long
@pytest.mark.parametrize("other", ["sys", "torch"])  # of which it is asked whether it compiles
def test_surrogate_made_before_jax_is_imported_becomes_a_pytree(other):
    pytest.importorskip(other)
    code = f"""
import {other}, surrogates
early = surrogates.Sigmoid()
import jax
surrogates.Sigmoid()
assert jax.tree.leaves(early) == []
"""
    path = f"import sys; sys.path[:0] = {sys.path!r}"
    subprocess.run([sys.executable, "-c", f"{path}\n{code}"], check=True)


def test_your_own_registration_as_a_pytree_holds():
    class Mine(surrogates.Surrogate):
        pass

    jax.tree_util.register_pytree_node(Mine, lambda s: (("leaf",), None), lambda _, __: Mine())
    surrogates.Sigmoid()
    assert jax.tree.leaves(Mine()) == ["leaf"]


def test_backend_may_be_registered_again():
    surrogates.backends.register("jax", surrogates.backends.of(jnp.zeros(1)))
    assert jax.tree.leaves(surrogates.Sigmoid(jnp.ones(()))) == [1.0]


def test_numbers_in_the_place_of_leaves():
    assert jax.tree.map(lambda _: 3.0, surrogates.Sigmoid(jnp.ones(()))) == surrogates.Sigmoid(3.0)


def test_a_broken_jax_does_not_matter_to_others():
    code = """
import sys, types
sys.modules["jax"] = types.ModuleType("jax")
import surrogates
assert surrogates.Sigmoid()(0.5) == 1.0
"""
    path = f"import sys; sys.path[:0] = {sys.path!r}"
    subprocess.run([sys.executable, "-c", f"{path}\n{code}"], check=True)


@pytest.mark.parametrize("measure", ["peak", "width"])
@pytest.mark.parametrize("cls", [surrogates.SoftLIF, surrogates.MultiGaussianGrad])
def test_a_measure_of_known_values_is_searched_for_by_numpy(cls, measure, monkeypatch):
    def of(sigma):
        return getattr(cls(sigma=sigma), measure)

    module, used = sys.modules[cls.__module__], []
    search = module.highest
    monkeypatch.setattr(module, "highest", lambda xp, *rest: used.append(xp) or search(xp, *rest))
    sigma = jnp.asarray([0.7, 2.0], jnp.float32)
    found = of(sigma)
    assert [xp.__name__ for xp in used] == ["array_api_compat.numpy"]
    np.testing.assert_allclose(found, of(np.asarray(sigma, np.float64)), rtol=1e-6)
    traced = jax.eval_shape(of, sigma)
    assert used[-1] is jnp
    assert (found.dtype, found.weak_type) == (traced.dtype, traced.weak_type)
    assert found.shape == traced.shape


def test_a_tree_of_surrogates_holds_what_is_no_parameter():
    """Gradients, steps of an optimiser, and the axes of `vmap`, whatever the range is."""
    x, mapped = jnp.ones((2, 3)), surrogates.Sigmoid(jnp.asarray([1.0, 2.0]))
    gradient = jax.grad(lambda s: s.surrogate_grad(x).sum())(surrogates.Sigmoid(jnp.asarray(2.0)))
    assert gradient.alpha < 0
    assert jax.tree.map(float, gradient).alpha == float(gradient.alpha)
    assert (jax.tree.map(lambda alpha: alpha - 5.0, mapped).alpha < 0).all()
    axes = jax.tree.map(lambda _: 0, mapped)
    spikes = jax.vmap(lambda s, x: s.surrogate_grad(x), in_axes=(axes, 0))(mapped, x)
    expected = surrogates.Sigmoid(mapped.alpha[:, None]).surrogate_grad(x)
    np.testing.assert_allclose(spikes, expected, rtol=1e-6)


def test_of_a_donated_array_the_error_says_what_to_give_instead():
    donated = jnp.asarray([1.0, 2.0])
    donated.delete()
    message = r"Sigmoid: alpha holds nothing any more: .*\(2,\).*donate_argnums.* returned"
    with pytest.raises(RuntimeError, match=message):
        surrogates.Sigmoid(donated)
