"""Time per element against size, one figure for each framework."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

from .summary import OTHERS
from .targets import over

COLOURS = {
    "ours": "#d62728",
    "floor": "black",
    "floor, new memory": "#bcbd22",
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
    """Draw the figures benchmarks*.png, and return their paths."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    written = [_overview(data, folder, plt)]
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


def _overview(data: dict[str, Any], folder: Path, plt: Any) -> Path:
    """Draw how many times as fast as the others ours is: medians over the surrogates, and range."""
    measured = {race["framework"] for race in data["races"]}
    shown = {framework: other for framework, other in OTHERS.items() if framework in measured}
    columns = min(4, len(shown))
    rows = math.ceil(len(shown) / columns)
    size = {"figsize": (2.9 * columns, 2.6 * rows + 0.4), "layout": "constrained"}
    figure, axes = plt.subplots(rows, columns, sharex=True, sharey=True, squeeze=False, **size)
    for axis in axes.flat[len(shown) :]:
        axis.set_visible(False)
    for axis, (framework, (other, value)) in zip(axes.flat, shown.items(), strict=False):
        sizes = sorted({r["size"] for r in data["races"] if r["framework"] == framework})
        found = {size: over(data, framework, (size,), value).values() for size in sizes}
        known = {size: [v for v in values if v is not None] for size, values in found.items()}
        known = {size: values for size, values in known.items() if values}
        middle, low, high = (
            [f(values) for values in known.values()] for f in (statistics.median, min, max)
        )
        axis.loglog(list(known), middle, marker="o", color=COLOURS["ours"])
        axis.fill_between(list(known), low, high, color=COLOURS["ours"], alpha=0.15)
        axis.axhline(1, color="black", lw=1)
        axis.set_title(f"{framework}\nagainst {other}", fontsize=9)
        axis.grid(alpha=0.3)
    ticks = (0.25, 0.5, 1, 2, 4, 8)
    axes[0, 0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes[0, 0].minorticks_off()
    figure.supylabel("times as fast (above 1: ours is faster)")
    figure.supxlabel("elements; forward + backward, median over the surrogates, and range")
    path = folder / "benchmarks.png"
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)
    return path


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
