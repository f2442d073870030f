"""Backends that are wrong in a few places, for what must notice it."""

from __future__ import annotations

from typing import Any

from surrogates.backends._numpy import NumpyBackend


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
        def spike(self, definition, x, arrays):
            spikes = super().spike(definition, x, arrays)
            return 1 - spikes if arrays else spikes

    class Linearized(NumpyBackend):
        def linearize(self, definition, x, arrays):
            spikes, derivative = super().linearize(definition, x, arrays)
            return 1 - spikes, derivative

    def within(low, high):
        return lambda x: (x > low) & (x < high)

    without_axes = "arrays without axes, and empty"
    return {
        "at NaN": (Spikes(strict.isnan), {"spikes"}),
        "at infinity": (Spikes(lambda x: x == strict.inf), {"spikes"}),
        "at minus infinity": (Spikes(lambda x: x == -strict.inf), {"spikes"}),
        "at 0 alone": (Spikes(lambda x: (x == 0) & ~strict.signbit(x)), {"spikes"}),
        "at -0": (Spikes(lambda x: (x == 0) & strict.signbit(x)), {"spikes"}),
        "at_threshold": (WithoutThreshold(), {"spikes"}),
        "of no axes": (Spikes(lambda x: strict.asarray(x.ndim == 0)), {without_axes}),
        "of no elements": (Shapes(), {without_axes}),
        "of arrays": (Arrays(), {"a parameter for each channel"}),
        "of vjp": (Linearized(), {"surrogates.vjp and surrogates.jvp"}),
        "far above": (Values("primitive", within(100, 1000), 0.99), {"the primitive"}),
        "below": (Values("derivative", within(-100, -10), 1e-30), {"the derivative"}),
        "far below": (Values("derivative", within(-1000, -100), 1e-9), {"the derivative"}),
        "at 1e300": (Values("derivative", lambda x: x > 1e290, strict.nan), {"the derivative"}),
        "at -1e300": (Values("primitive", lambda x: x < -1e290, strict.nan), {"the primitive"}),
        "at 0": (Values("primitive", lambda x: x == 0, 0.51), {"the primitive"}),
    }
