"""A graph as the text of a function in JavaScript, for the documentation: nothing here imports it.

All arithmetic is in double precision, the only one that JavaScript has.
"""

from __future__ import annotations

import math
from typing import Any

from .graph import Symbol, nodes_of

# By operation. `rint`, `power`, `erfc` and `sigmoid` stand in the text that the function is put in.
IN_JAVASCRIPT = {
    "abs": "Math.abs({0})",
    "acosh": "Math.acosh({0})",
    "add": "{0} + {1}",
    "and": "{0} && {1}",
    "atan": "Math.atan({0})",
    "atan2": "Math.atan2({0}, {1})",
    "cos": "Math.cos({0})",
    "div": "{0} / {1}",
    "eq": "{0} === {1}",
    "erfc": "erfc({0})",
    "exp": "Math.exp({0})",
    "exp2": "2 ** {0}",
    "expm1": "Math.expm1({0})",
    "floor": "Math.floor({0})",
    "ge": "{0} >= {1}",
    "gt": "{0} > {1}",
    "isnan": "{0} !== {0}",
    "le": "{0} <= {1}",
    "log": "Math.log({0})",
    "log1p": "Math.log1p({0})",
    "lt": "{0} < {1}",
    "maximum": "Math.max({0}, {1})",  # a NaN wins, as in NumPy
    "minimum": "Math.min({0}, {1})",
    "mul": "{0} * {1}",
    "neg": "-{0}",
    "not": "!{0}",
    "number": "+{0}",
    "or": "{0} || {1}",
    "pow": "power({0}, {1})",
    # % has the sign of the first, and this that of the second
    "remainder": "{0} % {1} !== 0 && ({0} % {1} < 0) !== ({1} < 0) ? {0} % {1} + {1} : {0} % {1}",
    "round": "rint({0})",
    "sigmoid": "sigmoid({0})",
    "sin": "Math.sin({0})",
    "sqrt": "Math.sqrt({0})",
    "square": "{0} * {0}",
    "sub": "{0} - {1}",
    "tan": "Math.tan({0})",
    "tanh": "Math.tanh({0})",
    "where": "{0} ? {1} : {2}",
}

# What differs from NumPy's function of that name.
HELPERS = """\
// Half to even; Math.round rounds half up.
const rint = (x) => {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
};
// 1 to any power is 1, and so is -1 to an infinite one; JavaScript says NaN.
const power = (x, y) =>
  x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y;
"""


def function_text(root: Symbol, arguments: str) -> str:
    """Return the arrow function that computes a graph.

    Parameters
    ----------
    root : Symbol
        The graph. Its inputs are JavaScript: names, or members such as ``p.alpha``.
    arguments : str
        The parameters of the function, such as ``"x, p"``.
    """
    names: dict[int, str] = {}
    lines = []
    for node in nodes_of(root):
        operands = [names[o.number] for o in node.operands if isinstance(o, Symbol)]
        if node.op == "constant":
            names[node.number] = _constant(node.value)
        elif node.op == "input":
            names[node.number] = node.operands[0]
        else:
            names[node.number] = f"t{node.number}"
            value = IN_JAVASCRIPT[node.op].format(*operands)
            lines.append(f"  const t{node.number} = {value};")
    if not lines:
        return f"({arguments}) => {names[root.number]}"
    body = "\n".join([*lines, f"  return {names[root.number]};"])
    return f"({arguments}) => {{\n{body}\n}}"


def _constant(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if math.isfinite(value):
        return repr(value) if math.copysign(1, value) > 0 else f"({value!r})"
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "(-Infinity)"
