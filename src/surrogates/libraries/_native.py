"""The library's own object with the formula of a surrogate."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import math
from collections.abc import Iterator
from typing import Any

from .._surrogate import Surrogate
from ._library import Library, installed, own_signature, with_spike

_MOST = 10_000  # combinations of parameters to try for a name


def native(entry: Library, surrogate: Surrogate) -> Any:
    """Return the library's own object that has the formula and the spikes of `surrogate`.

    Raises
    ------
    LookupError
        If there is none, with the reason.
    """
    if not entry.module:
        raise LookupError(
            f"{entry.name}: no objects of this library are known here; leave native out"
        )
    if surrogate.array_fields:
        raise LookupError(
            f"{entry.name}: its objects take numbers, but {surrogate!r} holds arrays; leave native "
            "out"
        )
    for name in entry.makers:
        for arguments in _candidates(entry, name, surrogate):
            try:
                found = entry.surrogate(name, arguments)
            except (ArithmeticError, LookupError, TypeError, ValueError):  # out of range
                continue
            if with_spike(found, surrogate.at_threshold) == surrogate:
                return _made(entry, name, arguments, found, surrogate)
    raise LookupError(
        f"{entry.name} {entry.version}: no function with the formula of {surrogate!r} was found; "
        f"leave native out. It has {', '.join(entry.makers)}"
    )


def _made(
    entry: Library, name: str, arguments: dict[str, Any], found: Surrogate, surrogate: Surrogate
) -> Any:
    """Return the object of this name, unless it would do something else than the surrogate."""
    shown = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    if found != surrogate:
        raise LookupError(
            f"{entry.name}: its {name}({shown}) has this formula, but its spike at x = 0 is "
            f"{found.at_threshold:g}; make the surrogate with at_threshold={found.at_threshold}, "
            "or leave native out"
        )
    if entry.differs(name, arguments):
        raise LookupError(
            f"{entry.name} {entry.version}: its {name} is not what it documents "
            f"({entry.notes[name]}); leave native out"
        )
    known = own_signature(entry.makers[name]).parameters
    of_layer = {key: 2.0 for key in entry.of_layer if key in known}
    if of_layer and entry.surrogate(name, arguments | of_layer) != found:
        raise LookupError(
            f"{entry.name}: the gradient of its {name} depends on {', '.join(of_layer)} of the "
            "layer, and this surrogate does not; leave native out"
        )
    if entry.make is not None:
        return entry.make(name, arguments)
    return getattr(installed(entry.module), name)(**arguments)


def _candidates(entry: Library, name: str, surrogate: Surrogate) -> Iterator[dict[str, Any]]:
    """Return arguments that may give the surrogate: its numbers, those near, and defaults."""
    signature = own_signature(entry.makers[name])
    own = [n for n in _numbers(surrogate) if math.isfinite(n)]
    near = [m for n in own if n != 0 for m in (1 / n, n / 2, 2 / n)]
    types = inspect.signature(entry.makers[name]).parameters
    for numbers in (own + near, own):  # the latter where there are too many combinations
        options = {}
        for parameter in signature.parameters.values():
            if parameter.name in entry.of_layer:
                continue
            values = [] if parameter.default is parameter.empty else [parameter.default]
            if types[parameter.name].annotation == "int":
                values += [int(n) + more for n in numbers if n == int(n) for more in (0, 1)]
            else:
                values += numbers
            options[parameter.name] = list({repr(value): value for value in values}.values())
        if math.prod(map(len, options.values())) <= _MOST:
            break
    else:
        return
    for chosen in itertools.product(*options.values()):
        yield dict(zip(options, chosen, strict=True))


def _numbers(surrogate: Surrogate) -> Iterator[float]:
    """Return the numbers in a surrogate, and in what is inside."""
    for field in dataclasses.fields(surrogate):
        value = getattr(surrogate, field.name)
        if isinstance(value, Surrogate):
            yield from _numbers(value)
        elif isinstance(value, (int, float)) and field.name != "at_threshold":
            yield value
