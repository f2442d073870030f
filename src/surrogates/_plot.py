"""Pictures of surrogates: derivative, primitive and spike over the membrane potential."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from ._arrays import on_host
from ._modules._paths import path_of, with_value_at
from ._several import Several
from ._surrogate import Surrogate, require_surrogate
from ._value import Value

_KINDS = {
    "derivative": ("derivative",),
    "primitive": ("primitive",),
    "spike": ("spike",),
    "both": ("derivative", "primitive"),
    "all": ("derivative", "primitive", "spike"),
}
_STYLES = {"derivative": "-", "primitive": "--", "spike": ":"}
_NAMES = {"derivative": "derivative $g'(x)$", "primitive": "primitive $g(x)$", "spike": "spike"}
# Okabe and Ito's colours, which the colour-blind tell apart, without yellow; more come from a map.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_LABELS = 12  # the most that a legend holds
_LONGEST = 80  # characters of a line in a legend


def plot(
    *surrogates: Surrogate,
    kind: Literal["derivative", "primitive", "spike", "both", "all"] = "derivative",
    log: bool = False,
    limits: tuple[float, float] | None = None,
    ax: Any = None,
    **values: Any,
) -> Any:
    """Draw surrogates over the membrane potential, each as a line; jumps are drawn as gaps.

    Needs matplotlib, the extra ``plot``.

    Parameters
    ----------
    *surrogates : Surrogate
        What to draw, your own too. An array in a parameter gives one line for each of its values.
    kind : {"derivative", "primitive", "spike", "both", "all"}, default "derivative"
        What to draw of each. "both" are derivative and primitive; "all" adds the spike.
    log : bool, default False
        Whether the vertical axis is logarithmic, to see the tails. Where something is negative, its
        size is drawn, and the axis says so.
    limits : (float, float), optional
        The ends of the horizontal axis. By default they follow from support, width and breakpoints
        of the surrogates.
    ax : matplotlib.axes.Axes, optional
        What to draw on; by default the axes of a new figure.
    **values : sequence of float
        By parameter, of the surrogate or of one inside it: the values to draw, one line each.

    Returns
    -------
    matplotlib.axes.Axes
        With a legend that says the parameters.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If something is not a surrogate.
    ValueError
        If `kind`, `limits` or a parameter is unknown or out of its range.
    NotImplementedError
        If a primitive is asked for and a surrogate defines none.

    Notes
    -----
    All lines share both axes, so that sizes can be compared. To see a small one next to a large
    one take `log`, and to compare shapes, ``rescaled(surrogate, width=1.0, peak=1.0)`` of each.

    Examples
    --------
    >>> import matplotlib
    >>> import surrogates
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> surrogates.plot(surrogates.Sigmoid(), surrogates.Arctan(), ax=ax) is ax
    True
    >>> ax = Figure().subplots()
    >>> lines = surrogates.plot(surrogates.Sigmoid(), alpha=[2.0, 8.0], ax=ax).lines
    >>> [line.get_label() for line in lines]
    ['Sigmoid(alpha=2)', 'Sigmoid(alpha=8)']
    """
    from textwrap import fill  # here, since the import of the package is to be fast

    from ._curves import curve, limits_of

    if not surrogates:
        raise TypeError("plot: give one or more surrogates, such as surrogates.Sigmoid()")
    if kind not in _KINDS:
        raise ValueError(f"plot: kind must be one of {', '.join(_KINDS)}, got kind={kind!r}")
    for surrogate in surrogates:
        if isinstance(surrogate, (list, tuple)):
            raise TypeError(
                f"plot: give each surrogate as an argument, got a {type(surrogate).__name__} of "
                f"{len(surrogate)}; write plot(*surrogates)"
            )
        require_surrogate(surrogate)
    drawn = [one for surrogate in surrogates for one in _each(surrogate, values)]
    kinds = _KINDS[kind]
    low, high = _limits(limits) if limits is not None else limits_of(drawn, log)
    if limits is None and ax is not None and ax.has_data():  # what is there stays in view
        low, high = min(low, *ax.get_xlim()), max(high, *ax.get_xlim())
    curves = [(one, what, *curve(one, what, low, high)) for one in drawn for what in kinds]
    signed = log and any(np.nanmin(y, initial=0.0) < 0 for _, _, _, y in curves)

    ax = _new_axes() if ax is None else ax
    colours = dict(zip(map(id, drawn), _colours(len(drawn), ax), strict=True))
    every = math.ceil(len(curves) / _LABELS)
    for number, (one, what, x, y) in enumerate(curves):
        label = fill(_label(one) + (f", {what}" if len(kinds) > 1 else ""), _LONGEST)
        ax.plot(
            x,
            np.abs(y) if signed else y,
            _STYLES[what],
            color=colours[id(one)],
            label=label if number % every == 0 else f"_{label}",  # which the legend leaves out
            linewidth=1.6,
        )
    ax.set(xlabel="$x$ = membrane potential - threshold", xlim=(low, high))
    if len(kinds) == 1:
        ax.set_ylabel(f"size of the {_NAMES[kind]}" if signed else _NAMES[kind])
    if log:
        ax.set_yscale("log", nonpositive="mask")
        largest = max((np.nanmax(np.abs(y), initial=0.0) for *_, y in curves), default=1.0)
        if 0 < largest < math.inf:
            ax.set_ylim(largest * 1e-6, largest * 2)
    elif ax.get_yscale() == "linear" and ax.get_ylim()[0] > 0:  # heights are compared from 0
        ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)
    # Above the axes, where long names hide no line, if the figure makes room for it.
    makes_room = ax.figure.get_layout_engine() is not None and len(ax.figure.axes) == 1
    place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0)} if makes_room else {}
    ax.legend(frameon=False, fontsize="small", **place)
    return ax


def _each(surrogate: Surrogate, values: dict[str, Any]) -> Iterator[Surrogate]:
    """Yield the surrogate for each of the values asked for, and of those in its arrays."""
    if values:
        name, *rest = values
        own = {field.name for field in surrogate._fields if "interval" in field.metadata}
        path = name if name in own else path_of("plot", surrogate, name)  # counts, too
        given = on_host(values[name]).ravel().tolist()
        if not given:
            raise ValueError(
                f"plot: {name} must be one or more values, got {name}={values[name]!r}"
            )
        for value in given:
            one = with_value_at(surrogate, path, value)
            yield from _each(one, {other: values[other] for other in rest})
        return
    _, arrays = surrogate.partition()
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    for index in np.ndindex(shape):
        yield _at(surrogate, shape, index) if arrays else surrogate


def _at(value: Any, shape: tuple[int, ...], index: tuple[int, ...]) -> Any:
    """Return a surrogate, or an array in it, with one of the values of its arrays."""
    if not isinstance(value, Value):
        return float(np.broadcast_to(on_host(value), shape)[index])
    changed = {name: _at(getattr(value, name), shape, index) for name in value.array_fields}
    if isinstance(value, Several):
        return [changed.get(str(number), other) for number, other in enumerate(value)]
    return dataclasses.replace(value, **changed)


def _limits(limits: Any) -> tuple[float, float]:
    low, high = map(float, limits)
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"plot: limits must be two finite numbers in order, got limits={limits!r}")
    return low, high


def _label(value: Any) -> str:
    """Return a surrogate as its constructor, with few digits, as one reads it in a legend."""
    if isinstance(value, (tuple, list, Several)):
        return f"({', '.join(map(_label, value))})"
    if isinstance(value, (float, str)):
        return f"{value:.4g}" if isinstance(value, float) else repr(value)
    if not isinstance(value, Surrogate):
        return getattr(value, "__name__", None) or str(value)
    shown = []
    for field in value._fields:
        part = getattr(value, field.name)
        is_wrapper = isinstance(getattr(value, "surrogate", None), Surrogate)
        if field.name == "at_threshold":
            is_told = part != 1.0 and not is_wrapper
        else:  # of a wrapper, what it changes
            is_told = not (is_wrapper and part == field.default) and part is not None
        if is_told:
            is_inside = isinstance(part, (Surrogate, Several)) or callable(part)
            shown.append(_label(part) if is_inside else f"{field.name}={_label(part)}")
    return f"{type(value).__name__}({', '.join(shown)})"


def _colours(number: int, ax: Any) -> list[Any]:
    taken = [line.get_color() for line in ax.lines]
    free: list[Any] = [colour for colour in _COLOURS if colour not in taken]
    if number <= len(free):
        return free[:number]
    from matplotlib import colormaps

    return [colormaps["viridis"](place) for place in np.linspace(0.0, 0.9, number)]


def _new_axes() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError(
            "plot needs matplotlib: python -m pip install matplotlib, or install "
            "surrogate-gradients with the extra 'plot'"
        ) from None
    return plt.subplots(figsize=(6.0, 3.8), layout="constrained")[1]
