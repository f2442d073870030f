"""A surrogate as a Flax NNX module."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import nnx

from .._surrogate import Surrogate
from ._paths import value_at
from ._plan import Changing, planned
from ._unbounded import start


class SurrogateModule(Changing, nnx.Module):
    """A surrogate; what is learned is a Param in `raw`, unbounded; other arrays are Variables."""

    _last = "raw"

    def __init__(self, surrogate: Surrogate, paths: tuple[str, ...], spiking: bool) -> None:
        plan, arrays = planned(surrogate, paths, spiking)
        self.plan = nnx.static(plan)
        self.held: Any = nnx.Dict()
        for name, array in arrays.items():
            self.held[name] = nnx.Variable(jnp.array(array))
        self.raw: Any = nnx.Dict()
        values = {path: jnp.array(value_at(surrogate, path), dtype=float) for path in paths}
        for name, number in start(jnp, surrogate, values).items():
            self.raw[name] = nnx.Param(number)

    def __call__(self, x: Any) -> Any:
        """Return the spikes, or the primitive."""
        if not self.plan.slots:
            return self.plan.definition(x)
        return self.plan.spikes(self._arrays(), x)

    def _arrays(self) -> tuple[Any, ...]:
        raw = {name: parameter[...] for name, parameter in self.raw.items()}
        held = {name: variable[...] for name, variable in self.held.items()}
        return self.plan.arrays(jnp, raw, held)

    def __repr__(self) -> str:
        return self.plan.described(self._arrays())

    __str__ = __repr__  # NNX has one of its own, which shows what it starts with


def switchable(model: nnx.Module) -> tuple[list[Any], list[str]]:
    """Return the modules that can spike or not, and where surrogates are that are no modules."""
    parts = list(nnx.iter_graph(model))
    plain = [".".join(map(str, path)) for path, part in parts if isinstance(part, Surrogate)]
    return [part for _, part in parts if isinstance(part, SurrogateModule)], plain


def with_mode(model: nnx.Module, modules: list[Any], spiking: bool) -> Any:
    """Return the model, whose modules were switched: all of them, or none."""
    plans = [module.plan.switched(spiking) for module in modules]
    for module, plan in zip(modules, plans, strict=True):
        module.plan = plan
    return model
