"""What the files of the libraries are made of."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from .._surrogate import Surrogate

Maker = Callable[..., Surrogate]


class Library:
    """A library's names for surrogates.

    Parameters
    ----------
    name : str
        Its name, and that of the file.
    version : str
        The version whose code was read and run.
    at_threshold : float
        The spike that it emits at ``x = 0``, unless a name says otherwise.
    was_run : bool, default True
        Whether its code was run and its values recorded, or only read.
    """

    def __init__(
        self, name: str, version: str, at_threshold: float, *, was_run: bool = True
    ) -> None:
        self.name = name
        self.version = version
        self.at_threshold = at_threshold
        self.was_run = was_run
        self.makers: dict[str, Maker] = {}
        self.notes: dict[str, str] = {}
        self.spikes: dict[str, float] = {}

    def add(
        self, name: str, maker: Maker, note: str = "", at_threshold: float | None = None
    ) -> None:
        """Add one of its names.

        Parameters
        ----------
        name : str
            As the library spells it.
        maker : callable
            Takes the library's parameters, with its defaults, and returns the surrogate that has
            its gradient: the documented one, if the library computes another.
        note : str, optional
            What the library computes, documents or raises otherwise.
        at_threshold : float, optional
            The spike at ``x = 0`` of this name, where it is not that of the library.
        """
        self.makers[name] = maker
        self.notes[name] = note
        self.spikes[name] = self.at_threshold if at_threshold is None else at_threshold

    def named(self, note: str = "", at_threshold: float | None = None) -> Callable[[Maker], Maker]:
        """Return a decorator that adds a function under its own name; see `add`."""

        def add(maker: Maker) -> Maker:
            self.add(maker.__name__, maker, note, at_threshold)
            return maker

        return add


def own_signature(maker: Maker) -> inspect.Signature:
    """Return the library's own parameters, to which `at_threshold` does not belong."""
    declared = inspect.signature(maker).parameters.values()
    empty = inspect.Parameter.empty
    return inspect.Signature(
        [p.replace(annotation=empty) for p in declared if p.name != "at_threshold"]
    )


def required(maker: Maker) -> dict[str, float]:
    """Return the parameters without a default, each with the value 2.0, which stands for any."""
    declared = own_signature(maker).parameters.values()
    return {p.name: 2.0 for p in declared if p.default is inspect.Parameter.empty}
