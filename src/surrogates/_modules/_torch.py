"""A learnable surrogate as a PyTorch module."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch.compiler import is_dynamo_compiling

from .._surrogate import Surrogate
from ..backends._torch.relaxed import learned
from ._paths import value_at
from ._unbounded import key, planned, start


class Learnable(torch.nn.Module):
    """A surrogate with parameters of PyTorch, unbounded, in `raw`; its other arrays are buffers.

    A single number is held in one element, since FSDP shards no scalar.
    """

    def __init__(self, surrogate: Surrogate, paths: tuple[str, ...]) -> None:
        super().__init__()
        self.plan, arrays = planned(surrogate, paths)
        self.count = len(arrays)
        for number, array in enumerate(arrays):
            if isinstance(array, torch.nn.Parameter):
                self.register_parameter(f"array{number}", array)
            else:
                self.register_buffer(f"array{number}", torch.as_tensor(array).detach().clone())
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
        is_simple = self.plan.has_slopes and len(self.scalars) == len(paths)
        names = [key(path) for path in self.plan.slots if path is not None]
        self.simple = tuple(names) if is_simple else ()

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate inside, with the parameters as they are now."""
        now: Surrogate = self.plan.surrogate(self._arrays(self.raw))
        return now

    def forward(self, x: Any) -> Any:
        """Return the spikes."""
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

    def _arrays(self, raw: Any) -> tuple[torch.Tensor, ...]:
        held = [getattr(self, f"array{number}") for number in range(self.count)]
        raw = {n: p.reshape(()) if n in self.scalars else p for n, p in raw.items()}
        return self.plan.arrays(torch, raw, held)


def _tensor(value: Any) -> torch.Tensor:
    dtype = torch.get_default_dtype() if isinstance(value, float) else None
    return torch.as_tensor(value, dtype=dtype).detach().clone()
