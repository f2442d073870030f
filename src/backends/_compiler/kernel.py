"""A graph as the text of a kernel, in C++ and CUDA."""

from __future__ import annotations

from typing import Any

from .graph import Symbol, nodes_of

# The operations that C and CUDA do not call by their name in a graph.
IN_C = {
    "abs": "fabs({0})",
    "add": "{0} + {1}",
    "and": "{0} && {1}",
    "div": "{0} / {1}",
    "eq": "{0} == {1}",
    "ge": "{0} >= {1}",
    "gt": "{0} > {1}",
    "isnan": "{0} != {0}",
    "le": "{0} <= {1}",
    "lt": "{0} < {1}",
    # fmax and fmin would lose a NaN
    "maximum": "{0} < {1} ? {1} : {0}",
    "minimum": "{0} > {1} ? {1} : {0}",
    "mul": "{0} * {1}",
    "neg": "-{0}",
    "not": "!{0}",
    "number": "({number}){0}",
    "or": "{0} || {1}",
    # fmod has the sign of x, and this that of y
    "remainder": "fmod({0}, {1}) != 0 && (fmod({0}, {1}) < 0) != ({1} < 0)"
    " ? fmod({0}, {1}) + {1} : fmod({0}, {1})",
    "round": "rint({0})",
    "sigmoid": "1 / (1 + exp(-{0}))",
    "square": "{0} * {0}",
    "sub": "{0} - {1}",
    "where": "{0} ? {1} : {2}",
}


def kernel_text(root: Symbol, result: str) -> str:
    """Return the statements of C++ or CUDA that compute a graph, in ``float`` or ``double``.

    Parameters
    ----------
    root : Symbol
        The graph. Its inputs are variables, which may be of another type, such as half precision.
    result : str
        The last statement, with ``{}`` for the value of the graph: ``"out = {};"``.
    """
    number = {"float32": "float", "float64": "double"}[root.dtype.name]
    names: dict[int, str] = {}
    lines = []
    for node in nodes_of(root):
        operands = [names[o.number] for o in node.operands if isinstance(o, Symbol)]
        if node.op == "constant":
            names[node.number] = _c_constant(node.value, number)
            continue
        if node.op == "input":
            value = node.operands[0]
        elif node.op in IN_C:
            value = IN_C[node.op].format(*operands, number=number)
        else:
            value = f"{node.op}({', '.join(operands)})"
        names[node.number] = f"t{node.number}"
        lines.append(f"const {'bool' if node.is_condition else number} t{node.number} = {value};")
    return "\n".join([*lines, result.format(names[root.number])])


def _c_constant(value: Any, number: str) -> str:
    return str(int(value)) if isinstance(value, bool) else f"({number})({value!r})"
