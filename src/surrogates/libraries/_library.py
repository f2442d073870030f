"""What the files of the libraries are made of."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

from .._surrogate import Surrogate
from .._wrappers.scaled import Scaled
from .._wrappers.spikes import MultiSpike, Ternary

Maker = Callable[..., Surrogate]
Adapter = Callable[[Surrogate], Any]


class NothingComputedError(LookupError):
    """A name's code raises, so that there is no gradient to reproduce."""


class Library:
    """A library's names for surrogates, and what its neurons take.

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
    module : str, optional
        The module that has its names, if its objects can be translated: `from_library` takes what
        comes from the package of that module, `to_library` calls its names for `native`.
    of_layer : tuple of str, optional
        Parameters that its objects do not have, since the layer passes them at each call.
    """

    def __init__(
        self,
        name: str,
        version: str,
        at_threshold: float,
        *,
        was_run: bool = True,
        module: str = "",
        of_layer: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.version = version
        self.at_threshold = at_threshold
        self.was_run = was_run
        self.module = module
        self.of_layer = of_layer
        self.makers: dict[str, Maker] = {}
        self.notes: dict[str, str] = {}
        self.spikes: dict[str, float] = {}
        self.arguments: dict[str, Adapter] = {}
        # What makes its object of a name and arguments, where that is not a call of the name.
        self.make: Callable[[str, dict[str, Any]], Any] | None = None
        self.computed: dict[str, Maker] = {}
        # How to read a parameter of an object, where it is no attribute: by name of the object.
        self.recovers: dict[str, Callable[[Any, str], Any]] = {}
        self.of_module = ""  # how its neurons learn by a module of `learnable`, if they can
        self.names_in = ""  # the library that has its names, if it has none itself
        self.generic: tuple[str, ...] = ()  # names that other names call

    @property
    def package(self) -> str:
        """The package of its module: an object may come from another file of that."""
        return self.module.partition(".")[0]

    def known(self) -> str:
        """Return its names, for an error."""
        if self.makers:
            return f"known are {', '.join(sorted(self.makers))}"
        library = self.names_in
        return f"its names and objects are those of {library}; give {library!r} as the library"

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

    def computes(self, name: str) -> Callable[[Maker], Maker]:
        """Return a decorator for the surrogate that a name gives there, if that is not documented.

        The function takes the parameters of the name. It raises LookupError where the library's
        code raises.
        """

        def add(maker: Maker) -> Maker:
            self.computed[name] = maker
            return maker

        return add

    def takes(self, *arguments: str) -> Callable[[Adapter], Adapter]:
        """Return a decorator for what its neurons take in these arguments, made of a surrogate.

        The first argument of all is the one that `to_library` takes if none is named.
        """

        def add(adapter: Adapter) -> Adapter:
            self.arguments |= dict.fromkeys(arguments, adapter)
            return adapter

        return add

    def surrogate(self, name: str, arguments: dict[str, Any], computed: bool = False) -> Surrogate:
        """Return the surrogate of a name, as documented or as computed, with its spike at 0."""
        maker = self.computed.get(name, self.makers[name]) if computed else self.makers[name]
        return with_spike(maker(**arguments), self.spikes[name])

    def differs(self, name: str, arguments: dict[str, Any]) -> bool:
        """Return whether a name gives something else there than it documents."""
        if name not in self.computed:
            return False
        try:
            return self.surrogate(name, arguments, computed=True) != self.surrogate(name, arguments)
        except NothingComputedError:
            return True

    def raised(self, name: str) -> NothingComputedError:
        """Return the error that a name has no gradient to reproduce."""
        return NothingComputedError(
            f"{self.name} {self.version}: its {name} {self.notes[name]}, so there is nothing to "
            "reproduce; leave as_computed out"
        )


def installed(module: str) -> Any:
    """Return a module of another library, or say that the library is missing."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        library = module.partition(".")[0]
        if error.name != library:  # what that library imports, or a module that it has no more
            raise
        raise ModuleNotFoundError(
            f"{library}, whose {module} is needed here, is not installed: python -m pip install "
            f"{library}",
            name=library,
        ) from None


def with_spike(surrogate: Surrogate, at_threshold: float) -> Surrogate:
    """Return `surrogate` with its spike at threshold, also of the surrogate that it wraps."""
    if isinstance(surrogate, MultiSpike):  # its rounding says how many there are at threshold
        return surrogate
    if isinstance(surrogate, (Scaled, Ternary)):
        inside = with_spike(surrogate.surrogate, at_threshold)
        return dataclasses.replace(surrogate, surrogate=inside)
    return dataclasses.replace(surrogate, at_threshold=at_threshold)


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
