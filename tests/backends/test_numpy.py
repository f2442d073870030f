"""NumPy's own forms of what a program does, where the plain ones are slow."""

from __future__ import annotations

import math

import numpy as np
import pytest

import surrogates
from surrogates.backends import _numpy as of_numpy

EXTREMES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -3e38, 1e-40, -0.5]


def values(shape, dtype):
    with np.errstate(over="ignore", under="ignore"):
        return np.resize(EXTREMES, math.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shapes", [((), ()), ((8, 10), ()), ((), (10,)), ((8, 1), (8, 10))])
def test_a_choice_by_bits_is_that_of_where(dtype, shapes, monkeypatch):
    monkeypatch.setattr(of_numpy, "_FEW_TO_CHOOSE", 0)
    x, y = (values(shape, dtype) for shape in shapes)
    y = -y[..., ::-1] if y.ndim else np.asarray(7, dtype)
    for condition in (values((8, 10), dtype) < 0, values((10,), dtype) < 0, np.asarray(True)):
        out = np.empty((8, 10), dtype)
        expected = np.broadcast_to(np.where(condition, x, y), out.shape)
        of_numpy._where(condition, x, y, out)
        np.testing.assert_array_equal(out, expected)
        np.testing.assert_array_equal(np.signbit(out), np.signbit(expected))


def test_nan_is_copied_without_a_choice():
    made = of_numpy._DIALECT.program(surrogates.LeakyRelu(), "derivative", "float32", product=False)
    assert made.text.count("where_(") == made.text.count("where_rarely_(") == 1


@pytest.mark.parametrize("at_threshold", [0.0, 1.0])
@pytest.mark.parametrize("cut", [np.s_[:], np.s_[::3], np.s_[::-1, ::2], np.s_[:0]])
def test_spikes_of_half_precision_are_made_of_bits(at_threshold, cut):
    whole = values((30, 40), np.float16)
    for x in (whole[cut], whole.T[cut]):
        spikes, _ = surrogates.vjp(surrogates.Arctan(at_threshold=at_threshold), x)
        expected = np.where(x == 0, at_threshold, x > 0).astype(np.float16)
        assert spikes.dtype == expected.dtype
        np.testing.assert_array_equal(spikes, expected)


@pytest.mark.parametrize("at_threshold", [0.0, 1.0])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_spikes_of_strided_potentials_are_those_of_a_copy(dtype, at_threshold, monkeypatch):
    monkeypatch.setattr(of_numpy, "_FEW", 0)
    memory = values((20, 30), dtype)
    before = memory.copy()
    surrogate = surrogates.Sigmoid(at_threshold=at_threshold)
    for x in (memory[::2, ::3], memory[:, 1::2].T, memory[::-1, ::-1]):
        assert not x.flags.forc
        spikes = surrogate(x)
        assert spikes.dtype == dtype
        expected = np.where(np.isnan(x), 0.0, np.heaviside(x.astype("float64"), at_threshold))
        np.testing.assert_array_equal(spikes, expected)
        assert not np.shares_memory(spikes, memory)
    np.testing.assert_array_equal(memory, before)


FEW = {
    "choice": surrogates.LeakyRelu(),
    "condition as number": surrogates.Boxcar(),
    "nothing but NaN": surrogates.StraightThrough(),
    "maximum": surrogates.ExpEscape(),
    "buffers": surrogates.Sigmoid(),
}


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", ["surrogate_grad", "surrogate_fun"])
def test_few_elements_give_an_array_of_their_own_as_many_do(name, dtype, function, monkeypatch):
    evaluate = getattr(FEW[name], function)
    memory = values((20, 30), dtype)
    before = memory.copy()
    layouts = [memory, memory.T, memory[::2, ::3], memory[:, 1::2].T, memory[::-1], memory[0, :1]]
    results = [evaluate(x) for x in layouts]
    monkeypatch.setattr(of_numpy, "_FEW_TO_CHOOSE", 0)
    monkeypatch.setattr(of_numpy, "_known", {})
    of_numpy._plan.cache_clear()
    for x, result in zip(layouts, results, strict=True):
        expected = evaluate(x)
        assert type(result) is np.ndarray
        assert (result.dtype, result.strides) == (expected.dtype, expected.strides)
        np.testing.assert_array_equal(result, expected)
        np.testing.assert_array_equal(np.signbit(result), np.signbit(expected))
        assert not np.shares_memory(result, memory)
    of_numpy._plan.cache_clear()
    np.testing.assert_array_equal(memory, before)


class Changeable(surrogates.Surrogate):
    """A user's, whose parameter is an attribute that may be set again."""

    traceable = True

    def __init__(self, alpha):
        super().__init__()
        self.alpha = alpha

    def derivative(self, xp, x):
        return self.alpha + 0 * x


AROUND = {
    "alone": lambda inner: inner,
    "scaled": surrogates.Scaled,
    "signed": surrogates.Ternary,
    "mixed": lambda inner: surrogates.Mixture((inner, surrogates.Sigmoid()), (1.0, 0.0)),
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("change", ["by name", "in its dictionary", "in spite of the freeze"])
def test_a_plan_does_not_outlast_an_attribute_that_it_was_made_of(around, change):
    inner = Changeable(2.0)
    surrogate, x = AROUND[around](inner), np.ones(3)
    factor = surrogate.surrogate_grad(x) / 2
    for alpha in (3.0, 5.0):
        if change == "by name":
            inner.alpha = alpha
        elif change == "in its dictionary":
            vars(inner)["alpha"] = alpha
        else:
            object.__setattr__(inner, "alpha", alpha)
        np.testing.assert_allclose(surrogate.surrogate_grad(x), alpha * factor)
        np.testing.assert_allclose(surrogates.vjp(surrogate, x)[1](x), alpha * factor)


def test_only_so_many_plans_are_remembered():
    x = np.ones(3)
    for alpha in np.linspace(1.0, 2.0, 2 * of_numpy._MOST_KNOWN).tolist():
        surrogate = surrogates.ReluGrad(alpha)
        np.testing.assert_array_equal(
            surrogate.surrogate_grad(x), surrogates.ReluGrad(alpha).surrogate_grad(x)
        )
        assert len(of_numpy._known) <= of_numpy._MOST_KNOWN
    assert surrogate in [definition for definition, _, _ in of_numpy._known.values()]


def test_a_plan_does_not_outlast_a_number_in_place_of_which_there_are_several():
    class First(surrogates.Surrogate):
        traceable = True

        def __init__(self):
            super().__init__()
            self.alpha = 2.0

        def derivative(self, xp, x):
            return float(np.ravel(self.alpha)[0]) + 0 * x

    surrogate, x = First(), np.ones(3)
    for alpha in (2.0, np.asarray([3.0, 4.0]), np.asarray([5.0, 6.0]), (7.0, 8.0), 9.0):
        surrogate.alpha = alpha
        for _ in range(2):
            np.testing.assert_array_equal(surrogate.surrogate_grad(x), np.ravel(alpha)[0] * x)
