"""JAX: what is stored of `x` for the tangent of a spike, see `surrogates.Compressed`.

`_jax_tangent` evaluates the derivative from it. 8 bits are good for one derivative: to
differentiate them further raises.
"""

from __future__ import annotations

from typing import Any

from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from ._backend import Definition

Array = Any


def kept(x: Array, *arrays: Array, definition: Definition, moved: Any) -> Array:
    """Return what is kept of `x`, of which an integer tells nothing to a second derivative."""
    if definition.residual_dtype == "uint8":
        x = nondifferentiable_p.bind(x)
    return definition.combine(arrays).kept(x)


def _same(x: Array) -> Array:
    return x


def _refuse(primals: Any, tangents: Any) -> Any:
    raise NotImplementedError(
        'Compressed(surrogate, "uint8") has a first derivative only: its 8 bits do not tell the '
        'second; take "float16" or "bfloat16", or the surrogate without Compressed'
    )


# The identity, without a derivative: rounding has one, zero, and would be wrong in silence. Not a
# custom_jvp: lax.scan drops its rule (https://github.com/jax-ml/jax/issues/4566).
nondifferentiable_p = Primitive("nondifferentiable")
nondifferentiable_p.def_impl(_same)
nondifferentiable_p.def_abstract_eval(_same)
mlir.register_lowering(nondifferentiable_p, mlir.lower_fun(_same, multiple_results=False))
batching.defvectorized(nondifferentiable_p)
ad.primitive_jvps[nondifferentiable_p] = _refuse
