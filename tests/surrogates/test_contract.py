"""What the checks of a backend take for close, and for one type, shape and dtype."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mpmath")
from surrogates import (
    Compressed,
    ReluGrad,
    Sigmoid,
    StraightThrough,
    Surrogate,
    _contract,
    jvp,
    vjp,
)
from surrogates._contract import _DRAWS, Case, Library
from surrogates.definitions import SURROGATES
from surrogates.testing import check_backend

DOUBLE = ("float64", "float64")
PLAIN = Library(np.asarray, np.asarray, *[None] * 5)
ALL = [cls() for cls in SURROGATES.values()]
DENSITIES = [surrogate for surrogate in ALL if surrogate.is_distribution]
EXACT = np.asarray([1.0, -0.5, 1e-6, 0.0])


@pytest.fixture
def case():
    return Case(PLAIN, Sigmoid(), *DOUBLE)


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


@pytest.mark.parametrize(
    ("dtype", "how", "bound"),
    [
        ("float64", "close", 256 * 2.0**-52),
        ("float64", "roughly", 1e-6),
        ("float32", "close", 256 * 2.0**-23),
        ("float32", "roughly", 8192 * 2.0**-23),
    ],
)
def test_how_close_is_close(dtype, how, bound):
    case = Case(PLAIN, Sigmoid(), dtype, dtype)
    getattr(case, how)(case.cast(EXACT * (1 + 0.9 * bound)), EXACT)
    with pytest.raises(AssertionError, match="is due"):
        getattr(case, how)(case.cast(EXACT * (1 + 1.2 * bound)), EXACT)


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
    return Case(library, surrogate, *DOUBLE)


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
        Case(library, Sigmoid(), *DOUBLE).integers()


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


def test_where_the_dtype_ends_values_are_large(case):
    exact = np.asarray([1.0, 1e302, -1e302])
    case.near(np.asarray([1.0, np.inf, -1e301]), exact, 1e-3)
    with pytest.raises(AssertionError, match=r"5e\+300, where 1e\+301 is due"):
        case.near(np.asarray([5e300]), np.asarray([1e301]), 1e-3)
    for wrong in (0.0, -np.inf, np.nan, 1e299):
        with pytest.raises(AssertionError, match="is due"):
            case.near(np.asarray([1.0, wrong, -np.inf]), exact, 1e-3)
    with pytest.raises(AssertionError, match=r"\[0\. 0\.\], where \[-1\.79769313e\+301 "):
        read_as(lambda x: np.where(abs(x) > 1e300, 0.0, x), Steep()).values("derivative")


def test_what_is_about_the_least_normal_number_may_be_0():
    least = 3 * np.finfo(np.float32).tiny  # flushed in a factor, above 1
    library = Library(np.asarray, lambda x: np.where(abs(x) < least, 0 * x, x), *[None] * 5)
    steep = Sigmoid(4.4)
    assert 0 < steep.surrogate_grad(np.float32(-20.0)) < least
    Case(library, steep, "float32", "float32").values("derivative")


class Steep(Surrogate):
    """Whose derivative is x, and so beyond what is compared at the ends of the range."""

    def derivative(self, xp, x):
        return 10 * x


def test_a_number_is_not_close_to_nan(case):
    with pytest.raises(AssertionError, match=r"^1, where nan is due"):
        case.near(np.asarray([2.0, 1.0]), np.asarray([2.0, np.nan]), 1e-3)


class Narrow(Surrogate):
    """Which does not state its width, and is 0 wherever it is looked at."""

    def derivative(self, xp, x):
        return xp.where(abs(x) < 0.01, xp.ones_like(x), xp.zeros_like(x))


def test_a_derivative_that_is_0_wherever_it_would_be_looked_at_is_refused():
    with pytest.raises(ValueError, match=r"Narrow\(\) is 0 wherever .* state its `width`"):
        check_backend(np.copy, surrogates=[Sigmoid(), Narrow()])
    with pytest.raises(ValueError, match="is 0 wherever float16 would be checked"):
        check_backend(np.copy, surrogates=[Sigmoid(1e-9)], dtypes=["float16"])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("surrogate", ALL, ids=repr)
def test_places_are_eight_on_either_side_and_away_from_breakpoints(surrogate, dtype):
    x = Case(PLAIN, surrogate, dtype, dtype).x.astype(np.float64)
    scale = surrogate.width if 0 < surrogate.width < np.inf else 1.0
    assert (np.sum(x < 0), np.sum(x > 0), len(set(x))) == (4, 4, 8)
    assert min(abs(place - b) for place in x for b in surrogate.breakpoints) > 0.019 * scale


class Chosen(np.random.Generator):
    """A generator of numbers that are given."""

    def __init__(self, numbers):
        super().__init__(np.random.PCG64())
        self.numbers = numbers

    def random(self, shape, dtype):
        return np.full(shape, self.numbers, dtype)


def drawing(numbers):
    return Case(Library(np.asarray, np.asarray, *[None] * 4, Chosen(numbers)), Sigmoid(), *DOUBLE)


@pytest.mark.parametrize("side", [-1, 1])
def test_the_share_of_spikes_may_be_off_by_a_hundredth(side):
    evenly = (np.arange(_DRAWS) + 0.5) / _DRAWS
    drawing(evenly + side * 0.009).random()
    with pytest.raises(AssertionError, match="share of spikes"):
        drawing(evenly + side * 0.011).random()


@pytest.mark.parametrize(("number", "words"), [(0.0, "spike"), (1.0, "do not")])
def test_twelve_rare_spikes_are_taken(number, words):
    numbers = np.full(_DRAWS, 0.5)
    numbers[:12] = number
    drawing(numbers).rare()
    numbers[12] = number
    with pytest.raises(AssertionError, match=f"13 of 100000 {words} at x = "):
        drawing(numbers).rare()


@pytest.mark.parametrize("surrogate", DENSITIES, ids=repr)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rare_spikes_are_looked_for_in_every_density(surrogate, dtype):
    for number in (0.0, 1.0) if surrogate.support[0] == -np.inf else (1.0,):
        library = Library(np.asarray, np.asarray, *[None] * 4, Chosen(number))
        with pytest.raises(AssertionError, match="100000"):
            Case(library, surrogate, dtype, dtype).rare()


def differentiated(result, surrogate, dtype="float64", second=None):
    """Return a case in a library whose gradients are a given result, and whose second another."""

    def grad(function):
        is_first = isinstance(function, Surrogate)
        return lambda x: np.asarray(result if is_first else second(), dtype)

    library = Library(np.asarray, np.asarray, grad, *[None] * 4)
    return Case(library, surrogate, dtype, dtype)


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-3), ("float16", 64 * 2.0**-10)])
@pytest.mark.parametrize("side", [-1, 1])
def test_the_second_derivative_at_the_threshold_is_one_of_both(dtype, bound, side):
    slope = -side * ReluGrad().alpha

    def at_threshold(second):
        differentiated([0.0], ReluGrad(), dtype, lambda: [second]).at_threshold()

    for within in (slope, slope * (1 + 0.9 * bound), slope * (1 - 0.9 * bound)):
        at_threshold(within)
    for wrong in (0.0, slope * (1 + 1.2 * bound), slope * (1 - 1.2 * bound), np.nan):
        with pytest.raises(AssertionError, match="is due"):
            at_threshold(wrong)


def test_how_close_what_is_kept_in_half_precision_is():
    x = differentiated(0.0, Sigmoid()).x
    exact = vjp(Compressed(Sigmoid(), "float16"), x)[1](np.ones(8))
    differentiated(exact * (1 + 0.9 * 2.0**-9), Sigmoid()).half_residual()
    with pytest.raises(AssertionError, match="is due"):
        differentiated(exact * (1 + 1.2 * 2.0**-9), Sigmoid()).half_residual()


def refused():
    raise NotImplementedError("it has no gradient")


@pytest.mark.parametrize("side", [-1, 1])
def test_how_close_what_is_kept_in_8_bits_is(side):
    case = differentiated(0.0, Sigmoid())
    exact, step = case.surrogate_grad(case.x), side * Sigmoid().peak / 200
    differentiated(exact + 0.9 * step, Sigmoid(), second=refused).byte_residual()
    differentiated(exact, Sigmoid(), second=case.slope).byte_residual()
    with pytest.raises(AssertionError, match="the gradient of the first order is off"):
        differentiated(exact + 1.2 * step, Sigmoid(), second=refused).byte_residual()
    with pytest.raises(AssertionError, match="is due"):
        differentiated(exact, Sigmoid(), second=lambda: 1.01 * case.slope()).byte_residual()


def kept_by_calls(surrogate, x):
    """Return a pullback that is right once."""
    spikes, pullback = vjp(surrogate, x)
    calls = []

    def wrong(cotangent):
        calls.append(cotangent)
        return len(calls) * pullback(cotangent)

    return spikes, wrong


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("vjp", kept_by_calls),
        ("vjp", lambda s, x: (s(x), lambda cotangent: s.surrogate_grad(x))),
        ("vjp", lambda s, x: (s(-x), vjp(s, x)[1])),
        ("jvp", lambda s, x, tangent: (s(x), s.surrogate_grad(x))),
        ("jvp", lambda s, x, tangent: (s(-x), jvp(s, x, tangent)[1])),
    ],
    ids=["the second call", "the cotangent", "spikes", "the tangent", "spikes of jvp"],
)
def test_products_by_hand_are_checked_with_their_spikes_and_more_than_once(
    case, monkeypatch, name, wrong
):
    case.by_hand()
    monkeypatch.setattr(_contract, name, wrong)
    with pytest.raises(AssertionError):
        case.by_hand()
