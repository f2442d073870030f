"""A learnable surrogate as an Equinox module."""

from __future__ import annotations

from typing import Any

import equinox
import jax
import jax.numpy as jnp

from .._relaxed import Relaxed
from .._surrogate import Surrogate
from . import split, start, updated


class Learnable(equinox.Module):
    """A surrogate with leaves that are arrays, unbounded, in `raw`; its other arrays are held."""

    definition: Surrogate = equinox.field(static=True)
    arrays: tuple[Any, ...]
    raw: dict[str, Any]

    def __init__(self, surrogate: Surrogate, names: tuple[str, ...]) -> None:
        self.definition, arrays = split(surrogate, names)
        self.arrays = tuple(map(jnp.asarray, arrays))
        values = {name: jnp.asarray(getattr(surrogate, name), dtype=float) for name in names}
        self.raw = start(jnp, surrogate, values)

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate inside, with the parameters as they are now."""
        return self._updated().surrogate

    def __call__(self, x: Any) -> Any:
        """Return the spikes."""
        return self._updated()(x)

    def _updated(self) -> Relaxed:
        held = jax.lax.stop_gradient(self.arrays)
        return updated(jnp, self.definition.combine(held), self.raw)
