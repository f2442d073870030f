"""Links from pages to README, CONTRIBUTING and CHANGELOG work on a code host, and on the site."""

from __future__ import annotations

import re
from posixpath import dirname, relpath

from sphinx.application import Sphinx

PAGES = {"README": "index", "CONTRIBUTING": "contributing", "CHANGELOG": "changelog"}


def on_the_site(text: str, docname: str) -> str:
    """Return the text of a page with these links to pages of the site."""

    def link(match: re.Match[str]) -> str:
        return f"]({relpath(PAGES[match[1]], dirname(docname) or '.')}.md"

    return re.sub(rf"\]\((?:\.\./)+({'|'.join(PAGES)})\.md", link, text)


def read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Change the links of a page that is read."""
    source[0] = on_the_site(source[0], docname)


def setup(app: Sphinx) -> dict[str, bool]:
    """Change the links of every page."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
