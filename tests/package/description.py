"""The description of the installed package has no relative picture or link: nox -s package."""

import importlib.metadata
import re

description = importlib.metadata.metadata("surrogate-gradients").get_payload()
text = re.sub(r"^```.*?^```", "", description, flags=re.DOTALL | re.MULTILINE)
relative = [a for a in re.findall(r"\]\(([^)]*)\)", text) if not a.startswith("https://")]
relative += re.findall(r"<(?:img|source|a)\b[^>]*>", text)
if relative or "## Tutorials" not in text or "](https://" not in text:
    raise SystemExit(f"an index would not find {relative}, or much of README is missing")
