"""The surrogates, a file for each family: what shares its maths stands together.

A file lists the public names of its family in ``__all__``, each surrogate as a class and as a
function. A new surrogate stands in one of these files and nowhere else; a new file is also imported
in `surrogates`, for type checkers, which do not look through a folder.

`SURROGATES` is the dictionary of all classes by name, in the order of the families.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from .._surrogate import Surrogate

__all__ = ["FAMILIES", "SURROGATES", "find", "function_name"]

FAMILIES = tuple(
    import_module(f".{module.name}", __name__)
    for module in pkgutil.iter_modules(__path__)
    if module.name[0] != "_"
)

# The registry: everything that is made for each surrogate is made from this.
SURROGATES: dict[str, type[Surrogate]] = {
    name: getattr(family, name)
    for family in FAMILIES
    for name in family.__all__
    if isinstance(getattr(family, name), type)
}


def function_name(cls: type[Surrogate]) -> str:
    """Return the name of the functional form of a surrogate class.

    Parameters
    ----------
    cls : type
        One of `SURROGATES`.

    Examples
    --------
    >>> import surrogates
    >>> surrogates.definitions.function_name(surrogates.SlayerGrad)
    'slayer_grad'
    """
    found: str = next(
        name
        for family in FAMILIES
        for name in family.__all__
        if getattr(getattr(family, name), "surrogate", None) is cls
    )
    return found


def find(name: str) -> type[Surrogate]:
    """Return a surrogate class by its name, or by the name of its functional form.

    Parameters
    ----------
    name : str
        As in ``"SlayerGrad"`` or ``"slayer_grad"``.

    Raises
    ------
    LookupError
        If there is no such surrogate, naming all there are.

    Examples
    --------
    >>> from surrogates.definitions import SURROGATES, find
    >>> find("slayer_grad")
    <class 'surrogates.definitions.exponential.SlayerGrad'>
    >>> "SlayerGrad" in SURROGATES
    True
    """
    for cls in SURROGATES.values():
        if name in (cls.__name__, function_name(cls)):
            return cls
    raise LookupError(f"no surrogate {name!r}; there are {', '.join(sorted(SURROGATES))}")
