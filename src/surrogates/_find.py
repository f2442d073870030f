"""What a name means: this package's own names, those of neuron libraries and those of papers."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

from ._similar import similar
from ._surrogate import Surrogate
from ._wrappers.scaled import Scaled
from .definitions import FUNCTIONS, SURROGATES, function_name
from .definitions.piecewise import Boxcar
from .libraries import LIBRARIES, names_of
from .libraries._library import required, with_spike

# What a name may end in and mean the same without: FakeNumericalGradient, arctan_surrogate.
_ENDINGS = ("surrogate", "grad", "gradient", "derivative", "function", "func")


class Meaning:
    """What one library, or this package, calls by a name.

    Parameters
    ----------
    name : str
        As it is spelled there.
    library : str
        Empty for this package, and for papers.
    call : str
        What makes the surrogate, as one types it.
    surrogate : Surrogate
        What it makes.
    """

    # No dataclass or named tuple, which take longer to make, when the package is imported.
    def __init__(self, name: str, library: str, call: str, surrogate: Surrogate) -> None:
        self.name = name
        self.library = library
        self.call = call
        self.surrogate = surrogate

    @property
    def innermost(self) -> type[Surrogate]:
        """The class of the surrogate inside all wrappers."""
        return _types(self.surrogate)[-1]


def find(name: str) -> type[Surrogate]:
    """Return the class of surrogates that a name means, in this package, in a library or a paper.

    The parameters and defaults of the class are this package's: ``find("atan")()`` has ``alpha=1``,
    and the `atan` of snnTorch has ``alpha=2``, which is ``from_library("snntorch", "atan")``. Upper
    and lower case, underscores, hyphens and spaces do not matter, nor does the module in front of
    the name, as in ``"snn.surrogate.fast_sigmoid"``.

    Parameters
    ----------
    name : str
        Such as ``"fast_sigmoid"``, ``"multi-Gaussian"`` or ``"triangle"``. The name of a class,
        spelled as here, is that class, whatever others mean by it; ``"surrogates."`` may stand in
        front. Where libraries mean one class, and some of them at another scale, it is the class.

    Returns
    -------
    type
        The class, such as `InvSquareGrad`.

    Raises
    ------
    LookupError
        If no surrogate has such a name: with similar names, and those there are. If libraries mean
        different surrogates by it, or one that takes more than a class: with the call that makes
        each.

    Warns
    -----
    UserWarning
        If libraries mean other numbers by the name than the defaults of the class: with the call
        that makes each. Not if the name is that of the class, nor where a library's box differs
        only in whether its edges belong to it.

    Examples
    --------
    >>> import surrogates
    >>> surrogates.find("Zenke").__name__
    'InvSquareGrad'
    >>> surrogates.find("qpseudospike")
    Traceback (most recent call last):
        ...
    LookupError: 'qpseudospike' has 2 meanings; take the one of your library:
        surrogates.QPseudoSpike()                               QPseudoSpike(alpha=2.0)
        surrogates.from_library("braintools", "QPseudoSpike")   QPseudoSpike(alpha=2.0)
        surrogates.from_library("braintools", "q_pseudo_spike") QPseudoSpike(alpha=2.0)
        surrogates.QPseudoSpikeUnit()                           QPseudoSpikeUnit(alpha=2.0)
        surrogates.from_library("spikingjelly", "QPseudoSpike") QPseudoSpikeUnit(alpha=2.0)
    """
    cls = _class_of(name)
    if told := other_numbers(name, cls):
        warnings.warn(told, stacklevel=2)
    return cls


def other_numbers(name: str, cls: type[Surrogate]) -> str:
    """Return what to tell of a name by which libraries mean `cls` with other numbers, or nothing.

    A class of this package, by its own name, means no library.
    """
    if _own(name) in SURROGATES or ":" in name:
        return ""
    ours = cls()
    named = [meaning for meaning in meanings(name) if meaning.library]
    # Whether the edges belong to a box is no other number: it would be told of each rectangle.
    spikes = ours.at_threshold
    others = [m for m in named if _closed(with_spike(m.surrogate, spikes)) != _closed(ours)]
    if not others:
        return ""
    return (
        f"{name!r} is the class {cls.__name__}, of which {ours!r} has this package's numbers; "
        "libraries mean others by it:\n" + "\n".join(lines(others))
    )


def _closed(surrogate: Surrogate) -> Surrogate:
    """Return the surrogate, a box with its edges."""
    return replace(surrogate, closed="both") if isinstance(surrogate, Boxcar) else surrogate


def _own(name: Any) -> str:
    """Return a name as that of a class of this package."""
    return name.removeprefix("surrogates.") if isinstance(name, str) else ""


def _class_of(name: str) -> type[Surrogate]:
    """Return the class that a name means, whatever its numbers."""
    if _own(name) in SURROGATES:
        return SURROGATES[_own(name)]
    found = meanings(name)
    kinds = {_types(meaning.surrogate) for meaning in found}
    # What a library scales besides is the same shape.
    shapes = {tuple(cls for cls in kind if cls is not Scaled) for kind in kinds}
    if len(shapes) == 1 and shapes <= kinds and len(next(iter(shapes))) == 1:
        return found[0].innermost
    several = f"has {len(kinds)} meanings; take the one of your library"
    reason = several if len(kinds) > 1 else "is not a class of its own here; this makes it"
    raise LookupError(f"{name!r} {reason}:\n" + "\n".join(lines(found)))


def missing(name: str) -> str:
    """Return what to tell who asks the package for a name that it has not."""
    text = f"module 'surrogates' has no attribute {name!r}"
    if name.startswith("_") or not name.isidentifier():  # `find_spec` would import what is dotted
        return text
    from importlib.util import find_spec  # here, since it takes long to import

    if find_spec(f"surrogates.{name}") is not None:
        return f"{text}; write import surrogates.{name} first"
    try:
        cls = _class_of(name)
    except LookupError:
        pass
    else:
        others = f", but {told}" if (told := other_numbers(name, cls)) else ""
        return f"{text}; that is surrogates.{cls.__name__} here{others}"
    if _key(name) in _by_key():
        return f"{text}; surrogates.find({name!r}) says what libraries and papers mean by it"
    close = similar(name, sys.modules["surrogates"].__all__)
    close = close or [f"find({_by_key()[key][0].name!r})" for key in similar(_key(name), _by_key())]
    return f"{text}; did you mean {' or '.join(close)}?" if close else text


def chosen(name: str) -> type[Surrogate]:
    """Return what a command means by a name: ``module:Class`` for your own, or as `find`.

    The functional forms of this package count as its own names, too.
    """
    module, _, attribute = name.partition(":")
    if not attribute:
        return FUNCTIONS[name] if name in FUNCTIONS else _found(name)
    module = module.removesuffix(".py")
    sys.path.insert(0, "")  # as `python -m` itself does: your module lies in the working directory
    try:
        imported = import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:  # what your module imports
            raise
        raise LookupError(
            f"{name!r}: there is no module {module!r} in this folder, and none is installed"
        ) from None
    found = getattr(imported, attribute, None)
    if not (isinstance(found, type) and issubclass(found, Surrogate)):
        classes = [c for c in vars(imported).values() if isinstance(c, type)]
        own = [f"{module}:{c.__name__}" for c in classes if issubclass(c, Surrogate)]
        raise LookupError(
            f"{name!r} is not a subclass of surrogates.Surrogate; {module} has "
            f"{', '.join(own) or 'none'}"
        )
    return found


def _found(name: str) -> type[Surrogate]:
    try:
        return _class_of(name)
    except LookupError:
        stem = name.removesuffix(".py")
        if os.path.exists(f"{stem}.py"):
            raise LookupError(
                f"{stem}.py is a file in this folder: name the class in it, too, as in {stem}:Class"
            ) from None
        raise


def at_defaults(name: str) -> Surrogate:
    """Return what a command means by a name, with the default of every parameter."""
    cls = chosen(name)
    try:
        return cls()
    except TypeError as error:  # of a wrapper, which takes a surrogate
        raise LookupError(f"{name!r} cannot be made without arguments: {error}") from None


def meanings(name: str) -> list[Meaning]:
    """Return all that a name means, this package's own first, those of one kind together.

    Raises
    ------
    LookupError
        If it means nothing, with the most similar names.
    """
    if not isinstance(name, str):
        raise TypeError(f"find takes a name such as 'fast_sigmoid', got {name!r}")
    known, key = _by_key(), _key(name)
    found = known.get(key, [])
    if len({_types(meaning.surrogate) for meaning in found}) != 1:
        found = [m for other in known if _bare(other) == _bare(key) for m in known[other]]
    if not found:
        raise LookupError(f"no surrogate is called {name!r}. {_advice(key)}")
    order = list(dict.fromkeys(_types(meaning.surrogate) for meaning in found))
    return sorted(found, key=lambda meaning: order.index(_types(meaning.surrogate)))


def of_library(name: str) -> list[Meaning]:
    """Return all names of a library, however that is spelled; none if there is no such library."""
    key = name.lower().replace("-", "_")
    named = [m for m in everything() if m.library]  # the rest are this package's
    return [m for m in named if m.library.lower().replace("-", "_") == key]


def of_class(cls: type[Surrogate]) -> list[Meaning]:
    """Return all names of libraries for a class, also for the class in a wrapper."""
    return [m for m in everything() if m.library and m.innermost is cls]


def lines(found: Iterable[Meaning]) -> list[str]:
    """Return a line for each meaning: the call, and what it makes."""
    rows = list(dict.fromkeys((meaning.call, repr(meaning.surrogate)) for meaning in found))
    wide = max(len(call) for call, _ in rows)
    return [f"    {call:<{wide}} {made}" for call, made in rows]


@cache  # here and not at import: it imports the files of all libraries
def everything() -> tuple[Meaning, ...]:
    """Return every name with its meaning."""
    found = []
    for cls in SURROGATES.values():
        spelled = (cls.__name__, function_name(cls), *vars(cls).get("also_called", ()))
        found += [Meaning(name, "", f"surrogates.{cls.__name__}()", cls()) for name in spelled]
    for entry in map(names_of, LIBRARIES):
        for name, maker in entry.makers.items():
            needed = required(maker)
            given = "".join(f", {key}={value}" for key, value in needed.items())
            call = f'surrogates.from_library("{entry.name}", "{name}"{given})'
            # not by from_library, which warns of what a library computes otherwise
            found.append(Meaning(name, entry.name, call, entry.surrogate(name, needed)))
    return tuple(found)


@cache
def _by_key() -> dict[str, list[Meaning]]:
    found: dict[str, list[Meaning]] = {}
    for meaning in everything():
        found.setdefault(_key(meaning.name), []).append(meaning)
    return found


def _key(name: str) -> str:
    """Return a name without its module, case and separators."""
    return "".join(c for c in name.rpartition(".")[2].lower() if c.isalnum())


def _bare(key: str) -> str:
    """Return a key without an ending that says no more than that it is a surrogate."""
    for ending in _ENDINGS:
        if key.endswith(ending) and key != ending:
            return key.removesuffix(ending)
    return key


def _types(surrogate: Any) -> tuple[type[Surrogate], ...]:
    """Return the class of a surrogate, and those of the surrogates inside its wrappers."""
    inside = getattr(surrogate, "surrogate", None)
    rest = _types(inside) if isinstance(inside, Surrogate) else ()
    return (type(surrogate), *rest)


def _advice(key: str) -> str:
    known = _by_key()
    close = " or ".join(repr(known[other][0].name) for other in similar(key, known))
    ask = f"Did you mean {close}? " if close else ""
    return (
        f"{ask}This package has {', '.join(sorted(SURROGATES))}; `python -m surrogates list "
        "--libraries` prints what libraries call them"
    )
