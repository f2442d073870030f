"""What depends on parameters alone, which a program computes before its loop."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import Kind, parameters, required

X = np.linspace(-2.0, 2.0, 41)


def switched(xp, alpha, x):
    return xp.astype(alpha > 1.0, x.dtype) * x


def negated(xp, alpha, x):
    return -xp.astype(alpha > 1.0, x.dtype) * x


def signed(xp, alpha, x):
    return xp.sign(alpha - 1.0) * x


def chosen(xp, alpha, x):
    return xp.where(alpha > 1.0, alpha, -alpha) * x


@pytest.mark.parametrize("formula", [switched, negated, signed, chosen])
@pytest.mark.parametrize("kind", parameters([Kind.NUMPY, Kind.TORCH, Kind.JAX]))
def test_a_condition_of_parameters_is_1_or_0_in_numbers(kind, formula):
    required(kind)

    class Own(surrogates.Surrogate):
        alpha: float = surrogates.parameter(1.0)
        traceable = True

        def derivative(self, xp, x):
            return formula(xp, self.alpha, x)

    class AsWritten(Own):
        def derivative(self, xp, x):
            return formula(xp, self.alpha, x)

    ones = kind.array(np.ones_like(X))
    for alpha in (np.asarray(0.5), np.asarray(1.5), np.linspace(0.0, 2.0, X.size)):
        expected = AsWritten(alpha).surrogate_grad(X)
        own = Own(kind.array(alpha))
        x = kind.array(X)
        found = [own.surrogate_grad(x), surrogates.vjp(own, x)[1](ones)]
        if kind.differentiates:
            found.append(kind.gradient(own, x))
        for result in found:
            np.testing.assert_array_equal(kind.numpy(result), expected)
