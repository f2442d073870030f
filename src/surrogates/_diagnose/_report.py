"""What a diagnosis says: a table, findings with their remedies, a picture."""

from __future__ import annotations

import contextlib
import math
from typing import Any

_REMEDIES = {
    "not finite": "potentials or their derivatives are NaN or infinite: look at what computes them",
    "silent": "no neuron spikes: enlarge the weights or the input, or lower the threshold",
    "saturated": "nearly all neurons spike: shrink the weights or the input, raise the threshold, "
    "or penalise the rate",
    "dead": "few potentials lie within the surrogate's width of {width}: widen it, see "
    "surrogates.fitted",
    "vanishing": "the gradient that leaves is {ratio:.1g} of the largest: widen or raise the "
    "surrogate, see surrogates.fitted",
    "exploding": "the gradient that leaves is {ratio:.1g} times that of the last layer: lower the "
    "surrogate, see surrogates.fitted",
    "untrained": "{untrained} is a Parameter that network.parameters() lacks, so no optimiser "
    "moves it: make the surrogate a module by surrogates.learnable or surrogates.module",
}
_COLUMNS = ("layer", "x mean", "x std", "rate", "gain", "share", "arriving", "leaving", "")


class Diagnosis:
    """What `diagnose` returns.

    Attributes
    ----------
    layers : list of dict
        For each layer that spikes, in the order of their first calls: `name`, `surrogate`, `calls`,
        `potential` (`mean`, `std`, `low` and `high` of x), the firing `rate`, the `gain` (root mean
        square of the derivative), the `share` of potentials whose derivative exceeds a thousandth
        of the peak, the norms of the gradient `arriving` at the spikes and `leaving` at the
        potentials (over all calls; None where unknown), `untrained`, the parameters of the
        surrogate that the network lacks, and `findings`, a list of names.
    findings : list of str
        What is wrong, and what to do: a sentence for each.
    unseen : list of str
        What could not be told.

    Examples
    --------
    >>> import numpy as np
    >>> import surrogates
    >>> diagnosis = surrogates.diagnose(surrogates.Boxcar(), np.linspace(-3.0, 1.0, 5))
    >>> diagnosis.layers[0]["rate"]
    0.4
    >>> diagnosis.findings
    []
    """

    def __init__(self, layers: list[dict[str, Any]], unseen: list[str]) -> None:
        self.layers = layers
        self.unseen = unseen
        self.findings: list[str] = []
        leaving = [layer["leaving"] for layer in layers if layer["leaving"] is not None]
        for layer in layers:
            layer["findings"] = _found(layer, leaving)
            for name in layer["findings"]:
                self.findings.append(f"{layer['name']}: {name}; {_remedy(layer, name, leaving)}")

    def __str__(self) -> str:
        rows = [_COLUMNS, *(_row(layer) for layer in self.layers)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
        lines = [
            "  ".join(
                cell.ljust(width) if i in (0, len(row) - 1) else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        nothing = "nothing found" if self.layers else "no layer could be seen"
        lines += ["", *(self.findings or [nothing])]
        lines += [f"not seen: {what}" for what in self.unseen]
        return "\n".join(lines)

    __repr__ = __str__

    def plot(self, ax: Any = None) -> Any:
        """Draw the gradient that leaves each layer, and its gain and rate.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            What to draw on; by default a new one. matplotlib is needed.

        Returns
        -------
        matplotlib.axes.Axes
        """
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(layout="constrained")
        names = [layer["name"] for layer in self.layers]
        for key, label in (
            ("leaving", "gradient that leaves"),
            ("gain", "gain of the surrogate"),
            ("rate", "firing rate"),
        ):
            values = [_positive(layer[key]) for layer in self.layers]
            ax.plot(range(len(names)), values, "o-", label=label)
        ax.set_yscale("log")
        ax.set_xticks(range(len(names)), names, rotation=45, ha="right")
        ax.set_xlabel("layer")
        ax.legend()
        return ax


def _found(layer: dict[str, Any], leaving: list[float]) -> list[str]:
    found = []
    if not (math.isfinite(layer["potential"]["mean"]) and math.isfinite(layer["gain"])):
        found.append("not finite")
    if layer["rate"] == 0:
        found.append("silent")
    if layer["rate"] > 0.95:
        found.append("saturated")
    if layer["share"] < 0.01:
        found.append("dead")
    size = layer["leaving"]
    if size is not None:
        finite = [value for value in leaving if math.isfinite(value)]
        if not math.isfinite(size) or size > 100 * leaving[-1] > 0:
            found.append("exploding")
        elif size == 0 or size < max(finite) / 100:
            found.append("vanishing")
    if layer["untrained"]:
        found.append("untrained")
    return found


def _remedy(layer: dict[str, Any], name: str, leaving: list[float]) -> str:
    width = "unknown size"
    if name == "dead":
        with contextlib.suppress(NotImplementedError, TypeError, ValueError, RuntimeError):
            size_of_width = layer["surrogate"].width
            learned = getattr(size_of_width, "requires_grad", False)
            width = f"{float(size_of_width.detach() if learned else size_of_width):.3g}"
    largest = max((value for value in leaving if math.isfinite(value)), default=math.nan)
    size = layer["leaving"] or 0.0
    against = largest if name == "vanishing" else (leaving or [math.nan])[-1]
    ratio = 0.0 if not size else size / against if against else math.inf
    untrained = " and ".join(layer["untrained"])
    return _REMEDIES[name].format(width=width, ratio=ratio, untrained=untrained)


def _row(layer: dict[str, Any]) -> tuple[str, ...]:
    x = layer["potential"]
    numbers = (x["mean"], x["std"], layer["rate"], layer["gain"], layer["share"])
    gradients = (layer["arriving"], layer["leaving"])
    shown = (f"{number:.3g}" for number in numbers)
    known = ("?" if number is None else f"{number:.3g}" for number in gradients)
    return (layer["name"], *shown, *known, ", ".join(layer["findings"]))


def _positive(value: float | None) -> float:
    return value if value else math.nan
