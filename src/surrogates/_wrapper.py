"""What surrogates around another have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ._surrogate import Array, Surrogate


@dataclass(frozen=True, repr=False, eq=False)
class Wrapper(Surrogate):
    """A surrogate with the formulas and the spikes of another, unless it defines its own."""

    surrogate: Surrogate = field()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self._emits_as_inside:
            return
        inside = self.surrogate.at_threshold
        if self.at_threshold not in (1.0, inside):
            raise ValueError(
                f"{type(self).__name__}: at_threshold must be that of the surrogate inside, "
                f"{inside}, got at_threshold={self.at_threshold!r}; leave it out"
            )
        object.__setattr__(self, "at_threshold", inside)

    @property
    def _emits_as_inside(self) -> bool:
        return type(self).emit is Wrapper.emit

    def emit(self, x: Array) -> Array:
        """Return the spikes of the surrogate inside, as plain maths."""
        return self.surrogate.emit(x)

    @property
    def emits_plain_step(self) -> bool:
        """Whether `emit` is the plain step of the surrogate inside."""
        return self._emits_as_inside and self.surrogate.emits_plain_step

    @property
    def comparison(self) -> str | None:
        """What `emit` is if it is one comparison with 0."""
        return self.surrogate.comparison if self._emits_as_inside else None

    def primitive(self, xp: Any, x: Array) -> Array:
        return self.surrogate.surrogate_fun(x)

    def derivative(self, xp: Any, x: Array) -> Array:
        return self.surrogate.surrogate_grad(x)

    @property
    def peak(self) -> Any:
        return self.surrogate.peak

    @property
    def area(self) -> Any:
        return self.surrogate.area

    @property
    def width(self) -> Any:
        return self.surrogate.width

    @property
    def support(self) -> tuple[Any, Any]:
        return self.surrogate.support

    @property
    def _negative(self) -> bool:
        return self.surrogate._negative

    @property
    def _largest_slope(self) -> Any:
        return self.surrogate._largest_slope

    @property
    def _largest_term(self) -> Any:
        return self.surrogate._largest_term
