"""Lava-DL: how its function is called, from a check-out."""

from __future__ import annotations

from collections.abc import Iterator

from golden.facts import Facts, Peer
from golden.loading import beneath, checkout


def peers() -> Iterator[Peer]:
    module = beneath(checkout("lava_dl") / "src", "lava.lib.dl.slayer.spike.spike")
    defaults = {"tau_rho": "required", "scale_rho": "required"}

    def make(tau_rho, scale_rho):
        return lambda v: module.Spike.apply(v, 1.0, tau_rho, scale_rho, False, 0, 1)

    yield Peer("Spike", defaults, make, lambda given: 1.0)


FACTS = Facts(
    peers=peers,
    commit="d825ac5",
    values={"scale_rho": (0.25, 4.0, 2.0), "tau_rho": (0.5, 3.0, 2.0)},
)
