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
import itertools
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import jax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from . import _jax_residual
from ._backend import Backend

if TYPE_CHECKING:
    from surrogates import Surrogate

Array = Any


class JaxBackend(Backend):
    """Differentiates by JAX's own transforms, forward and reverse, to any order."""

    converts_numpy = True

    @property
    def differentiates(self) -> bool:
        """Whether the library differentiates by itself."""
        return True

    def spike(self, definition: Any, x: Array, arrays: tuple[Array, ...]) -> Array:
        """Return the step of `x`, an equation ``spike[definition=...]`` in a jaxpr."""
        # Equal ranks: when vmap adds an axis in front, broadcasting stays aligned.
        arrays = tuple(a.reshape((1,) * (x.ndim - a.ndim) + a.shape) for a in arrays)
        if isinstance(x, jax.core.Tracer):
            if definition._is_fixed and not _is_new(definition):
                return _compiled_spike(x, definition=definition)
            # Inside shard_map, spikes must count as varying over devices where a parameter does.
            # This is x, as far as it goes for values, and XLA folds it.
            for array in arrays:
                x = jax.numpy.where(True, x, array.astype(x.dtype))
        return spike_p.bind(x, *arrays, definition=definition)

    def namespace(self, x: Array) -> Any:
        """Return the namespace of JAX, which conforms to the array API by itself."""
        return jax.numpy

    def introduce(self, cls: type) -> None:
        """Make the surrogates of a class pytrees: array-valued parameters are the leaves."""
        with contextlib.suppress(ValueError):  # it is one already, by its author or by us
            jax.tree_util.register_pytree_with_keys(cls, _flatten_with_keys, _unflatten, _flatten)

    def copy(self, x: Array) -> Array:
        """Return `x` itself: JAX arrays do not change."""
        return x

    def constant(self, x: Array) -> Array:
        """Return `x` as a constant to differentiation."""
        return jax.lax.stop_gradient(jax.numpy.asarray(x))

    def once(self, function: Any, *arrays: Array) -> Array:
        """Return ``function(*arrays)``, whose differentiation raises NotImplementedError."""
        return function(*map(_jax_residual.once_p.bind, arrays))

    def derivative(self, function: Any, x: Array) -> Array:
        """Return the derivative of an elementwise function, by `jax.jvp`."""
        return jax.jvp(function, (x,), (jax.numpy.ones_like(x),))[1]

    def uniform(self, generator: Any, x: Array) -> Array:
        """Return random numbers from a JAX key."""
        return jax.random.uniform(generator, x.shape, jax.numpy.promote_types(x.dtype, "float32"))

    def erfc(self, x: Array) -> Array:
        """Return the complementary error function."""
        return jax.scipy.special.erfc(x)


def _step(x: Array, *arrays: Array, definition: Any) -> Array:
    return definition.combine(arrays).emit(x)


def _abstract(x: Any, *arrays: Any, definition: Any) -> Any:
    return x.update(weak_type=False)


def _jvp(primals: Any, tangents: Any, *, definition: Any) -> tuple[Array, Any]:
    spikes = spike_p.bind(*primals, definition=definition)
    tangent = tangents[0]  # alone: the step does not depend on the parameters
    if isinstance(tangent, ad.Zero):
        return spikes, tangent
    x, *arrays = primals
    x = jax.numpy.asarray(x)  # a rule is handed NumPy arrays and literals as they are
    if definition.residual_dtype is not None:
        return spikes, _jax_residual.tangent(definition, tangent, x, arrays)
    return spikes, tangent * definition.combine(arrays).surrogate_grad(x).astype(x.dtype)


# Eager differentiation: JAX remembers what it made of this, where it would trace the rule and
# dispatch each operation of the formula anew. Inside what is compiled it leaves no trace of itself.
@partial(jax.jit, static_argnames="definition", inline=True)
def _compiled_spike(x: Array, definition: Any) -> Array:
    return spike_p.bind(x, definition=definition)


def _is_new(definition: Any) -> bool:
    # Compiling takes as long as hundreds of dispatches: not for parameters that change each time.
    return next(_uses(definition)) < _USES_BEFORE_COMPILING


_USES_BEFORE_COMPILING = 4


@lru_cache(maxsize=256)
def _uses(definition: Any) -> Iterator[int]:
    return itertools.count()


def _batch(operands: Any, axes: Any, *, definition: Any) -> tuple[Array, int]:
    size = next(a.shape[axis] for a, axis in zip(operands, axes, strict=True) if axis is not None)
    front = [batching.bdim_at_front(a, axis, size) for a, axis in zip(operands, axes, strict=True)]
    return spike_p.bind(*front, definition=definition), 0


@jax.jit
def _heaviside(x: Array) -> Array:
    return (x >= 0).astype(x.dtype)


_emit = jax.jit(_step, static_argnames="definition")


def _eager(x: Array, *arrays: Array, definition: Any) -> Array:
    # The plain step is compiled once, not anew for each value of a parameter.
    return (
        _heaviside(x) if definition.comparison == "ge" else _emit(x, *arrays, definition=definition)
    )


spike_p = Primitive("spike")
spike_p.def_impl(_eager)
spike_p.def_abstract_eval(_abstract)
mlir.register_lowering(spike_p, mlir.lower_fun(_step, multiple_results=False))
ad.primitive_jvps[spike_p] = _jvp
batching.primitive_batchers[spike_p] = _batch


def _flatten(surrogate: Surrogate) -> tuple[tuple[Any, ...], Surrogate]:
    names = surrogate._with_arrays
    definition = surrogate._replaced([None] * len(names))
    return tuple(getattr(surrogate, name) for name in names), definition


def _flatten_with_keys(surrogate: Surrogate) -> tuple[list[Any], Surrogate]:
    children, definition = _flatten(surrogate)
    keys = map(jax.tree_util.GetAttrKey, surrogate._with_arrays)
    return list(zip(keys, children, strict=True)), definition


def _unflatten(definition: Surrogate, children: Any) -> Surrogate:
    surrogate = definition._replaced(list(children))
    if any(type(child) in (int, float) for child in children):  # mapped to numbers
        return dataclasses.replace(surrogate)
    return surrogate


BACKEND = JaxBackend()
