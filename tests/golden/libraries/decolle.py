"""DECOLLE: how its functions are called, which have no parameters."""

from __future__ import annotations

from collections.abc import Iterator

from golden.facts import Facts, Peer, applied
from golden.loading import beneath, installed


def peers() -> Iterator[Peer]:
    module = beneath(installed("decolle"), "decolle.base_model")
    for name in ("FastSigmoid", "SmoothStep", "SigmoidStep"):
        yield Peer(name, {}, applied(getattr(module, name).apply))


FACTS = Facts(peers=peers, requirements=("decolle==0.2",))
