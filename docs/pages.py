"""Write the pages that are made from the code: ``python -m nox -s pages``.

They are ``docs/reference/libraries.md``, and the tables of ``docs/reference/surrogates.md``,
``docs/howto/gain.md``, ``docs/reference/accuracy.md`` and ``docs/reference/transforms.md``, the
last two from the JSON files next to them, which other sessions measure; and how many surrogates and
libraries there are, where README and ``docs/explanation/decisions.md`` say so.
No test needs them to be complete, so that a new surrogate touches one file; the tests say that what
stands on a page is true.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

from surrogates import gain
from surrogates._check.formulas import stated
from surrogates.backends import _BUILT_IN as BUILT_IN
from surrogates.definitions import SURROGATES, function_name
from surrogates.libraries import LIBRARIES, names_of
from surrogates.libraries._page import page

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference"
LONGEST = 100  # characters of a formula in the table of surrogates


def surrogates_table() -> list[str]:
    """Return the table of docs/reference/surrogates.md: a line for each surrogate."""
    lines = ["| class and defaults | function | derivative *g'(x)* | area |", "|---|---|---|---|"]
    for name, cls in SURROGATES.items():
        parameters = inspect.signature(cls).parameters.values()
        arguments = ", ".join(
            f"{p.name}={p.default!r}" for p in parameters if p.name != "at_threshold"
        )
        formulas = stated(cls)
        formula = formulas["g'(x)"]
        derivative = f"`{formula}`"
        if len(formula) > LONGEST:
            derivative = inspect.cleandoc(cls.__doc__ or "").partition("\n")[0].rstrip(".")
            derivative = derivative.replace("``", "`")
        area = formulas.get("area", str(cls().area))
        area = {"inf": "infinite", "nan": "-"}.get(area, f"`{area}`")
        lines.append(f"| `{name}({arguments})` | `{function_name(cls)}` | {derivative} | {area} |")
    return lines


def accuracy_table(measured: dict[str, Any]) -> list[str]:
    """Return the table of docs/reference/accuracy.md from what ``check --json`` measured."""
    columns = [(framework, dtype) for framework in measured["frameworks"] for dtype in DTYPES]
    heads = [f"{TITLES[framework]} {dtype}" for framework, dtype in columns]
    lines = [f"| surrogate | stated | {' | '.join(heads)} |", "|---" * (2 + len(columns)) + "|"]
    cells = {(r["surrogate"], r["framework"], r["dtype"]): r for r in measured["rows"]}
    for name in sorted({r["surrogate"] for r in measured["rows"]} & {*SURROGATES}):
        errors = [cells[name, *column] for column in columns]
        shown = [f"{ulp(r['derivative'])} / {ulp(r['primitive'])}" for r in errors]
        points = errors[0].get("points")  # where they are fewer than in the other rows
        note = f" ({points:,} points)" if points else ""
        lines.append(f"| `{name}`{note} | {statement(name)} | {' | '.join(shown)} |")
    return lines


def gains_table() -> list[str]:
    """Return the table of docs/howto/gain.md: the gains of all defaults, the smallest first."""
    columns = ("mean", "rms", "share", "factor")
    lines = [f"| surrogate | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    found = [(name, gain(cls(), mean=-1.0, std=1.0)) for name, cls in SURROGATES.items()]
    for name, result in sorted(found, key=lambda row: row[1].rms):
        cells = [f"{getattr(result, column):.4g}" for column in columns]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines


DTYPES = ("float64", "float32")
TITLES = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX"}


def ulp(error: float) -> str:
    """Return an error with one decimal, or without, if it is large."""
    return f"{error:.1f}".removesuffix(".0") if error < 100 else f"{error:.0f}"


def statement(name: str) -> str:
    """Return the accuracy that a surrogate states at its defaults, in a few words."""
    accuracy = SURROGATES[name]().accuracy
    text = f"{accuracy.ulp:g}"
    text += f" + {accuracy.per_efold:g} per e-fold" if accuracy.per_efold else ""
    return text + (" of the peak" if accuracy.of_peak else "")


def between(text: str, name: str, lines: list[str]) -> str:
    """Return a page with other lines between the two comments that bear a name."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = text.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"there is no line {end!r} after {start!r}")
    return f"{before}{start}\n" + "\n".join(lines) + f"\n\n{end}{after}"


def numbers(measured: dict[str, Any]) -> list[tuple[Path, str, tuple[int, ...]]]:
    """Return where a page says how many there are: the text around each number, and the numbers."""
    readme, decisions = DOCS.parent / "README.md", DOCS / "explanation" / "decisions.md"
    ours = len(SURROGATES)
    hooks = len({*BUILT_IN.values()})
    named = sum(bool(names_of(library).makers) for library in LIBRARIES)
    taking = sum(bool(names_of(library).arguments) for library in LIBRARIES)
    proven = [r for r in measured["rows"] if r["framework"] == "symbolic" and r["note"] == "proven"]
    return [
        (readme, "[{} of them](docs/reference/surrogates.md), from papers and", (ours,)),
        (readme, "from papers and from {} public", (named,)),
        (readme, "[{} of them](docs/reference/neurons.md)", (taking,)),
        (readme, "{} surrogates, and their sums", (ours,)),
        (readme, "({} of {} without a gap)", (len(proven), ours)),
        (readme, "[{} others](docs/reference/libraries.md)", (named - 3,)),  # than those above it
        (
            decisions,
            "{} surrogates work in {} libraries with {} pieces instead of {}",
            (ours, hooks, ours + hooks, ours * hooks),
        ),
    ]


def written(text: str, around: str) -> tuple[int, ...]:
    """Return the numbers of a page that stand in some text."""
    ((found),) = re.findall(re.escape(around).replace(r"\{\}", r"(\d+)"), text)
    return tuple(map(int, (found,) if isinstance(found, str) else found))


def counted(text: str, around: str, found: tuple[int, ...]) -> str:
    """Return a page with these numbers instead of others."""
    pattern = re.escape(around).replace(r"\{\}", r"\d+")
    text, times = re.subn(pattern, lambda _: around.format(*found), text)
    if times != 1:
        raise ValueError(f"expected {around!r} once, with numbers, found it {times} times")
    return text


def main() -> None:
    """Write them all."""
    sys.path[:0] = [str(DOCS.parent / "tests" / "support")]
    import matrix

    measured = json.loads((REFERENCE / "accuracy.json").read_text())
    classes, accuracy = REFERENCE / "surrogates.md", REFERENCE / "accuracy.md"
    gains = DOCS / "howto" / "gain.md"
    gains.write_text(between(gains.read_text(), "gains", gains_table()))
    classes.write_text(between(classes.read_text(), "surrogates", surrogates_table()))
    accuracy.write_text(between(accuracy.read_text(), "measured", accuracy_table(measured)))
    (REFERENCE / "libraries.md").write_text(page())
    for path, around, found in numbers(measured):
        path.write_text(counted(path.read_text(), around, found))
    transforms = json.loads((REFERENCE / "transforms.json").read_text())
    (REFERENCE / "transforms.md").write_text(matrix.render(transforms))


if __name__ == "__main__":
    main()
