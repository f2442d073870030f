"""Signatures of classes with their parameters: autodoc shows those of ``Surrogate.__new__``."""

from __future__ import annotations

import inspect
from typing import Any

from sphinx.application import Sphinx

from surrogates import Surrogate
from surrogates.backends import Definition


def plain(cls: type) -> str:
    """Return the signature of a surrogate's class, without types, which its docstring states."""
    found = inspect.signature(cls)
    empty = inspect.Parameter.empty
    parameters = [p.replace(annotation=empty) for p in found.parameters.values()]
    return str(found.replace(parameters=parameters, return_annotation=empty))


def shown(app: Sphinx, what: str, name: str, thing: Any, *rest: Any) -> tuple[str, None] | None:
    """Return what stands behind the name of a class, or None where autodoc knows it."""
    if what != "class":
        return None
    if thing in (Definition, Surrogate):  # which nobody calls
        return "", None
    return (plain(thing), None) if issubclass(thing, Surrogate) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Change signatures as autodoc finds them."""
    app.connect("autodoc-process-signature", shown)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
