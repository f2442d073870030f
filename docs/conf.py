"""How Sphinx builds the site: ``python -m nox -s docs``. Nothing is fetched, then or later."""

from __future__ import annotations

import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))
os.environ.setdefault("JAX_PLATFORMS", "cpu")  # what pages print is not to depend on the machine

import surrogates  # noqa: E402

project = "surrogates"
author = "the surrogates authors"
copyright = f"2026, {author}"
version = release = surrogates.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    "blocks",
    "commands",
    "comparison",
    "gallery",
    "mathml",
    "names",
    "outside",
    "signatures",
    "terms",
]
exclude_patterns = ["_build", "_ext", "_compare"]
default_role = "py:obj"
highlight_language = "none"

html_theme = "furo"
html_title = f"surrogates {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # which a browser may not fetch from disk
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#005a9c", "color-brand-content": "#005a9c"},
    "dark_css_variables": {"color-brand-primary": "#6cb6ff", "color-brand-content": "#6cb6ff"},
}

autodoc_typehints = "none"  # the docstrings state them
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
python_use_unqualified_type_names = True

myst_enable_extensions = ["colon_fence", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
