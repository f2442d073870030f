"""Neurons of JAX's libraries, copied and trained: what must agree."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

Outcome = Callable[..., tuple[Any, Any]]
"""Gives the spikes, and the gradient of the currents ``x``; ``again`` copies the neuron."""


def pickled(neuron: Any) -> Any:
    return pickle.loads(pickle.dumps(neuron))


def assert_copies_do_the_same(outcome: Outcome) -> None:
    expected = outcome()
    for again in (copy.deepcopy, pickled):
        for found, value in zip(outcome(again=again), expected, strict=True):
            np.testing.assert_array_equal(found, value)


def spikes_of_a_training(outcome: Outcome, x: Any, change: Callable[[Any], Any]) -> list[float]:
    """Return how many spikes there are in each of three steps that descend the gradient."""
    numbers = []
    for _ in range(3):
        spikes, slopes = outcome(x=x)
        numbers.append(float(spikes.sum()))
        x = x - change(slopes)
    return numbers
