"""Pictures of curves as SVG, whose colours are those of the page: light or dark."""

from __future__ import annotations

import html
import math
from typing import Any, NamedTuple

import numpy as np
from matplotlib.path import Path as Polyline
from matplotlib.ticker import MaxNLocator

MARGINS = (46, 8, 10, 24)  # left, right, top and bottom, of a picture with axes


class Line(NamedTuple):
    """Points of a curve, NaN at a jump, and the classes of its style."""

    style: str
    x: Any
    y: Any


def picture(
    lines: list[Line],
    across: tuple[float, float],
    up: tuple[float, float],
    title: str,
    *,
    size: tuple[int, int] = (320, 200),
    log: bool = False,
    axes: bool = True,
) -> str:
    """Return an SVG element with curves; `across` and `up` are the ends of the axes."""
    width, height = size
    left, right, top, bottom = MARGINS if axes else (4, 4, 4, 4)
    if log:
        up = (math.log10(up[0]), math.log10(up[1]))

    def to_x(x: Any) -> Any:
        return left + (x - across[0]) / (across[1] - across[0]) * (width - left - right)

    def to_y(y: Any) -> Any:
        return top + (up[1] - y) / (up[1] - up[0]) * (height - top - bottom)

    parts = [
        f'<svg class="curves" role="img" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}"><title>{html.escape(title)}</title>'
    ]
    if axes:
        for tick in _ticks(*across):
            at = f"{to_x(tick):.1f}"
            parts.append(f'<path class="grid" d="M{at} {top}V{height - bottom}"/>')
            parts.append(f'<text class="middle" x="{at}" y="{height - 8}">{_label(tick)}</text>')
        for tick in _ticks(*up, whole=log):
            at = to_y(tick)
            text = _power(tick) if log else _label(tick)
            parts.append(f'<path class="grid" d="M{left} {at:.1f}H{width - right}"/>')
            parts.append(f'<text class="end" x="{left - 5}" y="{at + 4:.1f}">{text}</text>')
    else:
        parts.append(f'<path class="grid" d="M{to_x(0.0):.1f} {top}V{height - bottom}"/>')
    box = (left, top, width - right, height - bottom)
    for style, x, y in lines:
        with np.errstate(all="ignore"):
            drawn = to_y(np.log10(y) if log else np.asarray(y))
        parts.append(f'<path class="{style}" d="{_path(to_x(np.asarray(x)), drawn, box)}"/>')
    return "".join([*parts, "</svg>"])


def _path(x: Any, y: Any, box: tuple[float, ...]) -> str:
    """Return the data of a path within a box, with the points that matter."""
    y = np.where(np.isfinite(y), y, np.nan)
    clipped = Polyline(np.column_stack([x, y])).cleaned(remove_nans=True, clip=_around(box))
    # clipped a pixel outside, for corners; then cut off exactly, where lines leave the box
    points, codes = clipped.vertices, clipped.codes
    runs: list[list[tuple[float, float]]] = []
    for point, code in zip(points, codes, strict=True):
        if code == Polyline.MOVETO:
            runs.append([])
        if code in (Polyline.MOVETO, Polyline.LINETO):
            runs[-1].append((point[0], point[1]))
    data = []
    for run in runs:
        simple = Polyline(_long_enough(run)).cleaned(simplify=True)
        kept = simple.vertices[simple.codes != Polyline.STOP]
        data.append("M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in kept))
    return "".join(data)


def _around(box: tuple[float, ...]) -> tuple[float, ...]:
    return (box[0] - 0.5, box[1] - 0.5, box[2] + 0.5, box[3] + 0.5)


def _long_enough(run: list[tuple[float, float]]) -> Any:
    """Return the points of a run, of which matplotlib simplifies only those of 128 or more."""
    return np.asarray(run + run[-1:] * max(0, 128 - len(run)))


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    places = MaxNLocator(4, steps=[1, 2, 5, 10], integer=whole).tick_values(low, high)
    edge = 1e-9 * (high - low)
    return [float(place) for place in places if low - edge <= place <= high + edge]


def _label(value: float) -> str:
    return f"{value + 0.0:.6g}".replace("-", "\N{MINUS SIGN}")


def _power(exponent: float) -> str:
    if abs(exponent) <= 3:
        return _label(10.0**exponent)
    return f"1e{exponent:.0f}".replace("-", "\N{MINUS SIGN}")
