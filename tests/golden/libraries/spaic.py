"""SPAIC: how its surrogates are called, from a check-out, and where one rounds."""

from __future__ import annotations

from collections.abc import Iterator

from golden.facts import Facts, Peer, classes
from golden.formulas import ROUNDED_PI
from golden.loading import checkout, load


def peers() -> Iterator[Peer]:
    module = load(checkout("spaic") / "spaic/Learning/surrogate.py")
    yield from classes(module, "SigmoidGrad AtanGrad RectangleGrad GateGrad QGateGrad ReLUGrad")
    estimator = module.straight_through_estimator
    yield Peer("straight_through_estimator", {}, lambda: estimator.apply)


FACTS = Facts(
    peers=peers,
    commit="ec3c7f7",
    values={"alpha": (0.75, 3.0)},
    not_taken={"requires_grad"},
    differences={"AtanGrad": ROUNDED_PI},
    other_notes={"GateGrad"},
)
