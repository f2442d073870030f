"""Time per element against size, one figure for each framework."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

COLOURS = {
    "ours": "#d62728",
    "floor": "black",
    "plain": "0.5",
    "jax.lax.sin": "black",
    "same formula": "0.7",
    "snntorch": "#1f77b4",
    "spikingjelly": "#ff7f0e",
    "norse": "#2ca02c",
    "sinabs": "#9467bd",
    "braintools": "#8c564b",
    "spyx": "#17becf",
}


def draw(data: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the figures benchmarks-*.png, and return their paths."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    written = []
    for framework in dict.fromkeys(race["framework"] for race in data["races"]):
        curves = _curves(data, framework)
        columns = min(4, len(curves))
        rows = math.ceil(len(curves) / columns)
        figure, axes = plt.subplots(
            rows,
            columns,
            figsize=(3.2 * columns, 2.7 * rows + 0.6),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        handles = {}
        for axis, (surrogate, lines) in zip(axes.flat, curves.items(), strict=False):
            axis.set_title(surrogate, fontsize=9)
            for name, points in lines.items():
                style = {"color": COLOURS[name], "lw": 2 if name == "ours" else 1}
                (line,) = axis.loglog(*zip(*sorted(points), strict=True), marker=".", **style)
                handles.setdefault(name, line)
            axis.grid(alpha=0.3)
        for axis in axes.flat[len(curves) :]:
            axis.set_visible(False)
        figure.supylabel("ns an element, forward + backward")
        figure.suptitle(f"{framework}: time an element against the number of elements")
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=8)
        path = folder / f"benchmarks-{framework.lower().replace(' ', '-')}.png"
        figure.savefig(path, dpi=90, metadata={"Software": None})
        plt.close(figure)
        written.append(path)
    return written


def _curves(data: dict[str, Any], framework: str) -> dict[str, dict[str, list[Any]]]:
    """Return, by surrogate and contender, sizes and nanoseconds an element."""
    curves: dict[str, dict[str, list[Any]]] = {}
    races = [r for r in data["races"] if r["framework"] == framework and "layouts" not in r]
    threads = races[0]["threads"]
    for race in races:
        if race["dtype"] == "float32" and race["threads"] == threads:
            lines = curves.setdefault(race["surrogate"], {})
            for name, entry in race["times"].items():
                point = (race["size"], entry["median"] / race["size"] * 1e9)
                lines.setdefault(name, []).append(point)
    return curves
