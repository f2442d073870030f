"""The demo's picture: loss curves, the surrogate, and the spikes of one digit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from surrogates import Surrogate

from . import network
from .training import Digits, Run, largest_difference

_STYLES = ("-", "--", ":", "-.")


def save(path: Path, surrogate: Surrogate, runs: list[Run], digits: Digits) -> None:
    """Write the PNG file `path`."""
    # Not through pyplot: no window system, and no global state to restore.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7.5), layout="constrained")
    axes: Any = figure.subplot_mosaic(
        [["losses", "losses", "functions"], ["image", "hidden", "output"]],
        width_ratios=[0.5, 1, 1],
    )
    _losses(axes["losses"], runs)
    _functions(axes["functions"], surrogate)
    hidden, output = record(surrogate, runs[0].weights, digits.test_images[:1])
    _raster(axes["hidden"], hidden, f"Hidden layer: {hidden.sum():.0f} spikes")
    _raster(axes["output"], output, f"Output layer: it says {output.sum(axis=0).argmax()}")
    axes["output"].set_yticks(range(output.shape[1]))
    axes["image"].imshow(digits.test_images[0].reshape(8, 8), cmap="gray_r")
    axes["image"].set(xticks=[], yticks=[], title=f"Input: a {digits.test_labels[0]}")
    figure.suptitle(f"Handwritten digits, two layers of spiking neurons, {surrogate!r}")
    figure.savefig(path, dpi=130, format="png")


def record(
    surrogate: Surrogate, weights: list[Any], image: Any
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the spikes of both layers for one image, of shape (time steps, neurons)."""
    current = image @ weights[0]
    state = network.initial_state(np, current, weights)
    states = []
    for _ in range(network.STEPS):
        state = network.step(surrogate, weights, state, current)
        states.append(state)
    return np.concatenate([s[1] for s in states]), np.concatenate([s[3] for s in states])


def _losses(axes: Any, runs: list[Run]) -> None:
    for run, style in zip(runs, _STYLES, strict=False):
        axes.plot(run.losses, style, label=run.framework, linewidth=1.5)
    title = "Training loss"
    if len(runs) > 1:
        difference = max(largest_difference(run, runs[0]) for run in runs[1:])
        title += f" (frameworks differ by at most {difference:.0e})"
    axes.set(title=title, xlabel="batch", ylabel="cross-entropy", yscale="log")
    axes.legend(frameon=False)


def _functions(axes: Any, surrogate: Surrogate) -> None:
    x = np.linspace(-2.5, 2.5, 1001)
    axes.plot(x, surrogate(x), color="0.6", label="spike $H(x)$")
    axes.plot(x, surrogate.surrogate_fun(x), label="primitive $g(x)$")
    axes.plot(x, surrogate.surrogate_grad(x), label="derivative $g'(x)$")
    axes.set(title="The surrogate", xlabel="$x$ = membrane potential - threshold")
    axes.legend(frameon=False)


def _raster(axes: Any, spikes: np.ndarray[Any, Any], title: str) -> None:
    steps, neurons = np.nonzero(spikes)
    size = 5 if spikes.shape[1] > 50 else 60
    axes.scatter(steps, neurons, s=size, marker="|", color="black", linewidths=1.2)
    axes.set(title=title, xlabel="time step", ylabel="neuron")
    axes.set_xlim(-0.5, spikes.shape[0] - 0.5)
    axes.set_ylim(-0.5, spikes.shape[1] - 0.5)
