"""The network of the demo: written once, in array-API maths, for all frameworks.

Two layers of leaky integrate-and-fire (LIF) neurons classify 8 x 8 images. Each pixel drives the
hidden layer with a constant current for `STEPS` time steps; the class is the output neuron that
spikes most.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
Weights = list[Array]

STEPS = 16
HIDDEN = 200
DECAY = 0.9  # of the membrane potential, per time step
THRESHOLD = 1.0


def initial_weights(inputs: int, outputs: int, seed: int) -> list[np.ndarray[Any, Any]]:
    """Return the weights of both layers, in float64, drawn so that a few per cent spike."""
    rng = np.random.default_rng(seed)
    return [
        rng.normal(0.0, 0.6 / np.sqrt(inputs), (inputs, HIDDEN)),
        rng.normal(0.0, 1.5 / np.sqrt(HIDDEN), (HIDDEN, outputs)),
    ]


def membrane(potential: Array, spikes: Array, current: Array) -> Array:
    """Return the membrane potential one step on: leak, input, and reset by subtraction."""
    return DECAY * potential + current - THRESHOLD * spikes


def step(surrogate: Any, weights: Weights, state: tuple[Array, ...], current: Array) -> Any:
    """Return the state of both layers one time step on: potentials and spikes of each."""
    hidden, hidden_spikes, output, output_spikes = state
    hidden = membrane(hidden, hidden_spikes, current)
    hidden_spikes = surrogate(hidden - THRESHOLD)
    output = membrane(output, output_spikes, hidden_spikes @ weights[1])
    output_spikes = surrogate(output - THRESHOLD)
    return hidden, hidden_spikes, output, output_spikes


def initial_state(xp: Any, current: Array, weights: Weights) -> tuple[Array, ...]:
    """Return potentials and spikes of both layers at rest."""
    hidden = xp.zeros_like(current)
    output = xp.zeros_like(current @ weights[1])
    return hidden, hidden, output, output


def probabilities(xp: Any, counts: Array) -> Array:
    """Return the softmax of the output neurons' spike counts."""
    powers = xp.exp(counts - xp.max(counts, axis=-1, keepdims=True))
    return powers / xp.sum(powers, axis=-1, keepdims=True)


def cross_entropy(xp: Any, counts: Array, targets: Array) -> Array:
    """Return the mean over the batch of minus the log-probability of the target class."""
    chosen = xp.sum(probabilities(xp, counts) * targets, axis=-1)
    return -xp.mean(xp.log(chosen))
