"""JAX: a primitive of our own, "spike", with a JVP rule.

Why not `jax.custom_jvp`: inside `lax.scan` and `jax.checkpoint`, JAX keeps what a custom rule
returned and drops the rule (https://github.com/jax-ml/jax/issues/4566). The spike that the rule
returns is then a bare step to the next differentiation, and second derivatives are wrong in
silence. A primitive stays one equation in every trace, with its rule, to any order. Nor does it
cost anything: it lowers to a comparison, and no derivative is computed before one is asked for.
"""

from __future__ import annotations

import contextlib
from typing import Any

import jax
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from . import _jax_compressed
from ._backend import Backend, Definition
from ._jax_tangent import evaluated, is_concrete, tangent, with_axis_in_front

Array = Any


class JaxBackend(Backend):
    """Differentiates by JAX's own transforms, forward and reverse, to any order."""

    converts_numpy = True
    no_out = (
        "JAX arrays do not change; call it without, and let jax.jit(..., donate_argnums=...) use "
        "the memory of the cotangent again"
    )

    @property
    def differentiates(self) -> bool:
        """Whether the library differentiates by itself."""
        return True

    def spike(self, definition: Definition, x: Array, arrays: tuple[Array, ...]) -> Array:
        """Return the step of `x`, an equation ``spike[definition=...]`` in a jaxpr."""
        if any(isinstance(a, jax.core.Tracer) for a in (x, *arrays)):
            # Compiled, JAX remembers its linearization.
            return evaluated(_bound, x, *arrays, definition=definition, moved=())
        return _bound(x, *arrays, definition=definition, moved=())

    def relaxed(
        self, definition: Definition, x: Array, arrays: tuple[Array, ...], general: Any
    ) -> Array:
        """Return the spikes of `Relaxed`: the rule of the primitive knows of it."""
        return self.spike(definition, x, arrays)

    def evaluate(
        self, definition: Definition, x: Array, arrays: tuple[Array, ...], name: str
    ) -> Array:
        """Return the primitive or derivative, of arrays that were given one rank and sharding."""
        if arrays:
            x, arrays = _aligned(x, arrays)
        return super().evaluate(definition, x, arrays, name)

    def aligned(self, x: Array, arrays: tuple[Array, ...]) -> Array:
        """Return `x`, split over devices where one of `arrays` is."""
        return _aligned(x, arrays)[0]

    def namespace(self, x: Array) -> Any:
        """Return the namespace of JAX, which conforms to the array API by itself."""
        return jax.numpy

    def register_class(self, cls: type) -> None:
        """Make the surrogates of a class pytrees: array-valued parameters are the leaves."""
        with contextlib.suppress(ValueError):  # it is one already, by its author or by us
            jax.tree_util.register_pytree_with_keys(cls, _flatten_with_keys, _unflatten, _flatten)

    def is_known(self, x: Array) -> bool:
        """Return whether `x` is no tracer, or one of eager differentiation."""
        return is_concrete(x)

    def extremes(self, array: Array) -> tuple[float, float] | None:
        """Return the least and the largest value, where all of it is in the processor's memory."""
        if not isinstance(array, jax.Array) or isinstance(array, jax.core.Tracer):
            return None  # also what has a shape and a dtype alone
        if array.is_deleted():
            raise RuntimeError(
                f"holds nothing any more: an array of shape {array.shape} that was donated "
                "(donate_argnums) or deleted; give the one that the jitted function returned"
            )
        if not array.is_fully_addressable or 0 in array.shape:
            return None
        devices: Any = array.sharding.device_set
        if {device.platform for device in devices} != {"cpu"}:
            return None
        held = np.asarray(array)  # jax.numpy would be traced inside of jax.jit
        if held.ndim == 0:
            return (value := float(held), value)
        if held.itemsize == 2:  # of a NaN in bfloat16 NumPy warns
            held = held.astype(np.float32)
        return float(held.min()), float(held.max())

    def for_numpy(self, x: Array) -> Any:
        """Return `x` as an array of NumPy: eager JAX compiles each operation for each shape."""
        if isinstance(x, jax.core.Tracer) or not x.is_fully_addressable:
            return None
        return np.asarray(x)

    def promoting(self) -> contextlib.AbstractContextManager[Any]:
        """Return a context in which JAX broadcasts, which it may have been told to refuse."""
        context: contextlib.AbstractContextManager[Any] = jax.numpy_rank_promotion("allow")
        return context

    def copy(self, x: Array) -> Array:
        """Return `x` itself: JAX arrays do not change."""
        return x

    def constant(self, x: Array) -> Array:
        """Return `x` as a constant to differentiation."""
        return jax.lax.stop_gradient(jax.numpy.asarray(x))

    def nondifferentiable(self, function: Any, *arrays: Array) -> Array:
        """Return ``function(*arrays)``, whose differentiation raises NotImplementedError."""
        return function(*map(_jax_compressed.nondifferentiable_p.bind, arrays))

    def derivative(self, function: Any, x: Array) -> Array:
        """Return the derivative of an elementwise function, by `jax.jvp`."""
        return jax.jvp(function, (x,), (jax.numpy.ones_like(x),))[1]

    def uniform(self, generator: Any, x: Array) -> Array:
        """Return random numbers from a JAX key."""
        if not hasattr(generator, "dtype"):  # a key may be a plain array of NumPy, too
            raise TypeError(
                f"generator must be a key of JAX, such as jax.random.key(0), got {generator!r}"
            )
        dtype = jax.numpy.float64 if x.dtype == jax.numpy.float64 else jax.numpy.float32
        return jax.random.uniform(generator, x.shape, dtype)

    def erfc(self, x: Array) -> Array:
        """Return the complementary error function."""
        return jax.scipy.special.erfc(x)


