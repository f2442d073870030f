"""The levels of 8 bits, at the ends of what they can hold."""

from __future__ import annotations

import numpy as np
import pytest

from kinds import WITH_TAPE, Kind, parameters
from surrogates import Arctan, Compressed, MultiSpike, Scaled, Sigmoid, vjp


@pytest.mark.parametrize("taped", parameters(WITH_TAPE))
def test_eight_bits_of_a_pullback_are_not_differentiated(taped):
    if taped.missing():
        pytest.skip(taped.missing())
    x, alpha = taped.array(np.asarray([0.3])), taped.array(np.asarray([2.0]))

    def pulled_back(x, alpha):
        return vjp(Compressed(Arctan(alpha), "uint8"), x)[1](x * 0 + 1)

    assert taped.numpy(pulled_back(x, alpha)) > 0.5
    for function, at in (
        (lambda x: pulled_back(x, alpha), x),
        (lambda a: pulled_back(x, a), alpha),
    ):
        with pytest.raises(NotImplementedError, match="first derivative only"):
            taped.gradient(function, at)


def test_eight_bits_of_a_peak_that_is_0_negative_or_tiny(kind):
    if kind in (Kind.NUMPY, Kind.NUMPY_READONLY):
        pytest.skip("NumPy's parameters are looked at, and refused")
    x = np.asarray([-1.0, 0.0, 0.5, np.inf])
    for dtype, tiny in (("float32", 1e-37), ("float64", 1e-305)):
        for amplitude in ([0.0], [-1.0], [1.0, 0.0, -2.0, 0.0], [tiny], [tiny, 0.0, 1.0, -tiny]):
            factor = np.asarray(amplitude, dtype)
            shape = Scaled(Sigmoid(), kind.array(factor))
            for surrogate in (Compressed(shape, "uint8"), MultiSpike(Compressed(shape, "uint8"))):
                at = kind.array(x.astype(dtype))
                exact = factor * Sigmoid().surrogate_grad(x.astype(dtype))
                # a negative derivative has no level
                exact = np.where(exact < 0, np.nan, exact)
                actual = [
                    surrogate.surrogate_grad(at),
                    vjp(surrogate, at)[1](kind.array(np.ones(4, dtype))),
                ]
                if kind in WITH_TAPE:
                    actual.append(kind.gradient(surrogate, at))
                for derivative in actual:
                    found = kind.numpy(derivative)
                    room = np.abs(factor) / 500 + np.finfo(dtype).tiny
                    np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
                    assert np.all((np.abs(found - exact) <= room) | np.isnan(exact))
