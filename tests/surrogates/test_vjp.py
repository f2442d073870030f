"""vjp and jvp: the pullback, and what it takes."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import Kind


def test_python_floats_in_vjp_and_jvp():
    spike, pullback = surrogates.vjp(surrogates.ReluGrad(), 0.5)
    assert (spike, pullback(2.0)) == (1.0, 0.3)
    assert surrogates.jvp(surrogates.ReluGrad(), 0.5, 2.0) == (1.0, 0.3)


def test_cotangent_of_another_shape(kind):
    x = kind.array(np.ones((2, 3)))
    _, pullback = surrogates.vjp(surrogates.SlayerGrad(), x)
    with pytest.raises(ValueError, match=r"shape \(3,\).* shape \(2, 3\)"):
        pullback(kind.array(np.ones(3)))
    with pytest.raises(ValueError, match="the tangent has shape"):
        surrogates.jvp(surrogates.SlayerGrad(), x, kind.array(np.ones(3)))


def test_pullback_does_not_see_later_edits_of_x():
    x = np.asarray([0.0, 0.5])
    _, pullback = surrogates.vjp(surrogates.ReluGrad(), x)
    x += 10
    np.testing.assert_allclose(pullback(np.ones(2)), [0.3, 0.15])


@pytest.mark.parametrize("vector", [[1, 2, 3], 1, None, "1", 1j * np.ones(3), np.ones(3, int)])
def test_cotangent_that_is_no_floating_point_array(vector):
    surrogate, x = surrogates.SlayerGrad(), np.ones(3)
    with pytest.raises(TypeError, match="the cotangent must be a real floating-point array"):
        surrogates.vjp(surrogate, x)[1](vector)
    with pytest.raises(TypeError, match="the tangent must be a real floating-point array"):
        surrogates.jvp(surrogate, x, vector)


def test_cotangent_of_another_precision_gives_the_dtype_of_x(kind):
    x = kind.array(np.ones(3, np.float32))
    _, pullback = surrogates.vjp(surrogates.SlayerGrad(), x)
    assert pullback(kind.array(np.ones(3))).dtype == x.dtype


def test_a_cotangent_in_float8_is_refused():
    torch = pytest.importorskip("torch")
    x = torch.zeros(3)
    with pytest.raises(TypeError, match="the cotangent must be a real floating-point array"):
        surrogates.vjp(surrogates.Sigmoid(), x)[1](x.to(torch.float8_e5m2))


class Returning(surrogates.Surrogate):
    """A user's, whose derivative is its argument."""

    def derivative(self, xp, x):
        return x


TWICE = {
    "plain": lambda kind: surrogates.Sigmoid(4.0),
    "constant": lambda kind: surrogates.StraightThrough(),
    "with an array": lambda kind: surrogates.Sigmoid(kind.array(np.linspace(1.0, 2.0, 6))),
    "scaled": lambda kind: surrogates.Scaled(surrogates.ERF(), 2.0, 3.0, 0.1),
    "signed": lambda kind: surrogates.Ternary(surrogates.Arctan()),
    "float16": lambda kind: surrogates.Compressed(surrogates.Arctan()),
    "uint8": lambda kind: surrogates.Compressed(surrogates.Arctan(), "uint8"),
    "a user's": lambda kind: Returning(),
    "two functions": lambda kind: surrogates.Custom(lambda x: x),
}


@pytest.mark.parametrize("name", TWICE)
def test_a_pullback_gives_the_same_when_it_is_called_twice(name, kind):
    if name == "float16" and kind is Kind.STRICT:
        pytest.skip("array-api-strict has no float16")
    x = kind.array(np.linspace(-1.2, 1.3, 6))
    surrogate = TWICE[name](kind)
    _, pullback = surrogates.vjp(surrogate, x)
    cotangents = [kind.array(np.full(6, c)) for c in (1.0, -2.0, 1.0)]
    first, second, third = (kind.numpy(pullback(c)).copy() for c in cotangents)
    np.testing.assert_array_equal(third, first)
    np.testing.assert_array_equal(second, -2.0 * first)
    assert [kind.numpy(c)[0] for c in cotangents] == [1.0, -2.0, 1.0]
