"""A surrogate as an Equinox module."""

from __future__ import annotations

from typing import Any

import equinox
import jax
import jax.numpy as jnp
import numpy as np

from .._surrogate import Surrogate
from ._paths import value_at
from ._plan import Plan, Planned, planned
from ._unbounded import start


class SurrogateModule(Planned, equinox.Module):
    """A surrogate with leaves that are learned, unbounded, in `raw`; its other arrays are constant.

    A leaf is what Equinox hands to an optimiser, and weight decay moves what has no gradient, too.
    """

    plan: Plan = equinox.field(static=True)
    held: Constants = equinox.field(static=True)
    raw: dict[str, Any]

    def __init__(self, surrogate: Surrogate, paths: tuple[str, ...], spiking: bool) -> None:
        self.plan, arrays = planned(surrogate, paths, spiking)
        self.held = Constants(self.plan, arrays)
        values = {path: jnp.array(value_at(surrogate, path), dtype=float) for path in paths}
        self.raw = start(jnp, surrogate, values)

    def switched(self, spiking: bool) -> SurrogateModule:
        """Return a module that emits spikes, or the primitive, with the same parameters."""
        other = object.__new__(type(self))
        for name, value in (*vars(self).items(), ("plan", self.plan.switched(spiking))):
            object.__setattr__(other, name, value)
        return other

    # Before 0.13 Equinox makes a pytree of a bound method only if this class itself has it.
    surrogate_grad = Planned.surrogate_grad
    surrogate_fun = Planned.surrogate_fun

    def __call__(self, x: Any) -> Any:
        """Return the spikes, or the primitive."""
        if not self.plan.slots:
            return self.plan.definition(x)
        return self.plan.spikes(self._arrays(), x)

    def _arrays(self) -> tuple[Any, ...]:
        held = {name: jnp.asarray(array) for name, array in self.held.arrays.items()}
        return self.plan.arrays(jnp, self.raw, held)

    def __repr__(self) -> str:
        return self.plan.described(self._arrays())


class Constants:
    """Arrays that belong to the structure of a module: equal if their values are."""

    def __init__(self, plan: Plan, arrays: dict[str, Any]) -> None:
        try:
            self.arrays = {name: np.array(array) for name, array in arrays.items()}
        except jax.errors.TracerArrayConversionError:
            raise TypeError(
                f"{plan!r}: a parameter is traced, and an Equinox module holds what is not learned "
                "as a constant; make the module outside of jit, vmap and grad, or call the "
                "surrogate itself"
            ) from None
        self.key = tuple((n, a.dtype.name, a.shape, a.tobytes()) for n, a in self.arrays.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constants) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def switchable(model: equinox.Module) -> tuple[list[Any], list[str]]:
    """Return the modules that can spike or not, and where surrogates are that are no modules."""
    found: list[Any] = []
    plain: list[str] = []
    waiting: list[tuple[str, Any]] = [("", model)]
    while waiting:
        name, part = waiting.pop(0)
        if isinstance(part, SurrogateModule):
            found.append(part)
        elif isinstance(part, Surrogate):
            plain.append(name)
        else:
            inside = _inside(part)
            waiting += [(f"{name}.{key}".lstrip("."), value) for key, value in inside]
    return found, plain


def with_mode(model: equinox.Module, modules: list[Any], spiking: bool) -> Any:
    """Return a model with its modules switched."""

    def switched(part: Any) -> Any:
        return part.switched(spiking) if isinstance(part, SurrogateModule) else part

    return jax.tree.map(switched, model, is_leaf=lambda part: isinstance(part, SurrogateModule))


def _inside(part: Any) -> list[tuple[Any, Any]]:
    """Return what a module or a collection consists of, with names."""
    if isinstance(part, equinox.Module):
        part = vars(part)
    if isinstance(part, dict):
        return list(part.items())
    return list(enumerate(part)) if isinstance(part, (list, tuple)) else []
