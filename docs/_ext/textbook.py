"""The formulas that docstrings state, in LaTeX and in the order of their text.

``python -m surrogates check`` compares these formulas with the code, to 50 digits.
"""

from __future__ import annotations

import ast
import re

from surrogates._check.formulas import stated

GREEK = ["alpha", "beta", "gamma", "delta", "epsilon", "sigma", "tau", "theta", "pi"]
OPERATORS = {"erf", "erfc", "round"}
FUNCTIONS = {"cos", "cosh", "sin", "sinh", "tan", "tanh"}
FUNCTIONS_ELSEWHERE = {"atan": r"\arctan", "log": r"\ln", "maximum": r"\max", "minimum": r"\min"}
SIGNS = {ast.Lt: "<", ast.LtE: r"\le", ast.Gt: ">", ast.GtE: r"\ge", ast.Eq: "="}
# How tightly what a formula is made of binds.
SUM, PRODUCT, POWER, ATOM = range(4)


def latex(cls: type, name: str) -> str | None:
    """Return a formula that the docstring of a class states, or None if it states none."""
    text = stated(cls).get(name)
    return None if text is None else in_latex(text)


def in_latex(text: str) -> str:
    """Return a formula in Python's notation as LaTeX."""
    return _shown(ast.parse(text, mode="eval").body)[0]


def symbol(name: str) -> str:
    """Return a parameter as a symbol: ``tau_rc`` is a tau with the index rc."""
    if name == "inf":
        return r"\infty"
    head, _, index = re.sub(r"^([a-z])(\d)$", r"\1_\2", name).partition("_")
    if head in GREEK:
        head = f"\\{head}"
    elif len(head) > 1:
        escaped = name.replace("_", r"\_")
        return rf"\mathrm{{{escaped}}}"
    if not index:
        return head
    return f"{head}_{index}" if len(index) == 1 else rf"{head}_{{\mathrm{{{index}}}}}"


def _within(node: ast.expr, tightest: int) -> str:
    """Return a part of a formula, in parentheses if it binds less tightly than asked for."""
    text, binds = _shown(node)
    return text if binds >= tightest else rf"\left({text}\right)"


def _after(node: ast.expr, tightest: int) -> str:
    """Return a part that stands behind a sign."""
    text = _within(node, tightest)
    return rf"\left({text}\right)" if text[0] == "-" else text


def _shown(node: ast.expr) -> tuple[str, int]:
    """Return LaTeX, and how tightly it binds."""
    match node:
        case ast.Constant(value=value):
            return str(value), ATOM
        case ast.Name(id=name):
            return symbol(name), ATOM
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"-{_within(operand, PRODUCT)}", PRODUCT
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return f"{_shown(left)[0]} {SIGNS[type(op)]} {_shown(right)[0]}", SUM
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return f"{_within(left, SUM)} + {_after(right, SUM)}", SUM
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return f"{_within(left, SUM)} - {_after(right, PRODUCT)}", SUM
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _product(left, right), PRODUCT
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _fraction(left, right), PRODUCT
        case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
            return f"{{{_within(base, ATOM)}}}^{{{_in_line(exponent)}}}", POWER
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _call(name, arguments)
    raise ValueError(f"no LaTeX for {ast.unparse(node)!r}: teach docs/_ext/textbook.py")


def _product(left: ast.expr, right: ast.expr) -> str:
    first, second = _within(left, PRODUCT), _after(right, PRODUCT)
    between = r" \cdot " if second[0].isdigit() else r" \, "
    return f"{first}{between}{second}"


def _fraction(left: ast.expr, right: ast.expr) -> str:
    below = [right]
    while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Div):  # a / b / c has one bar
        below.insert(0, left.right)
        left = left.left
    tightest = SUM if len(below) == 1 else PRODUCT
    denominator = r" \, ".join(_within(part, tightest) for part in below)
    return rf"\frac{{{_shown(left)[0]}}}{{{denominator}}}"


def _in_line(node: ast.expr) -> str:
    """Return an exponent, whose fractions of numbers have no bar."""
    match node:
        case ast.BinOp(left=ast.Constant(), op=ast.Div(), right=ast.Constant() | ast.Name()):
            return f"{_shown(node.left)[0]}/{_shown(node.right)[0]}"
    return _shown(node)[0]


def _call(name: str, arguments: list[ast.expr]) -> tuple[str, int]:
    if name == "where":
        return _cases(arguments), ATOM
    if name == "sum":
        term, first, last = arguments
        ends = rf"\sum_{{i={_shown(first)[0]}}}^{{{_shown(last)[0]}}}"
        return f"{ends} {_within(term, PRODUCT)}", PRODUCT
    given = [_shown(argument)[0] for argument in arguments]
    inside = r",\, ".join(given)
    enclosed = rf"\left({inside}\right)"
    if name == "abs":
        return rf"\left|{inside}\right|", ATOM
    if name == "sqrt":
        return rf"\sqrt{{{inside}}}", ATOM
    if name == "floor":
        return rf"\left\lfloor {inside} \right\rfloor", ATOM
    if name == "exp":
        if r"\frac" in inside or "cases" in inside:
            return rf"\exp{enclosed}", POWER
        return f"e^{{{inside}}}", POWER
    if name == "expm1":
        return f"e^{{{inside}}} - 1", SUM
    if name == "log1p":
        return rf"\ln\left(1 + {inside}\right)", POWER
    if name == "mod":
        return rf"{_within(arguments[0], POWER)} \bmod {_within(arguments[1], POWER)}", SUM
    if name == "sign":
        return rf"\operatorname{{sgn}}{enclosed}", POWER
    if name in OPERATORS:
        return rf"\operatorname{{{name}}}{enclosed}", POWER
    if name in FUNCTIONS:
        return rf"\{name}{enclosed}", POWER
    if name in FUNCTIONS_ELSEWHERE:
        return f"{FUNCTIONS_ELSEWHERE[name]}{enclosed}", POWER
    raise ValueError(f"no LaTeX for the function {name}: teach docs/_ext/textbook.py")


def _cases(arguments: list[ast.expr]) -> str:
    rows = []
    while True:
        condition, then, other = arguments
        rows.append(rf"{_shown(then)[0]} & \text{{if }} {_shown(condition)[0]}")
        match other:
            case ast.Call(func=ast.Name(id="where"), args=arguments):
                continue
        rows.append(rf"{_shown(other)[0]} & \text{{otherwise}}")
        lines = r" \\ ".join(rows)
        return rf"\begin{{cases}} {lines} \end{{cases}}"
