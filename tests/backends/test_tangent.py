"""The derivative of a graph to a parameter, against difference quotients of the formula."""

from __future__ import annotations

import math

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate
from surrogates._parameters import COUNT
from surrogates._parameters import parameters as declared
from surrogates.backends._compiler.graph import FUNCTIONS, Trace, nodes_of
from surrogates.backends._compiler.tangent import _PARTIALS, tangent
from surrogates.backends._numpy import _DIALECT

X = np.linspace(-2.9, 3.1, 401)
SPECIAL = {  # which NumPy lacks
    "erfc": np.vectorize(math.erfc),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
}


def value(root, **inputs):
    """Evaluate a graph by NumPy, node by node."""
    known = {}
    for node in nodes_of(root):
        if node.op == "input":
            known[node.number] = inputs[node.operands[0]]
        elif node.op == "constant":
            known[node.number] = node.value
        else:
            operands = [known[o.number] for o in node.operands]
            function = np.float64 if node.op == "number" else (FUNCTIONS | SPECIAL)[node.op]
            known[node.number] = function(*operands)
    return known[root.number]


@pytest.mark.parametrize("op", sorted(FUNCTIONS))
@pytest.mark.parametrize("place", [0, 1, 2])
def test_each_operation_is_differentiated(op, place):
    count = 3 if op == "where" else FUNCTIONS[op].nin
    is_condition = op in ("and", "not", "or") or (op == "where" and place == 0)
    if place >= count or is_condition or op == "number":
        pytest.skip("no such operand, or a condition")
    trace = Trace("float64")
    names = ["a", "b", "c"][:count]
    inputs = [trace.input(name) for name in names]
    at = dict(zip(names, (0.7, 1.9, 0.4), strict=False))
    operands = [inputs[0] > 0.5, *inputs[1:]] if op == "where" else inputs
    root = trace.apply(op, *operands)
    if root.is_condition:
        with pytest.raises(KeyError):
            _ = _PARTIALS[op]
        return
    actual = value(tangent(root, names[place]), **at)
    high, low = ({**at, names[place]: at[names[place]] + step} for step in (1e-6, -1e-6))
    np.testing.assert_allclose(
        actual, (value(root, **high) - value(root, **low)) / 2e-6, rtol=1e-6, atol=1e-8
    )


def test_a_branch_that_is_not_taken_is_not_looked_at():
    trace = Trace("float64")
    x, p = trace.input("x"), trace.input("p0")
    slope = tangent(trace.where(x > 0, trace.log(p * x), p), "p0")
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(
            value(slope, x=np.asarray([-1.0, 0.0, 1.0]), p0=2.0), [1, 1, 0.5]
        )


def test_a_power_of_0_has_slope_0_in_its_exponent():
    trace = Trace("float64")
    slope = tangent(trace.apply("pow", trace.input("a"), trace.input("b")), "b")
    with np.errstate(all="ignore"):
        assert value(slope, a=np.float64(0.0), b=np.float64(2.0)) == 0


def test_of_a_sum_and_of_what_does_not_depend_on_it():
    trace = Trace("float64")
    x, p = trace.input("x"), trace.input("p0")
    assert value(tangent(p * x + p * p, "p0"), x=3.0, p0=2.0) == 7
    assert tangent(x * x, "p0").value == 0


def cases(cls):
    for p in declared(cls):
        if p.metadata["interval"] is not COUNT and "without_gradient" not in p.metadata:
            start = getattr(cls(), p.name)
            yield p.name, start * 1.3 if start else 0.4


@every_surrogate
def test_gradient_of_each_parameter_is_that_of_the_area(cls):
    for name, number in cases(cls):
        definition, arrays = cls(**{name: np.asarray(number)}).partition()
        program = _DIALECT.parameter_program(definition, "float64", 1, 0)
        actual = _DIALECT.evaluate(program, X, np.ones_like(X), np.empty_like(X), arrays)
        step = 1e-6 * abs(number)
        high, middle, low = (
            cls(**{name: number + s}).formula("area", np, X) for s in (step, 0.0, -step)
        )
        expected = (high - low) / (2 * step)
        scale = 1e-3 + abs(expected).max()
        is_kink = abs(np.gradient(expected)) > 0.2 * scale  # or a jump
        is_kink |= abs(high - 2 * middle + low) > 1e-4 * scale * step
        np.testing.assert_allclose(
            actual[~is_kink],
            expected[~is_kink],
            rtol=1e-5,
            atol=1e-7 * (1 + abs(expected).max()),
            err_msg=name,
        )


@every_surrogate
def test_the_area_follows_the_product_where_it_is_said_to_and_nowhere_else(cls):
    for name, number in cases(cls):
        power, scale = cls.follows_product.get(name, 0), cls.scales_area.get(name, 0)
        zeros = {p.name: 0.4 for p in declared(cls) if p.default == 0}  # where it may by chance
        once, twice = (cls(**{**zeros, name: n}) for n in (number, 2 * number))
        for power_ in (1, -1):
            actual = twice.formula("area", np, X)
            expected = 2.0**scale * once.formula("area", np, X * 2.0**power_)
            follows = np.allclose(actual, expected, 1e-12, 1e-15)
            assert follows == (power == power_), (name, power_)


SLOPES = {
    "erfc": lambda a: -2 / math.sqrt(math.pi) * np.exp(-a * a),
    "expm1": np.exp,
    "sigmoid": lambda a: 0.25 / np.cosh(a / 2) ** 2,
    "tanh": lambda a: 1 / np.cosh(a) ** 2,
}


@pytest.mark.parametrize("op", SLOPES)
def test_a_slope_is_no_difference_that_cancels(op):
    trace = Trace("float32")
    slope = tangent(trace.apply(op, trace.input("a")), "a")
    a = np.asarray([-30.0, -12.0, -8.5, -0.5, 0.5, 8.5, 12.0], np.float32)
    expected = SLOPES[op](a.astype(np.float64))
    np.testing.assert_allclose(value(slope, a=a), expected, rtol=2e-6, atol=1e-37)


def test_a_subclass_does_not_inherit_what_the_area_follows():
    class Other(surrogates.Sigmoid):
        traceable = True

    assert Other.follows_product == Other.scales_area == {}


def test_a_subclass_with_another_primitive_does_not_inherit_the_area_to_the_left():
    class Other(surrogates.TanhGrad):
        def primitive(self, xp, x):
            return 0.5 + xp.atan(x)

        area_below = surrogates.Surrogate.area_below

    area = Other().formula("area", np, np.asarray([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(area, np.pi / 2 + np.arctan([-1.0, 0.0, 1.0]), rtol=1e-12)


@pytest.mark.parametrize("cls", [surrogates.TanhGrad, surrogates.InvSquareGrad])
def test_a_subclass_with_the_same_primitive_inherits_the_area_to_the_left(cls):
    class Other(cls):
        pass

    x = np.asarray([-1e6, -25.0, -1.0, 0.5])
    np.testing.assert_array_equal(Other().formula("area", np, x), cls().formula("area", np, x))
