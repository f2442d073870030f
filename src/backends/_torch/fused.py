"""Graphs with PyTorch's compound operations: one instead of several passes over a block."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from .._compiler.graph import Symbol, is_of_parameters, nodes_of
from .._compiler.tape import elementary

# Comparisons of numbers, not of NaN. With "is_" they give numbers: 1 where they hold, else 0.
NEGATIONS = {"ge": "lt", "gt": "le", "le": "gt", "lt": "ge"}


def fused(root: Symbol) -> Symbol:
    """Return a graph in which single operations of PyTorch do the work of several."""
    united = _united_once(root)
    # again: what had two users may have one now
    return root if united is root else fused(united)


def without_choice(root: Symbol) -> Symbol:
    """Return a graph without `where`, of the same values as long as all of its nodes are finite.

    ``p * h + q * (1 - h)`` is exact where h is 1 or 0. It takes four or five passes, and where
    signs are random `torch.where` takes as long as ten.
    """
    new: dict[Symbol, Symbol] = {}
    for node in nodes_of(root):
        operands: list[Any] = [new[o] if isinstance(o, Symbol) else o for o in node.operands]
        if node.op in ("input", "constant"):
            new[node] = node
        elif node.op == "where" and not any(o.is_condition for o in operands[1:]):
            new[node] = _sum_of_both(*operands)
        else:
            new[node] = node.trace.node(node.op, *operands)
    return new[root]


def _sum_of_both(condition: Symbol, p: Symbol, q: Symbol) -> Symbol:
    xp = condition.trace
    if condition.op in NEGATIONS:
        holds = xp.node(f"is_{condition.op}", *condition.operands)
        fails = xp.node(f"is_{NEGATIONS[condition.op]}", *condition.operands)
    else:
        holds = xp.apply("number", condition)
        fails = xp.apply("sub", 1.0, holds)
    if q.op == "sub" and q.operands[1] is p:  # both tails of an even function
        tail = xp.node("addcmul", p, q.operands[0], fails, ("value", -1.0))
        return xp.apply("mul", tail, xp.node("add", xp.asarray(1.0), fails, ("alpha", -2.0)))
    if q.value == 0.0:
        return xp.apply("mul", p, holds)
    if p.value == 0.0:
        return xp.apply("mul", q, fails)
    return xp.node("addcmul", xp.apply("mul", p, holds), q, fails, ("value", 1.0))


def _united_once(root: Symbol) -> Symbol:
    users = Counter(
        o for n in nodes_of(root) for o in {o for o in n.operands if isinstance(o, Symbol)}
    )
    new: dict[Symbol, Symbol] = {}
    once: set[Symbol] = set()  # a node with a single user can be united with it
    for node in nodes_of(root):
        if node.op in ("input", "constant"):
            new[node] = node
            continue
        # not a compound operation's number
        operands: list[Any] = [new[o] if isinstance(o, Symbol) else o for o in node.operands]
        if all(isinstance(o, Symbol) for o in operands):
            new[node] = _united(node, operands, once)
        else:
            new[node] = node.trace.node(node.op, *operands)
        if users[node] == 1:
            once.add(new[node])
    return new[root]


def _united(node: Symbol, operands: list[Symbol], once: set[Symbol]) -> Symbol:
    """Return the operation of a node on other operands, as one with an operand where it can be.

    `once` are the nodes that no other operation needs. A constant that is united with another must
    stay a normal number, or the operations stay apart.
    """
    trace = node.trace
    if node.op == "mul" and _is_sign(*node.operands):
        return trace.node("abs", operands[1])
    if node.op == "number":
        number = _number(operands[0])
        return trace.node("number", *operands) if number is None else number
    if node.op == "where" and operands[0].op == "isnan":
        condition, x, y = operands
        if condition.operands[0] is x and not is_of_parameters(x):
            # of y = -0 it is +0, which only the sign of a gradient of 0 shows
            return trace.node("add", y, trace.node("nan_or_zero", x))
    if node.op == "sub" and operands[1] in once and operands[1].op == "mul":
        return trace.node("addcmul", operands[0], *operands[1].operands, ("value", -1.0))
    if node.op == "mul" and operands[0] is operands[1]:
        factor, rest = _scaled(operands[0]) if operands[0] in once else (1.0, None)
        united = None if rest is None else _scaled_product(factor * factor, rest, rest)
        return trace.node("mul", *operands) if united is None else united
    for a, b in (operands, operands[::-1]) if node.op in ("add", "mul") else ():
        if a in once:
            united = _sum(a, b) if node.op == "add" else _product(a, b, once)
            if united is not None:
                return united
    return trace.node(node.op, *operands)


def _number(condition: Symbol) -> Symbol | None:
    """Return 1 where a condition holds, else 0, without a bool: writing one takes longer."""
    if condition.op in NEGATIONS and not is_of_parameters(condition):
        return condition.trace.node(f"is_{condition.op}", *condition.operands)
    if condition.op != "and":
        return None
    left, right = map(_number, condition.operands)
    return None if left is None or right is None else condition.trace.node("mul", left, right)


def _is_sign(a: Symbol, b: Symbol) -> bool:
    """Return whether `a` is 1 or, where `b` is negative, -1: ``surrogates._maths.sign``."""
    if a.op != "sub" or a.operands[1].op != "mul":
        return False
    one, (two, below) = a.operands[0], a.operands[1].operands
    if below.op != "number" or below.operands[0].op != "lt":
        return False
    left, right = below.operands[0].operands
    return left is b and (one.value, two.value, right.value) == (1.0, 2.0, 0.0)


def _sum(a: Symbol, b: Symbol) -> Symbol | None:
    """Return ``a + b`` as one operation with `a`, if there is one."""
    if a.op == "addcmul" and a.operands[0].value == 0.0:
        return a.trace.node("addcmul", b, *a.operands[1:])
    factor, rest = _scaled(a)
    if rest is not None:
        return a.trace.node("add", b, rest, ("alpha", factor))
    if a.op != "mul" or sum(map(_is_number, (b, *a.operands))) > 1:
        return None  # addcmul takes five times as long with two numbers
    return a.trace.node("addcmul", b, *a.operands, ("value", 1.0))


def _is_number(x: Symbol) -> bool:
    """Return whether a node is one number, or a few that are broadcast."""
    return x.op == "constant" or is_of_parameters(x)


def _product(a: Symbol, b: Symbol, once: set[Symbol]) -> Symbol | None:
    """Return ``a * b`` as one operation with `a`, or as many without one, if there are such."""
    if b.op == "constant":
        if a.op == "addcmul" and a.operands[0].value == 0.0:
            _, left, right, (_, factor) = a.operands
            return _scaled_product(factor * b.value, left, right)
        if a.op != "mul" or any(o.op == "constant" for o in a.operands):
            return None  # the product of two constants could leave the range
        return _scaled_product(b.value, *a.operands)
    if _is_reciprocal(a):
        return _quotient(a, b)
    over_square = _over_square(a, b, once)
    if over_square is not None:
        return over_square
    factor, rest = _scaled(a)
    return None if rest is None else _scaled_product(factor, rest, b)


def _is_reciprocal(x: Symbol) -> bool:
    return x.op == "div" and x.operands[0].op == "constant"


def _quotient(reciprocal: Symbol, b: Symbol) -> Symbol:
    """Return ``b * c / y`` for the node ``c / y``."""
    trace, (c, y) = reciprocal.trace, reciprocal.operands
    if c.value == 1.0:
        return trace.node("div", b, y)
    return trace.node("addcdiv", trace.asarray(0.0), b, y, ("value", c.value))


def _over_square(a: Symbol, b: Symbol, once: set[Symbol]) -> Symbol | None:
    """Return ``b * a`` as ``b / z**2`` where `a` is the square of a ``c / y``, times a number.

    The square of y alone could overflow where the result does not. That of z, with the numbers in
    it, leaves the range of the dtype only where `a` itself does.
    """
    if a.op == "addcmul" and a.operands[0].value == 0.0:
        _, root, other, (_, factor) = a.operands
    elif a.op == "mul":
        (root, other), factor = a.operands, 1.0
    else:
        return None
    if root is not other or root not in once or not _is_reciprocal(root):
        return None
    c, y = root.operands
    factor *= c.value * c.value
    z = y if factor == 1.0 else None
    if z is None and factor > 0.0 and y in once:
        z = _divided(y, elementary("sqrt", factor))
    if z is not None:
        return a.trace.node("div", b, a.trace.node("mul", z, z))
    return _quotient(root, _quotient(root, b)) if a.op == "mul" else None


def _divided(y: Symbol, number: float) -> Symbol | None:
    """Return ``y / number`` where `y` is the sum of a constant and another term, as such a sum."""
    if y.op != "add" or y.operands[0].op != "constant":
        return None
    constant, rest, *factor = y.operands
    constant = constant.value / number
    slope = (factor[0][1] if factor else 1.0) / number
    if not (_is_normal(y, constant) and _is_normal(y, slope)):
        return None
    return y.trace.node("add", y.trace.asarray(constant), rest, ("alpha", slope))


def _scaled_product(factor: float, a: Symbol, b: Symbol) -> Symbol | None:
    """Return ``factor * a * b`` as one operation, if the factor is normal in the dtype."""
    if not _is_normal(a, factor):
        return None
    for parameter, other in ((a, b), (b, a)):
        if is_of_parameters(parameter):  # addcmul takes five times as long with two numbers
            scaled = a.trace.node("mul", a.trace.asarray(factor), parameter)
            return a.trace.node("mul", scaled, other)
    return a.trace.node("addcmul", a.trace.asarray(0.0), a, b, ("value", factor))


def _scaled(x: Symbol) -> tuple[float, Symbol | None]:
    """Return c and y where `x` is c times y, and c is a normal number of the dtype."""
    factor, rest = 1.0, None
    if x.op == "mul":
        for a, b in (x.operands, x.operands[::-1]):
            if a.op == "constant":
                factor, rest = a.value, b
    elif x.op == "div" and x.operands[1].op == "constant" and x.operands[1].value != 0.0:
        factor, rest = 1 / x.operands[1].value, x.operands[0]
    return (factor, rest) if _is_normal(x, factor) else (1.0, None)


def _is_normal(x: Symbol, number: float) -> bool:
    limits = np.finfo(x.dtype)
    return float(limits.tiny) <= abs(number) <= float(limits.max)
