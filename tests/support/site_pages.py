"""The pages of docs that are committed, and not made when the site is built."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_MADE = {"_build", "gallery", "bibliography.md"}  # as in .gitignore

PAGES = sorted(p for p in DOCS.rglob("*.md") if not _MADE & {*p.relative_to(DOCS).parts})
