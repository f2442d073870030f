"""stork: how its classes are called, from a check-out, and where one is not what it documents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from golden.facts import Difference, Facts, Peer
from golden.formulas import fast_sigmoid, logistic
from golden.loading import checkout, load


def peers() -> Iterator[Peer]:
    module = load(checkout("stork") / "stork/activations.py")
    for name in (
        "SuperSpike",
        "SuperSpike_rescaled",
        "SuperSpike_MemClamp",
        "SuperSpike_asymptote",
        "EsserSpike",
        "TanhSpike",
        "HardTanhSpike",
        "MultiSpike",
    ):
        cls = getattr(module, name)
        defaults = {key: getattr(cls, key) for key in ("beta", "maxspk") if hasattr(cls, key)}

        # Its parameters are attributes of the class.
        def make(cls=cls, defaults=defaults, **given):
            for key, value in (defaults | given).items():
                setattr(cls, key, value)
            return cls.apply

        yield Peer(name, defaults, make)

    custom = module.CustomSpike
    defaults = {"surrogate_type": custom.surrogate_type, **custom.surrogate_params}

    def make_custom(**given):
        custom.surrogate_params = defaults | given
        custom.surrogate_type = custom.surrogate_params.pop("surrogate_type")
        return custom.apply

    yield Peer("CustomSpike", defaults, make_custom)


def custom_spike(x, surrogate_type, beta, p0, delta_u):
    return {
        "SuperSpike": fast_sigmoid(x, beta),
        "sigmoid": logistic(x, beta),
        "exponential": p0 / delta_u * np.exp(x / delta_u),
        "MultilayerSpiker": np.where(x > 0, 1.0, 0.0),
    }[surrogate_type]


FACTS = Facts(
    peers=peers,
    commit="258a2d6",
    values={
        "beta": (0.75, 4.0),
        "delta_u": (0.5, 2.0),
        "maxspk": (2, 3),
        "p0": (0.25, 2.0),
        "surrogate_type": ("sigmoid", "exponential"),
    },
    # It is one function for each surrogate_type.
    more={
        "CustomSpike": [
            {"surrogate_type": "sigmoid", "beta": 0.75},
            {"surrogate_type": "exponential"},
            {"surrogate_type": "exponential", "p0": 0.25},
            {"surrogate_type": "exponential", "delta_u": 0.5},
            {"surrogate_type": "MultilayerSpiker"},
        ],
    },
    differences={
        "CustomSpike": Difference(
            ours=lambda x, **given: custom_spike(x, **given),
            theirs=lambda x, surrogate_type, **given: (
                x
                if surrogate_type == "MultilayerSpiker"
                else custom_spike(x, surrogate_type, **given)
            ),
        ),
    },
    other_notes={"MultiSpike"},
)
