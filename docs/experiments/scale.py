"""Train small networks with several shapes of surrogates, at many widths and peaks.

``python docs/experiments/scale.py`` writes ``scale.json`` and ``scale.svg`` next to it, in some
minutes on two cores, and prints the table of docs/howto/choose.md; ``--draw`` does the last two
again.
It needs JAX, scikit-learn and matplotlib.
"""

from __future__ import annotations

import argparse
import functools
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WIDTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
PEAKS = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0)
SEEDS, UPDATES, NEURONS, DECAY = 3, 150, 64, 0.9
NARROW = 0.01  # the width that `fitted` starts from


def measure() -> dict[str, Any]:
    """Return the accuracies on unseen digits, of all shapes."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    import surrogates

    shapes = {
        "box": surrogates.Boxcar(),
        "triangle": surrogates.ReluGrad(),
        "Gaussian": surrogates.ERF(),
        "logistic": surrogates.Sigmoid(),
        "Cauchy": surrogates.Arctan(),
        "fast sigmoid": surrogates.InvSquareGrad(),
    }
    images, labels = load_digits(return_X_y=True)
    split = train_test_split(images / 16, labels, test_size=0.25, random_state=0, stratify=labels)
    x_train, x_test = (jnp.asarray(x, jnp.float32) for x in split[:2])
    y_train, y_test = (jnp.asarray(y) for y in split[2:])

    def scaled(shape: Any, peak: Any, width: Any) -> Any:
        # Not `rescaled`, which wants numbers: here they are mapped over.
        return surrogates.Scaled(shape, amplitude=peak / shape.peak, rate=shape.width / width)

    def normal(key: Any, inputs: int, outputs: int, scale: float) -> Any:
        return scale * jax.random.normal(key, (inputs, outputs)) / inputs**0.5

    def deep(key: Any) -> Any:
        """Return the weights of five layers, in which about a fifth of the neurons spike."""
        keys = jax.random.split(key, 6)
        layers = [
            normal(k, NEURONS, NEURONS, 1.0 if i == 0 else 2.0) for i, k in enumerate(keys[:5])
        ]
        return {"layers": layers, "out": normal(keys[5], NEURONS, 10, 1.0)}

    def run_deep(weights: Any, x: Any, spikes: Any) -> Any:
        """Return the logits, and the potentials minus threshold of each layer and step."""

        def step(potentials: Any, _: Any) -> Any:
            s, following, seen = x, [], []
            for weight, v, spike in zip(weights["layers"], potentials, spikes, strict=True):
                v = DECAY * v + s @ weight
                s = spike(v - 1.0)
                seen.append(v - 1.0)
                following.append(v - s)
            return following, (s @ weights["out"], seen)

        start = [jnp.zeros((len(x), NEURONS))] * 5
        _, (logits, seen) = jax.lax.scan(step, start, length=8)
        return logits.mean(0), seen

    def recurrent(key: Any) -> Any:
        keys = jax.random.split(key, 3)
        return {
            "in": normal(keys[0], NEURONS, NEURONS, 1.0),
            "recurrent": normal(keys[1], NEURONS, NEURONS, 0.5),
            "out": normal(keys[2], NEURONS, 10, 1.0),
        }

    def run_recurrent(weights: Any, x: Any, spikes: Any) -> Any:
        current = x @ weights["in"]

        def step(state: Any, _: Any) -> Any:
            v, s = state
            v = DECAY * v * (1 - s) + current + s @ weights["recurrent"]
            s = spikes[0](v - 1.0)
            return (v, s), s @ weights["out"]

        start = jnp.zeros((len(x), NEURONS))
        _, logits = jax.lax.scan(step, (start, start), length=15)
        return logits.mean(0), None

    def trained(weights: Any, run: Any, spikes: Any, key: Any) -> Any:
        """Train by Adam; return the accuracy on unseen digits."""

        def loss(weights: Any, x: Any, y: Any) -> Any:
            scores = jax.nn.log_softmax(run(weights, x, spikes)[0])
            return -jnp.take_along_axis(scores, y[:, None], 1).mean()

        def update(carry: Any, key: Any) -> Any:
            w, m, s, t = carry
            rows = jax.random.randint(key, (64,), 0, len(x_train))
            g = jax.grad(loss)(w, x_train[rows], y_train[rows])
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
            s = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, s, g)
            rate = 2e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            w = jax.tree.map(lambda w, m, s: w - rate * m / (jnp.sqrt(s) + 1e-8), w, m, s)
            return (w, m, s, t + 1), None

        zero = jax.tree.map(jnp.zeros_like, weights)
        keys = jax.random.split(key, UPDATES)
        (weights, *_), _ = jax.lax.scan(update, (weights, zero, zero, 1.0), keys)
        return (run(weights, x_test, spikes)[0].argmax(1) == y_test).mean()

    def by_width(shape: Any, width: Any, key: Any) -> Any:
        spikes = [scaled(shape, 1.0, width)] * 5
        return trained(deep(key), run_deep, spikes, jax.random.fold_in(key, 1))

    def by_peak(shape: Any, peak: Any, key: Any) -> Any:
        spikes = [scaled(shape, peak, 1.0)]
        return trained(recurrent(key), run_recurrent, spikes, jax.random.fold_in(key, 1))

    def by_fit(shape: Any, _: Any, key: Any) -> Any:
        """Train with each layer's surrogate fitted to the potentials that it sees at first."""
        weights, narrow = deep(key), scaled(shape, 1.0, NARROW)
        _, seen = run_deep(weights, x_train, [narrow] * 5)
        spikes = [surrogates.fitted(narrow, x, by="spread") for x in seen]
        return trained(weights, run_deep, spikes, jax.random.fold_in(key, 1))

    def all_of(one: Any, values: tuple[float, ...]) -> dict[str, list[float]]:
        """Return for each shape the mean over the seeds at each value."""
        found, keys = {}, jax.random.split(jax.random.key(0), SEEDS)
        for name, shape in shapes.items():
            mapped = jax.vmap(functools.partial(one, shape), (None, 0))
            many = jax.jit(jax.vmap(mapped, (0, None)))(jnp.asarray(values), keys)
            found[name] = [round(float(a), 4) for a in np.asarray(many).mean(1)]
            print(one.__name__, name, found[name], flush=True)
        return found

    return {
        "versions": {"surrogates": surrogates.__version__, "jax": jax.__version__},
        "seeds": SEEDS,
        "widths": WIDTHS,
        "by width": all_of(by_width, WIDTHS),
        "fitted": all_of(by_fit, (0.0,)),
        "peaks": PEAKS,
        "by peak": all_of(by_peak, PEAKS),
    }


