"""Links from words in italics to the glossary, where it has them."""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError

PAGE = "reference/glossary"


def anchor(term: str) -> str:
    """Return the id of a term."""
    return "term-" + re.sub(r"\W+", "-", term.lower())


def terms(docs: Path) -> dict[str, str]:
    """Return the terms, what the glossary's paragraphs begin with in bold, and their anchors."""
    text = (docs / f"{PAGE}.md").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for names in re.findall(r"^(\*\*[^*].*?\*\*(?:, or \*\*.+?\*\*)*)", text, re.MULTILINE):
        several = re.findall(r"\*\*(.+?)\*\*", names)
        found |= dict.fromkeys(several, anchor(several[0]))
    return found


def mark(app: Sphinx, doctree: nodes.document) -> None:
    """Give the paragraphs of the glossary their ids."""
    if app.env.docname == PAGE:
        for paragraph in doctree.findall(nodes.paragraph):
            first = next((child for child in paragraph if child.astext()), None)
            if isinstance(first, nodes.strong):
                paragraph["ids"].append(anchor(first.astext()))


def check(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Raise if a term has no paragraph to link to."""
    if docname == PAGE:
        found = {one for paragraph in doctree.findall(nodes.paragraph) for one in paragraph["ids"]}
        missing = {*terms(Path(app.srcdir)).values()} - found
        if missing:
            raise SphinxError(f"the glossary has no paragraph for {sorted(missing)}")


def link(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link every term in italics, in the singular or the plural."""
    known = terms(Path(app.srcdir))
    for word in list(doctree.findall(nodes.emphasis)):
        if isinstance(word.parent, nodes.reference):
            continue
        text = word.astext()
        term = next((t for t in (text, text.lower(), text.removesuffix("s")) if t in known), None)
        if term is not None:
            page = app.builder.get_relative_uri(docname, PAGE)
            reference = nodes.reference("", "", refuri=f"{page}#{known[term]}", internal=True)
            word.replace_self(reference)
            reference += word


def setup(app: Sphinx) -> dict[str, bool]:
    """Mark the terms when the glossary is read, and link them when pages are written."""
    app.connect("doctree-read", mark)
    app.connect("doctree-resolved", check)
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
