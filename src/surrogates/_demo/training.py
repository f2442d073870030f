"""Training on scikit-learn's handwritten digits: one loop for all frameworks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from .._arrays import on_host
from .network import initial_weights

Array = Any
BATCH = 32
TEST_IMAGES = 360
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Digits:
    """The images, one row of 64 pixels from 0 to 1 each, and their labels."""

    train_images: np.ndarray[Any, Any]
    train_labels: np.ndarray[Any, Any]
    test_images: np.ndarray[Any, Any]
    test_labels: np.ndarray[Any, Any]


@dataclass(frozen=True)
class Run:
    """The result of training in one framework."""

    framework: str
    version: str
    accuracy: float
    seconds_per_epoch: float
    losses: np.ndarray[Any, Any]
    weights: list[np.ndarray[Any, Any]]


def load_digits(seed: int) -> Digits:
    """Return scikit-learn's bundled digits, shuffled and split."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = digits.data / 16.0, digits.target
    order = np.random.default_rng(seed).permutation(len(labels))
    train, test = order[:-TEST_IMAGES], order[-TEST_IMAGES:]
    return Digits(images[train], labels[train], images[test], labels[test])


def train(
    framework: Any, digits: Digits, epochs: int, seed: int, progress: Callable[[float], None]
) -> Run:
    """Train with the Adam optimiser; `progress` is told the loss after each batch."""
    with framework.double_precision():
        weights = [framework.array(w) for w in initial_weights(64, 10, seed)]
        optimiser = Adam(weights)
        losses, epoch_seconds = [], []
        rng = np.random.default_rng(seed)
        for _ in range(epochs):
            start = time.perf_counter()
            for batch in batches(rng, len(digits.train_labels)):
                images = framework.array(digits.train_images[batch])
                targets = framework.array(np.eye(10)[digits.train_labels[batch]])
                loss, grads = framework.loss_and_grads(weights, images, targets)
                weights = optimiser.step(weights, grads)
                losses.append(float(loss))
                progress(losses[-1])
            epoch_seconds.append(time.perf_counter() - start)
        counts = on_host(framework.counts(weights, framework.array(digits.test_images)))
    return Run(
        framework=framework.name,
        version=import_module(framework.name).__version__,
        accuracy=float(np.mean(counts.argmax(axis=1) == digits.test_labels)),
        seconds_per_epoch=float(np.median(epoch_seconds)),  # the first epoch includes compilation
        losses=np.asarray(losses),
        weights=[on_host(w) for w in weights],
    )


def batches_per_epoch(digits: Digits) -> int:
    """Return the number of batches in an epoch; images that do not fill one are left out."""
    return len(digits.train_labels) // BATCH


def batches(rng: np.random.Generator, images: int) -> np.ndarray[Any, Any]:
    """Return the indices of the images of each batch, one row a batch."""
    whole = images // BATCH * BATCH
    return rng.permutation(images)[:whole].reshape(-1, BATCH)


def largest_difference(run: Run, reference: Run) -> float:
    """Return the largest absolute difference between two loss curves."""
    return float(np.max(np.abs(run.losses - reference.losses)))


class Adam:
    """Adam (Kingma and Ba 2015) in operators alone, hence the same in every framework."""

    def __init__(self, weights: list[Array]) -> None:
        self.means = [0 * w for w in weights]
        self.squares = [0 * w for w in weights]
        self.steps = 0

    def step(self, weights: list[Array], grads: list[Array]) -> list[Array]:
        """Return the weights after one update."""
        self.steps += 1
        self.means = [0.9 * m + 0.1 * g for m, g in zip(self.means, grads, strict=True)]
        self.squares = [0.99 * s + 0.01 * (g * g) for s, g in zip(self.squares, grads, strict=True)]
        rate = LEARNING_RATE * (1 - 0.99**self.steps) ** 0.5 / (1 - 0.9**self.steps)
        return [
            w - rate * m / (s**0.5 + 1e-8)
            for w, m, s in zip(weights, self.means, self.squares, strict=True)
        ]
