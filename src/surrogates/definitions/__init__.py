"""The surrogates, a file for each family: what shares its maths stands together.

A file lists the public names of its family in ``__all__``, each surrogate as a class and as a
function; nothing else has to be told of a new one.
"""

from __future__ import annotations

from .._surrogate import Surrogate
from . import (
    exponential,
    fast_sigmoid,
    gaussian,
    logarithmic,
    periodic,
    piecewise,
    power_law,
    sigmoidal,
)

FAMILIES = (
    exponential,
    fast_sigmoid,
    gaussian,
    logarithmic,
    periodic,
    piecewise,
    power_law,
    sigmoidal,
)

# The registry: everything that is made for each surrogate is made from this.
SURROGATES: dict[str, type[Surrogate]] = {
    name: getattr(family, name)
    for family in FAMILIES
    for name in family.__all__
    if isinstance(getattr(family, name), type)
}


def function_name(cls: type[Surrogate]) -> str:
    """Return the name of the function form of a surrogate class."""
    found: str = next(
        name
        for family in FAMILIES
        for name in family.__all__
        if getattr(getattr(family, name), "surrogate", None) is cls
    )
    return found


def find(name: str) -> type[Surrogate]:
    """Return the surrogate class of this name, or of the function form of this name.

    Raises
    ------
    LookupError
        If there is none, naming those there are.
    """
    for cls in SURROGATES.values():
        if name in (cls.__name__, function_name(cls)):
            return cls
    raise LookupError(f"no surrogate {name!r}; there are {', '.join(sorted(SURROGATES))}")
