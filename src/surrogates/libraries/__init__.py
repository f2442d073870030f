"""What neuron libraries call the surrogates, and what their neurons take: a file for each library.

Such a file holds a `Library`, a function for each of its names, with that library's parameters
and defaults, and what goes into the arguments of its neurons. Nothing else in this package has to
be told of a new file.
"""

from __future__ import annotations

import pkgutil
import warnings
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from .._similar import similar
from .._surrogate import Surrogate, require_surrogate
from ._library import Library, own_signature

__all__ = ["LIBRARIES", "from_library", "names_of", "to_library"]

LIBRARIES = tuple(module.name for module in pkgutil.iter_modules(__path__) if module.name[0] != "_")

# What has no file here, and whose names and neurons are known all the same.
_ELSEWHERE = {
    "brainstate": (
        "its names for surrogates are those of 'braintools', and the neurons that take one are "
        "those of 'brainpy'"
    )
}

_loaded: dict[str, Library] = {}


def names_of(library: str) -> Library:
    """Return what a library calls the surrogates.

    Its file is imported here and not before: who names no library should not wait for them all.

    Parameters
    ----------
    library : str
        One of `LIBRARIES`.
    """
    if library not in _loaded:  # which torch.compile can look up, but not import
        _loaded[library] = import_module(f".{library}", __name__).LIBRARY
    return _loaded[library]


def from_library(
    library: str, name_or_object: Any, as_computed: bool = False, **parameters: Any
) -> Surrogate:
    """Return the surrogate that another library calls so, or that one of its objects is.

    Parameters
    ----------
    library : str
        Such as ``"snntorch"``; docs/reference/libraries.md lists all. It need not be installed.
    name_or_object : str or object
        The library's own name of the class or function; or its object, such as
        ``snntorch.surrogate.atan(2.0)``, whose parameters are read from its attributes, or from
        what a function remembers. docs/reference/libraries.md says of which libraries.
    as_computed : bool, default False
        Whether to return the gradient that the version named in docs/reference/libraries.md
        computes, where that is not what it documents: to reproduce a result. How it rounds, and
        where it overflows to NaN, is not reproduced.
    **parameters
        The library's own parameters, with its defaults.

    Returns
    -------
    Surrogate
        With that library's gradient, and its spike at threshold. If the library computes something
        other than it documents, with the documented gradient: docs/reference/libraries.md says
        where.

    Raises
    ------
    LookupError
        If `library` or the name is unknown, naming the known ones; with `as_computed`, if the
        library's code raises.
    TypeError
        If a parameter is unknown, or given without its name, naming the known ones; if an object is
        not of this library, or one of its parameters cannot be told.

    Warns
    -----
    UserWarning
        If the library computes something other than it documents, saying what, and `as_computed`
        is False.

    Examples
    --------
    >>> import surrogates
    >>> surrogates.from_library("snntorch", "atan", alpha=2.0)
    Arctan(alpha=2.0, at_threshold=0.0)
    >>> surrogates.from_library("spikingjelly", "ATan")
    Arctan(alpha=2.0)
    >>> surrogates.from_library("norse", "super", as_computed=True)
    InvSquareGrad(alpha=1.0, at_threshold=0.0)
    """
    entry = _entry(library)
    name = name_or_object
    if not isinstance(name, str):
        from ._objects import told

        name, parameters = told(entry, name, parameters)
    if name not in entry.makers:
        ask = _did_you_mean(name, entry.makers)
        raise LookupError(f"unknown name {name!r} of {entry.name};{ask} {entry.known()}")
    signature = own_signature(entry.makers[name])
    if not isinstance(as_computed, bool):  # a parameter would be lost in silence
        raise TypeError(
            f"from_library: as_computed must be True or False, got as_computed={as_computed!r}; "
            f"give parameters of {entry.name} by name: {name}{signature}"
        )
    try:
        bound = signature.bind(**parameters)
    except TypeError as error:
        raise TypeError(f"{entry.name} {name}{signature}: {error}") from None
    if not as_computed and entry.differs(name, bound.arguments):
        warnings.warn(
            f"{entry.name} {entry.version} {name}: {entry.notes[name]}. This is the documented "
            "gradient; for what that version computes, pass as_computed=True",
            stacklevel=2,
        )
    return entry.surrogate(name, bound.arguments, computed=as_computed)


