"""Numbers that are recorded: a program for another value is the one traced with that value."""

from __future__ import annotations

import math
import operator
from functools import cache

import numpy as np
import pytest

import surrogates
from kinds import Kind, every_surrogate, required
from surrogates import Mixture, Scaled, Sigmoid, Spliced, Ternary, Windowed
from surrogates._parameters import COUNT, parameters
from surrogates.backends import _numpy as of_numpy
from surrogates.backends._compiler import program, text
from surrogates.backends._compiler.graph import trace
from surrogates.backends._compiler.tape import Number, Tape, elementary
from surrogates.schedules import geometric

EDGES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-40, 0.5, -0.5, 1.0, -1.0]
X = np.concatenate([np.random.default_rng(0).normal(0, 2, 40), EDGES])
DIALECTS = ["numpy", "torch"]


def dialect_of(library):
    if library == "numpy":
        return of_numpy._DIALECT
    required(Kind.TORCH)
    from surrogates.backends._torch.program import _DIALECT

    return _DIALECT


def traced_with_its_numbers(dialect, surrogate, name, dtype):
    root = trace(surrogate, name, dtype, **dialect.options(dtype))
    root = root.trace.apply("mul", root, root.trace.input("v"))
    return text.template_of(dialect, dialect.fused(root), dtype, 0, Tape(())).of()


def values(library, made, dtype):
    with np.errstate(all="ignore"):
        x, v = (np.asarray(a, dtype) for a in (X, np.linspace(-2, 2, len(X))))
        x, v = (Kind[library.upper()].array(a) for a in (x, v))
        out = v * 0
        return np.asarray(dialect_of(library).evaluate(made, x, v, out))


def assert_the_same(library, surrogate, name, dtype):
    dialect = dialect_of(library)
    made = dialect.program(surrogate, name, dtype, product=True)
    expected = traced_with_its_numbers(dialect, surrogate, name, dtype)
    actual, expected = (values(library, each, dtype) for each in (made, expected))
    np.testing.assert_array_equal(actual, expected, err_msg=repr(surrogate))
    known = ~np.isnan(actual)
    np.testing.assert_array_equal(np.signbit(actual[known]), np.signbit(expected[known]))


def drawn(parameter, rng):
    """Return a value: near the default, of any size, or one that a formula may be written with."""
    interval = parameter.metadata["interval"]
    kind = rng.random()
    if kind < 0.1:
        value = rng.choice([0.0, 0.5, 1.0, 2.0, 4.0, math.pi, -1.0, 1e15, 1e-15])
    elif kind < 0.6:
        value = (parameter.default or 1.0) * 10 ** rng.uniform(-0.5, 0.5)
    else:
        value = 10 ** rng.uniform(-15, 15) * rng.choice([1, 1, -1])
    return float(np.clip(value, interval.low, interval.high))


@pytest.fixture
def counted(monkeypatch):
    """Count the graphs that are traced, and the texts that Python compiles."""
    for known in (of_numpy._plan, program._program, program._templates, text._code):
        known.cache_clear()
    count = []
    monkeypatch.setattr(program, "trace", lambda *a, **k: count.append(1) or trace(*a, **k))
    return lambda: (len(count), text._code.cache_info().misses)


@every_surrogate
@pytest.mark.parametrize("library", DIALECTS)
def test_a_program_for_other_numbers_is_the_traced_one_to_the_bit(cls, library, counted):
    rng = np.random.default_rng(0)
    declared = [p for p in parameters(cls) if p.metadata["interval"] is not COUNT]
    drawings = 300 if declared else 1
    for number in range(drawings):
        surrogate = cls(**{p.name: drawn(p, rng) for p in declared})
        dtype = ("float32", "float64")[number % 2]
        assert_the_same(library, surrogate, "derivative", dtype)
        if number % 10 == 0:
            assert_the_same(library, surrogate, "primitive", dtype)
    # for other decisions, such as of a number that is 1 or leaves the range
    assert counted()[0] <= 48


MADE = {
    "sigmoid": Sigmoid,
    "scaled": lambda a: Scaled(Sigmoid(a), amplitude=2 / a),
    "all of it": lambda a: Scaled(Sigmoid(a), amplitude=a, rate=1 / a, shift=a / 9),
    "weights": lambda a: Mixture((Sigmoid(a), surrogates.Arctan()), (a / 9, 0.3)),
    "parts": lambda a: Spliced(Sigmoid(a), surrogates.SlayerGrad(a + 1)),
    "band": lambda a: Windowed(Sigmoid(a), a),
    "signed": lambda a: Ternary(Sigmoid(a)),
    "annealed": lambda a: surrogates.anneal(Sigmoid(), alpha=geometric(1.5, 7.0))((a - 2) / 5),
}


