"""The laws of `Spliced`."""

from __future__ import annotations

import numpy as np

from surrogates import Arctan, ReluGrad, Sigmoid, Spliced

from .bases import CompositionLaw, Option


class SplicedLaw(CompositionLaw):
    path = ("below",)
    options = {"closed": Option(lambda rng: rng.choice(["above", "below"]), plain="above")}

    def examples(self):
        of_step = Spliced(Sigmoid(4.0), ReluGrad(0.5, 2.0), at_threshold=0)
        return [of_step, Spliced(Arctan(), Sigmoid(4.0), closed="below")]

    def around(self, inside):
        return [Spliced(inside.surrogate, inside)]

    def number(self, rng):
        return 2

    def given(self, node, parts, given, array):
        below, above = parts
        return {"below": below, "above": above, **given}

    def derivative_interval(self, model, node, at):
        inside = zip(node["parts"], _halves(at), strict=True)
        return self._chosen(
            model, node, at, *(model.derivative_of(part, to) for part, to in inside)
        )

    def primitive_interval(self, model, node, at):
        rises, sizes = [], []
        for part, to in zip(node["parts"], _halves(at), strict=True):
            low, high, size = model.primitive_of(part, to)
            zero = model.primitive_of(part, model.zero)
            rises.append((low - zero[1], high - zero[0]))
            sizes.append(np.maximum(size, zero[2]))
        return (*self._chosen(model, node, at, *rises), sizes[0] + sizes[1])

    def _chosen(self, model, node, at, below, above):
        """Return what holds on the side where `at` is; on both where its side is not known."""
        is_exact = at[0] == at[1]
        room = np.where(is_exact, 0.0, 4 * model.least)
        if node["closed"] == "above":
            sides = at[1] + room < 0, at[0] - room >= 0
        else:
            sides = at[1] + room <= 0, at[0] - room > 0
        either = np.minimum(below[0], above[0]), np.maximum(below[1], above[1])
        low, high = (
            np.where(sides[0], b, np.where(sides[1], a, e))
            for b, a, e in zip(below, above, either, strict=True)
        )
        is_nan = np.isnan(model.x)
        return np.where(is_nan, np.nan, low), np.where(is_nan, np.nan, high)


def _halves(at):
    below = np.minimum(at[0], 0), np.minimum(at[1], 0)
    return below, (np.maximum(at[0], 0), np.maximum(at[1], 0))
