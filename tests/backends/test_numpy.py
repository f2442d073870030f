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
