"""A graph as the text of a kernel, in C++ and CUDA."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from .graph import Symbol, Trace, nodes_of, trace, traced
from .tangent import tangent

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
    # fmax and fmin would lose a NaN, and a single comparison that of the second operand
    "maximum": "{0} >= {1} || {0} != {0} ? {0} : {1}",
    "minimum": "{0} <= {1} || {0} != {0} ? {0} : {1}",
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


# Numbers that formulas are written with. Another is likely to come from a parameter.
_COMMON = frozenset({-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0})


class Functor(NamedTuple):
    """A graph as a template of C++, the form that PyTorch's jiterator takes."""

    text: str
    """``template <typename T> T name(T x, ..., T c3, ...) {...}``."""

    numbers: Mapping[str, float]
    """The last arguments, by name: surrogates that differ in numbers alone share a text."""


def functor(root: Symbol, name: str, operands: tuple[str, ...]) -> Functor:
    """Return the function of this name that computes a graph of these inputs, and its numbers."""
    numbers = {
        f"c{node.number}": node.value
        for node in nodes_of(root)
        if node.op == "constant" and not (node.is_condition or node.value in _COMMON)
    }
    body = kernel_text(root, "return {};", arguments=numbers).replace("\n", "\n  ")
    parameters = ", ".join(f"T {argument}" for argument in (*operands, *numbers))
    return Functor(f"template <typename T> T {name}({parameters}) {{\n  {body}\n}}", numbers)


def gradient_functor(definition: Any, dtype: str, number_of_arrays: int = 0) -> Functor | None:
    """Return the functor ``derivative(x) * v`` of a definition, None where it cannot be traced.

    Its arguments are x, v, the array-valued parameters and the numbers.
    """
    root = trace(definition, "derivative", dtype, number_of_arrays, special=True)
    if root is None:
        return None
    product = root.trace.apply("mul", root, root.trace.input("v"))
    return functor(product, "surrogates_gradient", _operands(number_of_arrays))


# Farther out the slope of an area may be made of what overflows.
_FAR = {"float32": 1e25, "float64": 1e150}


def slope_functor(definition: Any, dtype: str, number_of_arrays: int, index: int) -> Functor | None:
    """Return the functor of the gradient of an array under `Relaxed`, element by element.

    It is ``v`` times the slope of the area in the array, and 0 where `x`, the area or the
    derivative is not finite. None where it cannot be traced.
    """

    def gradient(surrogate: Any, xp: Trace, x: Symbol) -> Symbol:
        def area(x: Symbol) -> Symbol:
            return xp.asarray(surrogate.formula("area", xp, x))

        def slope_at(x: Any) -> Any:
            return tangent(area(x), f"p{index}")

        derivative = xp.asarray(surrogate.formula("derivative", xp, x))
        live: Any = xp.isfinite(x)
        live = live & xp.isfinite(area(x)) & xp.isfinite(derivative)
        slope = slope_at(x)
        far: Any = xp.clip(x, min=-_FAR[dtype], max=_FAR[dtype])
        limit = slope_at(far)
        # What grows has no limit: with x it changes there by 1e25 and more, a tail by less than 1.
        has_limit = abs(limit - slope_at(far / 2)) <= 1e-6 * abs(limit) + 1.0
        slope = xp.apply("where", has_limit & ~xp.isfinite(slope), limit, slope)
        return xp.apply("where", live, xp.apply("mul", slope, xp.input("v")), 0.0)

    root = traced(definition, gradient, dtype, number_of_arrays, special=True)
    if root is None:
        return None
    return functor(root, "surrogates_slope", _operands(number_of_arrays))


def _operands(number_of_arrays: int) -> tuple[str, ...]:
    return ("x", "v", *(f"p{index}" for index in range(number_of_arrays)))


_NO_ARGUMENTS: Mapping[str, float] = MappingProxyType({})


def kernel_text(
    root: Symbol, result: str, *, arguments: Mapping[str, float] = _NO_ARGUMENTS
) -> str:
    """Return the statements of C++ or CUDA that compute a graph, in ``float`` or ``double``.

    Parameters
    ----------
    root : Symbol
        The graph. Its inputs are variables, which may be of another type, such as half precision.
    result : str
        The last statement, with ``{}`` for the value of the graph: ``"out = {};"``.
    arguments : mapping, optional
        The constants that are variables too, by name: ``"c"`` and the number of the node.
    """
    number = {"float32": "float", "float64": "double"}[root.dtype.name]
    names: dict[int, str] = {}
    lines = []
    for node in nodes_of(root):
        operands = [names[o.number] for o in node.operands if isinstance(o, Symbol)]
        if node.op == "constant":
            argument = f"c{node.number}"
            is_argument = argument in arguments
            names[node.number] = argument if is_argument else _c_constant(node.value, number)
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
    if isinstance(value, bool):
        return str(int(value))
    if math.isfinite(value):
        return f"({number})({value!r})"
    # products that leave the range: C++ and CUDA name infinity in different ways
    return f"({number})(1e308 * 10 * {0 if math.isnan(value) else math.copysign(1, value)})"
