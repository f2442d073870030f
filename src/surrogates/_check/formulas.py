"""The formulas in the docstrings, as functions of mpmath numbers: the reference of the check.

A docstring states ``g'(x) = ...``, ``g(x) = ...`` and where there is a closed form ``peak = ...``,
``area = ...``, ``width = ...``, as its textbook has them, in Python's notation, with
``where(condition, then, else)`` and ``sum(term in i, first, last)``. What help() shows is what is
checked.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np

from .._surrogate import Surrogate
from . import digits, variants

NAMES = ("g'(x)", "g(x)", "peak", "area", "width")

_FUNCTIONS: dict[str, Any] = {
    "abs": abs,
    "atan": mpmath.atan,
    "cos": mpmath.cos,
    "cosh": mpmath.cosh,
    "erf": digits.erf,
    "erfc": digits.erfc,
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "floor": mpmath.floor,
    "fsum": mpmath.fsum,
    "inf": mpmath.inf,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "maximum": max,
    "minimum": min,
    "mod": lambda x, y: x - y * mpmath.floor(x / y),
    "pi": mpmath.pi,
    "range": range,
    "round": mpmath.nint,
    "sign": mpmath.sign,
    "sin": mpmath.sin,
    "sinh": mpmath.sinh,
    "sqrt": mpmath.sqrt,
    "tan": mpmath.tan,
    "tanh": mpmath.tanh,
}


class FormulaError(ValueError):
    """A docstring states what cannot be evaluated."""


class _Textbook(ast.NodeTransformer):
    """Rewrites ``where`` and ``sum``, of which Python's calls would evaluate too much."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "where":
            condition, then, otherwise = (ast.unparse(a) for a in node.args)
            return _parse(f"(({then}) if ({condition}) else ({otherwise}))")
        if name == "sum":
            term, first, last = (ast.unparse(a) for a in node.args)
            return _parse(f"fsum([{term} for i in range({first}, {last} + 1)])")
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Div):  # 1 / 3 is to be exact, not a float
            return _parse(f"mpf({ast.unparse(node.left)}) / ({ast.unparse(node.right)})")
        return node


def _parse(source: str) -> ast.expr:
    return ast.parse(source, mode="eval").body


def stated(cls: type[Surrogate]) -> dict[str, str]:
    """Return the formulas that the docstring of `cls` itself states, by name."""
    text = inspect.cleandoc(vars(cls).get("__doc__") or "")
    return {
        match["name"]: match["formula"]
        for match in re.finditer(r"^ *(?P<name>[\w'()]+) = (?P<formula>.+)$", text, re.MULTILINE)
        if match["name"] in NAMES
    }


def compiled(surrogate: Surrogate, name: str) -> Callable[[Any], Any] | None:
    """Return a stated formula as a function of an mpmath number, or None if none is stated."""
    source = stated(type(surrogate)).get(name)
    if source is None:
        return None
    values = {name: getattr(surrogate, name) for name in variants.numbers(type(surrogate))}
    scope = {
        **_FUNCTIONS,
        "mpf": mpmath.mpf,
        **{n: v if isinstance(v, int) else mpmath.mpf(v) for n, v in values.items()},
    }
    stating = f"the docstring of {type(surrogate).__name__} states {name} = {source}"
    try:
        tree = _Textbook().visit(ast.parse(f"lambda x: {source}", mode="eval"))
        code = compile(ast.fix_missing_locations(tree), f"<{name} of {surrogate!r}>", "eval")
        function: Callable[[Any], Any] = eval(code, scope)
    except (SyntaxError, ValueError) as error:
        raise FormulaError(f"{stating}, which is not a formula: {error}") from None
    unknown = sorted({*_names(tree)} - {*scope, "x", "i"})
    if unknown:
        raise FormulaError(
            f"{stating}, with {', '.join(unknown)} in it; a formula may use x, the fields "
            f"({', '.join(values) or 'there are none'}), "
            f"where(condition, then, else), sum(term in i, first, last) and {', '.join(_FUNCTIONS)}"
        )
    return function


def _names(tree: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def held(surrogate: Surrogate, dtype: str) -> Surrogate:
    """Return `surrogate` with its parameters rounded to what `dtype` can hold.

    Frameworks round a parameter to the dtype of `x`; the check measures from there on.
    """
    return variants.changed(surrogate, lambda value: float(np.dtype(dtype).type(value)))
