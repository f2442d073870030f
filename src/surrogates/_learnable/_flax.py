"""A learnable surrogate as a Flax NNX module."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import nnx

from .._relaxed import Relaxed
from .._surrogate import Surrogate
from . import split, start, updated


class Learnable(nnx.Module):
    """A surrogate with parameters of Flax NNX, unbounded, in `raw`; its other arrays are data."""

    def __init__(self, surrogate: Surrogate, names: tuple[str, ...]) -> None:
        definition, arrays = split(surrogate, names)
        self.definition = nnx.static(definition)
        self.arrays = nnx.data(tuple(map(jnp.asarray, arrays)))
        self.raw: Any = nnx.Dict()
        values = {name: jnp.asarray(getattr(surrogate, name), dtype=float) for name in names}
        for name, number in start(jnp, surrogate, values).items():
            self.raw[name] = nnx.Param(number)

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate inside, with the parameters as they are now."""
        return self._updated().surrogate

    def __call__(self, x: Any) -> Any:
        """Return the spikes."""
        return self._updated()(x)

    def _updated(self) -> Relaxed:
        raw = {name: parameter[...] for name, parameter in self.raw.items()}
        return updated(jnp, self.definition.combine(self.arrays), raw)
