"""The functions that formulas call give in every library what they give in NumPy.

Whoever evaluates a formula as it is written relies on them: at NaN, at infinity, at a zero with a
sign, at halves and at multiples, with a number of Python among arrays.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

import surrogates
from surrogates import backends

SIZES = np.asarray([0, 1e-30, 0.3, 0.5, 0.7, 0.9, 1.5, 2.1, 2.5, 6.3, 7.0, 1e30, np.inf])
X = np.concatenate([-SIZES, SIZES, [np.nan]])
EXACT = {
    "abs": lambda xp, x: xp.abs(x),
    "astype": lambda xp, x: xp.astype(xp.astype(x > 0.3, x.dtype), x.dtype),
    "clip": lambda xp, x: xp.clip(x, min=-0.5, max=2.0),
    "clip from below": lambda xp, x: xp.clip(x, min=0.5),
    "clip by an array": lambda xp, x: xp.clip(x, max=xp.ones_like(x) * 0.5),
    "comparisons": lambda xp, x: xp.astype((x >= 0) & ~(x == 0.5) | (x < -1), x.dtype),
    "concat": lambda xp, x: xp.concat([x, xp.stack([x[0], x[1]])]),
    "finfo": lambda xp, x: x * 0 + float(xp.finfo(x.dtype).max),
    "floor": lambda xp, x: xp.floor(x),
    "full_like": lambda xp, x: xp.full_like(x, 0.7),
    "isfinite": lambda xp, x: xp.astype(xp.isfinite(x), x.dtype),
    "isinf": lambda xp, x: xp.astype(xp.isinf(x), x.dtype),
    "isnan": lambda xp, x: xp.astype(xp.isnan(x), x.dtype),
    "max": lambda xp, x: xp.max(xp.where(xp.isnan(x), xp.zeros_like(x), x)),
    "max of NaN": lambda xp, x: xp.max(x),
    "maximum": lambda xp, x: xp.maximum(x, xp.full_like(x, 0.5)),
    "maximum of NaN": lambda xp, x: xp.maximum(xp.full_like(x, 0.5), x),
    "min": lambda xp, x: xp.min(xp.where(xp.isnan(x), xp.zeros_like(x), x), axis=0),
    "min of NaN": lambda xp, x: xp.min(x, axis=0),
    "minimum": lambda xp, x: xp.minimum(x, xp.full_like(x, 0.5)),
    "negative": lambda xp, x: -x,
    "remainder": lambda xp, x: xp.remainder(x, xp.full_like(x, 0.7)),
    "remainder of multiples": lambda xp, x: xp.remainder(3 * xp.full_like(x, 0.7), 0.7 + 0 * x),
    "remainder by a negative": lambda xp, x: xp.remainder(x, xp.full_like(x, -0.3)),
    "round": lambda xp, x: xp.round(x),
    "sign": lambda xp, x: xp.sign(x),
    "where of a number": lambda xp, x: xp.where(x < 0.5, x, math.inf),
    "where of a number first": lambda xp, x: xp.where(x < 0.5, 0.1, x),
}
WITH_ANY_ZERO = {"remainder", "remainder by a negative", "remainder of multiples", "sign"}
# Accurate to the units in the last place given, which CUDA documents, too.
ROUNDED = {
    "atan2": (6, lambda xp, x: xp.atan2(x, xp.ones_like(x))),
    "cos": (4, lambda xp, x: xp.cos(xp.clip(x, min=-7.0, max=7.0))),
    "cumulative_sum": (8, lambda xp, x: xp.cumulative_sum(xp.clip(x, min=0.0, max=1.0), axis=0)),
    "divide": (1, lambda xp, x: x / 3),  # XLA multiplies by the reciprocal
    "exp": (4, lambda xp, x: xp.exp(-xp.abs(x))),
    "expm1": (4, lambda xp, x: xp.expm1(-xp.abs(x))),
    "log": (4, lambda xp, x: xp.log(xp.abs(x) + 1e-30)),
    "log1p": (4, lambda xp, x: xp.log1p(xp.abs(x))),
    "sin": (4, lambda xp, x: xp.sin(xp.clip(x, min=-7.0, max=7.0))),
    "sqrt": (1, lambda xp, x: xp.sqrt(xp.abs(x))),
    "tanh": (4, lambda xp, x: xp.tanh(x)),
}


@pytest.fixture(params=["float32", "float64"])
def both(request, kind):
    """Return a function of NumPy's result and the library's of a formula."""
    values = X.astype(request.param)

    def results(formula):
        found = []
        for x in (values, kind.array(values)):
            with np.errstate(all="ignore"), backends.of(x).quiet():
                result = formula(backends.of(x).namespace(x), x)
            assert result.dtype == x.dtype
            found.append(result)
        return np.asarray(found[0]), kind.numpy(found[1])

    return results


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("name", EXACT)
def test_exact_functions_are_those_of_numpy_to_the_bit(name, both):
    expected, found = both(EXACT[name])
    np.testing.assert_array_equal(found, expected)
    if name in WITH_ANY_ZERO:
        return
    is_number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found)[is_number], np.signbit(expected)[is_number])


OF_SEVERAL = {"concat", "max", "max of NaN", "min", "min of NaN"}


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_of_an_array_without_axes_they_are_those_of_its_element(kind):
    for formula in (EXACT[name] for name in EXACT if name not in OF_SEVERAL):
        expected = formula(backends.of(X).namespace(X), X)
        for place in (2, 12, -1):
            x = kind.array(np.asarray(X[place]))
            found = formula(backends.of(x).namespace(x), x)
            assert tuple(found.shape) == ()
            np.testing.assert_array_equal(kind.numpy(found), expected[place])


@pytest.mark.parametrize("name", ROUNDED)
def test_rounded_functions_are_within_their_units_of_numpy(name, both):
    ulp, formula = ROUNDED[name]
    expected, found = both(formula)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
    np.testing.assert_array_max_ulp(
        found[np.isfinite(expected)], expected[np.isfinite(expected)], ulp
    )


def test_every_function_of_the_formulas_is_tried():
    def called(*paths):
        return {n for path in paths for n in re.findall(r"\bxp\.(\w+)\(", path.read_text())}

    folder = Path(surrogates.__file__).parent
    files = [*folder.glob("definitions/*.py"), *folder.glob("_wrappers/*.py"), folder / "_maths.py"]
    of_the_compiler = {"erfc", "of_number", "sigmoid"}
    assert called(*files) - called(Path(__file__)) <= of_the_compiler
