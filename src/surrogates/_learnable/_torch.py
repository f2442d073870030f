"""A learnable surrogate as a PyTorch module."""

from __future__ import annotations

from typing import Any

import torch

from .._surrogate import Surrogate
from . import start, updated


class Learnable(torch.nn.Module):
    """A surrogate with parameters of PyTorch, unbounded, in `raw`."""

    def __init__(self, surrogate: Surrogate, names: tuple[str, ...]) -> None:
        super().__init__()
        self.definition = surrogate
        self.raw = torch.nn.ParameterDict()
        values = {name: _tensor(getattr(surrogate, name)) for name in names}
        for name, number in start(torch, surrogate, values).items():
            self.raw[name] = torch.nn.Parameter(number)

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate inside, with the parameters as they are now."""
        return updated(torch, self.definition, dict(self.raw.items())).surrogate

    def forward(self, x: Any) -> Any:
        """Return the spikes."""
        return updated(torch, self.definition, dict(self.raw.items()))(x)


def _tensor(value: Any) -> torch.Tensor:
    dtype = torch.get_default_dtype() if isinstance(value, float) else None
    return torch.as_tensor(value, dtype=dtype).detach().clone()
