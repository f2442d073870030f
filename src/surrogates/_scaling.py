"""The same shape at another scale."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ._parameters import POSITIVE, checked, finite, positive
from ._surrogate import Array, Surrogate

__all__ = ["Scaled"]


@dataclass(frozen=True, repr=False, eq=False)
class Scaled(Surrogate):
    """A surrogate stretched along both axes, and moved: ``amplitude * g'(rate * (x - shift))``.

    Made by `Surrogate.scaled` and `Surrogate.matched`; the spike is the step, as ever.

    Parameters
    ----------
    surrogate : Surrogate
        The shape.
    amplitude : float or array, default 1.0
        Factor of the derivative, any finite number.
    rate : float or array, default 1.0
        Factor of `x`, positive.
    shift : float or array, default 0.0
        Where the surrogate's threshold comes to lie, any finite number, in the unit of `x`.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> from surrogates import SlayerGrad, Scaled
    >>> Scaled(SlayerGrad(), amplitude=0.5, rate=2.0).surrogate_grad(0.0)
    np.float64(0.5)
    """

    surrogate: Surrogate = field()
    amplitude: float | Array = finite(1.0)
    rate: float | Array = positive(1.0)
    shift: float | Array = finite(0.0)

    def primitive(self, xp: Any, x: Array) -> Array:
        at_zero = self.surrogate.surrogate_fun(self._inner(xp.zeros_like(x)))
        inner = self.surrogate.surrogate_fun(self._inner(x)) - at_zero
        return 0.5 + self.amplitude / self.rate * inner

    def derivative(self, xp: Any, x: Array) -> Array:
        return self.amplitude * self.surrogate.surrogate_grad(self._inner(x))

    def _inner(self, x: Array) -> Array:
        return self.rate * (x - self.shift)

    @property
    def peak(self) -> Any:
        return self.amplitude * self.surrogate.peak

    @property
    def area(self) -> Any:
        return self.amplitude / self.rate * self.surrogate.area

    @property
    def width(self) -> Any:
        return self.surrogate.width / self.rate

    @property
    def _negative(self) -> bool:
        falls = isinstance(self.amplitude, float) and self.amplitude < 0
        return self.surrogate._negative or falls

    @property
    def support(self) -> tuple[Any, Any]:
        low, high = self.surrogate.support
        return low / self.rate + self.shift, high / self.rate + self.shift


def scaled(surrogate: Surrogate, height: float | None, width: float | None) -> Scaled:
    """Return `surrogate` with another peak and width."""
    amplitude = rate = 1.0
    if height is not None:
        height = checked(surrogate, "height", POSITIVE, height)
        amplitude = height / _measure(surrogate, "peak")
    if width is not None:
        width = checked(surrogate, "width", POSITIVE, width)
        rate = _measure(surrogate, "width") / width
    return Scaled(surrogate, amplitude, rate, at_threshold=surrogate.at_threshold)


def matched(surrogate: Surrogate, other: Surrogate, by: str) -> Scaled:
    """Return `surrogate` at the scale of `other`."""
    if not isinstance(other, Surrogate):
        raise TypeError(f"matched: other must be a surrogate such as Sigmoid(), got {other!r}")
    if by == "height":
        return scaled(surrogate, _measure(other, "peak"), None)
    if by == "width":
        return scaled(surrogate, None, _measure(other, "width"))
    if by == "area":
        amplitude = _measure(other, "area") / _measure(surrogate, "area")
        return Scaled(surrogate, amplitude, at_threshold=surrogate.at_threshold)
    raise ValueError(f'matched: by must be "height", "width" or "area", got by={by!r}')


def _measure(surrogate: Surrogate, name: str) -> Any:
    value = getattr(surrogate, name)
    if isinstance(value, float) and not 0 < value < math.inf:
        raise ValueError(
            f"{surrogate!r} has {name} {value}, which is nothing to scale by; choose another "
            "quantity"
        )
    return value
