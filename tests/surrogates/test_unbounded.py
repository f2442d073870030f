"""The unbounded numbers that an optimiser moves, and the parameters that belong to them."""

from __future__ import annotations

from dataclasses import field

import numpy as np
import pytest

import kinds
from surrogates import Surrogate, backends
from surrogates._modules._unbounded import bounded, is_two_sided, start, with_slope
from surrogates._parameters import ABOVE_ONE, FINITE, NON_NEGATIVE, POSITIVE, Interval

LOW, HIGH = FINITE.low, FINITE.high
EPS16, EPS32 = 2.0**-10, 2.0**-23
# By range: values inside of it; and in float16 and float32 the values where the way to each of its
# ends stops, no nearer than the dtype can tell and no further than half of what it reaches.
RANGES = {
    "positive": (POSITIVE, (1e-12, 0.3, 1e12), (2.0**-14, 32752.0), (1e-15, 1e15)),
    "not negative": (NON_NEGATIVE, (1e-12, 0.3, 1e12), (2.0**-14, 32752.0), (1e-15, 1e15)),
    "above one": (ABOVE_ONE, (1.001, 2.0, 1e6), (1 + 2 * EPS16, 32753.0), (1 + 1e-6, 1e15)),
    "above two": (
        Interval(2.0, HIGH, "", 2.0),
        (2.001, 3.0, 1e6),
        (2 + 4 * EPS16, 32754.0),
        (2 + 4 * EPS32, 1e15),
    ),
    "above minus two": (
        Interval(-2.0, HIGH, "", -2.0),
        (-1.999, 3.0, 1e6),
        (-2 + 4 * EPS16, 32750.0),
        (-2 + 4 * EPS32, 1e15),
    ),
    "below three": (
        Interval(LOW, 3.0, "", LOW),
        (2.999, 0.5, -1e6),
        (3 - 6 * EPS16, -32749.0),
        (3 - 6 * EPS32, -1e15),
    ),
    "below zero": (
        Interval(LOW, 0.0, "", LOW),
        (-1e-12, -0.5, -1e6),
        (-(2.0**-14), -32752.0),
        (-1e-15, -1e15),
    ),
}
ONE_SIDED = pytest.mark.parametrize("name", RANGES)
TWO_SIDED = Interval(-1.0, 3.0, "", -1.0)


def unbounded(interval, values):
    class Own(Surrogate):
        beta: float = field(default=(interval.low + interval.high) / 2)

    Own._fields[-1].metadata = {"interval": interval}
    return start(np, Own(), {"beta": np.asarray(values)})["beta"]


@ONE_SIDED
def test_values_come_back_from_their_numbers(name):
    interval, values, *_ = RANGES[name]
    numbers = unbounded(interval, values)
    np.testing.assert_allclose(bounded(np, interval, numbers), values, rtol=1e-12)
    for number, value in zip(numbers.tolist(), values, strict=True):
        now, slope = with_slope(np, interval, np.float64, number)
        np.testing.assert_allclose(now, value, rtol=1e-12)
        step = 1e-5
        above, below = (bounded(np, interval, np.asarray(number + s)) for s in (step, -step))
        np.testing.assert_allclose(slope, (above - below) / (2 * step), rtol=1e-4)


@ONE_SIDED
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_way_to_an_end_stops_where_the_dtype_does(name, dtype):
    interval, _, *ends = RANGES[name]
    for number, end in zip((-1e3, 1e3), ends[dtype is np.float32], strict=True):
        now, slope = with_slope(np, interval, dtype, number)
        assert slope == 0.0
        np.testing.assert_allclose(now, end, rtol=1e-10)
        rounded = bounded(np, interval, np.asarray(number, dtype))
        assert rounded.dtype == dtype
        # an exponential of 34 loses as many steps of the dtype
        np.testing.assert_allclose(float(rounded), end, rtol=64 * np.finfo(dtype).eps)
        assert float(rounded) not in (interval.start, interval.high)


@pytest.mark.parametrize("kind", kinds.parameters(kinds.WITH_TAPE))
def test_the_gradient_to_a_number_is_the_slope(kind):
    kinds.required(kind)
    for interval, values, *_ in RANGES.values():
        inside = unbounded(interval, values)
        numbers = kind.array(np.asarray([*inside, -1e3, 1e3]))
        xp = backends.of(numbers).namespace(numbers)
        found = kind.numpy(kind.gradient(lambda n: bounded(xp, interval, n), numbers))  # noqa: B023
        slopes = [with_slope(np, interval, np.float64, number)[1] for number in inside.tolist()]
        np.testing.assert_allclose(found, [*slopes, 0.0, 0.0], rtol=1e-12)


def test_between_two_ends_the_number_is_that_of_the_logistic_function():
    numbers = np.asarray([-40.0, -3.0, -0.5, 0.0, 0.5, 3.0, 30.0])
    values = bounded(np, TWO_SIDED, numbers)
    np.testing.assert_allclose(values, -1 + 4 / (1 + np.exp(-numbers)), rtol=1e-12)
    np.testing.assert_allclose(unbounded(TWO_SIDED, values[1:6]), numbers[1:6], atol=1e-12)


def test_a_range_without_an_end_takes_numbers_as_they_are():
    assert bounded(np, FINITE, -3.0) == -3.0
    assert with_slope(np, FINITE, np.float32, -3.0) == (-3.0, 1.0)
    assert unbounded(FINITE, -3.0) == -3.0


def test_which_ranges_have_two_ends():
    assert is_two_sided(TWO_SIDED)
    assert not any(is_two_sided(interval) for interval, *_ in RANGES.values())
    assert not is_two_sided(FINITE)
    assert not is_two_sided(Interval(-1.0, 3.0, "on a linear scale"))