def _bound(x: Array, *arrays: Array, definition: Definition, moved: tuple[int, ...]) -> Array:
    if arrays:
        x, arrays = _aligned(x, arrays)
    return spike_p.bind(x, *arrays, definition=definition)


def _aligned(x: Array, arrays: tuple[Array, ...]) -> tuple[Array, tuple[Array, ...]]:
    """Return `x` and its parameters, split over the same devices.

    Inside shard_map all must vary over the same device axes; under explicit sharding `where` wants
    all of its arguments split alike. Subtracting a zero of the others' type does both, changes no
    value, and XLA folds it away.
    """
    every = (x, *arrays)
    if any(map(_is_explicitly_split, every)):
        arrays = tuple(a.reshape((1,) * (x.ndim - a.ndim) + a.shape) for a in arrays)
        zero: Array = sum(_zero_like(array, x.dtype) for array in (x, *arrays))
    elif arrays and _in_shard_map():
        zero = sum(jax.numpy.zeros_like(array, dtype=x.dtype).sum() for array in every)
    else:
        return x, arrays
    return x - zero, tuple(a - zero.astype(a.dtype) for a in arrays)


def _in_shard_map() -> bool:
    # before JAX 0.6 no type tells what varies, nor does JAX ask
    mesh = getattr(jax.sharding, "get_abstract_mesh", None)
    return mesh is not None and jax.sharding.AxisType.Manual in (mesh().axis_types or ())


def _zero_like(array: Array, dtype: Any) -> Array:
    # zeros_like forgets the sharding of an array that a compiled function closes over
    return jax.lax.full_like(array, 0, dtype, sharding=jax.typeof(array).sharding)


def _is_explicitly_split(array: Array) -> bool:
    # by its type, which says nothing under automatic sharding, nor before JAX 0.6
    array_type = jax.typeof(array) if hasattr(jax, "typeof") else None
    return any(getattr(getattr(array_type, "sharding", None), "spec", ()))


