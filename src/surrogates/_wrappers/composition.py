"""What compositions of several surrogates have in common."""

from __future__ import annotations

from typing import Any

from .._breakpoints import breakpoints
from .._surrogate import Surrogate
from .._value import described
from . import _search


class Composition(Surrogate):
    """A shape made of the shapes of others, its parts.

    It decides what is emitted, stored and learned; wrappers for that go around it. The measures
    that have no closed form are searched for.
    """

    traceable = True

    @property
    def parts(self) -> tuple[Surrogate, ...]:
        """The surrogates that it is made of."""
        raise self._undefined("parts")

    def _require_shapes(self) -> None:
        """Raise TypeError where a part is not a surrogate, or decides more than a shape."""
        name = type(self).__name__
        for part in self.parts:
            if not isinstance(part, Surrogate):
                raise TypeError(
                    f"{name} takes surrogates such as surrogates.Sigmoid(), got {described(part)}"
                )
            for aspect, wrapper in part._decides.items():
                raise TypeError(
                    f"{name}: its parts are shapes, and {wrapper} decides the {aspect} of {part!r};"
                    f" put it around the whole, as in {wrapper}({name}(...))"
                )
            if part.at_threshold not in (1.0, self.at_threshold):
                raise TypeError(
                    f"{name}: at_threshold={part.at_threshold!r} of {part!r} would have no effect; "
                    f"give it to the whole, as in {name}(..., at_threshold={part.at_threshold!r})"
                )

    def area_powers(self, index: int) -> None:
        return None

    @property
    def _has_primitive(self) -> bool:
        return all(part._has_primitive for part in self.parts)

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Where the derivative may change its formula: those of the parts, and more."""
        inside = [place for part in self.parts for place in part.breakpoints]
        return tuple(sorted({*breakpoints(self), *inside}))

    @property
    def peak(self) -> Any:
        return _search.peak(self)

    @property
    def width(self) -> Any:
        return _search.width(self)

    @property
    def _lowest(self) -> Any:
        return _search.lowest(self)
