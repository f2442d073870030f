"""The description on a package index, which shows no file of the repository: text for each.

The plug-in hatch-fancy-pypi-readme would do it, but hatchling leaves out the folder behind the
link src/surrogates/backends. All else is in pyproject.toml.
"""

import pathlib
import re

README = pathlib.Path(__file__).with_name("README.md")


def described(text: str) -> str:
    """Return a page whose relative pictures and links, outside of blocks of code, are text."""
    parts = re.split(r"(^```.*?^```)", text, flags=re.DOTALL | re.MULTILINE)
    for number in range(0, len(parts), 2):
        part = re.sub(
            r"<picture>.*?alt=\"(.*?)\".*?</picture>", r"![\1]()", parts[number], flags=re.DOTALL
        )
        part = re.sub(
            r"!\[([^\]]*)\]\((?!https?:)[^)]*\)", r"*Picture in the repository: \1.*", part
        )
        parts[number] = re.sub(r"\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", part)
    return "".join(parts)


if __name__ == "__main__":  # where setuptools runs it
    import setuptools

    description = described(README.read_text(encoding="utf-8"))
    setuptools.setup(long_description=description, long_description_content_type="text/markdown")
