"""How each framework differentiates the demo's network: all that differs between them.

Each class has a `name`, the context `double_precision` that all its work is done in, `array` (from
NumPy), `counts` (the output spikes of a batch, summed over time) and `loss_and_grads`. A framework
is imported when its class is instantiated, and not before.
"""

from __future__ import annotations

import contextlib
from typing import Any

import array_api_compat
import numpy as np

import surrogates

from .network import (
    DECAY,
    STEPS,
    THRESHOLD,
    Weights,
    cross_entropy,
    initial_state,
    membrane,
    probabilities,
    step,
)

Array = Any


class Numpy:
    """Back-propagation through time by hand, on the pullbacks of `surrogates.vjp`."""

    name = "numpy"
    double_precision = contextlib.nullcontext

    def __init__(self, surrogate: surrogates.Surrogate) -> None:
        self.surrogate = surrogate

    def array(self, values: np.ndarray[Any, Any]) -> Array:
        """Return `values` as an array of this framework, in float64."""
        return values

    def counts(self, weights: Weights, images: Array) -> Array:
        """Return the spike counts of the output neurons."""
        return self._forward(weights, images)[0]

    def loss_and_grads(self, weights: Weights, images: Array, targets: Array) -> Any:
        """Return the loss and its gradients, one for each array of weights."""
        counts, tape = self._forward(weights, images)
        xp = array_api_compat.array_namespace(counts)
        loss = cross_entropy(xp, counts, targets)
        count_grad = (probabilities(xp, counts) - targets) / counts.shape[0]
        hidden_grad, output_grad = (xp.zeros_like(a) for a in (tape[0][0], counts))
        current_grad, output_weight_grad = xp.zeros_like(hidden_grad), xp.zeros_like(weights[1])
        # From here on, `..._grad` of a layer is that of its membrane potential.
        for hidden_spikes, hidden_pullback, output_pullback in reversed(tape):
            spike_grad = count_grad - THRESHOLD * output_grad
            output_grad = DECAY * output_grad + output_pullback(spike_grad)
            spike_grad = output_grad @ weights[1].T - THRESHOLD * hidden_grad
            hidden_grad = DECAY * hidden_grad + hidden_pullback(spike_grad)
            output_weight_grad += hidden_spikes.T @ output_grad
            current_grad += hidden_grad
        return loss, [images.T @ current_grad, output_weight_grad]

    def _forward(self, weights: Weights, images: Array) -> tuple[Array, list[Any]]:
        current = images @ weights[0]
        xp = array_api_compat.array_namespace(current)
        hidden, hidden_spikes, output, output_spikes = initial_state(xp, current, weights)
        counts, tape = output, []
        for _ in range(STEPS):
            hidden = membrane(hidden, hidden_spikes, current)
            hidden_spikes, hidden_pullback = surrogates.vjp(self.surrogate, hidden - THRESHOLD)
            output = membrane(output, output_spikes, hidden_spikes @ weights[1])
            output_spikes, output_pullback = surrogates.vjp(self.surrogate, output - THRESHOLD)
            counts = counts + output_spikes
            tape.append((hidden_spikes, hidden_pullback, output_pullback))
        return counts, tape


class Cupy(Numpy):
    """The same code as for NumPy, on a CUDA device."""

    name = "cupy"

    def __init__(self, surrogate: surrogates.Surrogate) -> None:
        import cupy

        if not cupy.is_available():
            raise ImportError("CuPy finds no CUDA device")
        super().__init__(surrogate)
        self.array = cupy.asarray  # type: ignore[method-assign]


class Torch:
    """A loop over time, and `backward`."""

    name = "torch"
    double_precision = contextlib.nullcontext

    def __init__(self, surrogate: surrogates.Surrogate) -> None:
        import torch

        self.surrogate = surrogate
        self.array = torch.from_numpy

    def counts(self, weights: Weights, images: Array) -> Array:
        """Return the spike counts of the output neurons."""
        current = images @ weights[0]
        state = initial_state(array_api_compat.array_namespace(current), current, weights)
        counts = state[-1]
        for _ in range(STEPS):
            state = step(self.surrogate, weights, state, current)
            counts = counts + state[-1]
        return counts

    def loss_and_grads(self, weights: Weights, images: Array, targets: Array) -> Any:
        """Return the loss and its gradients, one for each array of weights."""
        weights = [w.detach().requires_grad_() for w in weights]
        xp = array_api_compat.array_namespace(images)
        loss = cross_entropy(xp, self.counts(weights, images), targets)
        loss.backward()
        return loss.detach(), [w.grad for w in weights]


class Jax:
    """`jax.grad` over `lax.scan`, compiled."""

    name = "jax"

    def __init__(self, surrogate: surrogates.Surrogate) -> None:
        import jax

        self._jax = jax
        self.surrogate = surrogate
        self._counts = jax.jit(self._scan)
        self._loss_and_grads = jax.jit(jax.value_and_grad(self._loss))

    def double_precision(self) -> Any:
        """Return the context in which arrays are float64; elsewhere JAX turns them into float32."""
        if hasattr(self._jax, "enable_x64"):
            return self._jax.enable_x64(True)
        from jax.experimental import enable_x64  # type: ignore[attr-defined]  # before JAX 0.8

        return enable_x64()

    def array(self, values: np.ndarray[Any, Any]) -> Array:
        """Return `values` as an array of this framework, in float64."""
        return self._jax.numpy.asarray(values)

    def counts(self, weights: Weights, images: Array) -> Array:
        """Return the spike counts of the output neurons."""
        return self._counts(weights, images)

    def loss_and_grads(self, weights: Weights, images: Array, targets: Array) -> Any:
        """Return the loss and its gradients, one for each array of weights."""
        return self._loss_and_grads(weights, images, targets)

    def _scan(self, weights: Weights, images: Array) -> Array:
        current = images @ weights[0]
        state = initial_state(self._jax.numpy, current, weights)

        def body(state: tuple[Array, ...], _: None) -> tuple[tuple[Array, ...], Array]:
            state = step(self.surrogate, weights, state, current)
            return state, state[-1]

        _, spikes = self._jax.lax.scan(body, state, length=STEPS)
        return spikes.sum(axis=0)

    def _loss(self, weights: Weights, images: Array, targets: Array) -> Array:
        return cross_entropy(self._jax.numpy, self._scan(weights, images), targets)


ALL: tuple[type[Numpy] | type[Torch] | type[Jax], ...] = (Numpy, Cupy, Torch, Jax)
