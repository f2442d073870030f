"""Run a definition on symbols: the array API mapped to SymPy.

`Number` is an array-API "array" of one element that carries an mpmath value and, with it, the
SymPy expression of how it came about. Conditions are decided by the value, so that running a
definition at a point yields the expression of the one smooth piece that the point lies on; two
pieces are compared with no piecewise functions to simplify. Without an expression it evaluates a
definition to as many digits as mpmath is set to.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import sympy

from .._surrogate import Surrogate
from . import digits


class Number:
    """A real number that an array-API function can be run on."""

    shape: tuple[int, ...] = ()
    ndim = 0
    dtype = np.dtype("float64")
    __array_ufunc__ = None  # so that NumPy's scalars leave arithmetic to this class

    def __init__(self, value: Any, expression: Any = None) -> None:
        self.value = mpmath.mpf(value)
        self.expression = expression

    def __array_namespace__(self, api_version: str | None = None) -> ModuleType:
        """Return the functions that `_namespace` collects."""
        return namespace

    def __neg__(self) -> Number:
        return _apply(lambda a: -a, lambda a: -a, self)

    def __pos__(self) -> Number:
        return self

    def __mod__(self, other: Any) -> Number:
        return _remainder(self, number(other))

    def __floordiv__(self, other: Any) -> Number:
        return _integer(mpmath.floor, self / other)

    def __abs__(self) -> Number:
        return -self if self.value < 0 else self

    def __add__(self, other: Any) -> Number:
        return _apply(lambda a, b: a + b, lambda a, b: a + b, self, other)

    def __sub__(self, other: Any) -> Number:
        return _apply(lambda a, b: a - b, lambda a, b: a - b, self, other)

    def __mul__(self, other: Any) -> Number:
        return _apply(lambda a, b: a * b, lambda a, b: a * b, self, other)

    def __truediv__(self, other: Any) -> Number:
        return _apply(_quotient, lambda a, b: a / b, self, other)

    def __pow__(self, other: Any) -> Number:
        return _apply(_power, lambda a, b: a**b, self, other)

    def __rsub__(self, other: Any) -> Number:
        return number(other) - self

    def __rtruediv__(self, other: Any) -> Number:
        return number(other) / self

    def __rpow__(self, other: Any) -> Number:
        return number(other) ** self

    __radd__ = __add__
    __rmul__ = __mul__

    # NumPy's bool, of which ~ is the negation
    def __lt__(self, other: Any) -> np.bool:
        return np.bool(self.value < number(other).value)

    def __le__(self, other: Any) -> np.bool:
        return np.bool(self.value <= number(other).value)

    def __gt__(self, other: Any) -> np.bool:
        return np.bool(self.value > number(other).value)

    def __ge__(self, other: Any) -> np.bool:
        return np.bool(self.value >= number(other).value)

    def __eq__(self, other: object) -> np.bool:  # type: ignore[override]
        return np.bool(self.value == number(other).value)

    def __ne__(self, other: object) -> np.bool:  # type: ignore[override]
        return np.bool(self.value != number(other).value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __float__(self) -> float:
        return float(self.value)


def number(value: Any) -> Number:
    """Return a number as a `Number`, with its expression."""
    if isinstance(value, Number):
        return value
    if isinstance(value, np.generic):
        value = value.item()
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


@cache
def _recognised(value: float) -> Any:
    for size, constant in _BY_SIZE:
        if abs(abs(value) - size) <= 4e-16 * size:
            return constant if value > 0 else -constant
    if not math.isfinite(value):
        return sympy.Float(value)
    simple = sympy.Rational(value).limit_denominator(10**9)
    return simple if abs(float(simple) - value) <= 4e-16 * abs(value) else sympy.Rational(value)


def _apply(on_values: Callable[..., Any], on_symbols: Callable[..., Any], *operands: Any) -> Number:
    numbers = [number(o) for o in operands]
    value = on_values(*(n.value for n in numbers))
    if any(n.expression is None for n in numbers):
        return Number(value)
    return Number(value, on_symbols(*(n.expression for n in numbers)))


def _quotient(a: Any, b: Any) -> Any:
    """Return ``a / b``; infinite or NaN, as arrays are, where mpmath raises ZeroDivisionError."""
    if b != 0:
        return a / b
    return mpmath.nan if a == 0 or mpmath.isnan(a) else mpmath.inf * mpmath.sign(a)


def _power(a: Any, b: Any) -> Any:
    return mpmath.inf if a == 0 and b < 0 else a**b


def _function(
    on_values: Callable[..., Any], on_symbols: Callable[..., Any]
) -> Callable[..., Number]:
    return lambda *operands: _apply(on_values, on_symbols, *operands)


def _clip(x: Number, min: Any = None, max: Any = None) -> Number:
    if min is not None and x < min:
        x = number(min)
    return number(max) if max is not None and x > max else x


def _remainder(x: Number, y: Number) -> Number:
    return x - y * int(mpmath.floor(x.value / number(y).value))


def _integer(rounding: Callable[[Any], Any], x: Number) -> Number:
    """Return a number that stays the same near `x`."""
    value = rounding(x.value)
    return Number(value, sympy.Integer(int(value)) if mpmath.isfinite(value) else None)


def _sign(x: Number) -> Number:
    return _integer(mpmath.sign, number(x))


def _where(condition: Any, x: Any, y: Any) -> Number:
    return number(x) if condition else number(y)


def _namespace() -> ModuleType:
    functions = {
        "abs": abs,
        "acos": _function(mpmath.acos, sympy.acos),
        "acosh": _function(mpmath.acosh, sympy.acosh),
        "add": lambda x, y: number(x) + y,
        "asarray": lambda x, dtype=None, copy=None: number(x),
        "asin": _function(mpmath.asin, sympy.asin),
        "asinh": _function(mpmath.asinh, sympy.asinh),
        "astype": lambda x, dtype, copy=True: number(x),
        "atan": _function(mpmath.atan, sympy.atan),
        "atan2": _function(mpmath.atan2, lambda y, x: sympy.pi / 2 - sympy.atan(x / y)),
        "atanh": _function(mpmath.atanh, sympy.atanh),
        "ceil": lambda x: _integer(mpmath.ceil, x),
        "clip": _clip,
        "copysign": lambda x, y: abs(number(x)) * (-1 if number(y) < 0 else 1),
        "cos": _function(mpmath.cos, sympy.cos),
        "cosh": _function(mpmath.cosh, sympy.cosh),
        "divide": lambda x, y: number(x) / y,
        "e": math.e,
        "equal": lambda x, y: number(x) == y,
        "erfc": _function(digits.erfc, sympy.erfc),
        "exact": True,
        "exp": _function(mpmath.exp, sympy.exp),
        "expm1": _function(mpmath.expm1, lambda x: sympy.exp(x) - 1),
        "finfo": lambda dtype: np.finfo(np.float64),
        "float32": np.dtype("float32"),
        "float64": np.dtype("float64"),
        "floor": lambda x: _integer(mpmath.floor, x),
        "floor_divide": lambda x, y: number(x) // y,
        "full_like": lambda x, value, dtype=None: number(value),
        "greater": lambda x, y: number(x) > y,
        "greater_equal": lambda x, y: number(x) >= y,
        "hypot": lambda x, y: namespace.sqrt(number(x) * x + number(y) * y),
        "inf": math.inf,
        "isdtype": lambda dtype, kind: True,
        "isfinite": lambda x: np.bool(mpmath.isfinite(x.value)),
        "isinf": lambda x: np.bool(mpmath.isinf(x.value)),
        "isnan": lambda x: np.bool(mpmath.isnan(x.value)),
        "less": lambda x, y: number(x) < y,
        "less_equal": lambda x, y: number(x) <= y,
        "log": _function(mpmath.log, sympy.log),
        "log10": _function(mpmath.log10, lambda x: sympy.log(x, 10)),
        "log1p": _function(mpmath.log1p, lambda x: sympy.log(1 + x)),
        "log2": _function(lambda x: mpmath.log(x, 2), lambda x: sympy.log(x, 2)),
        "logaddexp": lambda x, y: namespace.log(namespace.exp(x) + namespace.exp(y)),
        "logical_and": lambda x, y: x & y,
        "logical_not": lambda x: ~x,
        "logical_or": lambda x, y: x | y,
        "logical_xor": lambda x, y: x ^ y,
        "maximum": lambda x, y: _clip(number(x), min=y),
        "minimum": lambda x, y: _clip(number(x), max=y),
        "multiply": lambda x, y: number(x) * y,
        "nan": math.nan,
        "negative": lambda x: -x,
        "not_equal": lambda x, y: number(x) != y,
        "ones_like": lambda x, dtype=None: number(1),
        "pi": math.pi,
        "positive": lambda x: x,
        "pow": lambda x, y: number(x) ** y,
        "reciprocal": lambda x: 1 / x,
        "remainder": lambda x, y: _remainder(number(x), y),
        "round": lambda x: _integer(mpmath.nint, x),
        "sign": _sign,
        "signbit": lambda x: number(x) < 0,
        "sin": _function(mpmath.sin, sympy.sin),
        "sinh": _function(mpmath.sinh, sympy.sinh),
        "sqrt": _function(mpmath.sqrt, sympy.sqrt),
        "square": lambda x: x * x,
        "subtract": lambda x, y: number(x) - y,
        "tan": _function(mpmath.tan, sympy.tan),
        "tanh": _function(mpmath.tanh, sympy.tanh),
        "trunc": lambda x: _integer(lambda v: mpmath.sign(v) * mpmath.floor(abs(v)), x),
        "where": _where,
        "zeros_like": lambda x, dtype=None: number(0),
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
    return lambda x: number(getattr(surrogate, name)(Number(x))).value
