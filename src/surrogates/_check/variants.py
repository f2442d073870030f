"""The parts of a class of surrogates, and which surrogates of that class the check tries."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields
from typing import Any

from .._parameters import COUNT, FINITE, parameters
from .._surrogate import Surrogate
from ..definitions import SURROGATES

METHODS = {"derivative": "surrogate_grad", "primitive": "surrogate_fun"}
FACTORS = (0.09, 0.4, 1.7, 19.0)  # of a parameter alone
PAIRS = ((0.4, 1.7), (1.7, 0.6))


def written(cls: type[Surrogate], function: str) -> str | None:
    """Return how a class defines its ``"derivative"`` or ``"primitive"``, None if it does not.

    A ``"formula"`` takes a namespace, and half precision is computed in single precision for it; a
    ``"method"`` overrides `Surrogate.surrogate_grad` or `Surrogate.surrogate_fun` itself.
    """
    method = METHODS[function]
    if getattr(cls, method) is not getattr(Surrogate, method):
        return "method"
    return None if getattr(cls, function) is getattr(Surrogate, function) else "formula"


def is_built_in(cls: type[Surrogate]) -> bool:
    """Return whether a class belongs to this package."""
    return SURROGATES.get(cls.__name__) is cls


def numbers(cls: type[Surrogate]) -> dict[str, Field[Any]]:
    """Return the fields that hold a number of the formula, declared as parameters or not."""
    declared = {p.name: p for p in parameters(cls)}
    undeclared = {
        f.name: f
        for f in fields(cls)
        if f.name not in (*declared, "at_threshold") and f.init and _is_number(f)
    }
    return declared | undeclared


def learnable(cls: type[Surrogate]) -> list[str]:
    """Return the parameters that may be arrays."""
    return [p.name for p in parameters(cls) if p.metadata["interval"] != COUNT]


def _is_number(field: Field[Any]) -> bool:
    if field.default is MISSING:
        return field.default_factory is MISSING and field.type in (float, "float")
    return isinstance(field.default, (int, float)) and not isinstance(field.default, bool)


def _default(field: Field[Any]) -> Any:
    if field.default is MISSING:
        return 1.0
    is_count = field.metadata.get("interval") == COUNT or (
        "interval" not in field.metadata
        and isinstance(field.default, int)
        and field.type in (int, "int")
    )
    return int(field.default) if is_count else float(field.default)


def _value(field: Field[Any], factor: float) -> Any:
    """Return a number that the field may hold, by a factor away from its default."""
    default = _default(field)
    if isinstance(default, int):
        return max(1, default + (-1 if factor < 0.1 else round(math.log2(factor + 1))))
    interval = field.metadata.get("interval")
    low, high = (interval.low, interval.high) if interval else (-math.inf, math.inf)
    start = low if low > 1e-6 else 0.0  # as of an exponent that must be greater than 1
    value = start + factor * ((default - start) or 0.5)
    return min(max(value, low), high)


def default(cls: type[Surrogate]) -> Surrogate:
    """Return the surrogate of this class at its defaults, 1 where it has none."""
    missing = {n: 1.0 for n, f in numbers(cls).items() if f.default is MISSING}
    return cls(**missing)


def main(cls: type[Surrogate]) -> list[Surrogate]:
    """Return surrogates of class `cls`: the default, one of large and one of small parameters."""
    return [default(cls), *_of(cls, _all_by(cls, 19.0), _all_by(cls, 0.09))]


def _all_by(cls: type[Surrogate], factor: float) -> dict[str, Any]:
    return {name: _value(field, factor) for name, field in numbers(cls).items()}


def more(cls: type[Surrogate]) -> list[Surrogate]:
    """Return surrogates of `cls` with each number, pair of numbers, switch and choice varied."""
    return list(_of(cls, *_varied(cls)))


def _varied(cls: type[Surrogate]) -> Iterator[dict[str, Any]]:
    varied = numbers(cls)
    for name, field in varied.items():
        for factor in FACTORS:
            yield {name: _value(field, factor)}
        interval = field.metadata.get("interval")
        if interval and interval.low <= FINITE.low and not is_built_in(cls):
            interval = None  # whoever declares no range of a sharpness does not think of -1
        if field.default == 0.0 or (interval and interval.low < 0):
            yield {name: _value(field, -0.7)}
        if interval and interval.low <= 0 <= interval.high:
            yield {name: 0.0}
    for (one, first), (other, second) in itertools.combinations(varied.items(), 2):
        for factors in PAIRS:
            yield {one: _value(first, factors[0]), other: _value(second, factors[1])}
    for field in fields(cls):
        if isinstance(field.default, bool):
            yield {field.name: not field.default}
        for choice in field.metadata.get("choices", ()):
            if choice != field.default:
                yield {field.name: choice}


def _of(cls: type[Surrogate], *changes: dict[str, Any]) -> Iterator[Surrogate]:
    missing = {n: 1.0 for n, f in numbers(cls).items() if f.default is MISSING}
    seen = [default(cls)]
    for changed in changes:
        try:
            surrogate = cls(**missing | changed)
        except ValueError:  # out of a range that the class itself knows
            continue
        if surrogate not in seen:
            seen.append(surrogate)
            yield surrogate


def changed(surrogate: Surrogate, change: Callable[[float], float]) -> Surrogate:
    """Return a surrogate with a function applied to its floats."""
    import dataclasses

    values = {name: getattr(surrogate, name) for name in numbers(type(surrogate))}
    floats = {name: change(value) for name, value in values.items() if isinstance(value, float)}
    return dataclasses.replace(surrogate, **floats) if floats else surrogate
