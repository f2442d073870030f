"""The pairs of JAX: forward and backward, of ours and of the same by hand."""

from __future__ import annotations

import itertools
import math
from typing import Any

import jax

import surrogates

from . import by_hand
from .by_hand import ALPHAS
from .contenders import Contenders, inputs, jax_step
from .peers import OURS


def learned(name: str, size: int) -> Contenders:
    """Return what a learnable module computes against the one-liner, both compiled."""
    x, g = map(jax.numpy.asarray, inputs(size))
    raw = jax.numpy.asarray(math.log(ALPHAS[name]), dtype="float32")

    def ours(x: Any, raw: Any) -> Any:
        return surrogates.Relaxed(type(OURS[name])(jax.numpy.exp(raw)))(x)

    def run(spike: Any) -> Any:
        def step(x: Any, raw: Any, g: Any) -> Any:
            spikes, pullback = jax.vjp(spike, x, raw)
            return spikes, pullback(g)

        compiled = jax.jit(step)
        return lambda: jax.block_until_ready(compiled(x, raw, g))

    return {"ours": run(ours), "against": run(by_hand.jax_one_liner(name))}


def another(name: str, size: int) -> Contenders:
    """Return a new surrogate at each call, of an alpha never used before, against one kept."""
    x, g = map(jax.numpy.asarray, inputs(size))
    alphas = (ALPHAS[name] + 1e-6 * number for number in itertools.count(1))
    constant = jax_step(OURS[name])

    def ours() -> Any:
        surrogate = type(OURS[name])(next(alphas))
        return jax.block_until_ready(jax_step(surrogate)(x, g))

    return {"ours": ours, "against": lambda: jax.block_until_ready(constant(x, g))}