def draw(found: dict[str, Any]) -> None:
    """Draw the picture, in greys and colours that are seen on white and on black."""
    import matplotlib
    from matplotlib.figure import Figure

    grey = "#7d8590"
    settings = {"svg.fonttype": "none", "svg.hashsalt": "scale", "font.size": 9}
    settings |= {f"{name}.color": grey for name in ("xtick", "ytick", "text")}
    settings |= {"axes.labelcolor": grey, "axes.edgecolor": grey, "axes.titlecolor": grey}
    colours = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(8, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, what in ((left, "width"), (right, "peak")):
            for (name, values), colour in zip(found[f"by {what}"].items(), colours, strict=True):
                axes.semilogx(
                    found[f"{what}s"], values, color=colour, marker="o", markersize=3, label=name
                )
            axes.set(
                ylim=(0, 1), xlabel=f"{what}, at a {'peak' if what == 'width' else 'width'} of 1"
            )
            axes.spines[["top", "right"]].set_visible(False)
        left.set(ylabel="accuracy on unseen digits", title="five layers")
        right.set(title="a recurrent layer")
        left.legend(frameon=False, fontsize=8, loc="lower center")
        figure.savefig(HERE / "scale.svg", transparent=True, metadata={"Date": None})


def table(found: dict[str, Any]) -> list[str]:
    """Return the rows of docs/howto/choose.md, in per cent."""
    rows = []
    for name in found["by width"]:
        by_width = dict(zip(found["widths"], found["by width"][name], strict=True))
        by_peak = dict(zip(found["peaks"], found["by peak"][name], strict=True))
        values = [by_width[width] for width in (NARROW, 0.1, 1.0, 100.0)]
        values += [found["fitted"][name][0], by_peak[0.01], by_peak[3.0]]
        rows.append(f"| {name} | " + " | ".join(f"{100 * v:.0f}" for v in values) + " |")
    return rows


def main() -> None:
    """Measure, draw and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", action="store_true", help="draw what was measured before")
    path = HERE / "scale.json"
    if not parser.parse_args().draw:
        path.write_text(json.dumps(measure(), indent=1) + "\n")
    found = json.loads(path.read_text())
    draw(found)
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
