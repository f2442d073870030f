"""The kinds of array that the tests run on, and the parameters and checks they share.

What is known of the arrays of a library stands in a file of this folder that is named for it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from enum import Enum
from functools import cache
from typing import Any

import numpy as np
import pytest

from surrogates import backends
from surrogates._parameters import COUNT
from surrogates._parameters import parameters as declared_parameters
from surrogates.definitions import SURROGATES

Array = Any


class _Kind(Enum):
    """One kind of array; the value is what is known of it, `Facts`, whose attributes it has."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # of Enum's own, which it asks for while it makes a member
            raise AttributeError(name)
        return getattr(self.value, name)

    @classmethod
    def _missing_(cls, library: object) -> Any:
        """Return the first kind of a library: ``Kind("torch")``."""
        return next((kind for kind in cls if kind.library == library), None)

    @property
    def marks(self) -> list[Any]:
        return [pytest.mark.gpu] if self.on_gpu else []

    @cache
    def missing(self) -> str | None:
        """Return why the kind cannot be tested here, or None."""
        if importlib.util.find_spec(self.library) is None:
            if self.library in os.environ.get("SURROGATES_REQUIRE", "").split(","):
                raise ImportError(f"{self.library} is to be tested, but is not installed")
            return f"{self.library} is not installed"
        return self.no_device()


def _known(library: str) -> dict[str, Any]:
    """Return what is known of the kinds of array of a library, by their names."""
    file = f"_{library}"
    if importlib.util.find_spec(f"{__name__}.{file}") is None:
        raise ImportError(
            f"{library} has a backend, but tests/support/kinds/{file}.py is missing, which says "
            "how its arrays are made: see CONTRIBUTING.md, 'A backend'"
        )
    return importlib.import_module(f"{__name__}.{file}").KINDS


BUILT_IN = tuple(backends._BUILT_IN)
Kind = _Kind(
    "Kind", {name: facts for library in BUILT_IN for name, facts in _known(library).items()}
)
FIRST = [Kind(library) for library in BUILT_IN]  # one of each library
PRECISE = [kind for kind in Kind if kind.is_precise]  # the tests' bounds are for these
WITH_TAPE = tuple(kind for kind in PRECISE if kind.differentiates)


def required(kind: Kind) -> Kind:
    """Return a kind of array, or skip the test that asks for it and say what is missing."""
    if kind.missing():
        pytest.skip(kind.missing())
    return kind


def generator(kind: Kind) -> Any:
    """Return a generator of random numbers, of the kind's library."""
    return kind.generator()


def others_long(names, *short):
    """Mark the tests of all names but some as long: see ``--quick``."""
    return [name if name in short else pytest.param(name, marks=pytest.mark.long) for name in names]


def parameters(kinds: Any) -> list[Any]:
    """Return `kinds` as pytest parameters with their marks."""
    return [pytest.param(kind, marks=kind.marks, id=kind.name.lower()) for kind in kinds]


def assert_like(actual: Array, x: Array, kind: Kind) -> None:
    """Assert that `actual` is an array of the type, dtype, shape and device of `x`."""
    from array_api_compat import device

    assert type(actual) is type(x)
    assert actual.dtype == x.dtype
    assert actual.shape == x.shape
    if kind.on_devices:
        assert device(actual) == device(x)


every_surrogate = pytest.mark.parametrize("cls", SURROGATES.values(), ids=SURROGATES.keys())
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def real_parameters(cls: type) -> list[str]:
    """Return the names of the parameters of a class that may be arrays: what counts may not."""
    declared = declared_parameters(cls)
    return [p.name for p in declared if p.metadata["interval"] is not COUNT]


REAL_PARAMETERS = [(cls, name) for cls in SURROGATES.values() for name in real_parameters(cls)]
every_real_parameter = pytest.mark.parametrize(
    ("cls", "name"), REAL_PARAMETERS, ids=lambda v: v if isinstance(v, str) else v.__name__
)


HALVES = [
    (kind, half)
    for kind in FIRST
    for half in ("float16", "bfloat16")
    if half in kind.dtypes and kind.is_precise and not kind.on_gpu
]


def in_half(values, half, kind):
    return required(kind).astype(kind.array(np.asarray(values, np.float32)), half)


def floats(array, kind):
    return kind.numpy(kind.astype(array, "float32"))
