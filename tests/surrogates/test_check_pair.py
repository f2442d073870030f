"""What the check measures of a pair of formulas, and the numbers that it runs them on."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import sympy

import surrogates
from faults import Lorentzian
from surrogates import _recording as recording
from surrogates._check import pair, symbolic

pytestmark = pytest.mark.symbolic


def line_of(surrogate):
    kinks = recording.kinks(surrogate, ["surrogate_grad", "surrogate_fun"], 1.0)
    return pair.Line(surrogate, kinks, 1.0)


class Needle(surrogates.Surrogate):
    """A bump that is too narrow for the first nodes, and an error that is narrower still."""

    width: float = 1e-5
    height: float = 1.0
    excess: float = 0.0

    def derivative(self, xp, x):
        y = xp.tanh((x - 2.00123) / self.width)
        return 1 / (1 + x * x) + self.height * (1 - y * y)

    def primitive(self, xp, x):
        rise = self.height * self.width * (1 + self.excess)
        return 0.5 + xp.atan(x) + rise * xp.tanh((x - 2.00123) / self.width)


def test_a_bump_that_the_nodes_miss_is_found_before_it_is_called_an_error():
    line = line_of(Needle())
    rise = 2e-5
    panel = np.flatnonzero((line.left < 2.00123) & (line.right > 2.00123))
    exact = math.atan(line.right[panel[0]]) - math.atan(line.left[panel[0]]) + rise
    assert abs(line.integral[panel[0]] - exact) > rise / 2  # it was missed
    assert line.disagreement() is None


def test_a_bump_that_the_nodes_miss_must_agree_with_the_primitive():
    found = line_of(Needle(excess=0.01)).disagreement()
    assert "primitive and derivative disagree from x = 2" in found


class Jumping(Lorentzian):
    def primitive(self, xp, x):
        return super().primitive(xp, x) + xp.where(x > 1.5, 0.25, 0.0)


def test_a_jump_of_the_primitive_is_measured_and_placed():
    assert line_of(Jumping()).disagreement() == "the primitive jumps by 0.25 at x = 1.5"


class NanBetween(Lorentzian):
    def primitive(self, xp, x):
        return xp.where((x > 1.4) & (x < 1.6), xp.nan, super().primitive(xp, x))


def test_a_primitive_that_is_nan_somewhere_is_told_with_its_place():
    found = line_of(NanBetween()).disagreement()
    assert found.startswith("primitive at x = 1.4")
    assert found.endswith(" is NaN")


class Nowhere(Lorentzian):
    def derivative(self, xp, x):
        return x * xp.nan


def test_a_derivative_that_is_nan_everywhere_has_no_extremes():
    line = line_of(Nowhere())
    assert line.largest[0] == -math.inf
    assert line.smallest[0] == math.inf
    assert np.isnan(line.integral).all()


class Growing(surrogates.Surrogate):
    """An exponential with a wrong primitive."""

    rate: float = 1.0
    factor: float = 1.5

    def derivative(self, xp, x):
        return xp.exp(self.rate * x)

    def primitive(self, xp, x):
        return self.factor * xp.exp(self.rate * x) / self.rate


def test_difference_quotients_tell_the_derivative_in_exact_arithmetic():
    assert pair.quotients(Growing(factor=1.0), [(0.0, 1.0), (3.0, 1.0)]) is None
    assert pair.quotients(Growing(), [(0.0, 1.0)]) == (
        "primitive and derivative disagree at x = 0: the derivative is 1.0, "
        "the primitive rises by 1.5 per unit of x"
    )


def test_beyond_what_a_float_holds_nothing_is_compared():
    assert pair.quotients(Growing(), [(570.0, 1.0)]) is not None
    assert pair.quotients(Growing(), [(580.0, 1.0)]) is None  # above 1e250


class Flat(surrogates.Surrogate):
    """A slope of 1e-400 on a constant of 1, which 440 digits would tell."""

    def derivative(self, xp, x):
        return xp.exp(-900 * xp.abs(x) - 21)

    def primitive(self, xp, x):
        return 1 + 0 * x


def test_what_would_take_too_many_digits_is_not_compared():
    wrong = Growing(rate=-1.0)
    assert pair.quotients(wrong, [(0.0, 1.0), (500.0, 1.0)]).startswith("primitive and")
    assert pair.quotients(Flat(), [(1.0, 1.0)]) is None


class Pole(surrogates.Surrogate):
    def derivative(self, xp, x):
        return 1 / xp.abs(x)

    def primitive(self, xp, x):
        return 0.5 + x


def test_a_derivative_that_is_infinite_in_exact_arithmetic_is_told():
    assert pair.quotients(Pole(), [(0.0, 1.0)]) == (
        "derivative at x = 0 is +inf in exact arithmetic"
    )


# The numbers that stand for arrays.


@pytest.mark.parametrize("value", [-7.25, -0.5, 0.0, 1.0, 5.75])
@pytest.mark.parametrize("other", [2.0, 0.75])
def test_numbers_are_those_of_arrays(value, other):
    one, array = symbolic.number(value), np.float64(value)
    functions = {
        "+x": lambda x: +x,
        "-x": lambda x: -x,
        "abs": abs,
        "remainder": lambda x: x % other,
        "quotient": lambda x: x // other,
        "power of a number": lambda x: other**x,
        "difference from a number": lambda x: other - x,
    }
    for name, function in functions.items():
        assert float(function(one)) == pytest.approx(float(function(array)), rel=1e-14), name


def test_expressions_follow_the_values():
    x = symbolic.Number(5.75, sympy.Symbol("x"))
    symbol = x.expression
    assert (+x).expression == symbol
    assert (2.0**x).expression == 2**symbol
    assert (x % 2.0).expression == symbol - 4  # near 5.75, where the quotient stays 2
    assert (x // 2.0).expression == 2
    assert symbolic.number(mpmath.mpf(3)).expression is None
    assert (x + mpmath.mpf(3)).expression is None
    assert (x + mpmath.mpf(3)).value == 8.75


def test_equal_numbers_have_equal_hashes():
    assert len({symbolic.number(2.0), symbolic.number(2), symbolic.number(3.0)}) == 2
