"""Which name an object of a library has, and with which parameters it was made."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import Any

from .._surrogate import Surrogate
from ._library import Library, own_signature

_DEPTH = 8  # of functions within functions


def told(entry: Library, thing: Any, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of an object, and its parameters with those that are given.

    Parameters
    ----------
    entry : Library
        The library that it is of.
    thing : object
        An instance, a function that a function of the library returned, or that function or class
        itself, which says the name alone.
    given : dict
        Parameters that the caller names.

    Raises
    ------
    TypeError
        If it is not an object of this library, or a parameter cannot be told.
    """
    if isinstance(thing, Surrogate):
        raise TypeError(f"{thing!r} is a surrogate already; to_library goes the other way")
    name, found = None, {}
    if isinstance(thing, functools.partial):
        thing, found = thing.func, dict(thing.keywords)
    if _is_of(entry, thing) and getattr(thing, "__qualname__", None) in entry.makers:
        return thing.__qualname__, {**found, **given}  # a class or a function, not yet called
    if _is_of(entry, type(thing)) and type(thing).__name__ in entry.makers:
        name, attributes = type(thing).__name__, thing
        if getattr(thing, "spiking", True) is False:
            raise TypeError(
                f"{thing!r} emits its primitive, since its spiking is False; translate it while it "
                "spikes, and put surrogates.Smooth around the result"
            )
    else:
        name, attributes = _closure(entry, thing)
    if name not in entry.makers:
        kinds = "name or an object" if entry.module else "name (its objects are not translated)"
        raise TypeError(f"expected a {kinds} of {entry.name}, got {thing!r}; {entry.known()}")
    return name, _parameters(entry, name, attributes, given)


def _parameters(
    entry: Library, name: str, attributes: Any, given: dict[str, Any]
) -> dict[str, Any]:
    """Return the parameters of an object, from its attributes and from what is given."""
    read = entry.recovers.get(name, getattr)
    found = dict(given)
    for parameter in own_signature(entry.makers[name]).parameters:
        if parameter in entry.of_layer:
            continue
        try:
            value = read(attributes, parameter)
        except AttributeError:
            if parameter in given:
                continue
            raise TypeError(
                f"{entry.name} {name}: {parameter} could not be told from the object; give it, as "
                f"in from_library({entry.name!r}, object, {parameter}=...)"
            ) from None
        if parameter in given and given[parameter] is not value and given[parameter] != value:
            raise TypeError(
                f"{entry.name} {name}: {parameter} is {value!r} in the object, and "
                f"{given[parameter]!r} in the call; leave it out"
            )
        found[parameter] = value
    return found


def _is_of(entry: Library, thing: Any) -> bool:
    """Return whether a class or a function comes from the package of the library."""
    module = getattr(thing, "__module__", None) or ""
    return bool(entry.module) and module.partition(".")[0] == entry.package


class _Cells:
    """What functions remember of the call that made them, as attributes."""


def _closure(entry: Library, thing: Any) -> tuple[str | None, Any]:
    """Return the function of the library that made another one, and what that one remembers."""
    name, cells = None, _Cells()
    for function in _functions(thing, _DEPTH):
        outer, is_inside, _ = getattr(function, "__qualname__", "").partition(".<locals>")
        if not (is_inside and _is_of(entry, function)) or outer not in entry.makers:
            continue
        if name in (None, *entry.generic):  # such as `custom` of spyx, which others call
            name = outer
        for cell, content in inspect.getclosurevars(function).nonlocals.items():
            vars(cells)[cell] = content
    return name, cells


def _functions(thing: Any, depth: int) -> Iterator[Any]:
    """Return the functions within an object: wrapped by JAX, or remembered by another."""
    if depth == 0:
        return
    if inspect.isfunction(thing):
        yield thing
        inside = list(inspect.getclosurevars(thing).nonlocals.values())
    else:
        inside = []
    # jax.jit has the first, jax.custom_jvp and custom_gradient the others
    inside += [getattr(thing, key, None) for key in ("__wrapped__", "fun", "jvp")]
    for other in inside:
        if callable(other) and not isinstance(other, type) and other is not thing:
            yield from _functions(other, depth - 1)
