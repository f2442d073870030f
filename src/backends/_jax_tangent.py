"""JAX: the tangent of a spike, a linear primitive of our own, "spike_tangent".

Reverse mode keeps what a linear function needs besides its argument. For a product with the
derivative that is the derivative, and for a formula that JAX differentiates all that it computes on
the way; for this primitive it is `x`, or what is kept of it, and the parameters. Its transpose
evaluates the derivatives from these.
"""

from __future__ import annotations

from functools import cached_property, lru_cache, partial
from typing import Any

import jax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from ._backend import Definition

Array = Any


def tangent(definition: Definition, tangents: Any, primals: Any, moved: tuple[int, ...]) -> Array:
    """Return the sum of `tangents`, each times the slope of the spikes in what is `moved`.

    `primals` are `x` (where its slope is that of a residual: what is kept of it) and the arrays;
    they are numbered in `moved`, a tangent for each.
    """
    return tangent_p.bind(*tangents, *primals, definition=definition, moved=moved)


def _slope(
    definition: Definition, index: int, dtype: Any, x: Array, arrays: tuple[Array, ...]
) -> Array:
    """Return the derivative to `x`, or to the parameter of this number, of each spike alone."""
    if index == 0:  # of what is kept of `x`, which may be all of it
        return definition.combine(arrays).restored(x, dtype)

    x = definition.combine(arrays).learned_at(x, dtype)
    power, scale = definition.area_powers(index - 1) or (0, 0)
    if power and not scale:  # with a scale the short form takes longer
        return _short_slope(definition, index, power, x, *arrays)
    return _area_slope(definition, index, x, *arrays)


def _area_slope(definition: Definition, index: int, x: Array, *arrays: Array) -> Array:
    """Return the derivative of the area to the parameter of this number."""

    def area(array: Array) -> Array:
        return definition.combine((*arrays[: index - 1], array, *arrays[index:])).relaxed_area(x)

    array = arrays[index - 1]
    return jax.jvp(area, (array,), (jax.numpy.ones_like(array),))[1]


@partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def _short_slope(definition: Definition, index: int, power: int, x: Array, *arrays: Array) -> Array:
    """Return the same by `Definition.area_powers`, from the derivative to `x`, which XLA has."""
    wide = x.astype(jax.numpy.promote_types(x.dtype, "float32"))
    slope = definition.combine(arrays).formula("derivative", jax.numpy, wide)
    is_live = jax.numpy.isfinite(wide) & jax.numpy.isfinite(slope)
    array = jax.numpy.asarray(arrays[index - 1])
    # not a quotient of each element, which XLA does not unite with the rest
    factor = power / array.astype(jax.numpy.promote_types(array.dtype, wide.dtype))
    return jax.numpy.where(is_live, factor * (wide * slope), 0.0)


@_short_slope.defjvp
def _(definition: Definition, index: int, power: int, primals: Any, tangents: Any) -> Any:
    # its own derivative would be NaN where `x` is infinite
    slope = partial(_area_slope, definition, index)
    return _short_slope(definition, index, power, *primals), jax.jvp(slope, primals, tangents)[1]


def _sum(*operands: Array, definition: Definition, moved: tuple[int, ...]) -> Array:
    tangents, (x, *arrays) = operands[: len(moved)], operands[len(moved) :]
    dtype = _like(operands, moved).dtype
    terms = [
        (tangent * _slope(definition, index, dtype, x, tuple(arrays))).astype(dtype)
        for index, tangent in zip(moved, tangents, strict=True)
    ]
    return sum(terms[1:], terms[0])


def _like(operands: Any, moved: tuple[int, ...]) -> Any:
    """Return the operand of the type of the spikes: not what is kept of `x`, nor a parameter."""
    return operands[0 if moved[0] == 0 else len(moved)]


def _pulled(cotangent: Array, *primals: Array, definition: Definition, moved: Any) -> list[Array]:
    """Return the cotangents of what is `moved`."""
    x, *arrays = primals
    pulled = []
    for index in moved:
        slope = _slope(definition, index, cotangent.dtype, x, tuple(arrays))
        product = cotangent.astype(slope.dtype) * slope
        shape = (1,) * (product.ndim - primals[index].ndim) + primals[index].shape
        axes = [axis for axis, size in enumerate(shape) if size != product.shape[axis]]
        pulled.append((product.sum(axes) if axes else product).reshape(primals[index].shape))
    return pulled


class _Compiled:
    """A function of a definition, compiled once it was used often enough.

    For eager differentiation, which would dispatch each operation of a formula. Compiling takes as
    long as hundreds of dispatches. Inside what is compiled the jit leaves no trace of itself.
    """

    uses_before_compiling = 4

    def __init__(self, function: Any, definition: Definition, moved: tuple[int, ...]) -> None:
        self.uses = 0
        self.definition = definition
        self._takes_arrays: bool | None = None
        self.plain = partial(function, definition=definition, moved=moved)

    @cached_property
    def compiled(self) -> Any:
        """Return the compiled function."""
        return jax.jit(self.plain, inline=True)

    def is_used_often(self) -> bool:
        """Return whether it is time to compile, after this use."""
        self.uses += 1
        return self.uses > self.uses_before_compiling

    def takes_arrays(self, number: int) -> bool:
        """Return whether the formulas of the definition take so many arrays; found out once."""
        if self._takes_arrays is None:
            self._takes_arrays = _takes_arrays(self.definition, number)
        return self._takes_arrays


