"""Which surrogates must be refused when they are made, and which may be."""

from __future__ import annotations

from laws import ASPECTS, LAWS

from .cases import Case, chain, everything
from .shapes import Shape


def required(case: Case) -> list[str]:
    """Return the laws by which a case must be refused."""
    everywhere = [node for node in everything(case["surrogate"]) if node["class"] in LAWS]
    claims = decided(case["surrogate"])
    laws = [
        f"two wrappers that claim the {aspect} are refused"
        for aspect in ASPECTS
        if claims.count(aspect) > 1
    ]
    for node in everywhere:
        for part in node.get("parts", []):
            if decided(part):
                laws.append("a part that decides more than a shape is refused")
            if _at_threshold(part) not in (1.0, _at_threshold(node)):
                laws.append("a part that spikes otherwise at 0 is refused")
    own = [LAWS[node["class"]].must_refuse(node) for node in everywhere]
    return laws + [law for law in own if law]


def decided(node: Case) -> list[str]:
    """Return the aspects that the wrappers of a nesting decide, besides the shape."""
    aspects = [LAWS[other["class"]].aspect for other in chain(node) if "inside" in other]
    return [aspect for aspect in aspects if aspect is not None]


def explained(case: Case, message: str) -> bool:
    """Return whether a case that was refused may be."""
    model = Shape(case)
    return bool(required(case)) or any(
        LAWS[node["class"]].may_refuse(model, node, message)
        for node in everything(case["surrogate"])
        if node["class"] in LAWS
    )


def _at_threshold(node: Case) -> float:
    return float(chain(node)[-1].get("at_threshold", 1.0))
