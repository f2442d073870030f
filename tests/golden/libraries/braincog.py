"""BrainCog: how its surrogates are called, and where they are not what it documents."""

from __future__ import annotations

from collections.abc import Iterator

from golden.facts import Facts, Peer, classes
from golden.formulas import ROUNDED_PI
from golden.loading import installed, load


def peers() -> Iterator[Peer]:
    module = load(installed("braincog") / "braincog/base/strategy/surrogate.py")
    yield from classes(
        module,
        "SigmoidGrad AtanGrad GateGrad QGateGrad ReLUGrad STDPGrad BackEIGateGrad EIGrad",
    )
    estimator = module.straight_through_estimator
    yield Peer("straight_through_estimator", {}, lambda: estimator.apply)


FACTS = Facts(
    peers=peers,
    requirements=("braincog==0.2.7.19",),
    values={"alpha": (0.75, 3.0)},
    not_taken={"requires_grad"},
    no_effect={"BackEIGateGrad": {"alpha"}, "EIGrad": {"alpha"}, "STDPGrad": {"alpha"}},
    differences={"AtanGrad": ROUNDED_PI},
    other_notes={"BackEIGateGrad", "EIGrad", "GateGrad", "STDPGrad"},
)
