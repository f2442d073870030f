"""The error function of NumPy arrays against mpmath's."""

from __future__ import annotations

import array_api_compat.numpy as xp
import mpmath
import numpy as np
import pytest

from surrogates.backends._erfc import erfc


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_erfc_within_its_stated_bound(dtype):
    info = np.finfo(dtype)
    x = np.concatenate([np.linspace(-7, 28, 20_000), np.geomspace(1e-30, 1, 100)]).astype(dtype)
    with mpmath.workdps(40):
        exact = np.asarray([float(mpmath.erfc(float(v))) for v in x])
    normal = exact >= info.tiny
    error = np.abs(erfc(x, xp)[normal] - exact[normal]) / np.spacing(exact[normal].astype(dtype))
    assert error.max() <= 10


def test_erfc_at_its_ends():
    x = np.asarray([-np.inf, 0.0, np.inf, np.nan])
    np.testing.assert_array_equal(erfc(x, xp), [2, 1, 0, np.nan])
