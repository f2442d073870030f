"""What all wrappers have in common: surrogates around another one."""

from __future__ import annotations

import dataclasses
from dataclasses import field
from typing import Any, ClassVar, Literal, Self

from .. import backends
from .._aspects import require_levels
from .._breakpoints import breakpoints
from .._gain import moments
from .._quadrature import Law
from .._surrogate import Array, Surrogate
from .._value import described


class Wrapper(Surrogate):
    """A surrogate that changes one aspect of another, and passes the others on.

    Subclasses name the aspect in `_aspect`, unless it may be changed more than once, as a shape
    may. The spike at the threshold is that of the surrogate inside.
    """

    _aspect: ClassVar[Literal["emission", "residual", "gradient of parameters"] | None] = None
    traceable = True

    _known_peak: ClassVar[float | None] = None  # where the residual needs it at each call

    at_threshold: float = field(init=False, repr=False)
    surrogate: Surrogate = field()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls._aspect not in (None, "emission", "residual", "gradient of parameters"):
            raise TypeError(
                f"{cls.__name__}: _aspect must be 'emission', 'residual', 'gradient of parameters' "
                f"or, for a shape, None, got {cls._aspect!r}"
            )

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Refuse `at_threshold`, which belongs to the surrogate inside."""
        if "at_threshold" in kwargs:
            raise TypeError(
                f"{cls.__name__}: at_threshold is that of the surrogate inside, got "
                f"at_threshold={kwargs['at_threshold']!r}; give it to that one"
            )
        return super().__new__(cls, *args, **kwargs)

    def __post_init__(self) -> None:
        inside = self.surrogate
        if not isinstance(inside, Surrogate):
            raise TypeError(
                f"{type(self).__name__} takes a surrogate such as surrogates.Sigmoid(), "
                f"got {described(inside)}"
            )
        object.__setattr__(self, "at_threshold", inside.at_threshold)
        super().__post_init__()
        if type(self).emit is Wrapper.emit:
            object.__setattr__(self, "comparison", inside.comparison)
        object.__setattr__(self, "is_signed", self.is_signed or inside.is_signed)
        object.__setattr__(self, "residual_dtype", self._residual)
        if self._aspect in inside._decides:
            raise TypeError(
                f"{type(self).__name__}: {inside._decides[self._aspect]} inside decides the "
                f"{self._aspect} already; leave out one of the two"
            )
        self._require_shape()
        if self.residual_dtype == "uint8":  # whichever wrapper changes the peak
            require_levels(self)
            # A composition searches for it, which takes a while and is not for torch.compile.
            object.__setattr__(self, "_known_peak", None if self.array_fields else self.peak)

    def _require_shape(self) -> None:
        """Raise where there is no such shape: before its peak is searched for."""

    def replaced(self, values: list[Any]) -> Self:
        other = super().replaced(values)
        if values and other._known_peak is not None:  # that of other numbers
            object.__setattr__(other, "_known_peak", None)
        return other

    @property
    def _decides(self) -> dict[str, str]:  # type: ignore[override]
        mine: dict[str, str] = {self._aspect: type(self).__name__} if self._aspect else {}
        return {**self.surrogate._decides, **mine}

    def _around(self, inside: Surrogate) -> Surrogate:
        """Return this wrapper around another surrogate."""
        return dataclasses.replace(self, surrogate=inside)

    def primitive(self, xp: Any, x: Array) -> Array:
        return self.surrogate.primitive(xp, x)

    def derivative(self, xp: Any, x: Array) -> Array:
        return self.surrogate.derivative(xp, x)

    def area_to(self, xp: Any, x: Array) -> Array:
        return self.surrogate.area_to(xp, x)

    def has_area_below(self, xp: Any, x: Array) -> Any:
        return self.surrogate.has_area_below(xp, x)

    def area_powers(self, index: int) -> tuple[int, int] | None:
        if type(self).area_to is not Wrapper.area_to:  # another shape
            return None
        first = self.array_fields.index("surrogate") if "surrogate" in self.array_fields else 0
        number = self.surrogate._number_of_arrays
        is_inside = first <= index < first + number
        powers = self.surrogate.area_powers(index - first) if is_inside else None
        # The primitive that is emitted has a constant, which does not scale.
        return None if self.is_smooth and powers and powers[1] else powers

    def emit(self, x: Array) -> Array:
        if self.is_smooth:
            return backends.of(x).as_written(self, "primitive", x)
        return self.surrogate.emit(x)

    @property
    def is_smooth(self) -> bool:
        """Whether the primitive is emitted: that of the outermost, whose shape it is."""
        return isinstance(self.surrogate, Wrapper) and self.surrogate.is_smooth

    def formula(self, name: str, xp: Any, x: Array) -> Array:
        # The gradient of a parameter is that of what is emitted.
        is_emitted = name == "area" and self.is_smooth
        return super().formula("primitive" if is_emitted else name, xp, x)

    def mirrored(self, x: Array) -> Array:
        return self.surrogate.mirrored(x)

    def unsigned(self) -> Surrogate:
        return self._around(self.surrogate.unsigned()) if self.is_signed else self

    @property
    def _residual(self) -> str | None:
        return self.surrogate.residual_dtype

    @property
    def relaxes(self) -> bool:  # type: ignore[override]
        return self.surrogate.relaxes

    @property
    def _has_primitive(self) -> bool:
        return self.surrogate._has_primitive

    @property
    def peak(self) -> Any:
        return self.surrogate.peak

    @property
    def area(self) -> Any:
        return self.surrogate.area

    @property
    def area_below(self) -> Any:
        return self.surrogate.area_below

    @property
    def width(self) -> Any:
        return self.surrogate.width

    @property
    def support(self) -> tuple[Any, Any]:
        return self.surrogate.support

    @property
    def _pieces(self) -> list[tuple[float, float]]:
        return self.surrogate._pieces

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Where the derivative may change its formula: those of the surrogate inside, and more."""
        inside: tuple[float, ...] = self.surrogate.breakpoints
        if self._has_derivative_inside:
            return inside
        return tuple(sorted({*breakpoints(self), *inside}))

    def _moments(self, law: Law) -> tuple[float, float] | None:
        """Return the mean and root mean square of the derivative, None where it is another."""
        return moments(self.surrogate, law) if self._has_derivative_inside else None

    @property
    def _has_derivative_inside(self) -> bool:
        return type(self).derivative is Wrapper.derivative and not self.is_signed

    @property
    def _negative(self) -> Any:
        return self.surrogate._negative

    @property
    def _lowest(self) -> Any:
        return self.surrogate._lowest

    @property
    def _largest_slope(self) -> Any:
        return self.surrogate._largest_slope

    @property
    def _largest_term(self) -> Any:
        return self.surrogate._largest_term
