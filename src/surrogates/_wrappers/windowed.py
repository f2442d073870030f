"""A shape in a band around the threshold, and nothing outside."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from .._maths import at_most, choose, holds, keep_nan, number, unwarned
from .._parameters import positive
from .._surrogate import Array
from . import _search
from .wrapper import Wrapper

__all__ = ["Windowed"]


class Windowed(Wrapper):
    """A surrogate cut off outside of a band: few neurons get a gradient.

    The derivative is ``where(abs(x) < band, g'(x), 0)``, and the primitive stays constant beyond
    the band: ``g(minimum(maximum(x, -band), band))``. With `normalise`, both are divided by the
    area within the band (the primitive keeps 1/2 at 0), so that the area is 1. If the derivative
    is nowhere negative, that is a density, which gives firing probabilities. The spikes are those
    of the surrogate inside.

    Peak and width are searched for; the peak is exact where the derivative is highest at 0.

    Parameters
    ----------
    surrogate : Surrogate
        The shape; with `normalise` it needs a primitive.
    band : float or array, default 1.0
        Half width of the band, positive, in the unit of `x`; its ends are outside.
    normalise : bool, default False
        Whether to make the area 1.

    Raises
    ------
    TypeError
        If `surrogate` is not a Surrogate, or `normalise` not a bool.
    ValueError
        If `band` is out of its range; or, with `normalise`, if the area within the band is not
        positive and finite.

    Notes
    -----
    The area within the band is a difference of two values of the primitive, accurate to an ulp of
    1, and so is a normalised primitive. For a narrow band that is much: where the area within is
    1e-3, a normalised primitive is accurate to 1000 ulp, and so is a normalised derivative with
    array-valued parameters. Without arrays, the area is computed in double precision, once, and
    refused if it is not positive and finite. Where parameters may be traced (PyTorch's, JAX's and
    Dask's arrays, and what is made inside of `torch.compile`) it is not looked at: if it is not
    positive, overflows in the dtype of `x`, or is lost as less than an ulp, the derivative in the
    band and the primitive are NaN. Where the derivative inside overflows, a share is infinite, too.

    References
    ----------
    N. Perez-Nieves and D. F. M. Goodman, "Sparse spiking gradient descent", NeurIPS 2021; Y. Li et
    al., "Differentiable spike: Rethinking gradient-descent for training spiking neural networks",
    NeurIPS 2021: a normalised one.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import GaussianGrad, Windowed
    >>> sparse = Windowed(GaussianGrad(sigma=1.0, alpha=1.0), band=0.5)
    >>> sparse.surrogate_grad(np.asarray([-0.5, 0.0, 0.4])).round(4)
    array([0.    , 0.3989, 0.3683])
    >>> Windowed(GaussianGrad(sigma=1.0, alpha=1.0), band=0.5, normalise=True).area
    1.0
    """

    band: float | Array = positive(1.0)
    normalise: bool = False
    traceable = True

    _known_area: ClassVar[float | None] = None  # within the band, where all parameters are numbers

    def __post_init__(self) -> None:
        if not isinstance(self.normalise, bool):
            raise TypeError(
                f"Windowed: normalise must be True or False, got normalise={self.normalise!r}"
            )
        super().__post_init__()

    def _require_shape(self) -> None:
        # The values of other arrays are not looked at: they may be traced.
        if self.normalise and all(isinstance(a, np.ndarray) for a in self.partition()[1]):
            area = self.widened()._area_within()
            if not holds((area > 0) & (area < math.inf)):
                raise ValueError(
                    f"Windowed: the area of {self.surrogate!r} within band={self.band!r} is "
                    f"{area}, and only a positive and finite one can be made 1; choose another "
                    "band or normalise=False"
                )
            object.__setattr__(self, "_known_area", None if self.array_fields else area)

    def replaced(self, values: list[Any]) -> Self:
        other = super().replaced(values)
        if values and other._known_area is not None:  # that of other numbers
            object.__setattr__(other, "_known_area", None)
        return other

    def lifted(self) -> tuple[Self, tuple[float, ...]]:
        # a recorded area would be computed in the dtype of x, and a narrow band's lose its digits
        return super().lifted() if self._known_area is None else (self, ())

    def primitive(self, xp: Any, x: Array) -> Array:
        there = self.surrogate.primitive(xp, self._clipped(xp, x))
        if not self.normalise:
            return there
        at_zero = self.surrogate.primitive(xp, xp.zeros_like(x))
        return 0.5 + self._share(xp, x, there - at_zero)

    def derivative(self, xp: Any, x: Array) -> Array:
        inside = self._closed_derivative(xp, self._clipped(xp, x))
        return xp.where(xp.abs(x) >= self.band, xp.zeros_like(x), inside)

    def area_to(self, xp: Any, x: Array) -> Array:
        area = self.surrogate.area_to(xp, self._clipped(xp, x)) - self._start(xp, x)
        if not self.normalise:
            return area
        known, most = self._known_area, float(xp.finfo(x.dtype).max)
        if isinstance(known, float) and known > most:  # a share of what overflowed is not known
            raise ValueError(
                f"Windowed: the area of {self.surrogate!r} within band={self.band!r} is {known}, "
                f"and firing probabilities are shares of it, but {x.dtype} ends at {most:.3g}; "
                "give x in float64, or choose another band"
            )
        # From the end of the band on just 1, however the two areas were rounded.
        return xp.where(x >= self.band, xp.ones_like(x), self._share(xp, x, area))

    def has_area_below(self, xp: Any, x: Array) -> Any:
        return True

    def _clipped(self, xp: Any, x: Array) -> Array:
        """Return `x` within the band, constant from its ends on."""
        return -at_most(xp, -at_most(xp, x, self.band), self.band)

    def _closed_derivative(self, xp: Any, x: Array) -> Array:
        """Return the derivative at `x` within the band, its ends included."""
        derivative = self.surrogate.derivative(xp, x)
        return self._share(xp, x, derivative) if self.normalise else derivative

    def _share(self, xp: Any, x: Array, value: Array) -> Array:
        """Return a value divided by the area within the band: NaN if that cannot be made 1."""
        most = float(xp.finfo(x.dtype).max)
        if not isinstance(self._known_area, float):  # Dynamo makes a tensor of it
            area = self._within(xp, x)
            is_one = (area > 0) & (area <= most)
            return value / xp.where(is_one, area, math.nan)
        if self._known_area < most:
            return value / self._known_area
        mantissa, exponent = math.frexp(self._known_area)
        # in steps that the dtype holds, which XLA would merge but for what keeps NaN
        while exponent:
            step = min(exponent, 100)
            value, exponent = keep_nan(xp, value, value * 2.0**-step), exponent - step
        return value / mantissa

    def _start(self, xp: Any, x: Array) -> Array:
        return self.surrogate.area_to(xp, xp.zeros_like(x) - self.band)

    def _within(self, xp: Any, x: Array) -> Array:
        """Return the area of the surrogate inside within the band."""
        if self._known_area is not None:
            return self._known_area
        # Not of `area_to`, which may begin with a large area below the band.
        end = xp.zeros_like(x) + self.band
        return self.surrogate.primitive(xp, end) - self.surrogate.primitive(xp, -end)

    def _area_within(self) -> Any:
        return self._at_zero(self._within)

    def _at_zero(self, formula: Callable[[Any, Array], Array]) -> Any:
        xp, zero = self._zero()
        # An infinite area less another is NaN.
        with unwarned(zero):
            value = formula(xp, zero)
        return value if self.array_fields else number(value)

    def _places(self, xp: Any) -> list[tuple[Any, Any]]:
        ends = [(end, self.band) for end in (-self.band, self.band)]
        return [*_search.places(self.surrogate, xp), *ends]

    @property
    def _limits(self) -> tuple[Any, Any]:
        return -self.band, self.band

    @property
    def peak(self) -> Any:
        inside = _search.peak(self, self._closed_derivative, self._limits)
        return choose(inside < 0, 0.0, inside, like=inside)

    @property
    def width(self) -> Any:
        return _search.width(self, self._closed_derivative, self._limits)

    @property
    def area(self) -> Any:
        return 1.0 if self.normalise else self._area_within()

    @property
    def area_below(self) -> Any:
        """That between the lower end of the band and the threshold."""
        return self._at_zero(self.area_to)

    @property
    def support(self) -> tuple[Any, Any]:
        low, high = self.surrogate.support
        if not self.array_fields:
            return max(low, -self.band), min(high, self.band)
        xp, zero = self._zero()
        return xp.maximum(low + zero, zero - self.band), xp.minimum(high + zero, zero + self.band)

    @property
    def _pieces(self) -> list[tuple[float, float]]:
        return _search.within(self.surrogate._pieces, -self.band, self.band)

    @property
    def _lowest(self) -> Any:
        inside = _search.lowest(self, self._closed_derivative, self._limits)
        return choose(inside < 0, inside, 0.0, like=inside)

    @property
    def _negative(self) -> Any:
        if self.surrogate._negative is False:
            return False
        return self._lowest < -1e-12 * self._largest_slope

    @property
    def _largest_slope(self) -> Any:
        slope = self.surrogate._largest_slope
        return slope / self._area_within() if self.normalise else slope

    @property
    def _largest_term(self) -> Any:
        term = self.surrogate._largest_term
        return 0.5 + term / self._area_within() if self.normalise else term
