"""The derivative of a graph to one of its inputs, as a graph: forward mode, operation by operation.

A condition has no derivative, and of a `where` the branch that is not taken is not looked at: NaN
there stays there, where reverse mode would multiply it by 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .graph import Symbol, nodes_of


def _sign(x: Any) -> Any:
    return 1.0 - 2.0 * x.trace.apply("number", x < 0)  # at 0 as the other frameworks here


def _log_term(y: Any, a: Any, b: Any) -> Any:
    xp = y.trace
    return xp.apply("where", a > 0, y * xp.apply("log", a), 0.0)


def _sech_squared(y: Any, a: Any) -> Any:
    decay = y.trace.exp(-2 * abs(a))  # 1 - y * y would cancel
    rise = 1 + decay
    return 4 * decay / rise / rise


# For each operation the derivatives of its result y to its operands; None is 0.
_PARTIALS: dict[str, tuple[Callable[..., Any] | None, ...]] = {
    "abs": (lambda y, a: _sign(a),),
    "add": (lambda y, a, b: 1.0, lambda y, a, b: 1.0),
    "atan": (lambda y, a: 1 / (1 + a * a),),
    "atan2": (lambda y, a, b: b / (a * a + b * b), lambda y, a, b: -a / (a * a + b * b)),
    "cos": (lambda y, a: -y.trace.sin(a),),
    "div": (lambda y, a, b: 1 / b, lambda y, a, b: -y / b),
    "erfc": (lambda y, a: -2 / math.sqrt(math.pi) * y.trace.exp(-(a * a)),),
    "exp": (lambda y, a: y,),
    "exp2": (lambda y, a: math.log(2) * y,),
    "expm1": (lambda y, a: y.trace.exp(a),),
    "floor": (None,),
    "log": (lambda y, a: 1 / a,),
    "log1p": (lambda y, a: 1 / (1 + a),),
    "mul": (lambda y, a, b: b, lambda y, a, b: a),
    "neg": (lambda y, a: -1.0,),
    "number": (None,),
    "pow": (lambda y, a, b: b * y.trace.apply("pow", a, b - 1), _log_term),
    "remainder": (lambda y, a, b: 1.0, lambda y, a, b: -y.trace.floor(a / b)),
    "round": (None,),
    "sigmoid": (lambda y, a: y * y.trace.apply("sigmoid", -a),),
    "sin": (lambda y, a: y.trace.cos(a),),
    "sqrt": (lambda y, a: 0.5 / y,),
    "square": (lambda y, a: 2 * a,),
    "sub": (lambda y, a, b: 1.0, lambda y, a, b: -1.0),
    "tan": (lambda y, a: 1 + y * y,),
    "tanh": (_sech_squared,),
}


def tangent(root: Symbol, name: str) -> Symbol:
    """Return the derivative of a graph to the input of this name."""
    xp = root.trace
    tangents: dict[Symbol, Symbol] = {}  # those that are not 0
    for node in nodes_of(root):
        if node is xp.input(name):
            tangents[node] = xp.asarray(1.0)
        elif not node.is_condition and node.op not in ("input", "constant"):
            found = _of(node, [tangents.get(operand) for operand in node.operands])
            if found is not None:
                tangents[node] = found
    return tangents.get(root, xp.asarray(0.0))


def _of(node: Symbol, tangents: list[Symbol | None]) -> Symbol | None:
    """Return the derivative of a node from those of its operands, None for 0."""
    if all(t is None for t in tangents):
        return None
    xp, operands = node.trace, node.operands
    if node.op in ("where", "maximum", "minimum"):
        if node.op == "where":
            condition, *tangents = operands[0], *tangents[1:]
        else:  # where both are equal, as `at_least` and `at_most` of the formulas, which clip
            condition = xp.apply("ge" if node.op == "maximum" else "lt", *operands)
        return xp.apply("where", condition, *(0.0 if t is None else t for t in tangents))
    total: Any = None
    for t, partial in zip(tangents, _PARTIALS[node.op], strict=True):
        if t is not None and partial is not None:
            term = xp.apply("mul", partial(node, *operands), t)
            total = term if total is None else total + term
    result: Symbol | None = total
    return result
