"""What tests and records know of each library: a file of its name, with its `FACTS`.

They are for libraries that have names. Nothing else has to be told of a new file. None imports its
library before `peers` is called.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from golden.facts import Facts

LIBRARIES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))

_HOW = 'CONTRIBUTING.md, "Names of another library", says what to write'


def facts_of(library: str) -> Facts:
    """Return what is known of a library, or say what to write."""
    file = f"tests/golden/libraries/{library}.py"
    if library not in LIBRARIES:
        raise LookupError(f"there is no {file}, with FACTS = Facts(...) of {library}; {_HOW}")
    facts = getattr(import_module(f"{__name__}.{library}"), "FACTS", None)
    if not isinstance(facts, Facts):
        raise TypeError(f"{file}: expected FACTS = Facts(...), got {facts!r}; {_HOW}")
    if (facts.peers is None) == (not facts.read):
        raise ValueError(
            f"{file}: FACTS needs either peers, if the library was run, or read, the formulas in "
            f"its source; {_HOW}"
        )
    return facts
