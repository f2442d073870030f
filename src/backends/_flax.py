"""Flax: the state of a surrogate, for `flax.serialization` of a model that holds one.

The state is a dictionary of the array-valued parameters, as the state of a model is one of arrays;
numbers belong to the model's code, as every static field does.
"""

from __future__ import annotations

import contextlib
from typing import Any

from flax import serialization

from ._backend import Definition


def register_class(cls: type) -> None:
    """Make the surrogates of a class serializable."""
    with contextlib.suppress(ValueError):  # they are already, by its author
        register: Any = serialization.register_serialization_state
        register(cls, _to_state, _from_state)


def _to_state(surrogate: Definition) -> dict[str, Any]:
    names = surrogate.array_fields
    return {name: serialization.to_state_dict(getattr(surrogate, name)) for name in names}


def _from_state(surrogate: Definition, state: dict[str, Any]) -> Any:
    names = surrogate.array_fields
    if unknown := sorted(state.keys() - {*names}):
        raise ValueError(
            f"{type(surrogate).__name__}: the state has {', '.join(unknown)}, which is no array of "
            f"{surrogate!r}; restore into a surrogate that has an array there"
        )
    restored = serialization.from_state_dict
    return surrogate.replaced([restored(getattr(surrogate, n), state[n], name=n) for n in names])
