"""The surrogates, a file for each family: what shares its maths stands together.

A file lists the public names of its family in ``__all__``, each surrogate as a class and as a
function. A new surrogate stands in one of these files and nowhere else; a new file is also imported
in `surrogates`, for type checkers, which do not look through a folder.

`SURROGATES` is the dictionary of all classes by name, in the order of the families, and `FUNCTIONS`
that of the same classes by the names of their functional forms. What a paper calls a surrogate
stands in its class, in `also_called`; `surrogates.find` looks all names up.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from .._surrogate import Surrogate

__all__ = ["FAMILIES", "FUNCTIONS", "SURROGATES", "function_name"]

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
FUNCTIONS: dict[str, type[Surrogate]] = {
    name: getattr(family, name).surrogate
    for family in FAMILIES
    for name in family.__all__
    if hasattr(getattr(family, name), "surrogate")
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
    return next(name for name, found in FUNCTIONS.items() if found is cls)
