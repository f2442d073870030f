"""The comparison page: its modules, bundled with the surrogates in JavaScript, as one script.

A browser that opens a page from disk loads no modules, so they are put into one plain script. A
module may import names of its neighbours, as they are called there, and export what it declares.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import javascript

from surrogates.definitions import SURROGATES

MODULES = Path(__file__).parents[1] / "_compare"
MAIN = "page.js"
PRINTED = "surrogates.js"
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([\w.]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (function|const) (\w+)", re.MULTILINE)


def modules() -> dict[str, str]:
    """Return the text of every module by its name, the printed one included."""
    texts = {path.name: path.read_text() for path in MODULES.glob("*.js")}
    return texts | {PRINTED: javascript.module(SURROGATES)}


def bundle(texts: dict[str, str]) -> str:
    """Return one script: each module after those that it imports."""
    done: list[str] = []

    def add(name: str) -> None:
        if name not in done:
            for _, imported in _IMPORT.findall(texts[name]):
                add(imported)
            done.append(name)

    add(MAIN)
    return '"use strict";\n' + "\n".join(_closed(name, texts[name]) for name in done)


def _closed(name: str, text: str) -> str:
    """Return a module as an object of what it exports, made in a scope of its own."""
    exported = ", ".join(found for _, found in _EXPORT.findall(text))
    plain = _EXPORT.sub(r"\1 \2", _IMPORT.sub(lambda m: f"const {m[1]} = {_object(m[2])};", text))
    if re.search(r"^(import|export)\b", plain, re.MULTILINE):
        raise ValueError(f"{name} imports or exports in a form that the bundle does not know")
    return f"const {_object(name)} = (() => {{\n{plain}return {{ {exported} }};\n}})();\n"


def _object(name: str) -> str:
    return f"{name.removesuffix('.js')}Module"


def _write(app: Any, config: Any) -> None:
    # in the folder of doctrees, so that nothing is written next to the sources
    folder = Path(app.doctreedir) / "comparison"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compare-bundle.js").write_text(bundle(modules()))
    config.html_static_path.append(str(folder))


def _add(app: Any, pagename: str, *_: Any) -> None:
    if pagename == "compare":
        app.add_js_file("compare-bundle.js", loading_method="defer")
        app.add_css_file("compare.css")


def setup(app: Any) -> dict[str, Any]:
    """Tell Sphinx."""
    app.connect("config-inited", _write)
    app.connect("html-page-context", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
