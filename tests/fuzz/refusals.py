"""Which surrogates must be refused when they are made, and which may be."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

import wrappers

from .cases import Case, chain, everything, weighing
from .shapes import Shape

EMITTERS = [cls.__name__ for cls in wrappers.EMITTING]
DECIDING = [cls.__name__ for cls in wrappers.DECIDING]
SPACING = {"float16": 2.0**-10, "bfloat16": 2.0**-7}


def required(case: Case) -> list[str]:
    """Return the laws by which a case must be refused."""
    spine, everywhere = chain(case["surrogate"]), everything(case["surrogate"])
    names = [node["class"] for node in spine]
    laws = {
        "two wrappers that claim the emission are refused": sum(n in EMITTERS for n in names) > 1,
        "two wrappers that claim the residual are refused": names.count("Compressed") > 1,
        "a part that decides more than a shape is refused": any(
            other["class"] in DECIDING for part in _parts(case) for other in chain(part)
        ),
        "a part that spikes otherwise at 0 is refused": any(
            _at_threshold(part) not in (1.0, _at_threshold(node))
            for node in everywhere
            for part in node.get("parts", [])
        ),
        "weights that sum to 0 are refused": any(
            node["class"] == "Mixture" and _cancel(node) for node in everywhere
        ),
    }
    return [law for law, holds in laws.items() if holds]


def explained(case: Case, message: str) -> bool:
    """Return whether a case that was refused may be."""
    nodes = chain(case["surrogate"])
    names = [node["class"] for node in nodes]
    residuals = [node.get("residual") for node in nodes]
    if required(case) or names.count("Relaxed") > 1:
        return True
    if "uint8" in residuals and ("8 bits" in message or "peak" in message):
        return True
    if "MultiSpike" in names and "would have no effect" in message:
        return _at_threshold(case["surrogate"]) != 1.0
    if "must not sum to 0" in message:
        return any(_may_cancel(node, case) for node in everything(case["surrogate"]))
    if "only a positive and finite one can be made 1" in message:
        return 0 in case["shape"] or any(
            _may_be_nothing(node, case) for node in everything(case["surrogate"])
        )
    return False


def _parts(case: Case) -> list[Case]:
    return [part for node in everything(case["surrogate"]) for part in node.get("parts", [])]


def _at_threshold(node: Case) -> float:
    return float(chain(node)[-1].get("at_threshold", 1.0))


def _weights(node: Case) -> list[Any]:
    return [node["parameters"].get(name, 1.0) for name in weighing(node)]


def _cancel(node: Case) -> bool:
    """Return whether weights are numbers, whose values are known, and sum to 0."""
    weights = _weights(node)
    known = not node.get("stacked") and all(isinstance(weight, float) for weight in weights)
    return known and sum(map(Fraction, weights)) == 0


def _may_cancel(node: Case, case: Case) -> bool:
    """Return whether weights sum to 0 within the rounding of their dtype."""
    if node["class"] != "Mixture":
        return False
    if 0 in case["shape"]:
        return True
    weights = [Shape(case).parameter(node, name) for name in weighing(node)]
    size = sum(abs(weight) for weight in weights)
    arrays = node.get("stacked") or any(isinstance(weight, dict) for weight in _weights(node))
    eps = SPACING.get(case["dtype"], 2.0**-23) if arrays else 2.0**-50
    return bool(np.any(abs(sum(weights)) <= 4 * eps * size))


def _may_be_nothing(node: Case, case: Case) -> bool:
    """Return whether the area within the band is not known to be positive and finite."""
    if not node.get("normalise"):
        return False
    low, high = Shape(case).within(node)
    return not np.all((low > 0) & (high < np.inf))
