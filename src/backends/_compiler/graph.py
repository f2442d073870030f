"""A definition, traced once: its formula as a graph of elementwise operations.

A definition is plain array-API maths, so that running it on a `Symbol` instead of an array
records what it computes. Equal subexpressions become one node, and what depends on no array is
computed at once. Two things are made of a graph: a straight-line program that reuses its buffers
(`program`), and the text of a fused kernel (`kernel`).

Only rewritings that change no bit of any result are applied here: those that move a sign into a
constant or a parameter. A graph computes values only; `tangent` makes of it the graph of a
derivative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .tape import Number, elementary

# The name of each operation in a graph, and NumPy's function for it, which folds constants.
FUNCTIONS: dict[str, Any] = {
    "abs": np.absolute,
    "add": np.add,
    "and": np.logical_and,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "cos": np.cos,
    "div": np.divide,
    "eq": np.equal,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "floor": np.floor,
    "ge": np.greater_equal,
    "gt": np.greater,
    "isnan": np.isnan,
    "le": np.less_equal,
    "log": np.log,
    "log1p": np.log1p,
    "lt": np.less,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "mul": np.multiply,
    "neg": np.negative,
    "not": np.logical_not,
    "number": np.positive,  # of a condition: 1 where it holds, else 0
    "or": np.logical_or,
    "pow": np.power,
    "remainder": np.remainder,
    "round": np.rint,
    "sin": np.sin,
    "sqrt": np.sqrt,
    "square": np.square,
    "sub": np.subtract,
    "tan": np.tan,
    "tanh": np.tanh,
    "where": np.where,
}
# What a formula is computed in, by the name of the dtype of x.
WORKING = {
    "float16": "float32",
    "bfloat16": "float32",
    "float32": "float32",
    "float64": "float64",
}
_CONDITIONS = {"and", "eq", "ge", "gt", "isnan", "le", "lt", "not", "or"}


class UntraceableError(TypeError):
    """A formula does what an elementwise graph cannot say, such as a branch on a value."""


class Symbol:
    """A node of a graph, which passes for an array while a definition is traced.

    Attributes
    ----------
    op : str
        A key of `FUNCTIONS`, ``"erfc"`` or ``"sigmoid"``; ``"input"`` and ``"constant"`` for the
        leaves.
    operands : tuple
        Symbols. An input has its name instead, and a constant its value: a float, which may be a
        `Number` that is recorded, or bool.
    number : int
        Nodes are numbered as they are made: operands come before what is made of them.
    """

    shape: tuple[int, ...] = ()
    ndim = 0

    def __init__(self, trace: Trace, op: str, operands: tuple[Any, ...], number: int) -> None:
        self.trace, self.op, self.operands, self.number = trace, op, operands, number
        self.dtype = trace.dtype

    @property
    def value(self) -> Any:
        """The value of a constant; None for anything else."""
        return self.operands[0] if self.op == "constant" else None

    @property
    def is_condition(self) -> bool:
        """Whether its values are true and false."""
        return self.op in _CONDITIONS or isinstance(self.value, bool)

    def __array_namespace__(self, api_version: str | None = None) -> Trace:
        return self.trace

    def __bool__(self) -> bool:
        raise UntraceableError("a formula that is traced must not branch on a value")

    __float__ = __int__ = __index__ = __bool__
    __hash__ = object.__hash__

    def __neg__(self) -> Symbol:
        return self.trace.apply("neg", self)

    def __abs__(self) -> Symbol:
        return self.trace.apply("abs", self)

    def __invert__(self) -> Symbol:
        return self.trace.apply("not", self)


def _operator(op: str, *, swapped: bool = False) -> Any:
    def method(self: Symbol, other: Any) -> Symbol:
        return self.trace.apply(op, *((other, self) if swapped else (self, other)))

    return method


for _op in ("add", "and", "eq", "ge", "gt", "le", "lt", "mul", "or", "pow", "sub"):
    setattr(Symbol, f"__{_op}__", _operator(_op))
for _op in ("add", "and", "mul", "or", "pow", "sub"):
    setattr(Symbol, f"__r{_op}__", _operator(_op, swapped=True))
setattr(Symbol, "__ne__", lambda self, other: ~(self == other))  # noqa: B010 (as the next two)
setattr(Symbol, "__truediv__", _operator("div"))  # noqa: B010 (mypy: the class has none)
setattr(Symbol, "__rtruediv__", _operator("div", swapped=True))  # noqa: B010


class Trace:
    """The namespace that a definition is traced with, and the nodes that it made.

    Parameters
    ----------
    dtype : numpy.dtype
        Of the arrays that the graph is for: float32 or float64.
    special : bool, default False
        Whether the complementary error function and the logistic function are operations; else
        they are written out.
    exp2 : bool, default False
        Whether ``exp(c * y)`` becomes ``exp2(c / ln(2) * y)``, where that is faster. The rounding
        of that constant adds at most 1 ulp for each factor of e to those of the product.
    """

    float32 = np.dtype("float32")
    float64 = np.dtype("float64")
    __name__ = __name__  # array-api-compat asks a namespace for it
    undifferentiated = True  # see surrogates._maths.before_underflow
    of_number = staticmethod(elementary)  # see surrogates._maths.elementary

    def __init__(self, dtype: Any, *, special: bool = False, exp2: bool = False) -> None:
        self.dtype = np.dtype(dtype)
        self.use_exp2 = exp2
        self.nodes: dict[Any, Symbol] = {}
        if special:
            self.erfc = lambda x: self.apply("erfc", x)
            self.sigmoid = lambda x: self.apply("sigmoid", x)

    def __getattr__(self, name: str) -> Any:
        if name not in FUNCTIONS:
            raise AttributeError(name)
        return lambda *operands: self.apply(name, *operands)

    def input(self, name: str) -> Symbol:
        """Return the input of this name."""
        return self.node("input", name)

    def apply(self, op: str, *operands: Any) -> Symbol:
        """Return the node of an operation on symbols and numbers."""
        symbols = tuple(self.asarray(operand) for operand in operands)
        if all(s.op == "constant" for s in symbols) and op in FUNCTIONS:
            return self._folded(op, [s.value for s in symbols])
        if op == "where" and symbols[0].op == "constant":
            return symbols[1] if symbols[0].value else symbols[2]
        if op in ("mul", "div", "neg"):
            simpler = self._simpler(op, *symbols)
            return self.node(op, *symbols) if simpler is None else simpler
        symbols = tuple(_sign_in_constant(s) for s in symbols)
        if op == "exp" and self.use_exp2:
            return self._exp2(symbols[0])
        return self.node(op, *map(_sign_in_parameter, symbols))

    def _exp2(self, x: Symbol) -> Symbol:
        factor, rest = 1.0, x
        if x.op == "neg":
            factor, rest = -1.0, x.operands[0]
        elif x.op == "mul" and x.operands[0].op == "constant":
            factor, rest = x.operands[0].value, x.operands[1]
        elif x.op in ("mul", "div") and x.operands[1].op == "constant":
            factor, rest = x.operands[1].value, x.operands[0]
            factor = factor if x.op == "mul" else 1 / factor
        else:  # exp2 would need one multiplication more
            return self.node("exp", x)
        return self.node("exp2", self.apply("mul", factor / math.log(2), rest))

    def _folded(self, op: str, values: list[Any]) -> Symbol:
        def fold(*values: Any) -> float | bool:
            with np.errstate(all="ignore"):
                arrays = [v if isinstance(v, bool) else self.dtype.type(v) for v in values]
                result = arrays[0] if op == "number" else FUNCTIONS[op](*arrays)
            return bool(result) if op in _CONDITIONS else float(result)

        recorded = [v for v in values if type(v) is Number]
        if not recorded:
            return self.asarray(fold(*values))
        tape = recorded[0].tape
        record = tape.decide if op in _CONDITIONS else tape.apply
        return self.asarray(record(f"folded_{op}", fold, *values))

    def _simpler(self, op: str, a: Symbol, b: Symbol | None = None) -> Symbol | None:
        """Return an equal node with an operation less, if there is one; negations go outwards."""
        if b is None:
            return a.operands[0] if a.op == "neg" else None
        if b.value == 1.0:
            return self._number(a)
        if a.value == 1.0 and op == "mul":
            return self._number(b)
        if a.op == "neg":
            if b.op == "constant":
                return self.apply(op, a.operands[0], -b.value)
            return -self.apply(op, a.operands[0], b)
        if b.op == "neg":
            if a.op == "constant":
                return self.apply(op, -a.value, b.operands[0])
            return -self.apply(op, a, b.operands[0])
        return None

    def _number(self, x: Symbol) -> Symbol:
        """Return a condition as a number, and a number as it is."""
        return self.apply("number", x) if x.is_condition else x

    def node(self, op: str, *operands: Any) -> Symbol:
        """Return the node of an operation, the same for the same operands, as it is given."""
        # 0 and -0 are equal, and two constants; by their numbers operands compare fast
        key = (op, *map(_key, operands))
        if key not in self.nodes:
            self.nodes[key] = Symbol(self, op, operands, len(self.nodes))
        return self.nodes[key]

    def asarray(self, value: Any, dtype: Any = None) -> Symbol:
        """Return a number as a constant, and a symbol as it is."""
        if isinstance(value, Symbol):
            return value
        if type(value) is Number:
            is_float = type(value.value) is float
            return self.node(
                "constant", value if is_float else value.tape.apply("float", float, value)
            )
        if not isinstance(value, (bool, int, float, np.floating)):
            raise UntraceableError(f"a graph cannot hold {value!r}")
        return self.node("constant", value if isinstance(value, bool) else float(value))

    def astype(self, x: Symbol, dtype: Any, copy: bool = True) -> Symbol:
        """Return a condition as a number, and a number as it is: a graph has one dtype."""
        if np.dtype(dtype) != self.dtype:
            raise UntraceableError(f"a graph of {self.dtype} cannot hold {dtype}")
        return self._number(x)

    def held(self, x: Any) -> Symbol:
        """Return `x` as a constant to `tangent`."""
        return self.apply("number", x)

    def clip(self, x: Symbol, min: Any = None, max: Any = None) -> Symbol:
        """Return `x` limited from below and from above."""
        x = x if min is None else self.apply("maximum", x, min)
        return x if max is None else self.apply("minimum", x, max)

    def isfinite(self, x: Any) -> Symbol:
        """Return whether `x` is neither infinite nor NaN."""
        return self.apply("lt", abs(self.asarray(x)), math.inf)

    def zeros_like(self, x: Symbol) -> Symbol:
        """Return 0."""
        return self.asarray(0.0)

    def ones_like(self, x: Symbol) -> Symbol:
        """Return 1."""
        return self.asarray(1.0)

    def finfo(self, dtype: Any) -> Any:
        """Return the limits of a dtype."""
        return np.finfo(dtype)

    def isdtype(self, dtype: Any, kind: Any) -> bool:
        """Return whether a dtype is real and floating."""
        return bool(kind == "real floating")


def _key(operand: Any) -> Any:
    if isinstance(operand, Symbol):
        return operand.number
    if isinstance(operand, tuple):  # a keyword and its number
        return tuple(map(_key, operand))
    return operand.name if type(operand) is Number else repr(operand)


def _sign_in_constant(x: Symbol) -> Symbol:
    """Return a negated product or quotient with the sign in its constant, if it has one."""
    if x.op == "neg" and x.operands[0].op in ("mul", "div"):
        product = x.operands[0]
        left, right = product.operands
        if left.op == "constant":
            return x.trace.apply(product.op, -left.value, right)
        if right.op == "constant":
            return x.trace.apply(product.op, left, -right.value)
    return x


def _sign_in_parameter(x: Symbol) -> Symbol:
    """Return a negated product with the sign in what depends on parameters alone, if it has that.

    There it is computed once, and not for each element.
    """
    if x.op == "neg" and x.operands[0].op == "mul":
        left, right = x.operands[0].operands
        if is_of_parameters(left):
            return x.trace.node("mul", x.trace.node("neg", left), right)
        if is_of_parameters(right):
            return x.trace.node("mul", left, x.trace.node("neg", right))
    return x


def is_of_parameters(x: Symbol) -> bool:
    """Return whether a node depends on array-valued parameters alone: it is computed once."""
    names = [node.operands[0] for node in nodes_of(x) if node.op == "input"]
    return bool(names) and all(name[0] == "p" for name in names)


def trace(
    definition: Any, name: str, dtype: Any, number_of_arrays: int = 0, **options: Any
) -> Symbol | None:
    """Return the graph of the formula of this name, as a function of ``"x"``: see `traced`."""

    def formula(surrogate: Any, xp: Trace, x: Symbol) -> Any:
        return surrogate.formula(name, xp, x)

    return traced(definition, formula, dtype, number_of_arrays, **options)


def traced(
    definition: Any,
    formula: Callable[[Any, Trace, Symbol], Any],
    dtype: Any,
    number_of_arrays: int,
    numbers: list[Number] | None = None,
    **options: bool,
) -> Symbol | None:
    """Return the graph of ``formula(surrogate, xp, x)``, as a function of ``"x"``.

    The array-valued parameters of the definition are the inputs ``"p0"``, ``"p1"`` and so on, or
    the `numbers` that its method `lifted` took out. The options are those of `Trace`. None where it
    cannot be traced: its class is not `traceable`.
    """
    if not definition.is_traceable:
        return None
    namespace = Trace(dtype, **options)
    arrays = [namespace.input(f"p{i}") for i in range(number_of_arrays)]
    surrogate = definition.combine(numbers or arrays)
    x = namespace.input("x")
    try:
        return _sign_in_constant(namespace.asarray(formula(surrogate, namespace, x)))
    except (TypeError, AttributeError):  # UntraceableError too
        return None


def nodes_of(root: Symbol) -> list[Symbol]:
    """Return the nodes that a graph consists of, operands first."""
    found: dict[int, Symbol] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.number not in found:
            found[node.number] = node
            waiting += [o for o in node.operands if isinstance(o, Symbol)]
    return [found[number] for number in sorted(found)]
