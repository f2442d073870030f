"""A surrogate as a module of PyTorch: imported only by adapters that need one."""

from __future__ import annotations

from typing import Any

import torch

from .._surrogate import Surrogate


class SurrogateModule(torch.nn.Module):
    """A surrogate with SpikingJelly's `spiking` and `set_spiking_mode`.

    While `spiking` is False it returns the primitive instead of the spikes. The arrays in the
    surrogate are buffers, or parameters if they were made as such.

    Parameters
    ----------
    surrogate : Surrogate
        The surrogate.
    """

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.definition, arrays = surrogate.partition()
        self.count = len(arrays)
        for number, array in enumerate(arrays):
            if isinstance(array, torch.nn.Parameter):
                self.register_parameter(f"array{number}", array)
            else:
                self.register_buffer(f"array{number}", torch.as_tensor(array).detach().clone())
        self.spiking = True

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate, with its arrays as they are now."""
        return self.definition.combine([getattr(self, f"array{n}") for n in range(self.count)])

    def set_spiking_mode(self, spiking: bool) -> None:
        """Return spikes from now on, or the primitive."""
        self.spiking = spiking

    def forward(self, x: Any) -> Any:
        """Return the spikes, or the primitive."""
        return self.surrogate(x) if self.spiking else self.surrogate.surrogate_fun(x)

    def extra_repr(self) -> str:
        """Return what stands in the module's representation."""
        return f"{self.surrogate!r}, spiking={self.spiking}"
