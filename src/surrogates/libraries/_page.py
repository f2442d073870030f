"""The page docs/reference/libraries.md: what other libraries call the surrogates."""

from __future__ import annotations

from . import LIBRARIES, names_of
from ._library import Library, own_signature, required

_PREFACE = """\
# What other libraries call it

`surrogates.from_library(library, name, **parameters)` takes another library's name for a
surrogate, with that library's parameters and defaults, and returns the surrogate with the same
gradient and the same spike at threshold. (Below, 2.0 stands for a parameter without a default.)
Where a library's code differs from its documentation, the documented gradient is returned, and the
last column says what differs; where it is the documentation that is wrong, the code is followed.
A `UserWarning` says so, except of rounding and overflow, and `as_computed=True` returns the
gradient that the version below computes. `from_library(library, object)` reads the parameters from
an object of the library, where its section says so. What its neurons take stands on
[another page](neurons.md).
The tests compare every row, at these and at other arguments, with what the library itself computed
(`tests/golden/record.py`). Where a section says that the library was read and not run, they compare
with the formula in its source instead.

`surrogates.find(name)` tells which class a name means, in whatever library or paper: with this
package's numbers, while `from_library` has the library's. `python -m surrogates list NAME` prints
all that a name means.

Rockpool's `step_pwl_ae` is left out because it is not a surrogate: its gradient is the input.
Gradients that are not functions of x alone are left out too (snnTorch's `SSO`, stork's
`SuperSpike_norm`).

These names from papers are left out, since no formula for them could be found in public code or
text (November 2026): MG1 and MG2, the one-sided variants of Yin's multi-Gaussian (`Spliced` makes
such shapes of `MultiGaussianGrad`); and LSG (S. Lian et al., IJCAI 2023), whose abstract
says that its width follows the decay of the membrane. BDspike is a `Mixture` of two `Dspike`:
`Mixture((Dspike(2.5, 2.0), Dspike(1.0, 2.0)), (1.2, -0.2))` within its band.

This page is the output of `python -m surrogates list --libraries`.
"""


def page() -> str:
    """Return docs/reference/libraries.md."""
    lines = _PREFACE.splitlines()
    for entry in filter(lambda entry: entry.makers, map(names_of, LIBRARIES)):
        lines += [
            "",
            f"## {entry.name} {entry.version}",
            "",
            _told(entry),
            "",
            "| name and defaults there | here | what differs |",
            "|---|---|---|",
        ]
        for name, maker in sorted(entry.makers.items()):
            needed = required(maker)
            shown = ", ".join(
                p.name if p.name in needed else f"{p.name}={p.default}"
                for p in own_signature(maker).parameters.values()
            )
            example = maker(**needed)
            note = entry.notes[name].replace("|", "\\|")  # which would end the cell
            lines.append(f"| `{name}({shown})` | `{example!r}` | {note} |")
    return "\n".join(lines) + "\n"


def _told(entry: Library) -> str:
    """Return what to say of the spike at threshold, of its objects and where its code was read."""
    text = f"The spike at x = 0 is {entry.at_threshold:g}"
    others = [name for name, spike in sorted(entry.spikes.items()) if spike != entry.at_threshold]
    if others:
        named = ", ".join(f"`{name}`" for name in others)
        text += f", and {entry.spikes[others[0]]:g} for {named}"
    text += "."
    if entry.module and entry.make is None:  # norse has names alone
        text += " Its objects are translated, too."
    return text + ("" if entry.was_run else " Its source was read, and not run.")
