"""CuPy: the manual VJP, as for NumPy, with CuPy's own erfc kernel."""

from __future__ import annotations

from typing import Any

from ._backend import Backend


class CupyBackend(Backend):
    """CUDA arrays without a tape."""

    def uniform(self, generator: Any, x: Any) -> Any:
        """Return random numbers from a `cupy.random.Generator`."""
        return generator.random(x.shape).astype(x.dtype)

    def erfc(self, x: Any) -> Any:
        """Return the complementary error function, one CUDA kernel."""
        # Imported here: cupyx.scipy takes half a second and asks for a CUDA device.
        from cupyx.scipy.special import erfc

        return erfc(x)


BACKEND = CupyBackend()
