"""The gallery: an index of cards by family and a page for each surrogate, from the registry.

The pages are written to ``docs/gallery`` before Sphinx reads them; nothing in them is by hand.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import measures
import snippets
import sources
import textbook
from drawings import card, figures
from sphinx.application import Sphinx

from surrogates import Surrogate
from surrogates._find import of_class
from surrogates.definitions import FAMILIES, SURROGATES, function_name
from surrogates.libraries import LIBRARIES, names_of
from surrogates.libraries._library import own_signature, required

TITLES = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX"}


def index() -> str:
    """Return the page of cards."""
    lines = [
        "# The gallery",
        "",
        f"All {len(SURROGATES)} surrogates, by family. Grey is the spike, blue the *primitive* "
        "*g(x)*, and orange the derivative *g'(x)* that training uses, drawn at full height "
        "whatever its peak.",
        "[Compare](../compare.md) some of them, or look up "
        "[what another library calls them](../reference/libraries.md).",
    ]
    for family in FAMILIES:
        names = [name for name in family.__all__ if name in SURROGATES]
        title = family.__name__.rpartition(".")[2].replace("_", " ").capitalize()
        lines += ["", f"## {title}", "", first_line(family), "", "::::{grid} 1 2 3 3"]
        lines += [":gutter: 2", ""]
        for name in names:
            lines += [f":::{{grid-item-card}} {name}", f":link: surrogate-{name.lower()}"]
            lines += [":link-type: ref", "", "```{raw} html", card(SURROGATES[name]()), "```"]
            lines += [first_line(SURROGATES[name]), ":::", ""]
        lines.append("::::")
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", "", *sorted(SURROGATES), "```", ""])


def page(cls: type[Surrogate], accuracy: list[dict[str, Any]]) -> str:
    """Return the page of a surrogate."""
    name = cls.__name__
    surrogate = cls()
    lines = [f"(surrogate-{name.lower()})=", f"# {name}", "", first_line(cls), ""]
    if aliases := vars(cls).get("also_called", ()):
        lines += [f"Also called {', '.join(aliases)}.", ""]
    compare = f"../compare.html#s={name}"
    link = f'<p><a href="{compare}">Compare it with others, at any parameters</a></p>'
    lines += ["```{raw} html", link, "```", "", "## Formula", ""]
    for formula in ("g'(x)", "g(x)"):
        lines += ["```{math}", f"{formula} = {textbook.latex(cls, formula)}", "```", ""]
    lines += [
        "*x* is the membrane potential minus the threshold.",
        "",
        *measures.table(surrogate),
        "",
    ]
    lines += ["## Pictures", "", *figures(cls), ""]
    lines += ["## Use it", "", *snippets.tabs(surrogate), ""]
    lines += [snippets.what_ran(), ""]
    lines += ["## How exact it is", "", *exactness(accuracy), ""]
    lines += ["## In other libraries", "", *elsewhere(cls), ""]
    lines += ["## Source", "", *sources.section(cls), ""]
    lines += ["## API", "", "```{eval-rst}", ".. currentmodule:: surrogates", ""]
    lines += [f".. autoclass:: surrogates.{name}", ""]
    lines += [f".. autofunction:: surrogates.{function_name(cls)}", "```", ""]
    return "\n".join(lines)


def exactness(rows: list[dict[str, Any]]) -> list[str]:
    """Return what `python -m surrogates check` measured."""
    if not rows:
        return ["Not measured yet; the API below states bounds."]
    lines = [
        "The largest error that was [measured](../reference/accuracy.md), in units in the last "
        "place (*ulp*). In tails it may grow, as the API below states.",
        "",
        "| | derivative | primitive |",
        "|---|---|---|",
    ]
    for row in rows:
        if row["dtype"]:
            cells = [f"{row[what]:.3g}" for what in ("derivative", "primitive")]
            title = f"{TITLES[row['framework']]} {row['dtype']}"
            lines.append(f"| {title} | {' | '.join(cells)} |")
    proven = any(row["framework"] == "symbolic" and row["note"] == "proven" for row in rows)
    if proven:
        lines += ["", "SymPy proves, piece by piece, that the derivative is that of the primitive."]
    return lines


def elsewhere(cls: type[Surrogate]) -> list[str]:
    """Return the table of what other libraries call a surrogate, and what differs there."""
    found = [(meaning.library, meaning.name) for meaning in of_class(cls)]
    if not found:
        number = sum(bool(names_of(library).makers) for library in LIBRARIES)
        known = f"the {number} libraries that `surrogates.from_library` knows"
        return [f"None of {known} has it."]
    entries = {entry.name: entry for entry in map(names_of, LIBRARIES)}
    lines = [":::{container} whole-table", ""]  # none of its columns out of sight
    lines += ["| library | name and defaults there | here | what differs |", "|---|---|---|---|"]
    rows: dict[tuple[str, str, str], list[str]] = {}  # names that mean the same share a row
    for library, name in found:
        entry = entries[library]
        maker = entry.makers[name]
        needed = required(maker)
        given = [
            p.name if p.name in needed else f"{p.name}={p.default}"
            for p in own_signature(maker).parameters.values()
        ]
        row = f"{library} {entry.version}", short(entry.surrogate(name, needed)), entry.notes[name]
        rows.setdefault(row, []).append(f"`{name}({', '.join(given)})`")
    for (title, here, note), there in rows.items():
        lines.append(f"| {title} | {', '.join(there)} | `{here}` | {note} |")
    return [*lines, ":::"]


def short(surrogate: Surrogate) -> str:
    """Return the code of a surrogate, without what a wrapper assumes anyway."""
    return re.sub(r"(?<=\()surrogate=|, rate=1\.0(?=,)|, shift=0\.0(?=\))", "", repr(surrogate))


def first_line(documented: object) -> str:
    """Return the first line of a docstring, in Markdown."""
    return inspect.cleandoc(documented.__doc__ or "").splitlines()[0].replace("``", "`")


def write(app: Sphinx) -> None:
    """Write the pages, and delete those of surrogates that are no more."""
    docs = Path(app.srcdir)
    folder = docs / "gallery"
    folder.mkdir(exist_ok=True)
    measured = json.loads((docs / "reference" / "accuracy.json").read_text())["rows"]
    pages = {"index": index()}
    for name, cls in SURROGATES.items():
        pages[name] = page(cls, [row for row in measured if row["surrogate"] == name])
    changed(docs / "reference" / "bibliography.md", sources.bibliography())
    for path in {*folder.glob("*.md")} - {folder / f"{name}.md" for name in pages}:
        path.unlink()
    for name, text in pages.items():
        changed(folder / f"{name}.md", text)


def changed(path: Path, text: str) -> None:
    """Write a page, unless it is there already: what did not change is not read again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def without_sources(app: Sphinx, what: str, name: str, thing: Any, *rest: Any) -> None:
    """Cut from the API of a surrogate what its page says under Source."""
    lines = rest[-1]
    names = {*SURROGATES, *map(function_name, SURROGATES.values())}
    if name.rpartition(".")[2] in names and "References" in lines:
        start = lines.index("References")
        sections = [n for n in range(start + 2, len(lines) - 1) if lines[n + 1].startswith("---")]
        del lines[start : min(sections, default=len(lines))]


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the gallery before anything is read; its docstrings come before napoleon's turn."""
    app.connect("builder-inited", write)
    app.connect("autodoc-process-docstring", without_sources, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
