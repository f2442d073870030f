"""What adapters to the neurons of several libraries share."""

from __future__ import annotations

import dataclasses
from typing import Any

from .._modules import module
from .._surrogate import Surrogate
from .._wrappers.spikes import MultiSpike, Ternary
from .._wrappers.values import Graded
from .._wrappers.wrapper import Wrapper


def unchanged(surrogate: Surrogate) -> Surrogate:
    """Return the surrogate: the neuron takes any function of x."""
    return surrogate


def fixed(surrogate: Surrogate) -> Surrogate:
    """Return the surrogate, where the neuron keeps it as a static, hashable value."""
    if surrogate.array_fields:
        raise ValueError(
            f"the neuron keeps its function as a static value, so {surrogate!r} would stay at the "
            "arrays that it holds now; give its parameters as numbers"
        )
    return surrogate


def registered(surrogate: Surrogate) -> Any:
    """Return the surrogate, or a module that registers its arrays, where it holds some."""
    return as_module(surrogate) if surrogate.array_fields else surrogate


def as_module(surrogate: Surrogate) -> Any:
    """Return the surrogate as a module of PyTorch, which is imported here and not before."""
    return module(surrogate, framework="torch")


def with_threshold(surrogate: Surrogate, threshold: Any) -> Surrogate:
    """Return `surrogate` counting its spikes by the neuron's threshold, if it counts them."""
    if isinstance(surrogate, (MultiSpike, Ternary, Graded)):
        return dataclasses.replace(surrogate, threshold=threshold)
    if not isinstance(surrogate, Wrapper):
        return surrogate
    inside = with_threshold(surrogate.surrogate, threshold)
    if inside is surrogate.surrogate:
        return surrogate
    return dataclasses.replace(surrogate, surrogate=inside)
