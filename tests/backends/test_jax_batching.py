"""JAX's vmap over each axis of x and of a parameter."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import others_long
from surrogates import MultiSpike, Sigmoid, SlayerGrad

X = np.linspace(-1.3, 1.1, 12).reshape(3, 4)  # no axis is like another

AXES = (0, 1, -1, -2)

SHAPES = {
    "step": Sigmoid(2.0),
    "open step": Sigmoid(2.0, at_threshold=0.0),
    "several": MultiSpike(SlayerGrad(2.0), threshold=0.25),
    "signed": surrogates.Ternary(SlayerGrad(2.0), threshold=0.25),
    "half": surrogates.Compressed(Sigmoid(2.0), "bfloat16"),
    "8 bits": surrogates.Compressed(Sigmoid(2.0), "uint8"),
}


@pytest.mark.parametrize("out_axes", [0, 1, -1])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", others_long(SHAPES, "several"))
def test_vmap_over_each_axis_of_x(jax, name, axis, out_axes):
    x, along, surrogate = jax.numpy.asarray(X), X.shape[axis], SHAPES[name]
    for function in (surrogate, jax.grad(lambda x: (surrogate(x) * x).sum()), jax.jit(surrogate)):
        rows = [function(jax.numpy.take(x, i, axis=axis)) for i in range(along)]
        mapped = jax.vmap(function, in_axes=axis, out_axes=out_axes)(x)
        np.testing.assert_allclose(mapped, np.stack(rows, axis=out_axes), rtol=1e-12)


# Shapes and mapped axes of a parameter and of x; without those axes the parameter broadcasts to x.
PARAMETERS = [
    ((), (3, 4), None, 1),
    ((3,), (3, 4), None, -1),
    ((4,), (3, 4), 0, 1),
    ((4,), (3, 4), -1, -1),
    ((3, 4), (3, 4), 1, 1),
    ((4, 3), (3, 4), 0, -1),
    ((3, 4), (4, 3), -1, 0),
    ((1, 4), (4, 3), 1, -2),
    ((4, 5), (3, 4), 1, None),
    ((5, 4), (3, 4), -2, None),
]


@pytest.mark.long
@pytest.mark.parametrize(("shape", "x_shape", "axis", "x_axis"), PARAMETERS)
@pytest.mark.parametrize(
    "form", [lambda s: s, lambda s: surrogates.Relaxed(s)], ids=["plain", "relaxed"]
)
def test_vmap_over_each_axis_of_a_parameter(jax, form, shape, x_shape, axis, x_axis):
    alpha = jax.numpy.linspace(1.0, 3.0, int(np.prod(shape))).reshape(shape)
    x = jax.numpy.asarray(X.reshape(x_shape))

    def spikes(alpha, x):
        return form(Sigmoid(alpha))(x)

    def slopes(alpha, x):
        return jax.grad(lambda a, x: (spikes(a, x) * x).sum(), argnums=(0, 1))(alpha, x)

    def hypergradient(alpha, x):
        return jax.grad(lambda a: (slopes(a, x)[1] * x).sum())(alpha)

    def one(v, axis, i):
        return v if axis is None else jax.numpy.take(v, i, axis=axis)

    (size,) = {v.shape[a] for v, a in ((alpha, axis), (x, x_axis)) if a is not None}
    for function in (spikes, slopes, hypergradient):
        rows = [function(one(alpha, axis, i), one(x, x_axis, i)) for i in range(size)]
        mapped = jax.vmap(function, in_axes=(axis, x_axis), out_axes=-1)(alpha, x)
        expected = jax.tree.map(lambda *row: np.stack(row, axis=-1), *rows)
        for actual, exact in zip(jax.tree.leaves(mapped), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(actual, exact, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("axes", "is_one"), [((0, None), True), ((None, 0), True), ((None,) * 2, False)]
)
def test_a_tangent_is_one_equation_where_its_slope_is_mapped_and_evaluated_once_elsewhere(
    jax, axes, is_one
):
    def along(x, alpha, tangent):
        return jax.jvp(Sigmoid(alpha), (x,), (tangent,))[1]

    x, alpha = jax.numpy.asarray(X), jax.numpy.linspace(1.0, 3.0, 3)
    alpha = alpha if axes[1] == 0 else alpha[0]
    mapped = jax.vmap(along, (*axes, 0))
    tangents = jax.numpy.asarray(X if axes[0] == 0 else np.stack([X] * 3))
    assert ("spike_tangent" in str(jax.make_jaxpr(mapped)(x, alpha, tangents))) is is_one
