"""Arithmetic with the numbers of a definition, recorded while it is traced, to be done again.

Another value of a parameter changes the constants of a graph and, mostly, nothing else. So a
definition is traced with a `Number` instead of each number: it computes what the number itself
would, and its `Tape` notes each operation, and each decision that was taken by a value. With other
values the same operations give the constants, to the bit those of a trace of its own, as long as
each decision comes out alike. Where one does not, the graph is another, and is traced.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np


class Tape:
    """What was computed of some numbers, as lines of Python.

    Parameters
    ----------
    values : tuple of float
        The numbers.
    """

    def __init__(self, values: tuple[float, ...]) -> None:
        self.numbers = [Number(self, f"p{i}", value) for i, value in enumerate(values)]
        self.is_valid = True
        self._lines: list[str] = []
        self._scope: dict[str, Any] = {}
        self._constants: dict[Any, str] = {}
        self._known: dict[str, Any] = {}  # each result and each outcome, by the call

    def apply(self, name: str, function: Callable[..., Any], *operands: Any) -> Number:
        """Return what a function of numbers gives, recorded under its name."""
        call = self._call(name, function, operands)
        if call not in self._known:
            result = Number(self, f"t{len(self._lines)}", self._result(function, operands))
            self._lines.append(f"{result.name} = {call}")
            self._known[call] = result
        found: Number = self._known[call]
        return found

    def decide(self, name: str, function: Callable[..., Any], *operands: Any) -> bool:
        """Return whether a condition on numbers holds, recorded with its outcome."""
        call = self._call(name, function, operands)
        if call not in self._known:
            outcome = self._known[call] = bool(self._result(function, operands))
            self._lines.append(f"if {'not ' if outcome else ''}{call}: return None")
        holds: bool = self._known[call]
        return holds

    def function(self, results: list[Number]) -> Callable[..., tuple[float, ...] | None]:
        """Return the function from other values to those results, None where a decision differs."""
        arguments = ", ".join(number.name for number in self.numbers)
        lines = [f"return ({''.join(f'{result.name}, ' for result in results)})"]
        for line in reversed(self._lines):
            name, _, call = line.partition(" = ")
            # what NumPy folded raises nothing, so it may be left out; other functions may raise
            is_idle = call.startswith("folded_") and not any(
                _mentions(text, name) for text in lines
            )
            lines += [] if is_idle else [line]
        text = "\n    ".join([f"def replay({arguments}):", *reversed(lines)])
        scope = dict(self._scope)
        exec(compile(text, "<tape>", "exec"), scope)
        replay: Callable[..., tuple[float, ...] | None] = scope["replay"]
        return replay

    def _call(self, name: str, function: Any, operands: tuple[Any, ...]) -> str:
        self._scope[name] = function
        return f"{name}({', '.join(map(self._text, operands))})"

    def _text(self, operand: Any) -> str:
        if type(operand) is Number:
            if operand.tape is not self:
                raise TypeError("a number was kept from another trace")
            return operand.name
        # by a name, since infinity and NumPy's numbers have no text; 1, 1.0 and True are three
        key = (type(operand), repr(operand))
        name = self._constants.setdefault(key, f"c{len(self._constants)}")
        self._scope[name] = operand
        return name

    def _result(self, function: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
        values = [operand.value if type(operand) is Number else operand for operand in operands]
        try:
            return function(*values)
        except (ArithmeticError, ValueError):  # a formula may catch it: a decision without a line
            self.is_valid = False
            raise


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None


class Number:
    """A number of a definition while it is traced: a float to formulas, but not to `math`.

    Attributes
    ----------
    tape : Tape
        Where what is computed of it is recorded.
    name : str
        Of the variable that has it there.
    value : float
        The number itself.
    """

    __array_ufunc__ = None  # so that NumPy's numbers leave arithmetic with it to it
    __hash__ = None  # type: ignore[assignment]  # it is equal to other numbers at its value alone

    def __init__(self, tape: Tape, name: str, value: Any) -> None:
        self.tape, self.name, self.value = tape, name, value

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What formulas ask, by `isinstance`, to tell a number from an array."""
        return float

    def __repr__(self) -> str:
        raise TypeError("a number that is recorded has no text that a formula could read")

    def __bool__(self) -> bool:
        return self.tape.decide("truth", operator.truth, self)


def _operation(name: str, function: Any, *, swapped: bool = False, decides: bool = False) -> Any:
    def method(self: Number, *other: Any) -> Any:
        if other and not isinstance(other[0], (int, float, np.floating)):
            return NotImplemented  # a symbol, which does it
        operands = (*other, self) if swapped else (self, *other)
        record = self.tape.decide if decides else self.tape.apply
        return record(name, function, *operands)

    return method


for _name in ("add", "mul", "pow", "sub", "truediv"):
    setattr(Number, f"__{_name}__", _operation(_name, getattr(operator, _name)))
    setattr(Number, f"__r{_name}__", _operation(_name, getattr(operator, _name), swapped=True))
for _name in ("abs", "neg"):
    setattr(Number, f"__{_name}__", _operation(_name, getattr(operator, _name)))
for _name in ("eq", "ge", "gt", "le", "lt", "ne"):
    setattr(Number, f"__{_name}__", _operation(_name, getattr(operator, _name), decides=True))


def elementary(name: str, number: Any) -> Any:
    """Return the function of `math` of this name, of a number that may be recorded."""
    function = getattr(math, name)
    if type(number) is Number:
        return number.tape.apply(name, function, number)
    return function(number)
