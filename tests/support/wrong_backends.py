"""Backends that are wrong in a few places, for what must notice it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from kinds import Kind
from surrogates import backends
from surrogates.backends._numpy import NumpyBackend


@contextlib.contextmanager
def registered(library: str, backend: backends.Backend) -> Iterator[None]:
    """Register a backend for the time of a test."""
    backends.of(Kind(library).array(np.zeros(1)))
    original = backends._by_library[library]
    backends.register(library, backend)
    try:
        yield
    finally:
        backends.register(library, original)


def failing(raised: BaseException) -> set[str]:
    """Return the titles of what `check_backend` says does not hold in float64."""
    lines = (line for line in str(raised).splitlines() if line.startswith("float64, "))
    return {line.split(": ")[0].removeprefix("float64, ") for line in lines}


def wrong_somewhere(strict: Any) -> dict[str, tuple[Any, set[str]]]:
    """Return backends that are wrong in a few places, each with the checks that are to notice."""

    class Spikes(NumpyBackend):
        def __init__(self, where):
            self.where = where

        def spike(self, definition, x, arrays):
            spikes = super().spike(definition, x, arrays)
            return strict.where(self.where(x), 1 - spikes, spikes)

    class Values(NumpyBackend):
        def __init__(self, name, where, value):
            self.name, self.where, self.value = name, where, value

        def evaluate(self, definition, x, arrays, name):
            values = super().evaluate(definition, x, arrays, name)
            return strict.where(self.where(x), self.value, values) if name == self.name else values

    class WithoutThreshold(NumpyBackend):
        def spike(self, definition, x, arrays):
            return strict.astype(x >= 0, x.dtype)

    class Shapes(NumpyBackend):
        def spike(self, definition, x, arrays):
            spikes = super().spike(definition, x, arrays)
            return spikes if x.size else spikes[0, :]

    class Arrays(NumpyBackend):
        def __init__(self, field, *, values):
            self.field, self.values = field, values

        def spike(self, definition, x, arrays):
            spikes = super().spike(definition, x, arrays)
            is_wrong = self.field in definition.array_fields and not self.values
            return 1 - spikes if is_wrong else spikes

        def evaluate(self, definition, x, arrays, name):
            values = super().evaluate(definition, x, arrays, name)
            is_wrong = self.field in definition.array_fields and self.values
            return 1.01 * values if is_wrong else values

    class Linearized(NumpyBackend):
        def linearize(self, definition, x, arrays):
            spikes, derivative = super().linearize(definition, x, arrays)
            return 1 - spikes, derivative

    def within(low, high):
        return lambda x: (x > low) & (x < high)

    without_axes = "arrays without axes, and empty"
    of_arrays = {"a parameter for each channel"}
    return {
        "at NaN": (Spikes(strict.isnan), {"spikes"}),
        "at infinity": (Spikes(lambda x: x == strict.inf), {"spikes"}),
        "at minus infinity": (Spikes(lambda x: x == -strict.inf), {"spikes"}),
        "at 0 alone": (Spikes(lambda x: (x == 0) & ~strict.signbit(x)), {"spikes"}),
        "at -0": (Spikes(lambda x: (x == 0) & strict.signbit(x)), {"spikes"}),
        "at_threshold": (WithoutThreshold(), {"spikes"}),
        "of no axes": (Spikes(lambda x: strict.asarray(x.ndim == 0)), {without_axes}),
        "of no elements": (Shapes(), {without_axes}),
        "of a shift": (Arrays("shift", values=False), of_arrays),
        "of an amplitude": (Arrays("amplitude", values=False), of_arrays),
        "the derivative, of a shift": (Arrays("shift", values=True), of_arrays),
        "the derivative, of an amplitude": (Arrays("amplitude", values=True), of_arrays),
        "of vjp": (Linearized(), {"surrogates.vjp and surrogates.jvp"}),
        "above": (Values("derivative", within(19, 21), 1e-30), {"the derivative"}),
        "well below": (Values("primitive", within(-21, -19), 1e-30), {"the primitive"}),
        "far above": (Values("primitive", within(100, 1000), 0.99), {"the primitive"}),
        "below": (Values("derivative", within(-100, -10), 1e-30), {"the derivative"}),
        "far below": (Values("derivative", within(-1000, -100), 1e-9), {"the derivative"}),
        "at 1e300": (Values("derivative", lambda x: x > 1e290, strict.nan), {"the derivative"}),
        "at -1e300": (Values("primitive", lambda x: x < -1e290, strict.nan), {"the primitive"}),
        "at 0": (Values("primitive", lambda x: x == 0, 0.51), {"the primitive"}),
    }
