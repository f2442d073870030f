"""The same shape at another scale."""

from __future__ import annotations

import math
from typing import Any, Never

from .. import backends
from .._breakpoints import require_numbers
from .._gain import gain, law_of, moments
from .._maths import both, choose, either, holds, number, select, sign, unless_zero, weighted
from .._parameters import POSITIVE, checked_value, finite, positive
from .._quadrature import Law
from .._surrogate import Array, Surrogate, require_surrogate
from .._value import described
from . import _search
from .wrapper import Wrapper

__all__ = ["Scaled", "matched", "rescaled"]


class Scaled(Wrapper):
    """A surrogate stretched along both axes, and moved: ``amplitude * g'(rate * (x - shift))``.

    Made by `rescaled` and `matched`. The spikes are those of the surrogate inside. If that is a
    `Ternary`, the bumps at both of its thresholds are scaled, and stay where they are.

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

    Notes
    -----
    Where the surrogate inside overflows, this one is infinite, however small its amplitude.

    Examples
    --------
    >>> from surrogates import SlayerGrad, Scaled
    >>> Scaled(SlayerGrad(), amplitude=0.5, rate=2.0).surrogate_grad(0.0)
    np.float64(0.5)
    """

    amplitude: float | Array = finite(1.0)
    rate: float | Array = positive(1.0)
    shift: float | Array = finite(0.0)
    traceable = True

    def primitive(self, xp: Any, x: Array) -> Array:
        there = self.surrogate.primitive(xp, self._inner(x))
        at_zero = self.surrogate.primitive(xp, self._inner(xp.zeros_like(x)))
        # Both are infinite: from there, 0 is infinitely far away, on either side.
        lost = (there == at_zero) & (xp.abs(there) > float(xp.finfo(x.dtype).max))
        far = xp.where(x == 0, xp.zeros_like(x), sign(xp, x) * xp.abs(there))
        difference = xp.where(lost, far, there - xp.where(lost, xp.zeros_like(x), at_zero))
        return 0.5 + weighted(xp, self.amplitude / self.rate, difference)

    def derivative(self, xp: Any, x: Array) -> Array:
        return weighted(xp, self.amplitude, self.surrogate.derivative(xp, self._inner(x)))

    def area_to(self, xp: Any, x: Array) -> Array:
        area = self.surrogate.area_to(xp, self._inner(x))
        # Where the area is infinite this is a primitive, which is 1/2 at the moved threshold.
        finite = self.surrogate.has_area_below(xp, x)
        half = 0.5 + xp.zeros_like(x)
        constant = select(xp, finite, 0.0, half)
        return constant + weighted(xp, self.amplitude / self.rate, area - constant)

    def _places(self, xp: Any) -> list[tuple[Any, Any]]:
        inside = _search.places(self.surrogate, xp)
        return [(place / self.rate + self.shift, length / self.rate) for place, length in inside]

    def _inner(self, x: Array) -> Array:
        return self.rate * (x - self.shift)

    @property
    def peak(self) -> Any:
        return self._highest(self.amplitude)

    def _highest(self, amplitude: float | Array) -> Any:
        """Return the supremum of the derivative, times another amplitude."""
        falls = choose(amplitude < 0, self.surrogate._lowest, 0.0, like=amplitude)
        extreme = choose(amplitude > 0, self.surrogate.peak, falls, like=amplitude)
        return amplitude * extreme + 0.0  # no -0.0

    @property
    def area(self) -> Any:
        return self._of_area(self.surrogate.area)

    @property
    def area_below(self) -> Any:
        inside = self.surrogate.area_below
        if isinstance(inside, (int, float)) and not math.isfinite(inside):
            return self._of_area(inside)
        xp, zero = self._zero()
        with backends.of(zero).quiet():
            area = self.surrogate.area_to(xp, self._inner(zero))
        return self._of_area(area if self.array_fields else number(area))

    def _of_area(self, area: Any) -> Any:
        return self.amplitude / self.rate * unless_zero(self.amplitude, area)

    @property
    def width(self) -> Any:
        width = self.surrogate.width / self.rate
        return choose(self.amplitude > 0, width, math.inf, like=self.amplitude)

    @property
    def support(self) -> tuple[Any, Any]:
        low, high = self.surrogate.support
        return low / self.rate + self.shift, high / self.rate + self.shift

    @property
    def _pieces(self) -> list[tuple[float, float]]:
        pieces = self.surrogate._pieces if self.amplitude else []
        rate, shift = self.rate, self.shift
        return [(low / rate + shift, high / rate + shift) for low, high in pieces]

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Where the derivative may change its formula: those of the surrogate inside, moved."""
        require_numbers(self, "breakpoints")
        moved = (place / self.rate + self.shift for place in self.surrogate.breakpoints)
        return tuple(sorted({*moved, 0.0}))

    def _moments(self, law: Law) -> tuple[float, float] | None:
        if self.is_signed:  # the second bump is scaled as the first is, but elsewhere
            return None
        # Of the potentials as the shape sees them: those of a narrow one would be rounded.
        mean, rms = moments(self.surrogate, law.seen(self.rate, self.shift))
        amplitude = self.amplitude
        return (amplitude * mean, abs(amplitude) * rms) if amplitude else (0.0, 0.0)

    @property
    def _negative(self) -> Any:
        return either(self.amplitude < 0, both(self.surrogate._negative, self.amplitude != 0))

    @property
    def _lowest(self) -> Any:
        return -self._highest(-self.amplitude)

    @property
    def _largest_slope(self) -> Any:
        return abs(self.amplitude) * unless_zero(self.amplitude, self.surrogate._largest_slope)

    @property
    def _largest_term(self) -> Any:
        term = unless_zero(self.amplitude, self.surrogate._largest_term)
        return 0.5 + abs(self.amplitude) / self.rate * term


def rescaled(
    surrogate: Surrogate,
    *,
    peak: float | None = None,
    width: float | None = None,
    **others: Never,
) -> Scaled:
    """Return the same shape with another peak, or full width at half maximum, or both.

    Parameters
    ----------
    surrogate : Surrogate
        The shape.
    peak : float, optional
        The new `peak`, positive. Unchanged by default.
    width : float, optional
        The new `width`, positive, in the unit of `x`. Unchanged by default.
    **others
        Nothing: another name is refused.

    Returns
    -------
    Scaled
        A surrogate with `surrogate` inside.

    Raises
    ------
    TypeError
        If `surrogate` is not a Surrogate, or a keyword is neither `peak` nor `width`.
    ValueError
        If `peak` or `width` is not positive, or `surrogate` has no finite, positive one to scale.

    References
    ----------
    F. Zenke and T. P. Vogels, "The remarkable robustness of surrogate gradient learning for
    instilling complex function in spiking neural networks", Neural Computation 33 (2021)
    899-925: learning is robust to the shape of a surrogate, and sensitive to its scale.

    Examples
    --------
    >>> from surrogates import InvSquareGrad, rescaled
    >>> flat = rescaled(InvSquareGrad(alpha=100.0), peak=0.5, width=1.0)
    >>> round(flat.peak, 12), round(flat.width, 12)
    (0.5, 1.0)
    """
    require_surrogate(surrogate)
    for name in others:
        raise TypeError(
            f"rescaled takes peak= and width=, got {name}={others[name]!r}; the largest value of a "
            "derivative is called peak, the full width at half of that is called width"
        )
    amplitude = rate = 1.0
    if peak is not None:
        peak = checked_value(rescaled, "peak", POSITIVE, peak)
        amplitude = peak / _measure(surrogate, "peak")
    if width is not None:
        width = checked_value(rescaled, "width", POSITIVE, width)
        rate = _measure(surrogate, "width") / width
    return Scaled(surrogate, amplitude, rate)


def matched(
    surrogate: Surrogate,
    other: Surrogate,
    by: str,
    x: Any = None,
    *,
    mean: float | None = None,
    std: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Scaled:
    """Return the same shape at the scale of another surrogate, for a fair comparison.

    Parameters
    ----------
    surrogate : Surrogate
        The shape.
    other : Surrogate
        The surrogate to match.
    by : {"peak", "width", "area", "gain"}
        What to make equal to that of `other`. For "width" the width of `surrogate` changes, and its
        peak stays; for the others its amplitude changes, and its width stays.
    x : array or float, optional
        For "gain": a sample of membrane potentials minus threshold. The gain is the root mean
        square of the derivative over them; see `surrogates.gain`.
    mean, std, low, high : float, optional
        For "gain": instead of a sample, potentials of a normal or of a uniform distribution.

    Returns
    -------
    Scaled
        A surrogate with `surrogate` inside.

    Raises
    ------
    ValueError
        If `by` is something else, or that quantity is not finite and positive for both surrogates.
    TypeError
        For "gain", if there is not just one of a sample, ``mean=, std=`` and ``low=, high=``; for
        the others, if there is any.

    Examples
    --------
    >>> from surrogates import GaussianGrad, Sigmoid, matched
    >>> matched(Sigmoid(alpha=4.0), GaussianGrad(sigma=0.5, alpha=0.5), by="area").area
    0.5
    >>> fair = matched(Sigmoid(), GaussianGrad(), by="gain", mean=-1.0, std=1.0)
    >>> round(fair.peak, 6)
    0.459589
    """
    if not isinstance(other, Surrogate):
        raise TypeError(
            f"matched: other must be a surrogate such as Sigmoid(), got {described(other)}"
        )
    require_surrogate(surrogate)
    potentials: dict[str, Any] = {"x": x, "mean": mean, "std": std, "low": low, "high": high}
    if by == "gain":
        law_of("matched", **potentials)
        amplitude = _rms(other, potentials) / _rms(surrogate, potentials)
        return Scaled(surrogate, amplitude)
    given = [name for name, value in potentials.items() if value is not None]
    if given:
        raise TypeError(f'matched: {given[0]} is for by="gain", got by={by!r}; leave it out')
    if by == "peak":
        return rescaled(surrogate, peak=_measure(other, "peak"))
    if by == "width":
        return rescaled(surrogate, width=_measure(other, "width"))
    if by == "area":
        amplitude = _measure(other, "area") / _measure(surrogate, "area")
        return Scaled(surrogate, amplitude)
    raise ValueError(f'matched: by must be "peak", "width", "area" or "gain", got by={by!r}')


def _rms(surrogate: Surrogate, potentials: dict[str, Any]) -> Any:
    rms = gain(surrogate, **potentials).rms
    if not holds((rms > 0) & (rms < math.inf)):
        raise ValueError(
            f"{surrogate!r} has a gain of {rms} over these potentials, and only a finite, positive "
            "one can be matched; choose other potentials, or another of peak, width and area"
        )
    return rms if isinstance(rms, float) else backends.of(rms).constant(rms)


def _measure(surrogate: Surrogate, name: str) -> Any:
    value = getattr(surrogate, name)
    if not holds((value > 0) & (value < math.inf)):
        raise ValueError(
            f"{surrogate!r} has {name} {value}, and only a finite, positive {name} can be scaled; "
            "choose another of peak, width and area"
        )
    return value
