"""A learnable surrogate as a Flax NNX module."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import nnx

from .._surrogate import Surrogate
from . import start, updated


class Learnable(nnx.Module):
    """A surrogate with parameters of Flax NNX, unbounded, in `raw`."""

    def __init__(self, surrogate: Surrogate, names: tuple[str, ...]) -> None:
        self.definition = nnx.static(surrogate)
        self.raw: Any = nnx.Dict()
        values = {name: jnp.asarray(getattr(surrogate, name), dtype=float) for name in names}
        for name, number in start(jnp, surrogate, values).items():
            self.raw[name] = nnx.Param(number)

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate inside, with the parameters as they are now."""
        surrogate: Surrogate = self._updated().surrogate
        return surrogate

    def __call__(self, x: Any) -> Any:
        """Return the spikes."""
        return self._updated()(x)

    def _updated(self) -> Any:
        return updated(jnp, self.definition, {name: p[...] for name, p in self.raw.items()})