@pytest.mark.parametrize("library", DIALECTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", MADE.values(), ids=MADE.keys())
def test_another_number_is_not_traced_again(make, dtype, library, counted):
    assert_the_same(library, make(2.01), "derivative", dtype)
    dialect, before = dialect_of(library), counted()
    for number in np.linspace(2.1, 6.7, 100).tolist():
        assert dialect.program(make(number), "derivative", dtype, product=True)
    assert counted() == before
    for number in np.linspace(2.2, 6.6, 20).tolist():
        assert_the_same(library, make(number), "derivative", dtype)


def test_an_ordinary_call_is_not_traced_again(counted):
    x = np.linspace(-2, 2, 50)
    surrogates.vjp(Sigmoid(2.0), x)
    before = counted()
    for number in np.linspace(2.1, 6.7, 100).tolist():
        pullback = surrogates.vjp(Sigmoid(number), x)[1]
    assert counted() == before
    of_numpy._plan.cache_clear()
    program._program.cache_clear()
    program._templates.cache_clear()
    np.testing.assert_array_equal(pullback(np.ones(50)), Sigmoid(number).surrogate_grad(x))


class Own(surrogates.Surrogate):
    """Of a user, whose formula does what numbers allow."""

    traceable = True
    alpha: float = 2.0
    beta: float = 1.0


class Branches(Own):
    traceable = True

    def derivative(self, xp, x):
        if self.alpha > 3 and self.beta:
            return self.alpha * xp.abs(x)
        return max(self.alpha, 2.5) * x * (self.beta == 1.0 or 7)


class Divides(Own):
    traceable = True

    def derivative(self, xp, x):
        try:
            return x * (1 / self.beta)
        except ZeroDivisionError:
            return x * 5.0


class Overflows(Own):
    traceable = True

    def derivative(self, xp, x):
        return x * (1 / (1 + 1e300 * abs(self.beta) ** self.alpha)) * (1 / self.alpha)


class Asks(Own):
    traceable = True

    def derivative(self, xp, x):
        return x * math.exp(-self.alpha) * np.float64(3.0)


class LooksUp(Own):
    traceable = True
    table = {2.0: 5.0}  # noqa: RUF012

    def derivative(self, xp, x):
        return x * self.table.get(self.alpha, self.alpha)


class OfNumPysNumbers(Own):
    traceable = True

    def derivative(self, xp, x):
        return x * (np.float64(3.0) * self.alpha + self.beta * np.float32(0.1)) + self.alpha**0.5


class Folds(Own):
    traceable = True

    def derivative(self, xp, x):
        number = xp.exp(xp.asarray(self.alpha)) + xp.where(xp.asarray(self.beta) > 0, 1.0, 3.0)
        return x * number + xp.zeros_like(x) * self.beta


class Remembers(Own):
    traceable = True

    def derivative(self, xp, x):
        return x * _doubled(self)


class Writes(Own):
    traceable = True

    def derivative(self, xp, x):
        return x * len(f"{self.alpha!r}")


@cache
def _doubled(surrogate):
    return 2 * surrogate.alpha


USERS = [Branches, Divides, Overflows, Asks, LooksUp, OfNumPysNumbers, Folds, Remembers, Writes]


@pytest.mark.parametrize("library", DIALECTS)
@pytest.mark.parametrize("cls", USERS)
def test_a_formula_of_a_user_is_followed(cls, library):
    program._program.cache_clear()
    program._templates.cache_clear()
    _doubled.cache_clear()
    for alpha in (2.0, 2.5, 4.0, 1.0, 2.0, 100.0, 0.25):
        for beta in (1.0, 0.0, -2.0, 3.0, 1e15):
            if cls is Overflows and beta == 1e15 and alpha > 0.5:  # it raises
                continue
            for dtype in ("float32", "float64"):
                assert_the_same(library, cls(alpha, beta), "derivative", dtype)


def test_an_error_in_a_formula_names_the_values_of_its_surrogate():
    class Unfinished(surrogates.Surrogate):
        traceable = True
        alpha: float = surrogates.parameter(2.0)

    with pytest.raises(NotImplementedError, match=r"Unfinished\(alpha=2.5\) defines no primitive"):
        Unfinished(alpha=2.5).surrogate_fun(X)


def test_a_number_that_was_kept_from_another_trace_is_refused():
    one, other = Tape((2.0,)), Tape((2.0,))
    with pytest.raises(TypeError, match="another trace"):
        _ = one.numbers[0] + other.numbers[0]
    for alpha in (2.0, 3.0, 2.0):
        surrogate = Remembers(alpha)
        x = np.ones(3)
        program._program.cache_clear()
        program._templates.cache_clear()
        of_numpy._plan.cache_clear()
        np.testing.assert_array_equal(surrogate.surrogate_grad(x), 2 * alpha * x)


def recorded(function, *numbers):
    tape = Tape(numbers)
    result = function(*tape.numbers)
    return tape, tape.function([result])


def test_a_tape_does_the_same_with_other_numbers():
    def function(a, b):
        return elementary("exp", -a) ** 2 / (b - 1.5) + 2 * abs(a) if a < b else a

    tape, again = recorded(function, 0.3, 2.0)
    assert tape.is_valid
    for a, b in ((0.3, 2.0), (-7.1, 0.1), (1e-3, 1e9)):
        assert again(a, b) == (function(a, b),)
    assert again(2.0, 1.0) is None
    with pytest.raises(ZeroDivisionError):
        again(1.0, 1.5)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow"])
@pytest.mark.parametrize("constant", [2, 2.0, 0.1, True, np.float64(0.1), np.float32(0.1)])
def test_arithmetic_is_that_of_the_numbers(name, constant):
    function = getattr(operator, name)
    for formula in (lambda a: function(a, constant), lambda a: function(constant, a)):
        _, again = recorded(formula, 0.7)
        for number in (0.7, 3.3):
            (actual,) = again(number)
            assert actual == formula(number)
            assert type(actual) is type(formula(number))


@pytest.mark.parametrize("name", ["eq", "ge", "gt", "le", "lt", "ne"])
def test_a_decision_is_recorded(name):
    function = getattr(operator, name)
    for formula in (lambda a: function(a, 2.0), lambda a: function(2.0, a)):
        for first in (1.0, 2.0, 3.0):
            tape = Tape((first,))
            outcome = formula(tape.numbers[0])
            assert outcome is formula(first)
            again = tape.function(tape.numbers)
            for other in (1.0, 2.0, 3.0):
                assert again(other) == ((other,) if formula(other) is outcome else None)


@pytest.mark.parametrize("function", [float, int, math.exp, round, hash, str, repr, format, np.exp])
def test_what_would_leave_no_record_is_refused(function):
    (number,) = Tape((2.0,)).numbers
    with pytest.raises(TypeError):
        function(number)


def test_a_number_passes_for_a_float_and_not_for_an_array():
    (number,) = Tape((2.0,)).numbers
    assert isinstance(number, float)
    assert type(number) is Number
    assert not hasattr(number, "dtype")


def test_infinity_and_signs_of_zero_are_constants_of_their_own():
    for constant in (math.inf, -math.inf, 0.0, -0.0):
        tape, again = recorded(lambda a, c=constant: a * c, 2.0)
        assert again(3.0) == (3.0 * constant,)
    (number,) = (tape := Tape((2.0,))).numbers
    plus, minus = number * 0.0, number * -0.0
    assert tape.function([plus, minus])(1.0) == (0.0, -0.0)
    assert [math.copysign(1, zero) for zero in tape.function([plus, minus])(1.0)] == [1, -1]


def test_templates_of_one_definition_are_not_kept_without_end(monkeypatch):
    monkeypatch.setattr(program, "_MOST_TEMPLATES", 2)
    program._program.cache_clear()
    program._templates.cache_clear()

    class Steps(Own):
        traceable = True

        def derivative(self, xp, x):
            for step in range(9):
                if self.alpha < step:
                    return x * (step * self.alpha)
            return x

    for alpha in np.linspace(0.5, 8.5, 9).tolist():
        assert_the_same("numpy", Steps(alpha), "derivative", "float64")
    shared, _ = Steps(1.0).lifted()
    key = (of_numpy._DIALECT, shared, "derivative", "float64", 0, True)
    assert len(program._templates(*key)) == 2


def test_what_was_folded_for_nothing_is_left_out():
    tape = Tape((2.0,))
    for name in ("folded_add", "folded_mul"):
        used = tape.apply(name, lambda a: a + 1, tape.numbers[0])
    again = tape.function([used])
    assert "folded_mul" in again.__code__.co_names
    assert "folded_add" not in again.__code__.co_names
    assert again(5.0) == (6.0,)
