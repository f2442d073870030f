"""braintools: how its classes and functions are called."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

from golden.facts import Facts, Peer, applied, parameters
from golden.formulas import more_of_s2nn


def peers() -> Iterator[Peer]:
    module = importlib.import_module("braintools.surrogate")
    for name, member in inspect.getmembers(module):
        if name == "Surrogate" or module.__name__ not in getattr(member, "__module__", ""):
            continue
        if inspect.isclass(member):

            def primitive(cls=member, **given):
                return cls(**given).surrogate_fun

            yield Peer(name, parameters(member), member, primitive=primitive)
        elif inspect.isfunction(member):
            yield Peer(name, parameters(member, "x"), applied(member))


FACTS = Facts(
    peers=peers,
    framework="jax",
    values={
        "alpha": (0.75, 3.0),
        "beta": (2.0, 0.5),
        "c": (0.25, 0.0),
        "epsilon": (0.125, 0.5),
        "h": (0.25, 0.5),
        "n": (1, 5),
        "s": (3.0, 2.0),
        "scale": (2.0, 0.25),
        "sigma": (1.0, 0.25),
        "t_period": (4.0, 3.0),
        "w": (0.5, 2.0),
        "width": (2.0, 0.5),
    },
    no_effect={"s2nn": {"epsilon"}},  # it is in the primitive alone
    primitives={"S2NN": more_of_s2nn},
)
