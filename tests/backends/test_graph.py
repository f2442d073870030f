"""The graph that a formula is recorded in."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import Kind, parameters, required
from surrogates.backends._compiler.graph import (
    FUNCTIONS,
    Trace,
    UntraceableError,
    is_of_parameters,
    nodes_of,
    trace,
)
from surrogates.backends._compiler.kernel import IN_C


def test_zeros_of_either_sign_are_two_constants_of_a_graph():
    recorded = Trace("float64")
    positive, negative = recorded.asarray(0.0), recorded.asarray(-0.0)
    assert positive is not negative
    assert positive is recorded.asarray(0.0)
    assert np.signbit(negative.value)
    assert not np.signbit(positive.value)
    x = recorded.input("x")
    above, below = recorded.atan2(x, positive), recorded.atan2(x, negative)
    assert above is not below
    values = [FUNCTIONS["atan2"](0.0, node.operands[1].value) for node in (above, below)]
    assert values == [0.0, np.pi]


def test_signs_move_outwards_in_a_graph():
    recorded = Trace("float64")
    x, y = recorded.input("x"), recorded.input("y")
    for op in ("mul", "div"):
        for a, b in ((x, -y), (-x, y)):
            node = recorded.apply(op, a, b)
            assert node is -recorded.apply(op, x, y)
            assert node.operands[0].operands == (x, y)
        assert recorded.apply(op, -x, -y) is recorded.apply(op, x, y)
        assert recorded.apply(op, 2.0, -y) is recorded.apply(op, -2.0, y)
        assert recorded.apply(op, -x, 2.0) is recorded.apply(op, x, -2.0)


def test_a_sign_moves_into_what_depends_on_parameters_alone():
    recorded = Trace("float64")
    x, p = recorded.input("x"), recorded.input("p0")
    for product in (2.0 * p * abs(x), abs(x) * (2.0 * p)):
        decay = recorded.exp(-product)
        assert [n.op for n in nodes_of(decay) if n.op == "neg"] == ["neg"]
        (negated,) = (n for n in nodes_of(decay) if n.op == "neg")
        assert is_of_parameters(negated)
        assert not is_of_parameters(product)
    assert recorded.exp(-(x * abs(x))).operands[0].op == "neg"


def value_of(node, x):
    """Evaluate a graph by what NumPy calls its operations."""
    if node.op == "input":
        return x
    if node.op == "constant":
        return node.value
    return FUNCTIONS[node.op](*(value_of(operand, x) for operand in node.operands))


class Wordy(surrogates.Surrogate):
    """In many of the words that a formula may use."""

    traceable = True

    def derivative(self, xp, x):
        assert x.__array_namespace__() is xp
        far = ~(abs(x) < 2.0) | ((x >= 1.0) & ~(x != 1.5))
        inside = xp.where(xp.asarray(True), -x, 0 * x)
        high = xp.where(xp.asarray(False), x, xp.where(far, 0 * x, inside * inside))
        real = 1.0 if xp.isdtype(x.dtype, "real floating") else 3.0
        whole = 5.0 if xp.isdtype(x.dtype, "integral") else 0.0
        return abs(high) * real + whole


def test_a_formula_in_many_words_is_recorded():
    x = np.asarray([-2.5, -1.5, 0.0, 1.0, 1.5, 3.0])
    root = trace(Wordy(), "derivative", "float64")
    np.testing.assert_array_equal(value_of(root, x), [0.0, 2.25, 0.0, 1.0, 0.0, 0.0])
    np.testing.assert_array_equal(Wordy().surrogate_grad(x), value_of(root, x))


class Narrowing(surrogates.Surrogate):
    traceable = True

    def derivative(self, xp, x):
        return xp.astype(xp.astype(x, xp.float32), x.dtype)


class Branching(surrogates.Surrogate):
    traceable = True

    def derivative(self, xp, x):
        return x if xp.all(x > 0) else -x


class Listing(surrogates.Surrogate):
    traceable = True

    def derivative(self, xp, x):
        return x * xp.asarray([2.0])


@pytest.mark.parametrize("cls", [Narrowing, Branching, Listing])
def test_what_a_graph_cannot_say_is_evaluated_as_it_is_written(cls):
    assert trace(cls(), "derivative", "float64") is None
    x = np.asarray([0.1, 0.2])
    np.testing.assert_array_equal(cls().surrogate_grad(x), cls().derivative(np, x))


def test_what_a_graph_cannot_say_is_an_error_that_says_so():
    recorded = Trace("float64")
    x = recorded.input("x")
    for refuse in (lambda: bool(x), lambda: float(x), lambda: recorded.astype(x, "float32")):
        with pytest.raises(UntraceableError, match=r"must not branch|cannot hold float32"):
            refuse()
    with pytest.raises(UntraceableError, match="cannot hold \\["):
        recorded.asarray([1.0])


def test_every_operation_has_a_name_in_each_language():
    assert {*IN_C} - {"sigmoid"} <= {*FUNCTIONS}
    called_by_name = {*FUNCTIONS} - {*IN_C}
    assert called_by_name <= {
        *("atan", "atan2", "cos", "exp", "exp2", "expm1", "floor", "log", "log1p"),
        *("pow", "sin", "sqrt", "tan", "tanh"),
    }


def test_every_operation_runs_in_place_in_pytorch():
    pytest.importorskip("torch")
    from surrogates.backends._torch.program import TorchDialect

    assert {f"{op}_" for op in FUNCTIONS} <= {*TorchDialect.functions}


class Counting(surrogates.Surrogate):
    """Of conditions that it adds up."""

    def derivative(self, xp, x):
        # each way twice: a bare condition and a number would be added rightly
        from_right = (x > -1) * 1.0 + (x > 1) * 1.0
        from_left = 1.0 * (x > -1) + 1.0 * (x > 1)
        divided = (x > -1) / 1.0 + (x > 1) / 1.0
        cast = xp.astype(x > -1, x.dtype) + xp.astype(x > 1, x.dtype)
        return from_right + 10 * from_left + 100 * divided + 1000 * cast


class Counted(Counting):
    traceable = True

    def derivative(self, xp, x):
        return super().derivative(xp, x)


@pytest.mark.parametrize("kind", parameters([Kind.NUMPY, Kind.TORCH, Kind.JAX]))
def test_conditions_are_added_up_as_numbers(kind):
    required(kind)
    x = np.asarray([-2.0, 0.0, 1.5])
    assert trace(Counted(), "derivative", "float64") is not None
    expected = [0.0, 1111.0, 2222.0]
    for surrogate in (Counted(), Counting()):
        np.testing.assert_array_equal(kind.numpy(surrogate.surrogate_grad(kind.array(x))), expected)
        _, pullback = surrogates.vjp(surrogate, kind.array(x))
        np.testing.assert_array_equal(kind.numpy(pullback(kind.array(np.ones(3)))), expected)
