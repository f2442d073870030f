"""The directive ``help``: what ``python -m surrogates COMMAND --help`` prints."""

from __future__ import annotations

import contextlib
import io
import os
from unittest import mock

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from surrogates._cli import main


class Help(SphinxDirective):
    """Shows the help of a command, or without an argument of all."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the help as a block."""
        text = printed(self.arguments)
        return [nodes.literal_block(text, text, language="none")]


def printed(arguments: list[str]) -> str:
    """Return what the command line prints, in lines of 80 characters and without colours."""
    output = io.StringIO()
    plain = mock.patch.dict(os.environ, {"COLUMNS": "80", "NO_COLOR": "1"})
    with plain, contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        main([*arguments, "--help"])
    return output.getvalue().rstrip()


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("help", Help)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
