"""A learnable surrogate as an Equinox module."""

from __future__ import annotations

from typing import Any

import equinox
import jax
import jax.numpy as jnp

from .._surrogate import Surrogate
from ._unbounded import spiking, split, start, updated, value_at


class Learnable(equinox.Module):
    """A surrogate with leaves that are arrays, unbounded, in `raw`; its other arrays are held."""

    definition: Surrogate = equinox.field(static=True)
    paths: tuple[str, ...] = equinox.field(static=True)
    arrays: tuple[Any, ...]
    raw: dict[str, Any]

    def __init__(self, surrogate: Surrogate, paths: tuple[str, ...]) -> None:
        self.definition, arrays = split(surrogate, paths)
        self.paths = paths
        self.arrays = tuple(map(jnp.array, arrays))
        values = {path: jnp.array(value_at(surrogate, path), dtype=float) for path in paths}
        self.raw = start(jnp, surrogate, values)

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate inside, with the parameters as they are now."""
        held = jax.lax.stop_gradient(self.arrays)
        now: Surrogate = updated(jnp, self.definition.combine(held), self.paths, self.raw)
        return now

    def __call__(self, x: Any) -> Any:
        """Return the spikes."""
        return spiking(self.surrogate)(x)
