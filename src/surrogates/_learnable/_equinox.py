"""A learnable surrogate as an Equinox module."""

from __future__ import annotations

from typing import Any

import equinox
import jax.numpy as jnp

from .._surrogate import Surrogate
from . import start, updated


class Learnable(equinox.Module):
    """A surrogate with leaves that are arrays, unbounded, in `raw`."""

    definition: Surrogate = equinox.field(static=True)
    raw: dict[str, Any]

    def __init__(self, surrogate: Surrogate, names: tuple[str, ...]) -> None:
        values = {name: jnp.asarray(getattr(surrogate, name), dtype=float) for name in names}
        self.definition = surrogate
        self.raw = start(jnp, surrogate, values)

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate inside, with the parameters as they are now."""
        return updated(jnp, self.definition, self.raw).surrogate

    def __call__(self, x: Any) -> Any:
        """Return the spikes."""
        return updated(jnp, self.definition, self.raw)(x)
