"""The surrogates, a file for each family: what shares its maths stands together.

A file lists the public names of its family in ``__all__``, each surrogate as a class and as a
function; nothing else has to be told of a new one.
"""

from __future__ import annotations

from .._surrogate import Surrogate
from . import exponential, gaussian, piecewise, power_law

# The registry: everything that is made for each surrogate is made from this.
SURROGATES: dict[str, type[Surrogate]] = {
    name: getattr(family, name)
    for family in (exponential, gaussian, piecewise, power_law)
    for name in family.__all__
    if isinstance(getattr(family, name), type)
}
