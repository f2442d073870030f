"""Run a definition on symbols: the array API mapped to SymPy.

`Number` is an array-API "array" of one element that carries an mpmath value and, beside it, the
SymPy expression of how it came about. Conditions are decided by the value, so that running a
definition at a point yields the expression of the one smooth piece that the point lies on; two
pieces are compared with no piecewise functions to simplify. Without an expression it evaluates a
definition to as many digits as mpmath is set to.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import sympy

from .._parameters import parameters
from .._surrogate import Surrogate
from .._trace import Symbol, nodes_of


class Number:
    """A real number that an array-API function can be run on."""

    shape: tuple[int, ...] = ()
    ndim = 0
    dtype = np.dtype("float64")

    def __init__(self, value: Any, expression: Any = None) -> None:
        self.value = mpmath.mpf(value)
        self.expression = expression

    def __array_namespace__(self, api_version: str | None = None) -> ModuleType:
        """Return the functions that `_namespace` collects."""
        return namespace

    def __neg__(self) -> Number:
        return _apply(lambda a: -a, lambda a: -a, self)

    def __abs__(self) -> Number:
        return -self if self.value < 0 else self

    def __add__(self, other: Any) -> Number:
        return _apply(lambda a, b: a + b, lambda a, b: a + b, self, other)

    def __sub__(self, other: Any) -> Number:
        return _apply(lambda a, b: a - b, lambda a, b: a - b, self, other)

    def __mul__(self, other: Any) -> Number:
        return _apply(lambda a, b: a * b, lambda a, b: a * b, self, other)

    def __truediv__(self, other: Any) -> Number:
        return _apply(lambda a, b: a / b, lambda a, b: a / b, self, other)

    def __pow__(self, other: Any) -> Number:
        return _apply(lambda a, b: a**b, lambda a, b: a**b, self, other)

    def __rsub__(self, other: Any) -> Number:
        return _number(other) - self

    def __rtruediv__(self, other: Any) -> Number:
        return _number(other) / self

    def __rpow__(self, other: Any) -> Number:
        return _number(other) ** self

    __radd__ = __add__
    __rmul__ = __mul__

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < _number(other).value)

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= _number(other).value)

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > _number(other).value)

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= _number(other).value)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == _number(other).value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __float__(self) -> float:
        return float(self.value)


def _number(value: Any) -> Number:
    if isinstance(value, Number):
        return value
    if isinstance(value, (bool, int, float)):
        return Number(value, _recognised(float(value)))
    return Number(value)


# Floats in the definitions stand for these, and halves, doubles and negatives of them.
_CONSTANTS = (
    sympy.pi,
    sympy.pi**2,
    1 / sympy.pi,
    sympy.sqrt(sympy.pi),
    sympy.sqrt(2 * sympy.pi),
    sympy.sqrt(2),
    sympy.log(2),
)
_BY_SIZE = [
    (float(factor * constant), factor * constant)
    for constant in _CONSTANTS
    for factor in (sympy.Rational(1, 2), sympy.Integer(1), sympy.Integer(2))
]


def _recognised(value: float) -> Any:
    for size, constant in _BY_SIZE:
        if abs(abs(value) - size) <= 4e-16 * size:
            return constant if value > 0 else -constant
    return sympy.Rational(value).limit_denominator(10**9)


def _apply(on_values: Callable[..., Any], on_symbols: Callable[..., Any], *operands: Any) -> Number:
    numbers = [_number(o) for o in operands]
    value = on_values(*(n.value for n in numbers))
    if any(n.expression is None for n in numbers):
        return Number(value)
    return Number(value, on_symbols(*(n.expression for n in numbers)))


def _function(
    on_values: Callable[..., Any], on_symbols: Callable[..., Any]
) -> Callable[..., Number]:
    return lambda *operands: _apply(on_values, on_symbols, *operands)


def _clip(x: Number, min: Any = None, max: Any = None) -> Number:
    if min is not None and x < min:
        x = _number(min)
    return _number(max) if max is not None and x > max else x


def _remainder(x: Number, y: Number) -> Number:
    return x - y * int(mpmath.floor(x.value / y.value))


def _namespace() -> ModuleType:
    functions = {
        "abs": abs,
        "asarray": lambda x, dtype=None: _number(x),
        "astype": lambda x, dtype, copy=True: _number(x),
        "atan": _function(mpmath.atan, sympy.atan),
        "atan2": _function(mpmath.atan2, lambda y, x: sympy.pi / 2 - sympy.atan(x / y)),
        "clip": _clip,
        "cos": _function(mpmath.cos, sympy.cos),
        "exact": True,
        "erfc": _function(mpmath.erfc, sympy.erfc),
        "exp": _function(mpmath.exp, sympy.exp),
        "expm1": _function(mpmath.expm1, lambda x: sympy.exp(x) - 1),
        "finfo": lambda dtype: np.finfo(np.float64),
        "float32": np.dtype("float32"),
        "float64": np.dtype("float64"),
        "floor": lambda x: Number(mpmath.floor(x.value), sympy.floor(int(mpmath.floor(x.value)))),
        "isdtype": lambda dtype, kind: True,
        "isnan": lambda x: bool(mpmath.isnan(x.value)),
        "log": _function(mpmath.log, sympy.log),
        "log1p": _function(mpmath.log1p, lambda x: sympy.log(1 + x)),
        "maximum": lambda x, y: _clip(_number(x), min=y),
        "minimum": lambda x, y: _clip(_number(x), max=y),
        "ones_like": lambda x: _number(1),
        "pow": lambda x, y: _number(x) ** y,
        "remainder": _remainder,
        "round": lambda x: Number(mpmath.nint(x.value), sympy.Integer(int(mpmath.nint(x.value)))),
        "sin": _function(mpmath.sin, sympy.sin),
        "sqrt": _function(mpmath.sqrt, sympy.sqrt),
        "square": lambda x: x * x,
        "tan": _function(mpmath.tan, sympy.tan),
        "tanh": _function(mpmath.tanh, sympy.tanh),
        "where": lambda condition, x, y: _number(x) if condition else _number(y),
        "zeros_like": lambda x: _number(0),
    }
    module = ModuleType("surrogates._check.symbolic.namespace")
    vars(module).update(functions)
    return module


namespace = _namespace()


def with_numbers(surrogate: Surrogate, numbers: dict[str, Number]) -> Surrogate:
    """Return `surrogate` with its parameters replaced by numbers."""
    replaced = copy.copy(surrogate)
    for name, number in numbers.items():
        object.__setattr__(replaced, name, number)
    return replaced


def exact(surrogate: Surrogate, name: str) -> Callable[[Any], Any]:
    """Return the method `name` of `surrogate` as a function of mpmath numbers."""
    return lambda x: _number(getattr(surrogate, name)(Number(x))).value


def disagreement(surrogate: Surrogate, point: float) -> Any:
    """Return the derivative of the primitive less the derivative, simplified, at the piece.

    That is the piece of the definition on which `point` lies, for all parameters near those of
    `surrogate`: 0 proves that primitive and derivative belong together there.
    """
    numbers = {}
    for parameter in parameters(type(surrogate)):
        value = getattr(surrogate, parameter.name)
        if isinstance(value, float):
            positive = parameter.metadata["interval"].low >= 0
            symbol = sympy.Symbol(parameter.name, positive=positive or None, real=True)
            numbers[parameter.name] = Number(
                value or 0.2718281828, symbol
            )  # at 0 a term could vanish
    # x = side * size, so that SymPy knows the sign of x
    size = sympy.Symbol("|x|", positive=True)
    side = -1 if point < 0 else 1
    x = Number(point, side * size)
    generic = with_numbers(surrogate, numbers)
    slope = side * sympy.diff(generic.surrogate_fun(x).expression, size)
    difference = slope - generic.surrogate_grad(x).expression
    return sympy.simplify(sympy.expand(difference.rewrite(sympy.exp)))


_OF_GRAPH: dict[str, Callable[..., Any]] = {
    "abs": sympy.Abs,
    "add": lambda a, b: a + b,
    "and": sympy.And,
    "atan": sympy.atan,
    "atan2": sympy.atan2,
    "cos": sympy.cos,
    "div": lambda a, b: a / b,
    "eq": sympy.Eq,
    "erfc": sympy.erfc,
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    "exp": sympy.exp,
    "expm1": lambda a: sympy.exp(a) - 1,
    "floor": sympy.floor,
    "ge": sympy.Ge,
    "gt": sympy.Gt,
    "isnan": lambda a: sympy.false,
    "le": sympy.Le,
    "log": sympy.log,
    "log1p": lambda a: sympy.log(1 + a),
    "lt": sympy.Lt,
    "maximum": sympy.Max,
    "minimum": sympy.Min,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
    "not": sympy.Not,
    "number": lambda a: sympy.Piecewise((1, a), (0, True)),
    "or": sympy.Or,
    "pow": lambda a, b: a**b,
    "remainder": lambda a, b: a - b * sympy.floor(a / b),
    "round": lambda a: sympy.floor(a + sympy.Rational(1, 2)),
    "sin": sympy.sin,
    "sqrt": sympy.sqrt,
    "square": lambda a: a * a,
    "sub": lambda a, b: a - b,
    "tan": sympy.tan,
    "tanh": sympy.tanh,
    "where": lambda condition, a, b: sympy.Piecewise((a, condition), (b, True)),
}


def expression(root: Symbol) -> Any:
    """Return a graph, traced with ``exact=True``, as a SymPy expression of its real inputs."""
    values: dict[Symbol, Any] = {}
    for node in nodes_of(root):
        if node.op == "input":
            values[node] = sympy.Symbol(node.operands[0], real=True)
        elif node.op == "constant":
            is_bool = isinstance(node.value, bool)
            values[node] = sympy.S(node.value) if is_bool else _recognised(node.value)
        else:
            values[node] = _OF_GRAPH[node.op](*(values[o] for o in node.operands))
    return values[root]
