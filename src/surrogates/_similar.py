"""Which of the known names somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable

_SHORTEST = 3  # a part of a name that says something


def similar(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Return the known names that are nearest to `name`: misspelled, then begun or cut out of it.

    Upper and lower case do not matter.

    Parameters
    ----------
    name : str
        The name that is not known.
    known : iterable of str
        Those to choose from.
    most : int, default 3
        How many to return at most.
    """
    from difflib import get_close_matches  # here, since it takes long to import

    spelled: dict[str, str] = {}
    for other in known:
        spelled.setdefault(other.lower(), other)
    key = name.lower()
    close = get_close_matches(key, spelled, n=most)
    holding = [other for other in spelled if len(key) >= _SHORTEST and key in other]
    inside = [other for other in spelled if len(other) > _SHORTEST and other in key]
    holding.sort(key=lambda other: (not other.startswith(key), len(other)))
    inside.sort(key=len, reverse=True)
    return [spelled[other] for other in dict.fromkeys(close + holding + inside)][:most]
