"""How the aspects of a surrogate compose, whatever the order of its wrappers.

A surrogate has four: its shape (primitive and derivative), its emission (what is emitted), its
residual (what is stored for the backward pass), and the gradient of its parameters (zero, or that
of the primitive). A wrapper changes one and passes the others on. The outermost surrogate knows
each of them; this file says what they amount to together.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import backends
from ._arrays import conformed, operands, working_dtype
from ._maths import holds, larger

Array = Any
Surrogate = Any  # which imports this module

_LEVELS = 254  # of an 8-bit residual, besides zero
_NO_LEVEL = 255  # of it, where the derivative is NaN, or not between 0 and the peak


def has_gradient(surrogate: Surrogate, path: str) -> bool:
    """Return whether what is emitted depends on a parameter, as far as gradients tell."""
    is_threshold = path.rpartition(".")[2] == "threshold"  # of Ternary, which moves the spikes
    return surrogate.relaxes or (surrogate.is_signed and is_threshold)


def called(
    definition: Surrogate, arrays: tuple[Array, ...], backend: backends.Backend, x: Array
) -> Array:
    """Return the spikes of a surrogate that a user calls; warn of what nothing would train."""
    for number, array in enumerate(() if definition.relaxes else arrays):
        if backend.is_to_be_trained(array):
            path = definition.array_paths[number]
            if has_gradient(definition, path):
                continue
            warnings.warn(
                f"{type(definition).__name__}: {path} is a {type(array).__name__}, but its "
                "gradient is zero, since a spike does not depend on it, so no optimiser trains it; "
                f"to train it, take surrogates.learnable(surrogate, {path!r}) or "
                "surrogates.Relaxed(surrogate); for hypergradients, give a plain tensor",
                stacklevel=3,
            )
    return spikes(definition, arrays, backend, x)


def spikes(
    definition: Surrogate, arrays: tuple[Array, ...], backend: backends.Backend, x: Array
) -> Array:
    """Return the spikes of a surrogate with array-valued parameters, which were taken out."""
    with backend.quiet():
        arrays = operands(definition, backend, x, arrays)
        if backend.differentiates:
            xp = backend.namespace(x)
            if definition.is_signed:
                x = backend.aligned(x, arrays)
                return _signed_spikes(definition.combine(arrays), backend, xp, x)
            if definition.relaxes:

                def general(x: Array, *arrays: Array) -> Array:
                    x = backend.aligned(x, arrays)
                    return _relaxed_spikes(definition, backend, xp, x, arrays)

                return backend.relaxed(definition, x, arrays, general)
        return backend.spike(definition, x, arrays)


def _signed_spikes(surrogate: Surrogate, backend: backends.Backend, xp: Any, x: Array) -> Array:
    """Return the spikes at one threshold less those at the other, which move with it."""
    one = surrogate.unsigned()
    wide = xp.astype(x, working_dtype(xp, x.dtype), copy=False)
    # Both in the wide dtype: so are their gradients, which are added up there, and rounded once.
    spikes = spikes_of(one, backend, wide) - spikes_of(one, backend, surrogate.mirrored(wide))
    return xp.astype(spikes, x.dtype, copy=False)


def spikes_of(surrogate: Surrogate, backend: backends.Backend, x: Array) -> Array:
    """Return the spikes of any surrogate, unchecked."""
    if surrogate.array_fields:
        definition, arrays = surrogate.partition()
        return spikes(definition, arrays, backend, x)
    return backend.spike(surrogate, x, ())


def _relaxed_spikes(
    definition: Any, backend: backends.Backend, xp: Any, x: Array, arrays: tuple[Array, ...]
) -> Array:
    """Return spikes whose gradient to the parameters is that of the area to the left of `x`.

    The hook differentiates to `x`, with the parameters held; the difference of two equal areas,
    which adds 0 to the value, to the parameters.
    """
    constants = tuple(map(backend.constant, arrays))
    held = definition.combine(constants)
    # Where an area is infinite the difference would be NaN.
    wide = xp.astype(x, working_dtype(xp, x.dtype), copy=False)
    there = backend.constant(wide)
    if definition.residual_dtype not in (None, "uint8"):
        change = xp.where(xp.isfinite(wide), wide - there, xp.zeros_like(wide))
        there = xp.astype(backend.constant(held.learned_at(x, x.dtype)), wide.dtype, copy=False)
        wide = there + change  # rounded, with a derivative of 1 also where rounding ends
    live = xp.isfinite(held.formula("area", xp, there))
    live = live & xp.isfinite(held.formula("derivative", xp, there))
    dead, live = xp.isfinite(wide) & ~live, xp.isfinite(wide) & live
    # Elsewhere where() passes no gradient on, whatever comes out.
    inner = xp.where(live, wide, there)
    zero = 0 * xp.astype(live, wide.dtype)  # makes the shape, and in JAX the sharding, that of x
    pairs = [(a + zero, c + zero) for a, c in zip(arrays, constants, strict=True)]
    # The gradient to x changes with the parameters as the area's slope does; where no area tells,
    # as the hook's derivative does.
    of_emission = {index for index, _ in definition.undifferentiated}
    if definition.residual_dtype != "uint8":  # whose gradient to x has no derivative
        constants = tuple(xp.where(dead, a, c) for a, c in pairs)
    mixed = tuple(arrays[i] if i in of_emission else c for i, c in enumerate(constants))
    arrays = tuple(xp.where(live, a, c) for a, c in pairs)
    bound = _converged(held, xp, inner)
    inner = inner if bound is None else xp.clip(inner, min=-bound, max=bound)
    area = definition.combine(arrays).formula("area", xp, inner)
    difference = area - held.formula("area", xp, inner)
    difference = xp.where(live, difference - backend.constant(difference), xp.zeros_like(wide))
    nothing = xp.astype(difference, x.dtype, copy=False)
    return backend.spike(definition, x, mixed) + nothing


def relaxed_area(surrogate: Surrogate, x: Array) -> Array:
    """Return the area to the left of `x`, for its slope in a parameter; 0 where it has none.

    Where an area is infinite or NaN, or the gradient to `x` is, that to a parameter is 0.
    """
    xp = backends.of(x).namespace(x)
    wide = xp.astype(x, working_dtype(xp, x.dtype), copy=False)
    live = xp.isfinite(wide) & xp.isfinite(surrogate.formula("derivative", xp, wide))
    bound = _converged(surrogate, xp, wide)
    if bound is None:
        live = live & xp.isfinite(surrogate.formula("area", xp, wide))
    # Elsewhere where() passes no gradient on, and at 0 no derivative is inf * 0.
    inner = xp.where(live, wide, xp.zeros_like(wide))
    inner = inner if bound is None else xp.clip(inner, min=-bound, max=bound)
    return xp.where(live, surrogate.formula("area", xp, inner), xp.zeros_like(wide))


def _converged(surrogate: Surrogate, xp: Any, x: Array) -> Array | None:
    """Return how far out a finite area has all its digits, None where it is infinite or unknown.

    Farther out, intermediate results overflow, and the slope with respect to a parameter is NaN.
    """
    try:
        area = surrogate.area
    except NotImplementedError:  # of a user's class
        return None
    limit = backends.of(x).constant(xp.zeros_like(x)) + (1e25 if x.dtype == xp.float32 else 1e150)
    if isinstance(area, (int, float)):
        return limit if math.isfinite(area) else None
    # of the shape and on the device of x, where it is one number that Dynamo traces
    return xp.where(xp.isfinite(area + 0 * limit), limit, math.inf + limit)


def kept(surrogate: Surrogate, x: Array) -> Array:
    """Return what is kept of `x` for backward, as its residual says."""
    backend = backends.of(x)
    xp, residual = backend.namespace(x), str(surrogate.residual_dtype)
    dtype = getattr(xp, residual, None)
    if dtype is None:
        raise TypeError(
            f"{surrogate!r}: {type(x).__module__} has no dtype {residual}; choose another residual"
        )
    if residual != "uint8":
        return backend.rounded(x, dtype)
    return backend.by_block(surrogate, _levels, x, dtype)


def _levels(surrogate: Surrogate, x: Array) -> Array:
    """Return the derivative in levels."""
    backend = backends.of(x)
    xp = backend.namespace(x)
    with backend.quiet():
        wide = xp.astype(x, working_dtype(xp, x.dtype), copy=False)
        levels = xp.round(surrogate.exact_grad(wide) * (_LEVELS / _largest(surrogate, xp, wide)))
        # An integer has no NaN, and what does not fit would wrap around: a level for both.
        fits = (levels >= 0) & (levels <= _LEVELS)
        return xp.astype(xp.where(fits, levels, _NO_LEVEL + xp.zeros_like(levels)), xp.uint8)


def require_levels(surrogate: Surrogate) -> None:
    """Raise ValueError where 8 bits cannot hold the derivative of a surrogate."""
    wide = surrogate.widened()
    peak: Any = "unknown"
    with contextlib.suppress(NotImplementedError):  # of a user's class
        peak = wide.peak
    fits = not isinstance(peak, str) and holds((peak > 0) & (peak < math.inf))
    negative = wide._negative
    nowhere = not negative if isinstance(negative, bool) else ~negative
    if not fits or not holds(nowhere) or _leaves_the_levels(surrogate, peak):
        raise ValueError(
            f"{type(surrogate).__name__}: 8 bits hold a derivative from 0 to a finite peak, and "
            f"that of {surrogate!r} has peak {peak} or is negative somewhere; take "
            'residual="float16" or residual="bfloat16"'
        )


def _leaves_the_levels(surrogate: Surrogate, peak: Any) -> bool:
    """Return whether the formula of a user is found outside of 0 to `peak`."""
    if surrogate.is_fixed or surrogate.array_fields:
        return False
    sizes = np.geomspace(1e-6, 1e6, 601)
    with np.errstate(all="ignore"):
        values = surrogate.exact_grad(np.concatenate([-sizes, [0.0], sizes]))
    return bool(np.any(values < 0) or np.any(values > peak * (1 + 1e-6)))


def restored(surrogate: Surrogate, kept: Array, dtype: Any) -> Array:
    """Return the derivative from what was kept."""
    backend = backends.of(kept)
    xp = backend.namespace(kept)
    if surrogate.residual_dtype != "uint8":
        if dtype == kept.dtype:
            return surrogate._evaluate("derivative", kept, backend)
        # in a wider dtype: of the largest float16, bfloat16 makes what is beyond float16
        x = backend.widened(kept, working_dtype(xp, dtype))
        return backend.rounded(surrogate._evaluate("derivative", x, backend), dtype)
    return backend.by_block(surrogate, partial(_of_levels, dtype), kept, dtype)


def learned_at(surrogate: Surrogate, x: Array, dtype: Any) -> Array:
    """Return the `x` at which the slope in a parameter is taken, as that in `x` is.

    Of `x` itself, which is of this dtype, or of what was kept of it.
    """
    if surrogate.residual_dtype in (None, "uint8"):  # levels do not tell it
        return x
    backend = backends.of(x)
    held = kept(surrogate, x) if x.dtype == dtype else x
    if held.dtype == dtype:
        return held
    return backend.widened(held, working_dtype(backend.namespace(x), dtype))


def _of_levels(dtype: Any, surrogate: Surrogate, kept: Array) -> Array:
    """Return the derivative from its levels."""
    backend = backends.of(kept)
    xp = backend.namespace(kept)
    wide = xp.astype(kept, working_dtype(xp, dtype))
    with backend.quiet():
        derivative = wide * (_largest(surrogate, xp, wide) / _LEVELS)
    # Not an array of NaN, which `jax.debug_nans` would take for a fault.
    derivative = xp.where(wide == _NO_LEVEL, math.nan, derivative)
    return backend.rounded(derivative, dtype)


def _largest(surrogate: Surrogate, xp: Any, x: Array) -> Any:
    """Return a bound of the derivative: where the bumps of two thresholds meet, they add up."""
    known = None if surrogate.array_fields else surrogate._known_peak
    peak = (surrogate.peak if known is None else known) * (2 if surrogate.is_signed else 1)
    if not isinstance(peak, (int, float)):  # infinite where nobody knew it: nothing has a level
        peak = xp.where(xp.isinf(peak), math.nan, peak)
    # A peak that is 0 or tiny is replaced: the levels divided by it would be infinite.
    return larger(peak, 256 * float(xp.finfo(x.dtype).smallest_normal))


def compressed_grad(surrogate: Surrogate, backend: backends.Backend, x: Array) -> Array:
    """Return the derivative with the rounding of the residual."""
    definition, arrays = _parts(surrogate, backend, x)

    def rounded(x: Array, *arrays: Array) -> Array:
        held = definition.combine(arrays)
        derivative = restored(held, kept(held, x), x.dtype)
        return conformed(definition, "derivative", backend.namespace(x), derivative, x)

    if surrogate.residual_dtype != "uint8":
        return rounded(x, *arrays)
    # Rounding has a derivative, zero, and would be wrong in silence.
    return backend.nondifferentiable(rounded, x, *arrays)


def compressed(surrogate: Surrogate, backend: backends.Backend, x: Array) -> Callable[[], Array]:
    """Return a function that returns the derivative, and holds only what is kept of `x`."""
    definition, arrays = _parts(surrogate, backend, x)
    arrays = tuple(map(backend.copy, arrays))  # they may be edited afterwards
    held = definition.combine(arrays)
    residual = kept(held, x)
    if residual is x:  # of that dtype already
        residual = backend.copy(x)
    dtype = x.dtype
    if surrogate.residual_dtype != "uint8" or not backend.differentiates:
        return lambda: restored(held, residual, dtype)
    # `x` without its elements: a derivative to `x` raises, and none of `x` is kept for that
    tie = backend.copy(x[..., None][..., :0])

    def derivative(_: Array, *arrays: Array) -> Array:
        return restored(definition.combine(arrays), residual, dtype)

    return lambda: backend.nondifferentiable(derivative, tie, *arrays)


def _parts(
    surrogate: Surrogate, backend: backends.Backend, x: Array
) -> tuple[Surrogate, tuple[Array, ...]]:
    """Return a surrogate without its arrays, and these as `x` is computed in."""
    definition, arrays = surrogate.partition()
    with backend.quiet():
        return definition, operands(surrogate, backend, x, arrays)
