"""Flax: the state of a surrogate, for `flax.serialization` of a model that holds one.

The state is a dictionary of the array-valued parameters, as the state of a model is one of arrays;
numbers belong to the model's code, as every static field does.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from flax import serialization

if TYPE_CHECKING:
    from surrogates import Surrogate


def introduce(cls: type[Surrogate]) -> None:
    """Make the surrogates of a class serializable."""
    with contextlib.suppress(ValueError):  # they are already, by its author
        register: Any = serialization.register_serialization_state
        register(cls, _to_state, _from_state)


def _to_state(surrogate: Surrogate) -> dict[str, Any]:
    names = surrogate._with_arrays
    return {name: serialization.to_state_dict(getattr(surrogate, name)) for name in names}


def _from_state(surrogate: Surrogate, state: dict[str, Any]) -> Surrogate:
    names = surrogate._with_arrays
    restored = serialization.from_state_dict
    return surrogate._replaced([restored(getattr(surrogate, n), state[n], name=n) for n in names])
