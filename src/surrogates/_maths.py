"""The few functions that the definitions share besides the array API standard."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from . import backends

Array = Any


def sign(xp: Any, x: Array) -> Array:
    """Return -1 where ``x < 0``, else 1.

    Not `xp.sign`, which is 0 at 0: there an odd function ``sign(x) * f(sign(x) * x)`` would lose
    its slope under automatic differentiation.
    """
    return 1 - 2 * xp.astype(x < 0, x.dtype)


def select(xp: Any, condition: bool | Array, first: Any, second: Any) -> Any:
    """Return `first` where a condition on a parameter, a float or an array, holds."""
    if isinstance(condition, bool):
        return first if condition else second
    return xp.where(condition, first, second)


def namespace(parameter: Array) -> Any:
    """Return the namespace of a parameter that is an array."""
    return backends.of(parameter).namespace(parameter)


def choose(condition: bool | Array, first: Any, second: Any, like: float | Array) -> Any:
    """Return `first` where a condition on the parameter `like` holds: `select` for measures."""
    if isinstance(condition, (bool, np.bool_)):
        return first if condition else second
    xp = namespace(like)
    zero = xp.zeros_like(like)  # so that numbers become arrays of its shape and dtype
    return xp.where(condition, first + zero, second + zero)


def either(first: bool | Array, second: bool | Array) -> Any:
    """Return whether one of two conditions on parameters holds."""
    return second | first if isinstance(first, bool) else first | second  # MLX's: an array first


def both(first: bool | Array, second: bool | Array) -> Any:
    """Return whether two conditions on parameters hold."""
    return second & first if isinstance(first, bool) else first & second


def holds(condition: bool | Array) -> bool:
    """Return whether a condition on parameters holds; True where their values may be traced."""
    if isinstance(condition, bool):  # the only case that torch.compile traces
        return condition
    known = isinstance(condition, (np.generic, np.ndarray))
    return bool(np.all(condition)) if known else True


def number(measure: Any) -> Any:
    """Return a number of NumPy as Python's; one that Dynamo traces as it is."""
    return float(measure) if isinstance(measure, (np.generic, np.ndarray)) else measure


def unwarned(x: Any) -> AbstractContextManager[Any]:
    """Return a context in which NumPy does not warn that a measure is infinite or NaN."""
    if isinstance(x, (np.ndarray, np.generic)):
        return np.errstate(over="ignore", under="ignore", invalid="ignore")
    return nullcontext()


def unless_zero(factor: float | Array, measure: Any) -> Any:
    """Return a measure, or 0 where its factor is 0: that may be infinite, and the product NaN."""
    return choose(factor == 0, 0.0, measure, like=factor)


def larger(a: float | Array, b: float | Array) -> Any:
    """Return the larger of two parameters, floats or arrays."""
    return choose(a < b, b, a, like=a + b)


def smaller(a: float | Array, b: float | Array) -> Any:
    """Return the smaller of two parameters, floats or arrays."""
    return choose(a > b, b, a, like=a + b)


def infinite(parameter: float | Array) -> Any:
    """Return infinity with the sign of a parameter, and 0 where that is 0."""
    signed = choose(parameter < 0, -math.inf, math.inf, like=parameter)
    return choose(parameter == 0, 0.0, signed, like=parameter)


def of_parameter(name: str, parameter: float | Array) -> Any:
    """Return the elementary function of this name of a parameter, a float or an array."""
    if not isinstance(parameter, float):
        with np.errstate(over="ignore"):
            return getattr(namespace(parameter), name)(parameter)
    try:
        return getattr(math, name)(parameter)
    except OverflowError:
        return math.inf


def two_sided(xp: Any, x: Array, tail: Array, area: float | Array = 1.0) -> Array:
    """Return the area of an even derivative to the left of `x`, from that beyond ``abs(x)``.

    Both tails keep their relative accuracy, which ``1/2 + odd function`` rounds away.
    """
    return xp.where(x < 0, tail, area - tail)


def over(x: Array, scale: float | Array) -> Array:
    """Return ``x / scale`` by the reciprocal.

    Where the quotient overflows, its slope in the scale would be infinite too, and would give
    inf * 0 in a function that has long become constant.
    """
    return x * (1 / scale)


def times(xp: Any, slope: float | Array, x: Array) -> Array:
    """Return ``slope * x``, and 0 where the slope is 0 or rounds to it, even at infinite `x`."""
    rounds_to_0 = abs(slope) < float(xp.finfo(x.dtype).smallest_normal)
    return slope * select(xp, rounds_to_0, finite_part(xp, x), x)


def weighted(xp: Any, factor: float | Array, value: Array) -> Array:
    """Return the product, which is 0 where the factor is, of infinite values too."""
    if isinstance(factor, float):
        return factor * value if factor != 0.0 else keep_nan(xp, value, xp.zeros_like(value))
    is_infinite = xp.abs(value) > float(xp.finfo(value.dtype).max)
    return factor * xp.where((factor == 0) & is_infinite, xp.zeros_like(value), value)


def keep_nan(xp: Any, x: Array, result: Array) -> Array:
    """Return `result`, but NaN where `x` is: a constant piece forgets that."""
    return xp.where(xp.isnan(x), x, result)


def finite_part(xp: Any, x: Array) -> Array:
    """Return `x` with infinities moved to the largest finite number."""
    largest = float(xp.finfo(x.dtype).max)
    return xp.clip(x, min=-largest, max=largest)


