"""What the docstring of every surrogate says, written once: its errors, and how exact it is."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields
from typing import Any

from ._accuracy import Accuracy

_LATER = ("Notes", "References", "Examples")  # the sections after the errors


def completed(cls: Any) -> str | None:
    """Return the docstring of a class of surrogates with what can be told from the class.

    If it lists its parameters, in NumPy's style, the errors are added unless it lists some, and the
    accuracy unless it states it.
    """
    text: str | None = vars(cls).get("__doc__")
    before, _, after = (text or "").partition("Parameters\n")
    indent = before.rpartition("\n")[2]
    if not text or indent.strip() or not after.startswith(f"{indent}----------\n"):
        return text
    if f"\n{indent}Raises\n" not in text and (errors := _errors(cls)):
        text = _inserted(text, indent, "Raises", ["ValueError", *errors])
    states = "accuracy" in vars(cls) and isinstance(cls.accuracy, Accuracy)
    if states and "ccurate to" not in text:
        text = _inserted(text, indent, "Notes", _exactness(cls.accuracy))
    return text


def _inserted(text: str, indent: str, title: str, lines: list[str]) -> str:
    """Return `text` with a new section before the later ones, or lines in front of an old one."""
    body = "".join(f"{indent}{line}\n" for line in lines)
    underlined = f"{indent}{title}\n{indent}{'-' * len(title)}\n"
    before, found, after = text.partition(underlined)
    if found:
        return f"{before}{found}{body}{after}"
    starts = (text.find(f"\n{indent}{name}\n{indent}---") + 1 for name in _LATER)
    later = [*filter(None, starts)]
    place = min(later) if later else len(text.rstrip())
    gap = "" if later else "\n\n"
    return f"{text[:place]}{gap}{underlined}{body}\n{text[place:]}"


def _errors(cls: Any) -> list[str]:
    names = defaultdict(list)
    for declared in fields(cls):
        if declared.name != "at_threshold":
            if "interval" in declared.metadata:
                names[declared.metadata["interval"].description].append(f"`{declared.name}`")
            elif "choices" in declared.metadata:
                choices = ", ".join(map(repr, declared.metadata["choices"]))
                names[f"one of {choices}"].append(f"`{declared.name}`")
    return [f"    If {' or '.join(who)} is not {what}." for what, who in names.items()]


def _exactness(accuracy: Accuracy) -> list[str]:
    if not accuracy.per_efold:
        return [f"Accurate to {accuracy.ulp:g} ulp{' of the peak' if accuracy.of_peak else ''}."]
    return [
        f"Accurate to {accuracy.ulp:g} ulp, and {accuracy.per_efold:g} more for each factor of e "
        "that the result lies away from",
        "its value at the threshold: an exponential magnifies the rounding of its argument by that",
        "argument.",
    ]
