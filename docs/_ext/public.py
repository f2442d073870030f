"""The names that the pages must have, each once; it needs no Sphinx, so that every test sees it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import surrogates
from surrogates import backends, schedules, testing


def public() -> Iterator[str]:
    """Yield them in full."""
    for name in surrogates.__all__:
        if not inspect.ismodule(getattr(surrogates, name)):
            yield f"surrogates.{name}"
    for module in (backends, schedules, testing):
        for name in module.__all__:
            if name not in surrogates.__all__:
                yield f"{module.__name__}.{name}"
    yield "surrogates.definitions.SURROGATES"
    yield "surrogates.definitions.function_name"
