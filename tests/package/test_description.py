"""What a package index shows of README: text where a picture or a link is relative."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / "setup.py"
described = runpy.run_path(str(SETUP))["described"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a\nb](docs/a.md#c), [d](#d)", "a\nb, d"),
        ("[a](https://x.org/a)", "[a](https://x.org/a)"),
        ("![An a](docs/a.svg)", "*Picture in the repository: An a.*"),
        (
            '<picture>\n<source srcset="b.svg">\n<img src="a.svg" alt="An a">\n</picture>\n',
            "*Picture in the repository: An a.*\n",
        ),
        ("```python\nf[0](x)\n```\n[a](b)", "```python\nf[0](x)\n```\na"),
    ],
)
def test_relative_pictures_and_links_become_text(text, expected):
    assert described(text) == expected


def test_readme_has_no_relative_picture_or_link_left():
    text = SETUP.with_name("README.md").read_text(encoding="utf-8")
    shown = re.sub(r"```.*?```", "", described(text), flags=re.DOTALL)
    assert "Picture in the repository" in shown
    assert not re.search(r"<\w", shown)
    assert {link[:8] for link in re.findall(r"\]\(([^)]*)\)", shown)} == {"https://"}
