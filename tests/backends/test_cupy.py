"""CuPy's namespace, on NumPy's functions; `pytest -m gpu` runs it on CuPy's own."""

from __future__ import annotations

import sys
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from surrogates.backends import _cupy
from surrogates.backends._cupy import Namespace


class Rounding:
    """NumPy, with the remainder that CuPy has."""

    __name__ = "cupy"
    fmod, where = staticmethod(np.fmod), staticmethod(np.where)

    def remainder(self, x, y):
        return x - np.floor(x / y) * y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_remainder_is_exact(dtype):
    x = (np.random.default_rng(0).normal(size=1000) * 1e3).astype(dtype)
    x[:40] = np.arange(40) * np.asarray(0.1, dtype)  # multiples, but for rounding
    for y in (0.1, -0.3, 1 / 3, 2.0, 3e7):
        y = np.asarray(y, dtype)
        exact = [Fraction(float(v)) % Fraction(float(y)) for v in x]
        expected = np.asarray([float(rest) for rest in exact], dtype)
        np.testing.assert_array_equal(Namespace(Rounding()).remainder(x, y), expected)
    assert not np.array_equal(Rounding().remainder(x, y / 3e8), np.remainder(x, y / 3e8))


def test_what_is_not_a_number_and_zeros_are_as_in_numpy():
    x = np.asarray([0.0, -0.0, np.inf, -np.inf, np.nan, -1e-30, 5.0])
    with np.errstate(invalid="ignore"):
        for y in (2.0, np.asarray(2.0), np.asarray(-2.0)):
            np.testing.assert_array_equal(Namespace(Rounding()).remainder(x, y), np.remainder(x, y))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("bounds", [(None, None), (-0.5, None), (None, 0.5), (-0.5, 0.5)])
def test_clip_takes_no_mask(dtype, bounds):
    class Unmasked(np.ndarray):
        """An array that gives no elements by a mask, which has to wait for a device."""

        def __getitem__(self, index):
            raise AssertionError(index)

    x = np.asarray([-np.inf, -0.7, -0.0, 0.2, 3.0, np.inf, np.nan], dtype)
    expected = x if bounds == (None, None) else np.clip(x, *bounds)
    actual = Namespace(Rounding()).clip(x.view(Unmasked), min=bounds[0], max=bounds[1])
    assert actual.dtype == x.dtype
    assert not np.shares_memory(actual, x)
    np.testing.assert_array_equal(actual.view(np.ndarray), expected)
    assert np.array_equal(np.signbit(actual.view(np.ndarray)), np.signbit(expected))


def test_all_else_is_that_of_cupy():
    pytest.importorskip("cupy")
    from array_api_compat import cupy

    xp = _cupy._namespace()
    assert xp.exp is cupy.exp
    assert xp.float32 is cupy.float32
    assert xp.remainder is not cupy.remainder
    assert xp.clip is not cupy.clip
    assert callable(xp.fmod)


def test_arrays_of_cupy_have_it_and_no_others(monkeypatch):
    class OfCupy:
        """An array that is CuPy's."""

    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(ndarray=OfCupy))
    monkeypatch.setattr(_cupy, "_namespace", lambda: "CuPy's")
    assert _cupy.BACKEND.namespace(OfCupy()) == "CuPy's"
    assert "numpy" in _cupy.BACKEND.namespace(np.zeros(3)).__name__