def to_library(
    library: str, surrogate: Surrogate, argument: str | None = None, native: bool = False
) -> Any:
    """Return what a library's neurons take in an argument, made of a surrogate.

    Parameters
    ----------
    library : str
        Such as ``"sinabs"``; an error lists all.
    surrogate : Surrogate
        What the neurons shall emit, and be differentiated by.
    argument : str, optional
        The neuron's argument, where neurons of this library have several for a surrogate. By
        default the first one.
    native : bool, default False
        Whether to return the library's own object, which has to have the same formula and spikes,
        for what it does with its own objects alone, such as SpikingJelly's fused kernels.

    Returns
    -------
    object
        The surrogate itself, where the neuron takes any function; else an adapter around it. For
        norse, whose neurons take names alone, a context manager: within it all neurons of norse
        spike by the surrogate. With `native`, the library's object, and for norse a dict of the
        neuron's parameters `method` and `alpha`.

    Raises
    ------
    LookupError
        If `library` or `argument` is unknown, naming the known ones; with `native`, if the library
        has no object for this surrogate, with the reason.
    TypeError
        If `library` is not a string, or `surrogate` not a Surrogate.
    ValueError
        If the library's neurons cannot take this surrogate, with the reason.

    Examples
    --------
    >>> import surrogates
    >>> surrogates.to_library("snntorch", surrogates.Arctan(2.0))
    Arctan(alpha=2.0)
    >>> adapter = surrogates.to_library("sinabs", surrogates.Arctan(2.0), "surrogate_grad_fn")
    >>> adapter(1.0, 1.0).item()
    1.0
    """
    if isinstance(library, Surrogate):
        raise TypeError(
            f"to_library: the name of the library comes first, then the surrogate, got {library!r} "
            f"and {surrogate!r}"
        )
    entry = _entry(library)
    if not isinstance(surrogate, Surrogate) and isinstance(
        getattr(surrogate, "surrogate", None), Surrogate
    ):
        raise TypeError(_of_module(entry, surrogate))
    require_surrogate(surrogate)
    if not entry.arguments:
        known = [name for name in LIBRARIES if names_of(name).arguments]
        raise LookupError(
            f"what the neurons of {entry.name} take is not known here; it is known for "
            f"{', '.join(known)}"
        )
    if argument is not None and argument not in entry.arguments:
        raise LookupError(
            f"unknown argument {argument!r} of {entry.name}; known are {', '.join(entry.arguments)}"
        )
    if native:
        from ._native import native as own_object

        return own_object(entry, surrogate)
    return entry.arguments[argument or next(iter(entry.arguments))](surrogate)


def _entry(library: str) -> Library:
    """Return the library of this name, however it is spelled."""
    if not isinstance(library, str):
        raise TypeError(f"library is a name such as 'snntorch', got {library!r}")
    key = library.lower().replace("-", "_")  # snnTorch, lava-dl
    if key not in LIBRARIES:
        ask = f" {_ELSEWHERE[key]};" if key in _ELSEWHERE else _did_you_mean(key, LIBRARIES)
        raise LookupError(f"unknown library {library!r};{ask} known are {', '.join(LIBRARIES)}")
    return names_of(key)


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the question for the known name that is nearest, or nothing."""
    close = similar(name, known, most=1)
    return f" did you mean {close[0]!r}?" if close else ""


def _of_module(entry: Library, module: Any) -> str:
    """Return what to do with a module; the surrogate inside holds its numbers of now alone."""
    how = entry.of_module or (
        "no such module is known to work in those neurons; give a surrogate with numbers"
    )
    return f"to_library({entry.name!r}) takes a surrogate, got the module {module!r}; {how}"
