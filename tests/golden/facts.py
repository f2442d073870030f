"""What is said of a library, in its file in tests/golden/libraries: `Facts`, and what they hold."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any

Arguments = dict[str, Any]


@dataclasses.dataclass
class Peer:
    """One name of a library: its parameters with their defaults, and how to call it.

    `make(**arguments)` returns the library's function of the membrane potential; where that takes
    the potential itself, `threshold(arguments)` is what x lacks of it.
    """

    name: str
    defaults: Arguments
    make: Callable[..., Callable[[Any], Any]]
    threshold: Callable[[Arguments], float] = lambda arguments: 0.0
    primitive: Callable[..., Callable[[Any], Any]] | None = None


@dataclasses.dataclass
class Difference:
    """A name whose code is not what it documents: both as functions of x and the arguments.

    `theirs` is what their code computes, None where it always raises, and `ours` what is
    documented, or meant by the name, and returned here. `error` is what their code raises for the
    records that have an error instead of values. `as_computed` does not reproduce how their
    code `rounds`, nor where it `overflows`.
    """

    ours: Callable[..., Any]
    theirs: Callable[..., Any] | None
    error: str = ""
    rounds: bool = False
    overflows: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """What tests and records must know of a library.

    Parameters
    ----------
    peers : callable, optional
        Yields a `Peer` for each of its names. It alone imports the library.
    read : mapping, optional
        Of a library that was read and not run, instead: the formula of each name, as its source
        has it, a function of x and the parameters with their defaults.
    framework : str
        Whose arrays its functions take: ``"torch"``, ``"jax"`` or ``"mlx"``.
    requirements : tuple of str
        What ``nox -s golden`` installs for it, without what that asks for. The first is the
        library, if PyPI calls it otherwise than its file is called.
    commit : str
        That of its check-out, if it is not on PyPI.
    values : mapping
        Two values of every parameter that are not its default: the first changes it alone, the
        second together with the others. ``"Name.parameter"`` goes before ``"parameter"``. A
        parameter that has no default has a third, which stands for it while others change.
    more : mapping
        Other arguments that are recorded, for each name that has some.
    twice : set of str
        Names whose second derivative is recorded, too, since a note speaks of it.
    not_taken : set of str
        Parameters that the library has, and `from_library` does not take.
    no_effect : mapping
        Parameters that change nothing, as functions of x, for each name that has some.
    differences : mapping
        A `Difference` for each name whose gradient is not the documented one.
    other_notes : set of str
        Names whose note is not about the gradient.
    in_single_precision : set of str
        Names that compute in float32 what is float64.
    primitives : mapping
        What a primitive of theirs has more than ours, a function of x and the arguments.
    """

    peers: Callable[[], Iterator[Peer]] | None = None
    read: Mapping[str, Callable[..., Any]] = dataclasses.field(default_factory=dict)
    framework: str = "torch"
    requirements: tuple[str, ...] = ()
    commit: str = ""
    values: Mapping[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    more: Mapping[str, list[Arguments]] = dataclasses.field(default_factory=dict)
    twice: Set[str] = frozenset()
    not_taken: Set[str] = frozenset()
    no_effect: Mapping[str, Set[str]] = dataclasses.field(default_factory=dict)
    differences: Mapping[str, Difference] = dataclasses.field(default_factory=dict)
    other_notes: Set[str] = frozenset()
    in_single_precision: Set[str] = frozenset()
    primitives: Mapping[str, Callable[..., Any]] = dataclasses.field(default_factory=dict)


def parameters(function: Callable[..., Any], *left_out: str) -> Arguments:
    """Return the parameters with their defaults; ``"required"`` where there is none."""
    found = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in left_out and parameter.kind is not parameter.VAR_KEYWORD:
            empty = parameter.default is parameter.empty
            found[parameter.name] = "required" if empty else parameter.default
    return found


def classes(module: Any, names: str) -> Iterator[Peer]:
    """Return the names, classes or factories whose instances are functions of x."""
    for name in names.split():
        yield Peer(name, parameters(getattr(module, name)), getattr(module, name))


def functions(module: Any, names: str, *first: str) -> Iterator[Peer]:
    """Return the names, functions of x and parameters."""
    for name in names.split():
        function = getattr(module, name)
        yield Peer(name, parameters(function, *first), applied(function))


def applied(function: Callable[..., Any]) -> Callable[..., Callable[[Any], Any]]:
    """Return the factory for a function of x and parameters."""
    return lambda **given: lambda x: function(x, **given)
