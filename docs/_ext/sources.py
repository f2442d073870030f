"""What the docstrings cite: the sources on a surrogate's page, and the bibliography."""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

from surrogates.definitions import SURROGATES

WORKS: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("works.toml").read_text(encoding="utf-8")
)["work"]
HEADER = """\
# Bibliography

What the definitions of the surrogates cite, and which of them do so. Each page of the
[gallery](../gallery/index.md) names its own sources; `help` of a class has them, too.

"""


def stated(cls: type) -> str:
    """Return what a docstring says under References, in one line."""
    text = inspect.cleandoc(cls.__doc__ or "")
    found = re.search(r"^References\n-+\n(.*?)(?=\n\n[A-Z]\w+\n-+\n|\Z)", text, re.S | re.M)
    return " ".join(found[1].split()) if found else ""


def cited(cls: type) -> list[dict[str, Any]]:
    """Return the works that a docstring cites."""
    return [work for work in WORKS if re.search(work["mark"], stated(cls))]


def entry(work: dict[str, Any]) -> str:
    """Return a work in Markdown, with the link that it has."""
    return f"{work['text']}, {link(work)}"


def link(work: dict[str, Any]) -> str:
    """Return the link to a work."""
    if "doi" in work:
        return f"[doi:{work['doi']}](https://doi.org/{work['doi']})"
    return f"[{work['url'].split('/')[2]}]({work['url']})"


def section(cls: type) -> list[str]:
    """Return what the page of a surrogate says of its sources."""
    works = cited(cls)
    text = stated(cls)
    if not works and "`" not in text and "norse" not in text:
        raise ValueError(f"{cls.__name__} cites {text!r}, which docs/_ext/works.toml does not have")
    plain = re.sub(r"(?<!`)`(\w+)`(?!`)", linked, text).replace("``", "`")
    links = [link(work) for work in works]
    if len(works) > 1:
        links = [f"{_surname(w)} {_year(w)}: {link(w)}" for w in works]
    return [plain, "", "; ".join(links)] if links else [plain]


def linked(match: re.Match[str]) -> str:
    """Return a name of a docstring as a link to its page, if it has one."""
    name = match[1]
    return f"[{name}]({name}.md)" if name in SURROGATES else f"`{name}`"


def _surname(work: dict[str, Any]) -> str:
    """Return what a work is sorted by: the first word that is no initial."""
    return next(word.rstrip(",") for word in work["text"].split() if not word.endswith("."))


def _year(work: dict[str, Any]) -> str:
    """Return when a work appeared: the last year that its entry has."""
    return re.findall(r"\b(?:19|20)\d\d\b", work["text"])[-1]


def bibliography() -> str:
    """Return the page of all works."""
    lines = [HEADER.rstrip(), ""]
    for work in sorted(WORKS, key=_surname):
        who = [name for name, cls in SURROGATES.items() if work in cited(cls)]
        if not who and not work.get("general"):
            raise ValueError(f"no surrogate cites {work['text']!r} of docs/_ext/works.toml")
        links = ", ".join(f"[{name}](../gallery/{name}.md)" for name in who)
        lines.append(f"- {entry(work)}." + (f" Cited by {links}." if links else ""))
    return "\n".join([*lines, ""])
