"""The laws of `Mixture`."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from surrogates import Arctan, Mixture, Scaled, Sigmoid
from surrogates._parameters import parameters as declared

from .bases import CompositionLaw, Option

(FINITE,) = (p for p in declared(Scaled) if p.name == "amplitude")  # as a weight is


class MixtureLaw(CompositionLaw):
    path = ("surrogates", "0")
    options = {"stacked": Option(lambda rng: not rng.randrange(3), plain=False)}  # in one array

    def examples(self):
        plain = Mixture((Sigmoid(8.0), Arctan(2.0)), (0.75, 0.25))
        return [plain, Mixture((Sigmoid(4.0), Scaled(Arctan(2.0), rate=0.5)), (0.75, 0.5))]

    def around(self, inside):
        of_both = Mixture((inside, Sigmoid()), (0.5, -3.0))
        return [of_both, Mixture((inside, inside), (2.0, 1.5))]

    def number(self, rng):
        return rng.randint(1, 3)

    def parameters(self, rng, node, draw):
        return {name: draw(FINITE) for name in _names(node) if rng.randrange(4)}

    def given(self, node, parts, given, array):
        weights = _stacked(node, array) if node.get("stacked") else None
        if weights is None:
            weights = [given.get(name, 1.0) for name in _names(node)]
        at_threshold = given["at_threshold"]
        return {"surrogates": tuple(parts), "weights": weights, "at_threshold": at_threshold}

    def simpler(self, node):
        """Give mixtures of one part less."""
        names = _names(node)
        for place in range(len(names) if len(names) > 1 else 0):
            values = [node["parameters"].get(name) for name in names]
            del values[place]
            weights = {n: v for n, v in zip(names, values, strict=False) if v is not None}
            parts = node["parts"][:place] + node["parts"][place + 1 :]
            yield {**node, "parts": parts, "parameters": weights}

    def derivative_interval(self, model, node, at):
        return self._sum(model, node, [model.derivative_of(part, at) for part in node["parts"]])

    def primitive_interval(self, model, node, at):
        inside = [model.primitive_of(part, at) for part in node["parts"]]
        weights = _held(model, node)
        low, high = self._sum(model, node, [(low, high) for low, high, _ in inside])
        pairs = zip(weights, inside, strict=True)
        size = sum(np.where(w == 0, 0.0, abs(w) * size) for w, (_, _, size) in pairs)
        return low, high, size + abs(1 - sum(weights)) / 2 + 0.5

    def _sum(self, model, node, inside):
        """Return the weighted sum of the parts."""
        pairs = zip(_held(model, node), inside, strict=True)
        terms = [model.times(weight, *of_part) for weight, of_part in pairs]
        low, high = (sum(ends) for ends in zip(*terms, strict=True))
        largest = sum(np.maximum(np.abs(low), np.abs(high)) for low, high in terms)
        return model.widened(low, high, 4 * model.eps * largest)

    def must_refuse(self, node):
        weights = _plain(node)
        known = not node.get("stacked") and all(isinstance(weight, float) for weight in weights)
        if known and sum(map(Fraction, weights)) == 0:
            return "weights that sum to 0 are refused"
        return None

    def may_refuse(self, model, node, message):
        """Return whether weights sum to 0 within the rounding of their dtype."""
        if "must not sum to 0" not in message:
            return False
        if model.x.size == 0:
            return True
        weights = _held(model, node)
        size = sum(abs(weight) for weight in weights)
        arrays = node.get("stacked") or any(isinstance(weight, dict) for weight in _plain(node))
        eps = (model.spacing or 2.0**-23) if arrays else 2.0**-50
        return bool(np.any(abs(sum(weights)) <= 4 * eps * size))


def _names(node):
    return [f"weights[{place}]" for place in range(len(node["parts"]))]


def _plain(node):
    return [node["parameters"].get(name, 1.0) for name in _names(node)]


def _held(model, node):
    return [model.parameter(node, name) for name in _names(node)]


def _stacked(node, array):
    """Return the weights as one array, along its first axis."""
    values = _plain(node)
    rows = [np.reshape(v["values"], v["shape"]) if isinstance(v, dict) else v for v in values]
    stacked = np.stack(np.broadcast_arrays(*rows)).astype(np.float64)
    return array({"shape": stacked.shape, "values": stacked.ravel().tolist(), "dtype": "same"})
