"""A surrogate as a PyTorch module."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch.compiler import is_dynamo_compiling

from .._aspects import has_gradient
from .._surrogate import Surrogate
from ..backends._torch.relaxed import learned
from ._paths import value_at
from ._plan import Changing, planned
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
        if self.simple and not is_dynamo_compiling():
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

    def __repr__(self) -> str:
        with torch.no_grad():
            return self.plan.described(self._arrays())


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
