"""What the gallery draws of a surrogate: a card, and its curves at several values of parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pictures import Line, picture

from surrogates import Surrogate
from surrogates._curves import curve, limits_of
from surrogates._parameters import parameters
from surrogates.definitions import periodic

STEPS = (1.0, 0.5, 2.0, 4.0)  # times the default, which comes first and is drawn as a full line


def card(surrogate: Surrogate) -> str:
    """Return the picture of a card: spike, primitive and derivative on one axis."""
    low, high = limits_of([surrogate], False)
    curves = {
        what: curve(surrogate, what, low, high) for what in ("spike", "primitive", "derivative")
    }
    x, y = curves["derivative"]
    top = float(np.nanmax(np.abs(y)))
    curves["derivative"] = x, y / top
    bottom = min(-0.1, 1.1 * float(np.nanmin(y)) / top)
    x, y = curves["primitive"]
    curves["primitive"] = x, np.where((y > bottom) & (y < 1.1), y, math.nan)
    lines = [Line(what, *curves[what]) for what in ("spike", "primitive", "derivative")]
    title = (
        f"{type(surrogate).__name__} for x from {low:.3g} to {high:.3g}: spike, primitive and "
        f"derivative, which rises to {top:.3g} and is drawn at full height"
    )
    return picture(lines, (low, high), (bottom, 1.12), title, size=(232, 116), axes=False)


def figures(cls: type[Surrogate]) -> list[str]:
    """Return Markdown with three pictures for each parameter, and their legend."""
    lines = []
    for name, drawn in variants(cls):
        if name:
            lines += [f"### {name}", ""]
        shown = "".join(
            f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"
            for caption, svg in pictures_of(drawn, name)
        )
        lines += [
            "```{raw} html",
            f'<div class="figures">{shown}</div>',
            legend(drawn, name),
            "```",
            "",
        ]
    return lines


def variants(cls: type[Surrogate]) -> list[tuple[str, list[Surrogate]]]:
    """Return each parameter's name, and surrogates at several values of it, the default first."""
    base = cls()
    found = []
    for declared in parameters(cls):
        value = getattr(base, declared.name)
        if value < 1e-3:  # none to multiply, or one that is there to be close to 0
            values = [value, value + 0.25, value + 0.5, value + 1.0]
        else:
            start = 1.0 if declared.metadata["interval"].low > 1 else 0.0
            values = [start + step * (value - start) for step in STEPS]
        if isinstance(value, int):
            values = sorted({int(value) for value in values}, key=lambda v: (v != value, v))
        found.append((declared.name, [cls(**{declared.name: value}) for value in values]))
    return found or [("", [base])]


def pictures_of(drawn: list[Surrogate], name: str) -> list[tuple[str, str]]:
    """Return captions and pictures: derivative, primitive, and derivative in logarithms."""
    title = type(drawn[0]).__name__ + (f" at several values of {name}" if name else "")
    # Of one without end the default's: over those of all, periods or an exponential hide the rest.
    is_endless = type(drawn[0]).__module__ == periodic.__name__ or math.isinf(drawn[0].peak)
    seen = drawn[:1] if is_endless else drawn
    limits, wide = limits_of(seen, False), limits_of(seen, True)
    found = []
    for what in ("derivative", "primitive"):
        lines = lines_of(drawn, what, limits)
        low, high = ends(lines, 0.0 if what == "derivative" else None)
        found.append((what, picture(lines, limits, (low, high), f"{what} of {title}")))
    shown = lines_of(drawn, "derivative", wide)
    lines = [Line(style, x, np.abs(y)) for style, x, y in shown]
    top = 2.0 * max(float(np.nanmax(y)) for _, _, y in lines)
    is_signed = any(np.nanmin(y) < 0 for _, _, y in shown)
    sign = "size of the derivative" if is_signed else "derivative"
    svg = picture(lines, wide, (top * 1e-6, top), f"{sign} of {title}, logarithmic", log=True)
    found.append((f"{sign}, logarithmic and wider", svg))
    return found


def lines_of(drawn: list[Surrogate], what: str, limits: tuple[float, float]) -> list[Line]:
    """Return the curves of some surrogates; the first one on top, so last."""
    numbered = list(enumerate(drawn, start=1))
    return [Line(f"curve c{n}", *curve(one, what, *limits)) for n, one in reversed(numbered)]


def ends(lines: list[Line], base: float | None) -> tuple[float, float]:
    """Return the ends of a vertical axis, with some room."""
    values: Any = np.concatenate([y[np.isfinite(y)] for _, _, y in lines])
    low, high = float(values.min()), float(values.max())
    if base is not None:
        low, high = min(low, base), max(high, base)
    room = 0.06 * (high - low) or 0.1
    return low - room * (low != base), high + room * (high != base)


def legend(drawn: list[Surrogate], name: str) -> str:
    """Return the legend that the pictures of a parameter share."""
    if not name:
        return ""
    keys = (
        f'<span class="key c{n}">{name} = {getattr(one, name):.4g}</span>'
        for n, one in enumerate(drawn, start=1)
    )
    return f'<p class="legend">{" ".join(keys)}</p>'
