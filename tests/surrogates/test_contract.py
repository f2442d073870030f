"""What the checks of a backend take for close, and for one type, shape and dtype."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mpmath")
from surrogates import Sigmoid, StraightThrough, Surrogate
from surrogates._contract import Case, Library

EXACT = np.asarray([1.0, -0.5, 1e-6, 0.0])


@pytest.fixture
def case():
    library = Library(np.asarray, np.asarray, *[None] * 5)
    return Case(library, Sigmoid(), "float64", "float64")


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_closeness_is_to_each_number_or_to_a_hundredth_of_the_largest(case, size, place, sign):
    allowed = np.zeros(4)
    allowed[place] = sign * size * 1e-3 * max(abs(EXACT[place]), 1e-2)
    case.near(size * EXACT + 0.9 * allowed, size * EXACT, 1e-3)
    with pytest.raises(AssertionError, match="is due"):
        case.near(size * EXACT + 1.2 * allowed, size * EXACT, 1e-3)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_close(case, wrong):
    with pytest.raises(AssertionError, match=rf"{wrong}, where -0\.5 is due"):
        case.near(np.asarray([1.0, wrong, 1e-6, 0.0]), EXACT, 1e-3)


def test_nothing_is_due_where_nothing_is_and_may_be_infinite_where_the_dtype_ends(case):
    case.near(np.zeros(4), np.zeros(4), 1e-3)
    case.near(np.zeros((2, 0)), np.zeros((2, 0)), 1e-3)
    case.near(np.asarray([1.0, np.inf]), np.asarray([1.0, 1e302]), 1e-3)
    with pytest.raises(AssertionError, match="1e-09, where 0 is due"):
        case.near(np.asarray([0.0, 1e-9]), np.zeros(2), 1e-3)
    with pytest.raises(AssertionError, match="0 everywhere, in silence, where up to 1e-06 is due"):
        case.near(np.zeros(4), 1e-6 * EXACT, 10.0)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (EXACT[:, None], r"has shape \(4, 1\), not \(4,\)"),
        (EXACT.astype(np.float32), "of dtype float32"),
        (EXACT.tolist(), "of type <class 'list'>"),
    ],
)
def test_another_shape_dtype_or_type_is_not_close(case, result, words):
    with pytest.raises(AssertionError, match=words):
        case.near(result, EXACT, 1.0)


@pytest.mark.parametrize(("how", "bound"), [("close", 256 * 2.0**-52), ("roughly", 1e-6)])
def test_how_close_is_close(case, how, bound):
    getattr(case, how)(EXACT * (1 + 0.9 * bound), EXACT)
    with pytest.raises(AssertionError, match="is due"):
        getattr(case, how)(EXACT * (1 + 1.2 * bound), EXACT)


def test_spikes_are_equal_or_not(case):
    case.equal(np.ones(2), np.ones(2))
    with pytest.raises(AssertionError, match=r"got \[1\. 0\.\], expected \[1\. 1\.\]"):
        case.equal(np.asarray([1.0, 0.0]), np.ones(2))


@pytest.mark.parametrize("words", ["no gradient", "no derivative"])
def test_a_refusal_is_an_error_that_says_so(case, words):
    def raising(text):
        def function(x):
            raise ValueError(text)

        return function

    assert case.is_refused(raising(f"there is {words}"), EXACT)
    assert not case.is_refused(lambda x: x, EXACT)
    with pytest.raises(ValueError, match="something else"):
        case.is_refused(raising("something else"), EXACT)


def read_as(asnumpy, surrogate):
    """Return a case whose results are read by a function that may be wrong."""
    library = Library(np.asarray, asnumpy, *[None] * 4, np.random.default_rng(0))
    return Case(library, surrogate, "float64", "float64")


@pytest.mark.parametrize("side", [-1, 1])
def test_values_may_be_off_by_four_times_what_is_stated(side):
    def off(ulp):  # a derivative of 1, of which 4 are stated
        return read_as(lambda values: values + side * ulp * 2.0**-52, StraightThrough())

    off(15).values("derivative")
    with pytest.raises(AssertionError, match="ulp, too many, at x = "):
        off(18).values("derivative")


def test_spikes_that_are_drawn_are_0_and_1():
    with pytest.raises(AssertionError, match=r"other than 0 and 1 were drawn: \[0\.  0\.5\]"):
        read_as(lambda spikes: spikes / 2, Sigmoid()).random()


def test_a_library_that_takes_integers_is_told():
    library = Library(lambda values: np.asarray(values, np.float64), *[None] * 6)
    with pytest.raises(AssertionError, match="an array of integers was taken"):
        Case(library, Sigmoid(), "float64", "float64").integers()


class Partial(Surrogate):
    """Whose derivative is NaN far above the threshold."""

    def derivative(self, xp, x):
        return xp.where(x > 100.0, xp.sqrt(100.0 - x), xp.ones_like(x))


def test_values_are_nan_where_they_are_due_to_be():
    read_as(np.asarray, Partial()).values("derivative")
    with pytest.raises(AssertionError, match="NaN at x = "):
        read_as(np.nan_to_num, Partial()).values("derivative")


def test_values_may_be_infinite_where_the_dtype_ends():
    infinite = read_as(
        lambda x: np.where(abs(x) > 1e300, np.copysign(np.inf, x), x), StraightThrough()
    )
    infinite.values("primitive")