def at_least(xp: Any, x: Array, limit: float | Array) -> Array:
    """Return the larger of `x` and a limit; where they are equal, with slope 1.

    There `xp.clip` has slope 1/2 in JAX, and 1 on both sides in PyTorch. Of two pieces that meet,
    just one must have a slope: the one to which the derivative says that the edge belongs.
    """
    if getattr(xp, "undifferentiated", False):
        return xp.clip(x, min=limit)
    return xp.where(x < limit, limit + xp.zeros_like(x), x)


def at_most(xp: Any, x: Array, limit: float | Array) -> Array:
    """Return the smaller of `x` and a limit; where they are equal, with slope 0."""
    if getattr(xp, "undifferentiated", False):
        return xp.clip(x, max=limit)
    return xp.where(x >= limit, limit + xp.zeros_like(x), x)


def cut_below(xp: Any, x: Array, limit: float | Array, closed: bool) -> Array:
    """Return the larger of `x` and a limit; where they are equal, with slope 1 if `closed`."""
    return at_least(xp, x, limit) if closed else -at_most(xp, -x, -limit)


def cut_above(xp: Any, x: Array, limit: float | Array, closed: bool) -> Array:
    """Return the smaller of `x` and a limit; where they are equal, with slope 1 if `closed`."""
    return -at_least(xp, -x, -limit) if closed else at_most(xp, x, limit)


def before_underflow(xp: Any, z: Array, limit: float | Array) -> Array:
    """Return `z`, cut off at a limit beyond which ``exp(-z^2)`` or the like is zero.

    Its derivative, ``-2 z exp(-z^2)``, would end as inf * 0. Exact arithmetic does not underflow,
    and where a traced formula is differentiated, NaN is noticed.
    """
    for_values = getattr(xp, "exact", False) or getattr(xp, "undifferentiated", False)
    return z if for_values else xp.clip(z, min=-limit, max=limit)


def remainder(xp: Any, x: Array, period: Array) -> Array:
    """Return the remainder of finite ``x >= 0``, exactly, even where ``x / period`` overflows."""
    if getattr(xp, "exact", False):
        return xp.remainder(x, period)
    half_range = 2.0**64 if x.dtype == xp.float32 else 2.0**512
    return xp.remainder(xp.remainder(x, half_range * period), period)


def expm1(xp: Any, u: Array) -> Array:
    """Return ``exp(u) - 1``, whose slope is ``exp(u)`` far below 0, too.

    There frameworks take the result plus 1 for the slope, which cancels.
    """
    return xp.where(u < -1, xp.exp(xp.clip(u, max=-1.0)) - 1, xp.expm1(u))


def tanh(xp: Any, u: Array) -> Array:
    """Return the hyperbolic tangent, whose slope keeps its digits far from 0, too.

    There frameworks take 1 less the square of the result for the slope, which cancels.
    """
    size = sign(xp, u) * u
    decay = xp.exp(-2 * at_least(xp, size, 1.0))
    far = sign(xp, u) * (1 - 2 * decay / (1 + decay))
    return xp.where(size < 1, xp.tanh(xp.clip(u, min=-1.0, max=1.0)), far)


def times_expm1(xp: Any, factor: float | Array, u: Array) -> Array:
    """Return ``factor * (exp(u) - 1)``, even where ``exp(u)`` overflows and the product not."""
    near = expm1(xp, xp.clip(u, max=32.0))
    root = xp.exp(at_least(xp, u, 32.0) / 2)
    return xp.where(u < 32, factor * near, factor * root * root - factor)


def log1p_of_product(xp: Any, factor: float | Array, size: Array) -> Array:
    """Return ``log(1 + factor * size)`` for positive arguments, even if the product overflows."""
    product = factor * size
    huge = product > 1e18  # where the 1 is lost
    separate = xp.log(xp.clip(size, min=1e-30)) + elementary(xp, "log", factor)
    return xp.where(huge, separate, xp.log1p(xp.where(huge, xp.ones_like(size), product)))


def elementary(xp: Any, name: str, parameter: float | Array) -> Any:
    """Return an elementary function of a parameter, a float or an array, in a formula."""
    of_number = getattr(xp, "of_number", None)  # where they are recorded
    if isinstance(parameter, float) and of_number is not None:
        return of_number(name, parameter)
    function = getattr(math if isinstance(parameter, float) else xp, name)
    return function(parameter)


def logistic(xp: Any, x: Array) -> Array:
    """Return the logistic function of ``x <= 0``, by the library's own where it has one."""
    sigmoid = getattr(xp, "sigmoid", None)  # not hasattr, which Dynamo would guard
    if sigmoid is not None:
        return sigmoid(x)
    rise = xp.exp(x)
    return rise / (1 + rise)


def one_above(xp: Any, x: Array, decay: Array) -> Array:
    """Return a decay, which is at most 1, where ``x < 0``, else 1."""
    if getattr(xp, "undifferentiated", False):  # random signs make a choice slow
        return xp.maximum(decay, xp.astype(x >= 0, x.dtype))
    return xp.where(x < 0, decay, xp.ones_like(x))


def erfc(xp: Any, x: Array) -> Array:
    """Return the complementary error function, which the standard lacks."""
    return xp.erfc(x) if hasattr(xp, "erfc") else backends.of(x).erfc(x)
