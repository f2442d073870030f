"""Surrogates written by hand, at any alpha: what ours are compared with where parameters move.

Both are functions of alpha * x: `SLOPES` has their derivatives, `PRIMITIVES` their primitives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

ALPHAS = {"Sigmoid": 4.0, "Arctan": 2.0}

Maths = Callable[[Any, Any], Any]  # of `sigmoid` and `atan` in a namespace, and alpha * x


def _logistic(xp: Any, y: Any) -> Any:
    s = xp.sigmoid(y)
    return s * (1 - s)


SLOPES: dict[str, Maths] = {
    "Sigmoid": _logistic,
    "Arctan": lambda xp, y: 0.5 / (1 + (math.pi / 2 * y) ** 2),
}
PRIMITIVES: dict[str, Maths] = {
    "Sigmoid": lambda xp, y: xp.sigmoid(y),
    "Arctan": lambda xp, y: 0.5 + xp.atan(math.pi / 2 * y) / math.pi,
}


def torch_learned(name: str) -> Any:
    """Return a Function of x and log(alpha), with both derivatives in closed form."""
    import torch

    slope = SLOPES[name]

    class Learned(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, raw: Any) -> Any:
            alpha = raw.exp()
            ctx.save_for_backward(x, alpha)
            return (x >= 0).to(x.dtype)

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            x, alpha = ctx.saved_tensors
            weighted = cotangents[0] * slope(torch, alpha * x)
            return weighted * alpha, (weighted * x).sum() * alpha

    return Learned.apply


def torch_fixed(name: str) -> Any:
    """Return a Function of x alone."""
    import torch

    slope, alpha = SLOPES[name], ALPHAS[name]

    class Fixed(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return (x >= 0).to(x.dtype)

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            (x,) = ctx.saved_tensors
            return cotangents[0] * alpha * slope(torch, alpha * x)

    return Fixed.apply


def torch_straight_through() -> Any:
    """Return the cheapest Function there is: the step, and the cotangent as it comes."""
    import torch

    class StraightThrough(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return (x >= 0).to(x.dtype)

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            return cotangents[0]

    return StraightThrough.apply


def torch_one_liner(name: str) -> Callable[[Any, Any], Any]:
    """Return ``p + (H - p).detach()``, of x and log(alpha)."""
    import torch

    primitive = PRIMITIVES[name]

    def spike(x: Any, raw: Any) -> Any:
        p = primitive(torch, raw.exp() * x)
        return p + ((x >= 0).to(x.dtype) - p).detach()

    return spike


def jax_one_liner(name: str) -> Callable[[Any, Any], Any]:
    """Return the same in JAX."""
    import jax

    primitive = PRIMITIVES[name]

    def spike(x: Any, raw: Any) -> Any:
        p = primitive(_Jax, jax.numpy.exp(raw) * x)
        return p + jax.lax.stop_gradient((x >= 0).astype(x.dtype) - p)

    return spike


def jax_straight_through() -> Any:
    """Return the cheapest function with a rule: the step, and the cotangent as it comes."""
    import jax

    @jax.custom_vjp
    def spike(x: Any) -> Any:
        return (x >= 0).astype(x.dtype)

    spike.defvjp(lambda x: (spike(x), None), lambda _, g: (g,))
    return spike


class _Jax:
    @staticmethod
    def sigmoid(y: Any) -> Any:
        import jax

        return jax.nn.sigmoid(y)

    @staticmethod
    def atan(y: Any) -> Any:
        import jax

        return jax.numpy.atan(y)
