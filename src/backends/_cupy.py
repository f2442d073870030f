"""CuPy: the manual VJP, as for NumPy, by kernels that each evaluate a whole formula.

A plain expression launches a kernel for each of its operations. A traced one is the text of a
single `cupy.ElementwiseKernel`: spikes and derivative together in one launch, the pullback in one.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from types import ModuleType
from typing import Any

from ._backend import Backend, Definition
from ._compiler.graph import WORKING, trace
from ._compiler.kernel import IN_C, kernel_text

# The same operations as in a formula, of an array of the dtype T.
_SPIKE = {comparison: IN_C[comparison].format("x", "(T)0") for comparison in ("ge", "gt")}


class Namespace(ModuleType):
    """A namespace of CuPy, with a remainder that is exact, and a clip that is one kernel."""

    def __init__(self, cupy: Any) -> None:
        super().__init__(cupy.__name__)
        self._cupy = cupy

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cupy, name)

    def remainder(self, x: Any, y: Any, /) -> Any:
        """Return the remainder, with the sign of `y`: CuPy's own is rounded, and may be `y`."""
        rest = self._cupy.fmod(x, y)
        is_of_other_sign = (rest != 0) & ((rest < 0) != (y < 0))
        return self._cupy.where(is_of_other_sign, rest + y, rest)

    def clip(self, x: Any, /, min: Any = None, max: Any = None) -> Any:
        """Return `x` within bounds; array-api-compat takes masks, and waits for the device."""
        return x.copy() if min is None and max is None else x.clip(min, max)


class CupyBackend(Backend):
    """CUDA arrays without a tape."""

    no_out = None

    def namespace(self, x: Any) -> Any:
        """Return the array-API namespace of CuPy, with an exact remainder."""
        cupy = sys.modules.get("cupy")
        is_of_cupy = cupy is not None and isinstance(x, cupy.ndarray)
        return _namespace() if is_of_cupy else super().namespace(x)

    def spike(self, definition: Definition, x: Any, arrays: tuple[Any, ...]) -> Any:
        """Return the spikes: by one kernel where they are no more than a comparison."""
        if definition.comparison is None or not _is_cupy(x):
            return super().spike(definition, x, arrays)
        return _step_kernel(definition.comparison)(x)

    def evaluate(self, definition: Definition, x: Any, arrays: tuple[Any, ...], name: str) -> Any:
        """Return the primitive or derivative, by one kernel where the formula can be traced."""
        kernel = _kernel(definition, name, _dtype(x, arrays), None)
        if kernel is None:
            return super().evaluate(definition, x, arrays, name)
        return kernel(x)

    def linearize(self, definition: Definition, x: Any, arrays: tuple[Any, ...]) -> tuple[Any, Any]:
        """Return the spikes and the derivative, from one kernel."""
        comparison = definition.comparison
        kernel = comparison and _kernel(definition, "derivative", _dtype(x, arrays), comparison)
        if not kernel:
            return super().linearize(definition, x, arrays)
        spikes, derivative = kernel(x)
        return spikes, derivative

    def multiply(self, x: Any, y: Any, out: Any) -> None:
        """Write ``x * y`` to the array `out`; CuPy copies first what it overlaps with."""
        self.namespace(out).multiply(x, y, out=out)

    def is_known(self, x: Any) -> bool:
        """Return True: nothing is traced. To look at values waits for the device."""
        return True

    def uniform(self, generator: Any, x: Any) -> Any:
        """Return random numbers from a `cupy.random.Generator`."""
        # CuPy draws from [0, 1) in either dtype; in half precision, 1 would come out.
        return generator.random(x.shape, "float64" if x.dtype.name == "float64" else "float32")

    def erfc(self, x: Any) -> Any:
        """Return the complementary error function, one CUDA kernel."""
        # Imported here: cupyx.scipy takes half a second and asks for a CUDA device.
        from cupyx.scipy.special import erfc

        return erfc(x)


@lru_cache(maxsize=1)
def _namespace() -> Namespace:
    from array_api_compat import cupy

    return Namespace(cupy)


def _is_cupy(x: Any) -> bool:
    cupy = sys.modules.get("cupy")
    return cupy is not None and type(x) is cupy.ndarray


def _dtype(x: Any, arrays: tuple[Any, ...]) -> str | None:
    """Return the dtype that a kernel computes in, None where a formula is evaluated as written."""
    return WORKING.get(x.dtype.name) if _is_cupy(x) and not arrays else None


def _kernel(
    definition: Definition, name: str, dtype: str | None, comparison: str | None
) -> Any | None:
    if dtype is None or not definition.is_fixed:
        return None
    return _formula_kernel(definition, name, dtype, comparison)


def kernel_of(definition: Definition, name: str, dtype: str, comparison: str | None) -> str | None:
    """Return the text of a kernel from ``x`` to ``out``; with a comparison also to ``spikes``."""
    root = trace(definition, name, dtype, special=True)
    if root is None:
        return None
    # Stored last: after a store, x would be loaded a second time, since it might have changed.
    spikes = "" if comparison is None else f"spikes = {_SPIKE[comparison]};\n"
    return kernel_text(root, f"{spikes}out = {{}};")


@lru_cache(maxsize=256)
def _formula_kernel(
    definition: Definition, name: str, dtype: str, comparison: str | None
) -> Any | None:
    text = kernel_of(definition, name, dtype, comparison)
    if text is None:
        return None
    import cupy

    outputs = "T out" if comparison is None else "T spikes, T out"
    return cupy.ElementwiseKernel("T x", outputs, text, f"surrogates_{name}")


def step_of(comparison: str) -> str:
    """Return the text of a kernel from ``x`` to the spikes in ``out``."""
    return f"out = {_SPIKE[comparison]};"


@lru_cache(maxsize=2)
def _step_kernel(comparison: str) -> Any:
    import cupy

    return cupy.ElementwiseKernel("T x", "T out", step_of(comparison), "surrogates_step")


BACKEND = CupyBackend()
