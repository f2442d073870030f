"""Other spikes than the step, with the same derivatives: several, signed, and random ones."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import backends
from ._parameters import finite, non_negative, positive
from ._surrogate import Array, Surrogate, require_floating
from ._wrapper import Wrapper

__all__ = ["MultiSpike", "Ternary"]

_ROUNDINGS = ("floor", "nearest")


@dataclass(frozen=True, repr=False, eq=False)
class MultiSpike(Wrapper):
    """Several spikes per time step, one more for each multiple of the threshold.

    With `v` the membrane potential and ``x = v - threshold``, emits ``floor(v / threshold)``, no
    less than 0 and no more than `max_spikes`. The derivative is that of the surrogate inside;
    `PeriodicExponential` and `MultiSpikeSuper` have one peak for each spike.

    Parameters
    ----------
    surrogate : Surrogate
        What to differentiate by.
    threshold : float or array, default 1.0
        Threshold, positive, in the unit of `x`.
    max_spikes : float, default infinity
        The most spikes in one step.
    rounding : {"floor", "nearest"}, default "floor"
        Whether the count rises at the multiples of the threshold, or half-way between them
        (ties go to the even count).
    offset : float, default 1.0
        What is added to ``x / threshold`` before rounding: 1 makes `v` of it.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import MultiSpike, SlayerGrad
    >>> MultiSpike(SlayerGrad(), max_spikes=3)(np.asarray([-0.5, 0.0, 0.9, 1.0, 7.0]))
    array([0., 1., 1., 2., 3.])

    References
    ----------
    P. Weidel and S. Sheik, "WaveSense: Efficient Temporal Convolutions with Spiking Neural
    Networks for Keyword Spotting", arXiv:2111.01456 (2021).
    """

    threshold: float | Array = positive(1.0)
    max_spikes: float = math.inf
    rounding: str = "floor"
    offset: float | Array = finite(1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rounding not in _ROUNDINGS:
            raise ValueError(
                f"MultiSpike: rounding must be one of {_ROUNDINGS}, got rounding={self.rounding!r}"
            )
        if self.max_spikes != math.inf and not (
            self.max_spikes >= 1 and self.max_spikes == int(self.max_spikes)
        ):
            raise ValueError(
                "MultiSpike: max_spikes must be a positive whole number or infinity, got "
                f"max_spikes={self.max_spikes!r}"
            )

    def emit(self, x: Array) -> Array:
        """Return the number of spikes as plain maths, 0 where `x` is NaN."""
        xp = backends.for_maths(x).namespace(x)
        level = x / self.threshold + self.offset
        rounded = xp.floor(level) if self.rounding == "floor" else xp.round(level)
        most = min(float(self.max_spikes), float(xp.finfo(x.dtype).max))
        counts = xp.clip(rounded, min=0.0, max=most)
        return xp.astype(xp.where(xp.isnan(x), xp.zeros_like(counts), counts), x.dtype, copy=False)


@dataclass(frozen=True, repr=False, eq=False)
class Ternary(Surrogate):
    """Signed spikes: 1 above the threshold, -1 below minus the threshold, 0 between.

    With `v` the membrane potential and ``x = v - threshold``, the spike is ``H(v - threshold) -
    H(-v - threshold)``, and the derivative is ``g'(v - threshold) + g'(-v - threshold)``: that of
    the surrogate, once at either threshold.

    Parameters
    ----------
    surrogate : Surrogate
        What to differentiate by; its `at_threshold` holds at both thresholds.
    threshold : float or array, default 1.0
        Threshold, not negative, in the unit of `x`. With 0 the spike is the sign of `x`.

    Raises
    ------
    ValueError
        If `threshold` is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import ReluGrad, Ternary
    >>> v = np.asarray([-1.5, -0.5, 0.5, 1.5])
    >>> Ternary(ReluGrad(), threshold=1.0)(v - 1.0)
    array([-1.,  0.,  0.,  1.])

    References
    ----------
    Y. Guo et al., "Ternary Spike: Learning Ternary Spikes for Spiking Neural Networks", AAAI 2024.
    """

    surrogate: Surrogate = field()
    threshold: float | Array = non_negative(1.0)

    def emit(self, x: Array) -> Array:
        """Return the signed spikes as plain maths."""
        return self.surrogate.emit(x) - self.surrogate.emit(self._below(x))

    def _below(self, x: Array) -> Array:
        return -x - 2 * self.threshold

    def primitive(self, xp: Any, x: Array) -> Array:
        below = self.surrogate.surrogate_fun(self._below(x))
        return (
            self.surrogate.surrogate_fun(x)
            - below
            + self.surrogate.surrogate_fun(xp.zeros_like(x) - 2 * self.threshold)
        )

    def derivative(self, xp: Any, x: Array) -> Array:
        return self.surrogate.surrogate_grad(x) + self.surrogate.surrogate_grad(self._below(x))


@dataclass(frozen=True, repr=False, eq=False)
class _Sampled(Wrapper):
    """A spike where a uniform random number is below the primitive; made by `sample`."""

    uniform: Array = finite(0.0)

    def emit(self, x: Array) -> Array:
        xp = backends.for_maths(x).namespace(x)
        return xp.astype(self.uniform < self.surrogate.surrogate_fun(x), x.dtype)


def sample(surrogate: Surrogate, x: Any, generator: Any) -> Any:
    """Return random spikes with probability ``surrogate.surrogate_fun(x)``."""
    if surrogate._outermost:
        raise TypeError(f"{surrogate!r} emits no random spikes; sample the surrogate inside")
    if not surrogate.is_distribution:
        raise ValueError(
            f"{surrogate!r}: its primitive is no distribution function (the derivative has area "
            f"{surrogate.area}, or is negative somewhere), so it is no firing probability; choose "
            "a surrogate of area 1 that is nowhere negative, such as Sigmoid, ERF or Arctan"
        )
    x = np.float64(x) if type(x) is float else x
    require_floating(surrogate, x)
    return _Sampled(surrogate, backends.of(x).uniform(generator, x))(x)
