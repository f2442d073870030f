"""A learnable surrogate as a PyTorch module."""

from __future__ import annotations

from typing import Any

import torch

from .._relaxed import Relaxed
from .._surrogate import Surrogate
from . import split, start, updated


class Learnable(torch.nn.Module):
    """A surrogate with parameters of PyTorch, unbounded, in `raw`; its other arrays are buffers."""

    def __init__(self, surrogate: Surrogate, names: tuple[str, ...]) -> None:
        super().__init__()
        self.definition, arrays = split(surrogate, names)
        self.count = len(arrays)
        for number, array in enumerate(arrays):
            if isinstance(array, torch.nn.Parameter):
                self.register_parameter(f"array{number}", array)
            else:
                self.register_buffer(f"array{number}", torch.as_tensor(array).detach().clone())
        self.raw = torch.nn.ParameterDict()
        values = {name: _tensor(getattr(surrogate, name)) for name in names}
        for name, number in start(torch, surrogate, values).items():
            self.raw[name] = torch.nn.Parameter(number)

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate inside, with the parameters as they are now."""
        return self._updated().surrogate

    def forward(self, x: Any) -> Any:
        """Return the spikes."""
        return self._updated()(x)

    def _updated(self) -> Relaxed:
        arrays = [getattr(self, f"array{number}") for number in range(self.count)]
        return updated(torch, self.definition.combine(arrays), dict(self.raw.items()))


def _tensor(value: Any) -> torch.Tensor:
    dtype = torch.get_default_dtype() if isinstance(value, float) else None
    return torch.as_tensor(value, dtype=dtype).detach().clone()
