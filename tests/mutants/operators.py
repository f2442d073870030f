"""The ways to break a module, each a replacement of one node of its syntax tree."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COMPARISONS: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_NAMES = {"min": "max", "max": "min", "all": "any", "any": "all"}
_NAMES |= {"floor": "ceil", "round": "floor", "minimum": "maximum", "maximum": "minimum"}
_NAMES |= {"zeros_like": "ones_like", "ones_like": "zeros_like", "isnan": "isinf"}
# Whose arguments have no order.
_WITHOUT_ORDER = {"min", "max", "both", "either", "promote_types"}


@dataclass(frozen=True)
class Mutant:
    """A module with one change."""

    path: str
    where: str
    operator: str
    before: str
    after: str
    number: int
    lines: tuple[int, int]
    source: str

    @property
    def key(self) -> str:
        """What it is called, in results and in the list of those explained: no line numbers."""
        again = f" #{self.number}" if self.number else ""
        return f"{self.path}::{self.where} [{self.operator}] {self.before} -> {self.after}{again}"


def mutants_of(path: str, file: Path) -> list[Mutant]:
    """Return all mutants of a file."""
    text = file.read_text()
    found, seen = [], Counter[Any]()
    for where, statement, node, operator, new in _changes(ast.parse(text)):
        source = _replaced(text, node, new)
        before, after = (" ".join(ast.unparse(n).split()) for n in (node, new))
        identity = (where, operator, before, after)
        lines = (statement.lineno, statement.end_lineno or statement.lineno)
        found.append(Mutant(path, *identity, seen[identity], lines, source))
        seen[identity] += 1
    return found


def _replaced(text: str, node: Any, new: ast.AST) -> str:
    lines = text.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    written = ast.unparse(new)
    written = written if isinstance(new, ast.stmt) else f"({written})"
    raw = text.encode()
    return (raw[:start] + written.encode() + raw[end:]).decode()


Change = tuple[str, Any, Any, str, ast.AST]  # function, lines, node, operator, replacement


def _changes(module: ast.Module) -> Iterator[Change]:
    yield from _in_body(module.body, "<module>")


def _in_body(body: list[ast.stmt], where: str) -> Iterator[Change]:
    for statement in body:
        yield from _in_statement(statement, where)


def _in_statement(statement: ast.stmt, where: str) -> Iterator[Change]:
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Pass)):
        return
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        if any("overload" in ast.unparse(d) for d in statement.decorator_list):
            return
        name = statement.name if where == "<module>" else f"{where}.{statement.name}"
        if not isinstance(statement, ast.ClassDef):
            for default in (*statement.args.defaults, *statement.args.kw_defaults):
                if default is not None:
                    yield from _in_expression(default, default, name)
        yield from _in_body(statement.body, name)
        return
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return  # a docstring
    yield from _deletions(statement, where)
    if isinstance(statement, ast.Raise):
        return  # its message
    if isinstance(statement, (ast.If, ast.While)):
        if "TYPE_CHECKING" in ast.unparse(statement.test):
            return
        yield where, statement.test, statement.test, "negate", _negated(statement.test)
    nested = [name for name in ("body", "orelse", "finalbody") if getattr(statement, name, None)]
    for name, value in ast.iter_fields(statement):
        if name in nested or name == "annotation":
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.ExceptHandler):
                yield from _in_body(part.body, where)
            elif isinstance(part, ast.withitem):
                yield from _in_expression(part.context_expr, part.context_expr, where)
            elif isinstance(part, ast.expr):
                yield from _in_expression(part, part if nested else statement, where)
    for name in nested:
        yield from _in_body(getattr(statement, name), where)


def _deletions(statement: ast.stmt, where: str) -> Iterator[Change]:
    is_call = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    is_set = isinstance(statement, ast.Assign) and not isinstance(statement.targets[0], ast.Name)
    if is_call or is_set or isinstance(statement, (ast.AugAssign, ast.Raise, ast.Break)):
        yield where, statement, statement, "delete", ast.Pass()
    if isinstance(statement, ast.Continue):
        yield where, statement, statement, "delete", ast.Pass()
    if isinstance(statement, ast.Return) and statement.value is not None:
        none = ast.Return(ast.Constant(None))
        if ast.unparse(none) != ast.unparse(statement):
            yield where, statement, statement, "return nothing", none


def _in_expression(node: ast.expr, statement: Any, where: str) -> Iterator[Change]:
    if isinstance(node, ast.JoinedStr):
        return  # messages; and before Python 3.12 its parts have no true position
    for operator, new in _of_expression(node):
        yield where, statement, node, operator, new
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from _in_expression(child, statement, where)
        elif isinstance(child, ast.keyword) and child.arg != "strict":  # of zip, an assertion
            yield from _in_expression(child.value, statement, where)
        elif isinstance(child, ast.comprehension):
            for condition in child.ifs:
                yield where, statement, condition, "negate", _negated(condition)
            for part in (child.iter, *child.ifs):
                yield from _in_expression(part, statement, where)


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _changed(node: Any, **attributes: Any) -> Any:
    new = copy.copy(node)
    for name, value in attributes.items():
        setattr(new, name, value)
    return new


def _of_expression(node: Any) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            ops = list(node.ops)
            ops[place] = _COMPARISONS[type(op)]()
            yield "compare", _changed(node, ops=ops)
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        yield "arithmetic", _changed(node, op=_ARITHMETIC[type(node.op)]())
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and or", _changed(node, op=other)
        for place in range(len(node.values)):
            rest = [v for i, v in enumerate(node.values) if i != place]
            yield "drop operand", rest[0] if len(rest) == 1 else _changed(node, values=rest)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield "drop sign", node.operand
    elif isinstance(node, ast.IfExp):
        yield "negate", _changed(node, test=_negated(node.test))
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node.value)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)


def _of_constant(value: Any) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(value, bool):
        yield "constant", ast.Constant(not value)
    elif isinstance(value, int):
        yield "constant", ast.Constant(value + 1)
    elif isinstance(value, float):
        yield "constant", ast.Constant(2 * value if value else 1.0)
    elif isinstance(value, str) and 0 < len(value) <= 16 and " " not in value:
        yield "constant", ast.Constant("XX" + value)


def _of_call(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    if ast.unparse(node.func) in ("cast", "TypeVar", "super"):
        return
    for place, keyword in enumerate(node.keywords):
        if keyword.arg not in (None, "strict"):
            rest = [k for i, k in enumerate(node.keywords) if i != place]
            yield "drop keyword", _changed(node, keywords=rest)
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    for first in range(0 if name in _WITHOUT_ORDER else len(node.args) - 1):
        pair = node.args[first : first + 2]
        differ = len(set(map(ast.unparse, pair))) == 2
        if differ and not any(isinstance(a, ast.Starred) for a in pair):
            swapped = [*node.args[:first], *pair[::-1], *node.args[first + 2 :]]
            yield "swap arguments", _changed(node, args=swapped)
    if name in _NAMES:
        field = "id" if isinstance(node.func, ast.Name) else "attr"
        yield "function", _changed(node, func=_changed(node.func, **{field: _NAMES[name]}))
