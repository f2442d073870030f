"""The laws of `Compressed`."""

from __future__ import annotations

import contextlib

import numpy as np

from dtypes import rounded

from .bases import Option, ResidualLaw

RESIDUALS = ["float16", "bfloat16", "uint8"]
BEYOND = {"float16": 65520.0, "bfloat16": (2 - 2.0**-8) * 2.0**127}  # kept for what is infinite


class CompressedLaw(ResidualLaw):
    arguments = {"residual": ("float16", "uint8")}
    options = {"residual": Option(lambda rng: rng.choice(RESIDUALS), plain="float16")}

    def derivative(self, wrapper, inside, x):
        if wrapper.residual != "uint8":
            return inside(x.astype(wrapper.residual).astype(np.float64))
        level = self._level(wrapper)
        return np.round(inside(x) / level) * level

    def room(self, wrapper):
        # a level may be rounded to either side
        return self._level(wrapper) if wrapper.residual == "uint8" else 0.0

    def _level(self, wrapper):
        return wrapper.peak * (2 if wrapper.is_signed else 1) / 254

    def residual(self, node):
        return node["residual"]

    def kept(self, model, node, x):
        residual = node["residual"]
        if residual == "uint8":  # of the derivative
            return x
        if residual == "bfloat16":
            held = rounded(x, "bfloat16")
        else:
            with np.errstate(all="ignore"):
                held = x.astype(np.float16).astype(np.float64)
        beyond = BEYOND[residual]
        return held if residual == model.case["dtype"] else np.clip(held, -beyond, beyond)

    def loosened(self, run, node, law, span):
        (low, high), x = span, run.reference.x
        is_signed = run.surrogate.is_signed
        if node["residual"] == "uint8":
            with contextlib.suppress(NotImplementedError):
                peak = run.surrogate.widened().peak
                largest = np.abs(peak if isinstance(peak, float) else run.numpy(peak))
                if is_signed:  # where the bumps of two thresholds meet they add up
                    largest = 2 * largest
                low, high = low - largest / 500, high + largest / 500
        # Forward mode keeps nothing, and may take the exact derivative.
        if "forward" in law:
            exact = run.reference.derivative(exact=True)
            low, high = np.minimum(low, exact[0]), np.maximum(high, exact[1])
        if node["residual"] != "uint8" and is_signed and run.surrogate.array_fields:
            # Both potentials are rounded, not one and the other computed from it.
            low = np.where(x == 0, low, np.full(x.shape, np.nan))
        return low, high

    def may_refuse(self, model, node, message):
        return node["residual"] == "uint8" and ("8 bits" in message or "peak" in message)

    def states(self, run, node, error):
        residual, path = node["residual"], run.case["path"]
        if isinstance(error, TypeError) and "no dtype" in str(error):
            return residual not in ("uint8", *run.kind.dtypes)
        if isinstance(error, NotImplementedError) and residual == "uint8":
            return path in ("second_derivative", "jax_hessian", "hypergradient", "relaxed")
        # of another surrogate than the case's, made to learn or to compare with
        is_of_levels = isinstance(error, ValueError) and "8 bits hold" in str(error)
        return is_of_levels and path in ("learned", "relaxed")
