"""What neuron libraries call the surrogates: a file for each library, by its name.

Such a file holds a `Library` and a function for each of its names, with that library's parameters
and defaults. Nothing else in this package has to be told of a new file.
"""

from __future__ import annotations

import dataclasses
import pkgutil
from importlib import import_module
from typing import Any

from .._surrogate import Surrogate
from .._wrappers.scaled import Scaled
from .._wrappers.spikes import MultiSpike, Ternary
from ._library import Library, own_signature

__all__ = ["LIBRARIES", "from_library", "names_of"]

LIBRARIES = tuple(module.name for module in pkgutil.iter_modules(__path__) if module.name[0] != "_")

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


def from_library(library: str, name: str, **parameters: Any) -> Surrogate:
    """Return the surrogate that another library calls `name`.

    Parameters
    ----------
    library : str
        Such as ``"snntorch"``; docs/libraries.md lists all. It need not be installed.
    name : str
        The library's own name of the class or function.
    **parameters
        The library's own parameters, with its defaults.

    Returns
    -------
    Surrogate
        With that library's gradient, and its spike at threshold. If the library computes something
        other than it documents, with the documented gradient: docs/libraries.md says where.

    Raises
    ------
    LookupError
        If `library` or `name` is unknown, naming the known ones.
    TypeError
        If a parameter is unknown, naming the known ones.

    Examples
    --------
    >>> import surrogates
    >>> surrogates.from_library("snntorch", "atan", alpha=2.0)
    Arctan(alpha=2.0, at_threshold=0.0)
    >>> surrogates.from_library("spikingjelly", "ATan")
    Arctan(alpha=2.0)
    """
    key = library.lower().replace("-", "_")  # snnTorch, lava-dl
    if key not in LIBRARIES:
        raise LookupError(f"unknown library {library!r}; known are {', '.join(LIBRARIES)}")
    entry = names_of(key)
    if name not in entry.makers:
        raise LookupError(
            f"unknown name {name!r} of {entry.name}; known are {', '.join(sorted(entry.makers))}"
        )
    signature = own_signature(entry.makers[name])
    try:
        bound = signature.bind(**parameters)
    except TypeError as error:
        raise TypeError(f"{entry.name} {name}{signature}: {error}") from None
    return _with_spike(entry.makers[name](*bound.args, **bound.kwargs), entry.spikes[name])


def _with_spike(surrogate: Surrogate, at_threshold: float) -> Surrogate:
    """Return `surrogate` with its spike at threshold, also of the surrogate that it wraps."""
    if isinstance(surrogate, MultiSpike):  # its rounding says how many there are at threshold
        return surrogate
    if isinstance(surrogate, (Scaled, Ternary)):
        inside = _with_spike(surrogate.surrogate, at_threshold)
        return dataclasses.replace(surrogate, surrogate=inside)
    return dataclasses.replace(surrogate, at_threshold=at_threshold)
