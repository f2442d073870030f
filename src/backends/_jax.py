"""JAX: a primitive of our own, "spike", with a JVP rule.

Why not `jax.custom_jvp`: inside `lax.scan` and `jax.checkpoint`, JAX keeps what a custom rule
returned and drops the rule (https://github.com/jax-ml/jax/issues/4566). The spike that the rule
returns is then a bare step to the next differentiation, and second derivatives are wrong in
silence. A primitive stays one equation in every trace, with its rule, to any order. Nor does it
cost anything: it lowers to a comparison, and no derivative is computed before one is asked for.
"""

from __future__ import annotations

import contextlib
import dataclasses
from functools import lru_cache, partial
from typing import Any

import jax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from . import _jax_compressed
from ._backend import Backend, Definition

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
        if arrays:
            x, arrays = _aligned(x, arrays)
        elif isinstance(x, jax.core.Tracer) and definition.is_fixed:
            return _spike_of(definition)(x)
        return spike_p.bind(x, *arrays, definition=definition)

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
        dtype = jax.numpy.float64 if x.dtype == jax.numpy.float64 else jax.numpy.float32
        return jax.random.uniform(generator, x.shape, dtype)

    def erfc(self, x: Array) -> Array:
        """Return the complementary error function."""
        return jax.scipy.special.erfc(x)


def _aligned(x: Array, arrays: tuple[Array, ...]) -> tuple[Array, tuple[Array, ...]]:
    """Return `x` and its parameters with equal ranks, split over the same devices.

    Equal ranks: when vmap adds an axis in front, broadcasting stays aligned, and JAX may be set to
    refuse another rank. Split: inside shard_map the spikes must vary over every device axis that a
    parameter varies over; under explicit sharding `where` wants all of its arguments split alike.
    Subtracting a zero of the other's type does both, changes no value, and XLA folds it away.
    """
    arrays = tuple(a.reshape((1,) * (x.ndim - a.ndim) + a.shape) for a in arrays)
    if any(map(_is_explicitly_split, (x, *arrays))):
        zero: Array = sum(_zero_like(array, x.dtype) for array in (x, *arrays))
        return x - zero, tuple(a - zero.astype(a.dtype) for a in arrays)
    for array in arrays:
        if isinstance(array, jax.core.Tracer):
            x = x - jax.numpy.zeros_like(array, dtype=x.dtype)
    return x, arrays


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
    tangent = tangents[0]  # alone: the step does not depend on the parameters
    if isinstance(tangent, ad.Zero):
        return spikes, tangent
    x, *arrays = primals
    x = jax.numpy.asarray(x)  # a rule is handed NumPy arrays and literals as they are
    if definition.residual_dtype is not None:
        return spikes, _jax_compressed.tangent(definition, tangent, x, arrays)
    return spikes, tangent * definition.combine(arrays).surrogate_grad(x).astype(x.dtype)


class _Spike:
    """The spike of a definition, as a compiled function once it was used often enough.

    For eager differentiation: JAX remembers the linearization of a jitted spike; without jit it
    traces the rule and dispatches each operation of the formula every time. Inside a compiled
    function this jit is inlined. Compiling takes as long as hundreds of dispatches, so it is not
    done for parameters that change each time.
    """

    uses_before_compiling = 4

    def __init__(self, definition: Definition) -> None:
        self.uses = 0
        self.plain = partial(spike_p.bind, definition=definition)
        self.compiled = jax.jit(self.plain, inline=True)

    def __call__(self, x: Array) -> Array:
        self.uses += 1
        return self.plain(x) if self.uses <= self.uses_before_compiling else self.compiled(x)


# JAX (0.10, not yet 0.4) frees what it compiled when the function is forgotten.
_spike_of = lru_cache(maxsize=32)(_Spike)


def _batch(operands: Any, axes: Any, *, definition: Definition) -> tuple[Array, int]:
    size = next(a.shape[axis] for a, axis in zip(operands, axes, strict=True) if axis is not None)
    front = [batching.bdim_at_front(a, axis, size) for a, axis in zip(operands, axes, strict=True)]
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
    definition = surrogate.replaced([None] * len(names))
    return tuple(getattr(surrogate, name) for name in names), definition


def _flatten_with_keys(surrogate: Definition) -> tuple[list[Any], Any]:
    children, definition = _flatten(surrogate)
    keys = map(jax.tree_util.GetAttrKey, surrogate.array_fields)
    return list(zip(keys, children, strict=True)), definition


def _unflatten(definition: Definition, children: Any) -> Any:
    surrogate = definition.replaced(list(children))
    if any(type(child) in (int, float) for child in children):  # mapped to numbers
        return dataclasses.replace(surrogate)
    return surrogate


BACKEND = JaxBackend()
