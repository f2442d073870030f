"""The text of a straight-line program, and what Python makes of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from .graph import Symbol, nodes_of
from .tape import Number, Tape


class Program(NamedTuple):
    """A function of an array, and of buffers for its result and for intermediate results."""

    run: Callable[..., None]
    """Called as ``run(x, v, out, *small, *constants, *buffers)``, and returns `out`.

    Where `out` or a buffer is None, the first operation that would write to it makes it.
    """

    prelude: Callable[..., tuple[Any, ...]]
    """Returns `small`, what depends on the array-valued parameters alone, from these."""

    constants: tuple[Any, ...]
    """What follows from the numbers of the definition: arrays without axes, and numbers."""

    dtype: Any
    """The dtype it computes in."""

    buffers: tuple[Any, ...]
    """The dtype of each buffer."""

    text: str
    """The text of `run`."""


class Template(NamedTuple):
    """Programs that differ in their constants alone, which follow from the numbers."""

    program: Program
    """One of them, with `makers` instead of its constants."""

    makers: tuple[Callable[[float], Any], ...]
    """What makes a constant of a value: an array, or the number itself."""

    values: Callable[..., tuple[float, ...] | None]
    """Returns these values from the numbers of a definition: see `Tape.function`."""

    def of(self, *numbers: float) -> Program | None:
        """Return the program for these numbers, None where they decide otherwise."""
        try:
            values = self.values(*numbers)
        except (ArithmeticError, ValueError):
            return None
        if values is None:
            return None
        run, prelude, _, *rest = self.program
        constants = [make(value) for make, value in zip(self.makers, values, strict=True)]
        return Program(run, prelude, tuple(constants), *rest)


def template_of(
    dialect: Any, root: Symbol, dtype: str, number_of_arrays: int, tape: Tape
) -> Template:
    """Return the programs of a graph, in the functions of a `Dialect`."""
    nodes = nodes_of(root)
    small, fixed = _of_parameters(nodes), of_constants(nodes)
    last_use = {o.number: n.number for n in nodes for o in n.operands if isinstance(o, Symbol)}
    places: dict[int, str] = {}
    constants: dict[str, Any] = {}
    constant = partial(dialect.constant, dtype=dtype)
    scope: dict[str, Any] = dict(dialect.functions)
    scope |= {name: dialect.constant(n, dtype) for name, n in (("one", 1.0), ("zero", 0.0))}
    free: dict[bool, list[str]] = {False: ["out"], True: []}
    buffers: list[bool] = []
    lines: list[str] = []
    before: list[str] = []  # the prelude
    for node in nodes:
        if node.op == "input":
            places[node.number] = node.operands[0]
            continue
        if node.op == "constant":
            places[node.number] = f"c{node.number}"
            if type(node.value) is Number:
                constants[f"c{node.number}"] = node.value
            else:
                scope[f"c{node.number}"] = constant(node.value)
            continue
        if node in small or node in fixed:
            operands = [_text(places, constants, node, o) for o in node.operands]
            is_number = node.op == "number"
            call = operands[0] if is_number else _call(node.op, *operands)
            # written to nothing, a condition would stay one
            if node.op[:3] == "is_" or (is_number and node.operands[0].is_condition):
                call = _call("where", call, "one", "zero")
            if node in fixed:
                places[node.number] = f"c{node.number}"
                scope[f"c{node.number}"] = _value(call, {**scope, **constants})
                continue
            places[node.number] = f"s{node.number}"
            before.append(f"s{node.number} = {call}")
            continue
        op, given = dialect.call(node)
        operands = [_text(places, constants, node, o) for o in given]
        # an operation may write over an operand that is not needed any more
        for operand in dict.fromkeys(o for o in node.operands if isinstance(o, Symbol)):
            place = places[operand.number]
            if last_use[operand.number] == node.number and place[0] in "bo":
                free[operand.is_condition].append(place)
        if node is root:
            place = "out"
        elif free[node.is_condition]:
            place = free[node.is_condition].pop()
        else:
            place = f"b{len(buffers)}"
            buffers.append(node.is_condition)
        places[node.number] = place
        lines.append(f"{place} = {_call(op, *operands, target=dialect.target(op, place))}")
    if places[root.number] != "out":  # a leaf
        lines.append(f"out = {_call('copy', places[root.number], target='out=out')}")
    lines.append("return out")
    operands_ = (o for n in nodes if n not in small for o in n.operands)
    needed = {o for o in operands_ if isinstance(o, Symbol) and o in small}
    used = [places[n.number] for n in nodes if n in needed]
    recorded = {name: value for name, value in constants.items() if type(value) is Number}
    for name in constants.keys() - recorded.keys():
        scope[name] = constants[name]
    own = [*used, *recorded, *(f"b{i}" for i in range(len(buffers)))]
    arrays = ", ".join(f"p{i}" for i in range(number_of_arrays))
    before.append(f"return ({''.join(f'{name}, ' for name in used)})")
    exec(_code("\n    ".join([f"def prelude({arrays}):", *before])), scope)
    text = "\n    ".join([f"def run({', '.join(['x', 'v', 'out', *own])}):", *lines])
    exec(_code(text), scope)
    dtypes = {False: dialect.dtype(dtype), True: dialect.dtype("bool")}
    maker = dialect.maker(dtype)
    makers = tuple(maker if name[0] == "c" else float for name in recorded)
    program = Program(
        scope["run"],
        scope["prelude"],
        makers,
        dtypes[False],
        tuple(dtypes[b] for b in buffers),
        text,
    )
    return Template(program, makers, tape.function(list(recorded.values())))


def of_constants(nodes: list[Symbol]) -> set[Symbol]:
    """Return the nodes that depend on constants alone: PyTorch would shrink `out` to one number."""
    fixed: set[Symbol] = set()
    for node in nodes:
        operands = [o for o in node.operands if isinstance(o, Symbol)]
        if operands and all(o in fixed or o.op == "constant" for o in operands):
            fixed.add(node)
    return fixed


@np.errstate(over="ignore", under="ignore")
def _value(call: str, scope: dict[str, Any]) -> Any:
    return eval(_code(call, "eval"), scope)


def _of_parameters(nodes: list[Symbol]) -> set[Symbol]:
    """Return the nodes that depend on array-valued parameters, and not on `x`."""
    small: set[Symbol] = set()
    fixed = of_constants(nodes)
    for node in nodes:
        if node.op == "input":
            if node.operands[0][0] == "p":
                small.add(node)
            continue
        operands = [o for o in node.operands if isinstance(o, Symbol) and o not in fixed]
        operands = [o for o in operands if o.op != "constant"]
        if operands and all(o in small for o in operands):
            small.add(node)
    return small


@lru_cache(maxsize=256)
def _code(text: str, mode: str = "exec") -> Any:
    """Return what Python makes of a text, which has no numbers: graphs alike share it."""
    return compile(text, "<program>", mode)


def _text(places: dict[int, str], constants: dict[str, Any], node: Symbol, operand: Any) -> str:
    if isinstance(operand, Symbol):
        return places[operand.number]
    if isinstance(operand, str):  # a name that every program knows
        return operand
    keyword, number = operand
    constants[f"n{node.number}"] = number
    return f"{keyword}=n{node.number}"


def _call(op: str, *operands: str, target: str = "out=None") -> str:
    # a trailing _: "and", "not" and "or" are words of Python
    return f"{op}_({', '.join(operands)}, {target})"
