"""The surrogates in JavaScript: their formulas and measures, printed from the definitions.

A definition takes arrays for its parameters, so it takes symbols too: a trace with symbols for `x`
and for every parameter is the formula at all values of them. Nothing is written a second time, and
``nox -s docs-js`` compares the result with NumPy.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from surrogates._maths import logistic
from surrogates._parameters import COUNT, parameters
from surrogates._surrogate import Surrogate
from surrogates.backends._compiler.graph import Symbol, Trace, nodes_of
from surrogates.backends._compiler.javascript import HELPERS, function_text
from surrogates.backends._erfc import erfc

# A parameter that counts changes the graph: a form of the formulas is printed for each value.
MOST_COUNTED = 16
MEASURES = ("peak", "area", "width")
# What an outcome of each condition is: the formula is the same where all outcomes are.
_OUTCOMES = {
    "abs": lambda xp, x: x > 0,
    "eq": lambda xp, x, y: x > y,
    "floor": lambda xp, x: xp.floor(x),
    "ge": lambda xp, x, y: x >= y,
    "gt": lambda xp, x, y: x > y,
    "le": lambda xp, x, y: x <= y,
    "lt": lambda xp, x, y: x < y,
    "maximum": lambda xp, x, y: x > y,
    "minimum": lambda xp, x, y: x > y,
    "remainder": lambda xp, x, y: xp.floor(xp.apply("div", x, y)),
    "round": lambda xp, x: xp.round(x),
}


def module(classes: dict[str, type[Surrogate]]) -> str:
    """Return the JavaScript module that exports the surrogates of these classes."""
    entries = [f"  {name}: {_entry(cls)}," for name, cls in classes.items()]
    parts = [
        "// Printed from the definitions in surrogates.definitions. Do not edit.",
        HELPERS,
        f"const erfc = {_shared(lambda xp, x: erfc(x, xp))};",
        "// Of x <= 0.",
        f"const sigmoid = {_shared(logistic)};",
        "\nexport const SURROGATES = {",
        *entries,
        "};",
    ]
    return "\n".join(parts) + "\n"


def _shared(formula: Callable[[Trace, Symbol], Symbol]) -> str:
    """Return a function that formulas call, written out as NumPy evaluates it."""
    trace = Trace("float64")
    return function_text(formula(trace, trace.input("x")), "x")


def _entry(cls: type[Surrogate]) -> str:
    surrogate = cls()
    told = {
        "family": cls.__module__.rpartition(".")[2].replace("_", " "),
        "summary": (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " "),
        "parameters": [_declared(surrogate, p) for p in parameters(cls)],
        "choices": [
            {"name": f.name, "value": getattr(surrogate, f.name), "of": f.metadata["choices"]}
            for f in cls._fields
            if "choices" in f.metadata
        ],
    }
    forms = ",\n".join(f"{json.dumps(key)}: {_form(form)}" for key, form in forms_of(surrogate))
    return f'{{\n{json.dumps(told)[1:-1]},\n"forms": {{\n{forms}\n}}}}'


def _declared(surrogate: Surrogate, parameter: Any) -> dict[str, Any]:
    interval = parameter.metadata["interval"]
    counts = interval is COUNT
    return {
        "name": parameter.name,
        "value": getattr(surrogate, parameter.name),
        "low": interval.low,
        "high": MOST_COUNTED if counts else interval.high,
        "start": interval.start,  # of the logarithmic scale; null: a linear one
        "counts": counts,
    }


def forms_of(surrogate: Surrogate) -> Iterator[tuple[str, Surrogate]]:
    """Return the surrogate with each value of what changes the graph, by that, joined by commas."""
    cls = type(surrogate)
    axes = {f.name: f.metadata["choices"] for f in cls._fields if "choices" in f.metadata}
    for parameter in parameters(cls):
        if parameter.metadata["interval"] is COUNT:
            axes[parameter.name] = range(1, MOST_COUNTED + 1)
    for values in product(*axes.values()):
        yield ",".join(map(str, values)), cls(**dict(zip(axes, values, strict=True)))


def _form(surrogate: Surrogate) -> str:
    trace = Trace("float64", special=True)
    trace.acosh = lambda x: trace.apply("acosh", x)  # which the measures of one need
    x = trace.input("x")
    for parameter in parameters(type(surrogate)):
        if isinstance(getattr(surrogate, parameter.name), float):
            symbol = trace.input(f"p.{parameter.name}")
            surrogate = surrogate.substituted(parameter.name, symbol)
    derivative = trace.asarray(surrogate.formula("derivative", trace, x))
    primitive = trace.asarray(surrogate.formula("primitive", trace, x))
    lines = {
        "derivative": function_text(derivative, "x, p"),
        "primitive": function_text(primitive, "x, p"),
        "conditions": _conditions(trace, derivative),
    }
    lines |= {
        name: _measure(trace, surrogate, lambda s, m=name: getattr(s, m)) for name in MEASURES
    }
    lines |= {
        name: _measure(trace, surrogate, lambda s, i=i: s.support[i])
        for i, name in enumerate(("lowest", "highest"))
    }
    return "{\n" + ",\n".join(f"{k}: {v}" for k, v in lines.items() if v is not None) + "\n}"


def _measure(trace: Trace, surrogate: Surrogate, measure: Callable[[Surrogate], Any]) -> str | None:
    """Return a measure as a function of the parameters, None where it is found by a search."""
    try:
        return function_text(trace.asarray(measure(surrogate)), "p")
    except (AttributeError, TypeError):  # what a graph cannot say
        return None


def _conditions(trace: Trace, root: Symbol) -> str:
    """Return a function whose values, an array, are equal where the formula is the same."""
    found = {}
    for node in nodes_of(root):
        depends = any(o.op == "input" and o.operands[0] == "x" for o in nodes_of(node))
        if node.op in _OUTCOMES and depends:
            outcome = trace.apply("number", _OUTCOMES[node.op](trace, *node.operands))
            found[outcome.number] = function_text(outcome, "x, p")
    return "[\n" + ",\n".join(found.values()) + "]"
