"""What surrogates around another have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ._surrogate import Array, Surrogate


@dataclass(frozen=True, repr=False, eq=False)
class Wrapper(Surrogate):
    """A surrogate with the formulas of another, around which it changes something else."""

    surrogate: Surrogate = field()

    def _primitive(self, xp: Any, x: Array) -> Array:
        return self.surrogate.surrogate_fun(x)

    def _derivative(self, xp: Any, x: Array) -> Array:
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
