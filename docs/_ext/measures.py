"""What one measures of a surrogate, on its page."""

from __future__ import annotations

import math

import numpy as np
import textbook

import surrogates
from surrogates import Surrogate
from surrogates._curves import curve, limits_of


def table(surrogate: Surrogate) -> list[str]:
    """Return the table of what one measures of a surrogate."""
    cls = type(surrogate)
    rows = ["| | at the defaults | formula |", "|---|---|---|"]
    for name in ("peak", "area", "width"):
        formula = textbook.latex(cls, name)
        shown = "no closed form"
        if formula is not None:  # a bar would end the cell of the table
            shown = rf"$\displaystyle {formula}$".replace("|", r"\vert ")
        rows.append(f"| *{name}* | {number(getattr(surrogate, name))} | {shown} |")
    low, high = surrogate.support
    everywhere = (low, high) == (-math.inf, math.inf)
    span = "all *x*" if everywhere else f"from {number(low)} to {number(high)}"
    rows.append(f"| *support* | {span} | |")
    rows.append(f"| symmetry | {symmetry(surrogate)} | |")
    rows.append(f"| smoothness | {smoothness(surrogate)} | |")
    gain = surrogates.gain(surrogate, mean=-1.0, std=1.0)
    shown = f"{number(gain.rms)} (1 at {number(gain.factor)} times the height)"
    rows.append(f"| *gain*, for *x* of mean \N{MINUS SIGN}1 and spread 1 | {shown} | |")
    probability = "yes" if surrogate.is_distribution else "no"
    rows.append(f"| *g(x)* is a *firing probability* | {probability} | |")
    return rows


def number(value: float) -> str:
    """Return a number with five digits."""
    if math.isnan(value):
        return "not defined"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinity"
    return f"{value + 0.0:.5g}".replace("-", "\N{MINUS SIGN}")


def symmetry(surrogate: Surrogate) -> str:
    """Return whether the derivative is that of -x, measured between breakpoints."""
    x = np.random.default_rng(0).normal(0.0, 2.0, 1000)
    right, left = surrogate.surrogate_grad(x), surrogate.surrogate_grad(-x)
    if np.allclose(right, left, rtol=1e-12, atol=0.0):
        return "symmetric around the threshold"
    return "not symmetric"


def smoothness(surrogate: Surrogate) -> str:
    """Return where the derivative jumps or has a corner, measured at its breakpoints.

    From near and from ten times nearer, a jump and a change of slope are the same; of a smooth
    function both become ten times as small.
    """
    width = surrogate.width if math.isfinite(surrogate.width) else 1.0
    around = curve(surrogate, "derivative", *limits_of([surrogate], False))[1]
    height = float(np.nanmax(np.abs(around)))
    places: dict[str, list[float]] = {"jumps": [], "has a corner": []}
    for place in sorted(surrogate.breakpoints, key=abs):
        far, near = (_around(surrogate, place, step * width) for step in (1e-4, 1e-5))
        for what, least, first, second in zip(
            places, (height, height / width), far, near, strict=True
        ):
            if second > 1e-6 * least and second > 0.5 * first:
                places[what].append(place)
                break
    told = [f"{what} at {listed(found)}" for what, found in places.items() if found]
    return f"the derivative {' and '.join(told)}" if told else "the derivative is smooth"


def _around(surrogate: Surrogate, place: float, step: float) -> tuple[float, float]:
    """Return by how much the derivative differs on both sides of a place, and its slope."""
    x = place + step * np.asarray([-2.0, -1.0, 1.0, 2.0])
    a, b, c, d = surrogate.surrogate_grad(x).tolist()
    return abs(c - b), abs((d - c) - (b - a)) / step


def listed(places: list[float]) -> str:
    """Return places in words; those of a periodic formula go on."""
    shown = [number(place) for place in places[:4]]
    if len(places) > 4:
        return f"*x* = {', '.join(shown)} and on"
    return f"*x* = {' and '.join([', '.join(shown[:-1]), shown[-1]] if shown[1:] else shown)}"
