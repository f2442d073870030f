"""PyTorch: a spike in plain arithmetic, for where an `autograd.Function` does not work.

With x0 = x.detach(), it is the spike at x0 plus the integral from x0 to x of the derivative d. The
value of the integral is 0, and its derivatives are d and those of d. A rule of three points, x0
among them, gives the first five.

A value of 0 does not make a product 0: where d, or its derivative, leaves the range of the dtype,
0 * inf is NaN. Such points are evaluated elsewhere.
"""

from __future__ import annotations

import math

import torch

from .._backend import Definition

Tensor = torch.Tensor

# Radau's rule on [0, 1]: its nodes except 0, and their weights.
_RADAU = tuple(
    ((6 - sign * math.sqrt(6)) / 10, (16 + sign * math.sqrt(6)) / 36) for sign in (1, -1)
)

# Times a parameter of 1e15, a derivative up to this fraction of the largest number is finite.
_ROOM = 2.0**-50


def arithmetic(definition: Definition, x: Tensor, arrays: tuple[Tensor, ...]) -> Tensor:
    """Return the spikes, with derivatives to `x` of every order up to the fifth.

    The first one is ``exact_grad``. It is 0 at infinite and NaN `x`, where `x` minus itself is NaN.
    """
    if x.ndim == 0:  # PyTorch's tangent of a number times a 0-dimensional float32 is a float64
        return arithmetic(definition, x.reshape(1), arrays).reshape(())
    surrogate = definition.combine(arrays)
    spikes = surrogate.emit(x.detach()).to(x.dtype)
    wide = x if x.dtype == torch.float64 else x.float()  # half precision has little range
    largest = torch.finfo(wide.dtype).max

    live = torch.where(torch.isfinite(wide.detach()), wide, 0.0)
    origin = live.detach()
    step = live - origin
    fixed = definition.combine([a.detach() for a in arrays])
    held = fixed.exact_grad(origin)
    none = torch.zeros_like(held)

    # Where the derivative is about to leave the range of the dtype, its own derivative has left it.
    # In a tail, where it is 0 from there on, an intermediate result may have left it, such as a
    # square of x.
    is_steep = ~(held.abs() <= _ROOM * largest)
    farther = fixed.exact_grad((origin * (1 + 2.0**-10)).clamp(-largest, largest))
    is_tail = (held == 0) & (farther == 0) & (origin.abs() > 1)
    is_smooth = ~(is_steep | is_tail)
    inner = torch.where(is_smooth, live, 0.0)
    start = inner.detach()
    slope = surrogate.exact_grad(start) if arrays else torch.where(is_smooth, held, none)
    # How much the derivative changes from x0 to x: its value is 0, its derivatives are not.
    at_nodes = [surrogate.exact_grad(start + node * (inner - start)) for node, _ in _RADAU]
    change = sum(weight * (s - slope) for s, (_, weight) in zip(at_nodes, _RADAU, strict=True))

    # In two factors, an infinite derivative is a finite one times 0.
    slope = torch.where(is_smooth, slope + change, torch.nan_to_num(held, nan=largest))
    boost = torch.where(torch.isfinite(held), none + 1, largest)
    # The derivative of a steep one is infinite, rather than 0 in silence.
    bend = torch.where(is_steep, none + largest, none)
    carrier = step * slope * boost + step * step * bend
    result: Tensor = spikes + carrier.to(x.dtype)
    return result
