"""MLX: a `custom_function`, with a rule for each of MLX's transforms.

Where a rule is missing, MLX transforms the body instead, and the derivative of a bare step is 0: so
there is one for `vjp`, `jvp` and `vmap`. What a rule computes is recorded, and can be transformed
again, to any order.

MLX computes `exp`, `sin`, `cos` and `sigmoid` of float64 in single precision (on the CPU; its GPUs
have no float64 at all): there a surrogate has seven digits, whatever the dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any

import mlx.core as mx

from ._backend import Backend, Definition

Array = Any


class _Namespace(ModuleType):
    """`mlx.core`, with the functions that differ from the array API standard, or in their slope."""

    def __getattr__(self, name: str) -> Any:
        return getattr(mx, name)

    @staticmethod
    def abs(x: Array, /) -> Array:
        # MLX's own has slope 0 at 0, which would end each further slope there; plus 0, for -0
        return mx.where(x >= 0, x, -x) + 0

    @staticmethod
    def astype(x: Array, dtype: Any, /, *, copy: bool = True) -> Array:
        return mx.astype(x, dtype)  # which MLX's arrays, that do not change, need not copy

    @staticmethod
    def clip(x: Array, /, min: Any = None, max: Any = None) -> Array:
        return mx.clip(x, min, max)

    @staticmethod
    def isfinite(x: Array, /) -> Array:
        # MLX sends a cotangent of 0 through a condition, and times an infinite slope it is NaN.
        return mx.isfinite(mx.stop_gradient(x))

    @staticmethod
    def isnan(x: Array, /) -> Array:
        return mx.isnan(mx.stop_gradient(x))


_NAMESPACE = _Namespace("mlx.core")


class MlxBackend(Backend):
    """Differentiates by MLX's own transforms, forward and reverse, to any order."""

    no_out = "no function of MLX writes to an array that exists; call it without"

    @property
    def differentiates(self) -> bool:
        """Whether the library differentiates by itself."""
        return True

    def spike(self, definition: Definition, x: Array, arrays: tuple[Array, ...]) -> Array:
        """Return the spikes, of a function that MLX transforms by our rules."""
        for index, message in definition.undifferentiated:
            arrays = (*arrays[:index], _refusing(arrays[index], message), *arrays[index + 1 :])
        return _spike_of(definition)(x, *arrays)

    def relaxed(
        self,
        definition: Definition,
        x: Array,
        arrays: tuple[Array, ...],
        general: Callable[..., Array],
    ) -> Array:
        """Return the spikes, whose rules have the slope of the area in the parameters, too.

        Of `general` MLX would differentiate the area to `x` as well, where it may have no second
        derivative.
        """
        return self.spike(definition, x, arrays)

    def namespace(self, x: Array) -> Any:
        """Return the namespace of MLX, as the array API has it."""
        return _NAMESPACE

    def copy(self, x: Array) -> Array:
        """Return another object for the same values: an edit changes the object, not its memory."""
        return mx.array(x)

    def constant(self, x: Array) -> Array:
        """Return `x` as a constant to differentiation."""
        return mx.stop_gradient(x)

    def nondifferentiable(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """Return ``function(*arrays)``, whose differentiation raises NotImplementedError."""
        message = "what is kept in 8 bits has no derivative; keep float16, or differentiate once"
        return function(*(_refusing(array, message) for array in arrays))

    def derivative(self, function: Callable[[Array], Array], x: Array) -> Array:
        """Return the derivative of an elementwise function, by `mlx.core.jvp`."""
        return mx.jvp(function, [x], [mx.ones_like(x)])[1][0]

    def uniform(self, generator: Any, x: Array) -> Array:
        """Return random numbers from a key of MLX."""
        if not isinstance(generator, mx.array) or generator.dtype != mx.uint32:
            raise TypeError(
                f"generator must be a key of MLX, such as mlx.core.random.key(0), got {generator!r}"
            )
        return mx.random.uniform(shape=x.shape, key=generator)


@lru_cache(maxsize=1024)
def _spike_of(definition: Definition) -> Any:
    """Return the function that emits spikes; MLX knows its rules by its identity."""

    def emit(x: Array, *arrays: Array) -> Array:
        return mx.astype(definition.combine(arrays).emit(x), x.dtype)

    def derivative(x: Array, *arrays: Array) -> Array:
        return mx.astype(definition.combine(arrays).surrogate_grad(x), x.dtype)

    def area(x: Array) -> Callable[..., Array]:
        return lambda *arrays: mx.astype(definition.combine(arrays).relaxed_area(x), x.dtype)

    def vjp(primals: Any, cotangent: Array, spikes: Array) -> Any:
        x, *arrays = _several(primals)
        gradient = cotangent * derivative(x, *arrays)
        if not arrays:
            return gradient
        if definition.relaxes:
            return (gradient, *mx.vjp(area(x), arrays, [cotangent])[1])
        return (gradient, *map(mx.zeros_like, arrays))  # the step does not depend on them

    def jvp(primals: Any, tangents: Any) -> Array:
        (x, *arrays), (tangent, *others) = _several(primals), _several(tangents)
        moved = mx.zeros_like(x) if tangent is None else tangent * derivative(x, *arrays)
        if not definition.relaxes or all(other is None for other in others):
            return moved
        pairs = zip(arrays, others, strict=True)
        others = [mx.zeros_like(a) if other is None else other for a, other in pairs]
        return moved + mx.jvp(area(x), arrays, others)[1][0]

    def vmap(inputs: Any, axes: Any) -> tuple[Array, int]:
        return spike(*_in_front(_several(inputs), _several(axes))), 0

    spike = mx.custom_function(emit)
    spike.vjp(vjp)
    spike.jvp(jvp)
    spike.vmap(vmap)
    return spike


def _several(given: Any) -> Any:
    """Return what MLX hands to a rule as a sequence: of one argument it is that alone."""
    return given if isinstance(given, (list, tuple)) else (given,)


def _in_front(arrays: Any, axes: Any) -> list[Array]:
    """Return arrays whose mapped axis is the first, all of one rank; those not mapped have 1."""
    moved = [
        mx.expand_dims(array, 0) if axis is None else mx.moveaxis(array, axis, 0)
        for array, axis in zip(arrays, axes, strict=True)
    ]
    size = next(a.shape[0] for a, axis in zip(moved, axes, strict=True) if axis is not None)
    x = mx.broadcast_to(moved[0], (size, *moved[0].shape[1:]))
    return [x, *(_of_rank(x.ndim, array) for array in moved[1:])]


def _of_rank(rank: int, array: Array) -> Array:
    """Return an array with axes of length 1 after its first one."""
    ones = (1,) * (rank - array.ndim)
    return array.reshape(array.shape[0], *ones, *array.shape[1:])


def _refusing(array: Array, message: str) -> Array:
    """Return an array whose differentiation raises NotImplementedError."""

    def refuse(*_: Any) -> Array:
        raise NotImplementedError(message)

    def vmap(inputs: Any, axes: Any) -> tuple[Array, Any]:
        return same(*_several(inputs)), _several(axes)[0]

    same = mx.custom_function(lambda array: array * 1)
    same.vjp(refuse)
    same.jvp(refuse)
    same.vmap(vmap)
    return same(array)


BACKEND = MlxBackend()
