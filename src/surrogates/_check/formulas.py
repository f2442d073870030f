"""The formulas in the docstrings, as functions of mpmath numbers: the reference of the proof.

A docstring states ``g'(x) = ...``, ``g(x) = ...`` and where there is a closed form ``peak = ...``,
``area = ...``, ``width = ...``, as its textbook has them, in Python's notation, with
``where(condition, then, else)`` and ``sum(term in i, first, last)``. What help() shows is what is
proven.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from .._parameters import parameters
from .._surrogate import Surrogate

NAMES = ("g'(x)", "g(x)", "peak", "area", "width")

_FUNCTIONS: dict[str, Any] = {
    "abs": abs,
    "atan": mpmath.atan,
    "cos": mpmath.cos,
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
    "exp": mpmath.exp,
    "fsum": mpmath.fsum,
    "inf": mpmath.inf,
    "log": mpmath.log,
    "maximum": max,
    "minimum": min,
    "mod": lambda x, y: x - y * mpmath.floor(x / y),
    "pi": mpmath.pi,
    "range": range,
    "round": mpmath.nint,
    "sign": mpmath.sign,
    "sin": mpmath.sin,
    "sqrt": mpmath.sqrt,
    "tanh": mpmath.tanh,
}


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
        for match in re.finditer(r"^    (?P<name>[\w'()]+) = (?P<formula>.+)$", text, re.MULTILINE)
        if match["name"] in NAMES
    }


def compiled(surrogate: Surrogate, name: str) -> Callable[[Any], Any] | None:
    """Return a stated formula as a function of an mpmath number, or None if none is stated."""
    source = stated(type(surrogate)).get(name)
    if source is None:
        return None
    tree = _Textbook().visit(ast.parse(f"lambda x: {source}", mode="eval"))
    code = compile(ast.fix_missing_locations(tree), f"<{name} of {surrogate!r}>", "eval")
    values = {p.name: getattr(surrogate, p.name) for p in parameters(type(surrogate))}
    scope = {
        **_FUNCTIONS,
        "mpf": mpmath.mpf,
        **{n: v if isinstance(v, int) else mpmath.mpf(v) for n, v in values.items()},
    }
    function: Callable[[Any], Any] = eval(code, scope)
    return function


def held(surrogate: Surrogate, dtype: str) -> Surrogate:
    """Return `surrogate` with its parameters rounded to what `dtype` can hold.

    Frameworks round a parameter to the dtype of `x`; from there on the proof begins.
    """
    values = {p.name: getattr(surrogate, p.name) for p in parameters(type(surrogate))}
    rounded = {
        name: float(np.dtype(dtype).type(value))
        for name, value in values.items()
        if isinstance(value, float)
    }
    return dataclasses.replace(surrogate, **rounded) if rounded else surrogate
