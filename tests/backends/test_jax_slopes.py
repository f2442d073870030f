"""JAX: the slope of a spike in each number, its sum with tangents, and its pullback."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

import surrogates
from kinds import others_long
from surrogates import Arctan, Relaxed, Scaled, Sigmoid

jax = pytest.importorskip("jax")
jnp = jax.numpy
from surrogates.backends import _jax_tangent as hook  # noqa: E402


def close(actual, expected):
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, rtol=1e-6), actual, expected)


class Third(surrogates.Surrogate):
    """Whose area follows the product with the last of its parameters alone."""

    first: float = surrogates.parameter(1.0, low=0.0)
    second: float = surrogates.parameter(1.0, low=0.0)
    third: float = surrogates.parameter(1.0, low=0.0)
    traceable = True
    follows_product: ClassVar = {"third": 1}

    def primitive(self, xp, x):
        return 0.5 + self.first * xp.atan(self.third * x) / self.second


SLOPES = {
    "power": (Sigmoid, [1.7]),
    "scale": (surrogates.InvSquareGrad, [1.7]),
    "moved": (lambda a, b: Scaled(Arctan(a), shift=b), [1.3, 0.2]),
    "several": (Third, [1.3, 0.7, 2.1]),
}


@pytest.mark.parametrize("name", others_long(SLOPES, "scale"))
def test_the_slope_in_each_number_is_that_of_the_area(name):
    make, values = SLOPES[name]
    x, arrays = np.asarray([[-0.7, 0.1, 0.4], [0.2, -0.3, 1.9]]), list(map(jnp.asarray, values))
    arrays[0] = jnp.full(3, arrays[0])  # one for each channel
    definition, arrays = Relaxed(make(*arrays)).partition()
    expected = [make(*values).surrogate_grad(x)]
    for i in range(len(values)):
        high, low = ([v + s * (i == j) for j, v in enumerate(values)] for s in (1e-6, -1e-6))
        expected.append((make(*high).area_to(np, x) - make(*low).area_to(np, x)) / 2e-6)
    every, given = tuple(range(1 + len(values))), (jnp.asarray(x), *arrays)
    slopes = [hook._slope(definition, i, given[0].dtype, given[0], arrays) for i in every]
    close(slopes, expected)
    tangents = [jnp.full(a.shape, 0.5 + i) for i, a in enumerate(given)]
    moved = sum((0.5 + i) * slope for i, slope in enumerate(expected))
    close(hook._sum(*tangents, *given, definition=definition, moved=every), moved)
    pulled = hook._pulled(given[0], *given, definition=definition, moved=every)
    products = [slope * x for slope in expected]
    sums = [products[0], products[1].sum(0), *(product.sum() for product in products[2:])]
    close(pulled, sums)
