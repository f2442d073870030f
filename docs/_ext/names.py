"""A check that fails the build: each public name stands on one page of the site, and no other does.

Sphinx itself warns of a name that stands on two pages.
"""

from __future__ import annotations

from public import public
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import SphinxError


def check(app: Sphinx, env: BuildEnvironment) -> None:
    """Raise if a public name has no page, or if a page has a name that is not public."""
    found = {
        name
        for name, entry in env.domains.python_domain.objects.items()
        if entry.objtype in ("class", "function", "data") and not entry.aliased
    }
    names = {*public()}
    for problem, some in (
        ("public names stand on no page", names - found),
        ("names stand on a page and are not public", found - names),
    ):
        if some:
            raise SphinxError(f"{problem}: {', '.join(sorted(some))}; see docs/reference/api")


def setup(app: Sphinx) -> dict[str, bool]:
    """Check when all pages are read."""
    app.connect("env-check-consistency", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
