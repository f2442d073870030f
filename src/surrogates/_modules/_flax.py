"""A learnable surrogate as a Flax NNX module."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import nnx

from .._surrogate import Surrogate
from ._paths import value_at
from ._unbounded import planned, start


class Learnable(nnx.Module):
    """A surrogate with parameters of Flax NNX, unbounded, in `raw`; its other arrays are data."""

    def __init__(self, surrogate: Surrogate, paths: tuple[str, ...]) -> None:
        plan, arrays = planned(surrogate, paths)
        self.plan = nnx.static(plan)
        self.arrays = nnx.data(tuple(map(jnp.array, arrays)))
        self.raw: Any = nnx.Dict()
        values = {path: jnp.array(value_at(surrogate, path), dtype=float) for path in paths}
        for name, number in start(jnp, surrogate, values).items():
            self.raw[name] = nnx.Param(number)

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate inside, with the parameters as they are now."""
        now: Surrogate = self.plan.surrogate(self._arrays())
        return now

    def __call__(self, x: Any) -> Any:
        """Return the spikes."""
        return self.plan.spikes(self._arrays(), x)

    def _arrays(self) -> tuple[Any, ...]:
        raw = {name: parameter[...] for name, parameter in self.raw.items()}
        return self.plan.arrays(jnp, raw, self.arrays)
