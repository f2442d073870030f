"""A surrogate as a PyTorch module."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import torch
from torch.compiler import allow_in_graph, is_dynamo_compiling

from .._arrays import operands
from .._aspects import has_gradient
from .._surrogate import Surrogate
from ..backends import of, of_tensor
from ..backends._torch import (
    has_short_form,
    learned,
    needs_arithmetic_in_dynamo,
    traced_relaxed,
)
from ._paths import value_at
from ._plan import Changing, Plan, planned
from ._unbounded import key, start


class SurrogateModule(Changing, torch.nn.Module):
    """A surrogate; what is learned is a parameter in `raw`, unbounded; other arrays are buffers.

    A single number is held in one element, since FSDP shards no scalar.
    """

    _last = "simple"

    def __init__(self, surrogate: Surrogate, paths: tuple[str, ...], spiking: bool) -> None:
        super().__init__()
        self.plan, arrays = planned(surrogate, paths, spiking)
        for name, array in arrays.items():
            path = name.replace("/", ".")
            self._hold(name, path, array, bool(paths) or has_gradient(surrogate, path))
        values = {path: _tensor(value_at(surrogate, path)) for path in paths}
        self.scalars = frozenset(key(path) for path, value in values.items() if value.ndim == 0)
        self.raw = torch.nn.ParameterDict()
        for name, number in start(torch, surrogate, values).items():
            if hasattr(torch.nn.ParameterDict, name):
                raise ValueError(
                    f"learnable: {name!r} cannot be learned in PyTorch, whose modules have an "
                    f"attribute of that name; call it {name}_ in the class of the surrogate"
                )
            self.raw[name] = torch.nn.Parameter(number.reshape(number.shape or (1,)))
        is_simple = bool(paths) and self.plan.has_slopes and len(self.scalars) == len(paths)
        self.simple = tuple(map(key, self.plan.learned)) if is_simple else ()
        self.in_graph = self._in_graph()

    def _hold(self, name: str, path: str, array: Any, is_trained: bool) -> None:
        """Hold an array that is not learned here."""
        requires_grad = isinstance(array, torch.Tensor) and array.requires_grad
        if requires_grad and not (isinstance(array, torch.nn.Parameter) and is_trained):
            raise ValueError(
                f"{self.plan!r}: {path} requires a gradient, and would get none; learn it by "
                f"surrogates.learnable(surrogate, {path!r}), or give its values alone, as in "
                f"{path.rpartition('.')[2]}=tensor.detach()"
            )
        if isinstance(array, torch.nn.Parameter):
            self.register_parameter(f"array_{name}", array)
        else:
            self.register_buffer(f"array_{name}", torch.as_tensor(array).detach().clone())

    def forward(self, x: Any) -> Any:
        """Return the spikes, or the primitive."""
        if not self.plan.slots:
            return self.plan.definition(x)
        if is_dynamo_compiling():
            is_alone = self.in_graph is not None and of_tensor(x) is not None
            if is_alone and not needs_arithmetic_in_dynamo():
                return self.in_graph(x, *self.raw.values())
        elif self.simple:
            numbers = [self.raw[name] for name in self.simple]
            with_slopes = partial(self.plan.with_slopes, torch)
            spikes = learned(self.plan.definition, x, numbers, with_slopes, self._general)
            if spikes is not None:
                return spikes
        return self.plan.spikes(self._arrays(self.raw), x)

    def _general(self, x: torch.Tensor, *numbers: torch.Tensor) -> Any:
        raw = dict(zip(self.simple, numbers, strict=True))
        return self.plan.spikes(self._arrays(raw), x)

    def _arrays(self, raw: Any = None) -> tuple[torch.Tensor, ...]:
        raw = self.raw if raw is None else raw
        held = {name: getattr(self, f"array_{name}") for name in self.plan.held}
        raw = {n: p.reshape(()) if n in self.scalars else p for n, p in raw.items()}
        return self.plan.arrays(torch, raw, held)

    def _in_graph(self) -> Any:
        return _in_graph(self.plan, tuple(self.raw)) if self.simple else None

    def set_spiking_mode(self, spiking: bool) -> None:
        """Emit spikes, or the primitive."""
        super().set_spiking_mode(spiking)
        self.in_graph = self._in_graph()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "in_graph": None}  # a function that is made here has no pickle

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self.in_graph = self._in_graph()

    def __repr__(self) -> str:
        with torch.no_grad():
            return self.plan.described(self._arrays())


@cache
def _in_graph(plan: Plan, names: tuple[str, ...]) -> Any:
    """Return what a module computes of single numbers, as a function that Dynamo does not read.

    It would guard each name that is read on the way: at 1e4 elements that took a fifth of a call.
    None where a guard is needed, since a formula may read what changes, and where the recorded
    form must be taken.
    """
    definition = plan.definition
    is_plain = definition.is_traceable and definition.comparison is not None
    if not (is_plain and definition.residual_dtype is None and definition.relaxes):
        return None
    if not has_short_form(definition, len(names)):
        return None

    def spikes(x: torch.Tensor, *numbers: torch.Tensor) -> Any:
        raw = {name: n.reshape(()) for name, n in zip(names, numbers, strict=True)}
        arrays = operands(definition, of(x), x, plan.arrays(torch, raw, {}))
        return traced_relaxed(x, definition, *arrays)

    spikes.__code__ = spikes.__code__.replace()  # by its identity Dynamo tells functions apart
    return allow_in_graph(spikes)


def switchable(model: torch.nn.Module) -> tuple[list[Any], list[str]]:
    """Return the modules that can spike or not, and where surrogates are that are no modules."""
    named = list(model.named_modules())
    plain = [
        f"{name}.{attribute}".lstrip(".")
        for name, module in named
        for attribute, value in vars(module).items()
        if _holds_surrogate(value)
    ]
    # SpikingJelly's surrogate functions, and their copies in other libraries, have both.
    found = [
        module
        for _, module in named
        if isinstance(getattr(module, "spiking", None), bool)
        and hasattr(module, "set_spiking_mode")
    ]
    return found, plain


def _holds_surrogate(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return any(map(_holds_surrogate, value))
    return isinstance(value, Surrogate)


def with_mode(model: torch.nn.Module, modules: list[Any], spiking: bool) -> Any:
    """Return the model, whose modules were switched: all of them, or none."""
    for module in modules:
        if isinstance(module, SurrogateModule):
            module.plan.switched(spiking)  # raises where it cannot be
    for module in modules:
        module.set_spiking_mode(spiking)
    return model


def _tensor(value: Any) -> torch.Tensor:
    dtype = torch.get_default_dtype() if isinstance(value, float) else None
    return torch.as_tensor(value, dtype=dtype).detach().clone()