# JAX (0.10, not yet 0.4) frees what it compiled when the function is forgotten.
_compiled = lru_cache(maxsize=64)(_Compiled)


def evaluated(function: Any, *operands: Any, definition: Definition, moved: Any) -> Any:
    """Return the function of the operands, compiled for its numbers or, if these change, for any.

    For any numbers only what computes now: inside what the user compiles, numbers are constants,
    and Python computes with them in double precision. Nor where the emission depends on numbers.
    """
    own = _compiled(function, definition, moved) if definition.is_traceable else None
    is_used_often = own is not None and own.is_used_often()
    # where jit is disabled, formulas would be given numbers for arrays
    is_jit: bool = not jax.config.jax_disable_jit  # type: ignore[attr-defined]
    if own is not None and is_used_often and is_jit:
        return own.compiled(*operands)  # a number, too, which takes longer to make an array of
    operands = tuple(a if isinstance(a, jax.Array) else jax.numpy.asarray(a) for a in operands)
    if own is None:
        return function(*operands, definition=definition, moved=moved)
    if not definition.array_fields and definition.comparison and all(map(is_concrete, operands)):
        shared, numbers = definition.lifted()
        for_any = _compiled(function, shared, moved)
        if numbers and is_jit and for_any.is_used_often() and for_any.takes_arrays(len(numbers)):
            return for_any.compiled(*operands, *numbers)
    return own.plain(*operands)


@lru_cache(maxsize=64)
def _takes_arrays(definition: Definition, number: int) -> bool:
    """Return whether formulas take arrays for numbers: a user's may branch on their values."""

    def derivative(x: Array, *arrays: Array) -> Array:
        held = definition.combine(arrays)
        if definition.residual_dtype is None:
            return held.surrogate_grad(x)
        return held.restored(held.kept(x), x.dtype)

    try:
        jax.eval_shape(derivative, *[jax.ShapeDtypeStruct((), "float32")] * (1 + number))
    except Exception:  # whatever the formula raises
        return False
    return True


def is_concrete(array: Array) -> bool:
    """Return whether values are there, if behind the tracers of eager differentiation."""
    if not isinstance(array, jax.core.Tracer):
        return True
    value = getattr(array, "to_concrete_value", None)  # not in JAX 0.4.35
    return value is not None and value() is not None


def _abstract(*operands: Any, definition: Definition, moved: tuple[int, ...]) -> Any:
    return _like(operands, moved).update(weak_type=False)


def _jvp(primals: Any, tangents: Any, *, definition: Definition, moved: Any) -> tuple[Array, Any]:
    held, number = primals[len(moved) :], len(moved)
    changes = {i: t for i, t in enumerate(tangents) if not isinstance(t, ad.Zero)}
    terms = []
    if linear := [i for i in changes if i < number]:
        still = tuple(moved[i] for i in linear)
        terms.append(tangent(definition, [changes[i] for i in linear], held, still))
    if curved := [i for i in changes if i >= number]:

        def of_curved(*values: Array) -> Array:
            at = dict(zip(curved, values, strict=True))
            operands = (at.get(i, primal) for i, primal in enumerate(primals))
            return evaluated(_sum, *operands, definition=definition, moved=moved)

        values = tuple(jax.numpy.asarray(primals[i]) for i in curved)
        terms.append(jax.jvp(of_curved, values, tuple(changes[i] for i in curved))[1])
    out = tangent(definition, primals[:number], held, moved)
    return out, sum(terms[1:], terms[0])


def _transpose(cotangent: Any, *operands: Any, definition: Definition, moved: Any) -> list[Any]:
    back: list[Any] = [None] * len(operands)
    wanted = [i for i in range(len(moved)) if ad.is_undefined_primal(operands[i])]
    if isinstance(cotangent, ad.Zero):
        return back
    pulled = evaluated(
        _pulled,
        cotangent,
        *operands[len(moved) :],
        definition=definition,
        moved=tuple(moved[i] for i in wanted),
    )
    for i, one in zip(wanted, pulled, strict=True):
        back[i] = one
    return back


def _batch(operands: Any, axes: Any, *, definition: Definition, moved: Any) -> tuple[Array, int]:
    if all(axis is None for axis in axes[len(moved) :]):
        # The slopes once for all tangents, as in jacfwd.
        function = partial(evaluated, _sum, definition=definition, moved=moved)
        return jax.vmap(function, axes)(*operands), 0
    front = with_axis_in_front(operands, axes)
    return tangent_p.bind(*front, definition=definition, moved=moved), 0


def with_axis_in_front(operands: Any, axes: Any) -> list[Array]:
    """Return operands with a batch axis in front of each, and of one rank: they still broadcast."""
    size = next(a.shape[axis] for a, axis in zip(operands, axes, strict=True) if axis is not None)
    front = [batching.bdim_at_front(a, axis, size) for a, axis in zip(operands, axes, strict=True)]
    rank = max(array.ndim for array in front)
    return [a.reshape(a.shape[:1] + (1,) * (rank - a.ndim) + a.shape[1:]) for a in front]


tangent_p = Primitive("spike_tangent")
tangent_p.def_impl(partial(evaluated, _sum))
tangent_p.def_abstract_eval(_abstract)
mlir.register_lowering(tangent_p, mlir.lower_fun(_sum, multiple_results=False))
ad.primitive_jvps[tangent_p] = _jvp
ad.primitive_transposes[tangent_p] = _transpose
batching.primitive_batchers[tangent_p] = _batch
