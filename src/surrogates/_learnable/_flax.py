"""A learnable surrogate as a Flax NNX module."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import nnx

from .._surrogate import Surrogate
from ._unbounded import spiking, split, start, updated, value_at


class Learnable(nnx.Module):
    """A surrogate with parameters of Flax NNX, unbounded, in `raw`; its other arrays are data."""

    def __init__(self, surrogate: Surrogate, paths: tuple[str, ...]) -> None:
        definition, arrays = split(surrogate, paths)
        self.paths = nnx.static(paths)
        self.definition = nnx.static(definition)
        self.arrays = nnx.data(tuple(map(jnp.array, arrays)))
        self.raw: Any = nnx.Dict()
        values = {path: jnp.array(value_at(surrogate, path), dtype=float) for path in paths}
        for name, number in start(jnp, surrogate, values).items():
            self.raw[name] = nnx.Param(number)

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate inside, with the parameters as they are now."""
        raw = {name: parameter[...] for name, parameter in self.raw.items()}
        now: Surrogate = updated(jnp, self.definition.combine(self.arrays), self.paths, raw)
        return now

    def __call__(self, x: Any) -> Any:
        """Return the spikes."""
        return spiking(self.surrogate)(x)
