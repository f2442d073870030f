"""Running a network of JAX for a diagnosis: callbacks see what is traced, and its gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._surrogate import Surrogate
from ._keep import copied, kept
from ._record import Layer, Recorder, modules_of, squares

Array = Any


def run(recorder: Recorder, model: Any, batch: tuple[Any, ...], loss: Any) -> None:
    """Run a network forward and backward."""

    def total(zero: Array) -> Array:
        # Copied here: what Flax changes must belong to the innermost trace.
        network = _copied(model)
        recorder.modules = modules_of(network)
        recorder.tap = partial(_tap, zero)
        output = network(*inputs)
        return (_signed_sum(output) if loss is None else loss(output)) + 0 * zero

    inputs = copied(recorder, batch)
    with kept(model), jax.disable_jit():  # what was compiled before would not call Python again
        try:
            jax.grad(total)(0.0)
        except Exception as error:
            if type(error).__name__ == "TraceContextError":  # of Flax, which need not be installed
                raise TypeError(
                    "diagnose: the network is a function around a module of Flax that changes as "
                    "it runs, and cannot be copied; hand over the module itself"
                ) from error
            raise
    jax.effects_barrier()
    for layer in recorder.layers.values():
        if not layer.leaving:
            recorder.cannot_tell(f"gradients of {layer.name}: no output depends on its spikes")


def _copied(model: Any) -> Any:
    from sys import modules

    nnx = modules.get("flax.nnx")
    return nnx.clone(model) if nnx and isinstance(model, nnx.Module) else model


def _tap(
    zero: Array, layer: Layer, surrogate: Surrogate, x: Array, spike: Callable[[Any], Any]
) -> Any:
    # Everything depends on `zero`, so the backward pass comes by, whatever is learned.
    x = _watched(layer.leaving, x, zero)
    spikes = spike(x)
    derivative = jax.lax.stop_gradient(surrogate.surrogate_grad(x))
    constants = jax.lax.stop_gradient((x, spikes))
    jax.debug.callback(partial(_seen, layer), *constants, derivative)
    return _watched(layer.arriving, spikes, zero)


def _seen(layer: Layer, x: Array, spikes: Array, derivative: Array) -> None:
    layer.add(*(np.asarray(array, np.float64) for array in (x, spikes, derivative)))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _watched(seen: list[float], array: Array, zero: Array) -> Array:
    """Return the array; in the backward pass its gradient is noted."""
    return array


def _forward(seen: list[float], array: Array, zero: Array) -> Any:
    return array, zero


def _backward(seen: list[float], zero: Array, gradient: Array) -> Any:
    jax.debug.callback(lambda g: seen.append(squares(np.asarray(g, np.float64))), gradient)
    return gradient, jnp.zeros_like(zero)


_watched.defvjp(_forward, _backward)


def _signed_sum(output: Any) -> Array:
    """Return the sum of all floating-point outputs, each with a random sign."""
    random = np.random.default_rng(0)
    total: Any = 0.0
    for leaf in jax.tree.leaves(output):
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jnp.floating):
            signs = random.integers(0, 2, leaf.shape) * 2 - 1
            total = total + (leaf * signs.astype(leaf.dtype)).sum()
    return total
