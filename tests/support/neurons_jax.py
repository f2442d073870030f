"""Neurons of JAX's libraries, copied and trained: what must agree."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Outcome = Callable[..., tuple[Any, Any]]
"""Gives the spikes, and the gradient of the currents ``x``; ``again`` copies the neuron."""


def pickled(neuron: Any) -> Any:
    return pickle.loads(pickle.dumps(neuron))


def assert_copies_do_the_same(outcome: Outcome) -> None:
    expected = outcome()
    for again in (copy.deepcopy, pickled):
        for found, value in zip(outcome(again=again), expected, strict=True):
            np.testing.assert_array_equal(found, value)


def training(outcome: Outcome, x: Any, rate: float) -> tuple[list[float], Any]:
    """Train the weights between inputs `x` and neurons for three steps of an optimiser.

    Returns
    -------
    tuple
        How many spikes there were before each step, and the weights after the last.
    """
    import optax

    optimiser = optax.chain(optax.normalize_by_update_norm(), optax.sgd(rate))
    weights = np.eye(x.shape[1], dtype=x.dtype)
    state, numbers = optimiser.init(weights), []
    for _ in range(3):
        spikes, slopes = outcome(x=x @ weights)
        updates, state = optimiser.update(x.T @ slopes, state)
        weights = optax.apply_updates(weights, updates)
        numbers.append(float(spikes.sum()))
    return numbers, np.asarray(weights)


def assert_trained_alike(own: Outcome, ours: Outcome, x: Any, rate: float) -> None:
    """Both take the same three steps of an optimiser, which move the weights."""
    pytest.importorskip("optax")
    expected, weights = training(own, x, rate)
    found, others = training(ours, x, rate)
    assert found == expected
    assert np.abs(weights - np.eye(len(weights))).max() > 0.1
    np.testing.assert_allclose(others, weights, rtol=1e-5, atol=1e-5)