def _step(x: Array, *arrays: Array, definition: Definition) -> Array:
    # A parameter may be of a wider dtype than x.
    return definition.combine(arrays).emit(x).astype(x.dtype)


def _abstract(x: Any, *arrays: Any, definition: Definition) -> Any:
    return x.update(weak_type=False)


def _jvp(primals: Any, tangents: Any, *, definition: Definition) -> tuple[Array, Any]:
    for index, message in definition.undifferentiated:
        if not isinstance(tangents[1 + index], ad.Zero):
            raise NotImplementedError(message)
    spikes = spike_p.bind(*primals, definition=definition)
    moved = tuple(i for i, t in enumerate(tangents) if not isinstance(t, ad.Zero))
    if not definition.relaxes:  # the step does not depend on the parameters
        moved = tuple(i for i in moved if i == 0)
    if not moved:
        return spikes, tangents[0]
    x, *arrays = primals
    groups = [(moved, x)]
    if moved[0] == 0 and definition.residual_dtype is not None:
        kept = evaluated(_jax_compressed.kept, x, *arrays, definition=definition, moved=(0,))
        groups = [(moved, kept)]
        if definition.residual_dtype == "uint8" and moved[1:]:  # levels tell nothing of these
            groups = [((0,), kept), (moved[1:], x)]
    terms = [
        tangent(definition, [tangents[i] for i in group], (of_x, *arrays), group)
        for group, of_x in groups
    ]
    return spikes, sum(terms[1:], terms[0])


def _batch(operands: Any, axes: Any, *, definition: Definition) -> tuple[Array, int]:
    front = with_axis_in_front(operands, axes)
    return spike_p.bind(*front, definition=definition), 0


_COMPARISONS: dict[str | None, Any] = {
    "ge": jax.jit(lambda x: (x >= 0).astype(x.dtype)),
    "gt": jax.jit(lambda x: (x > 0).astype(x.dtype)),
}


def _eager(x: Array, *arrays: Array, definition: Definition) -> Array:
    # Comparisons are compiled once, all else runs op by op: a new parameter compiles nothing.
    compare = _COMPARISONS.get(definition.comparison)
    if compare is not None:
        return compare(x)
    return _step(jax.numpy.asarray(x), *arrays, definition=definition)


spike_p = Primitive("spike")
spike_p.def_impl(_eager)
spike_p.def_abstract_eval(_abstract)
mlir.register_lowering(spike_p, mlir.lower_fun(_step, multiple_results=False))
ad.primitive_jvps[spike_p] = _jvp
batching.primitive_batchers[spike_p] = _batch


def _flatten(surrogate: Definition) -> tuple[tuple[Any, ...], Any]:
    names = surrogate.array_fields
    if names:
        _require_leaves(surrogate)
    definition = surrogate.replaced([None] * len(names))
    return tuple(getattr(surrogate, name) for name in names), definition


def _require_leaves(surrogate: Definition) -> None:
    """Raise where an array would stay as it is while JAX replaces those that it may come from."""
    for name, value in surrogate.others().items():
        if isinstance(value, (jax.Array, np.ndarray)):
            raise TypeError(
                f"{type(surrogate).__name__}: {name} is an array and no parameter, which JAX would "
                "neither map nor differentiate; compute it in the formula, or as a "
                "functools.cached_property"
            )


def _flatten_with_keys(surrogate: Definition) -> tuple[list[Any], Any]:
    children, definition = _flatten(surrogate)
    keys = map(jax.tree_util.GetAttrKey, surrogate.array_fields)
    return list(zip(keys, children, strict=True)), definition


def _unflatten(definition: Definition, children: Any) -> Any:
    surrogate = definition.replaced(list(children))
    if any(type(child) in (int, float) for child in children):  # mapped to numbers
        with contextlib.suppress(ValueError):  # out of range: a gradient, or an axis for vmap
            return surrogate.renewed()
    return surrogate


BACKEND = JaxBackend()
