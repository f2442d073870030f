"""What several of JAX's rows of the matrix need. It needs JAX: skip before the import."""

from __future__ import annotations

import jax


def total(f):
    return lambda x: f(x).sum()


def counted(function, **options):
    """Return the function, jitted, and a list that grows by one each time that it is traced."""
    traces = []

    def traced(*args):
        traces.append(1)
        return function(*args)

    return jax.jit(traced, **options), traces
