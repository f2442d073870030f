"""A learnable surrogate as an Equinox module."""

from __future__ import annotations

from typing import Any

import equinox
import jax
import jax.numpy as jnp

from .._surrogate import Surrogate
from ._paths import value_at
from ._unbounded import Plan, planned, start


class Learnable(equinox.Module):
    """A surrogate with leaves that are arrays, unbounded, in `raw`; its other arrays are held."""

    plan: Plan = equinox.field(static=True)
    arrays: tuple[Any, ...]
    raw: dict[str, Any]

    def __init__(self, surrogate: Surrogate, paths: tuple[str, ...]) -> None:
        self.plan, arrays = planned(surrogate, paths)
        self.arrays = tuple(map(jnp.array, arrays))
        values = {path: jnp.array(value_at(surrogate, path), dtype=float) for path in paths}
        self.raw = start(jnp, surrogate, values)

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate inside, with the parameters as they are now."""
        now: Surrogate = self.plan.surrogate(self._arrays())
        return now

    def __call__(self, x: Any) -> Any:
        """Return the spikes."""
        return self.plan.spikes(self._arrays(), x)

    def _arrays(self) -> tuple[Any, ...]:
        return self.plan.arrays(jnp, self.raw, jax.lax.stop_gradient(self.arrays))
