"""Whether a result has the accuracy that its surrogate states; this needs mpmath."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinds import Kind
from surrogates._check.accuracy import Reference, ulps


def assert_as_stated(
    surrogate: Any, function: str, actual: np.ndarray, exact: np.ndarray, kind: Kind
) -> None:
    """Assert that the derivative or primitive has the accuracy that the surrogate states.

    `exact` is it in NumPy's float64. PyTorch, JAX and CuPy are allowed twice as much.
    """
    assert np.array_equal(np.isnan(actual), np.isnan(exact))
    actual, exact = actual[np.isfinite(exact)], exact[np.isfinite(exact)]
    truth = Reference(exact, exact, np.zeros_like(exact))
    of_bound, error = ulps(surrogate, function, actual, truth, flushes=True)
    allowed = 1 if kind in (Kind.NUMPY, Kind.NUMPY_READONLY, Kind.STRICT) else 2
    allowed += exact.dtype == actual.dtype  # the reference errs as well
    assert np.all(of_bound <= allowed), (actual, exact, error)
