"""What a surrogate's derivative amounts to over membrane potentials."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from . import _breakpoints, _quadrature, backends
from ._arrays import checked_x, working_dtype
from ._quadrature import Law, Normal, Uniform
from ._surrogate import Array, Surrogate, require_surrogate

__all__ = ["Gain", "gain"]


class Gain(NamedTuple):
    """What `gain` returns: floats, or arrays of the library of the sample."""

    mean: Any
    """The mean of the derivative."""
    rms: Any
    """The root mean square of the derivative: what a layer multiplies a gradient's size by."""
    share: Any
    """The share of neurons with a gradient: where the derivative is not 0."""
    rate: Any
    """The firing rate: the mean of the spikes, where they are signed of their sizes."""
    factor: Any
    """What to multiply the derivative by to make `rms` 1; infinite where that is 0."""


def gain(
    surrogate: Surrogate,
    x: Any = None,
    *,
    mean: float | None = None,
    std: float | None = None,
    low: float | None = None,
    high: float | None = None,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
) -> Gain:
    """Return the mean and the size of a surrogate's derivative over membrane potentials.

    A layer multiplies each gradient by the derivative, and so changes the size of a gradient about
    by its root mean square. Where that is much less than 1, gradients vanish from layer to layer.

    ::

        mean = E[g'(x)]
        rms = sqrt(E[g'(x)**2])
        share = P(g'(x) != 0)
        rate = E[abs(spikes(x))]
        factor = 1 / rms

    Parameters
    ----------
    surrogate : Surrogate
        The surrogate.
    x : array or float, optional
        A sample: membrane potentials minus threshold, of any library and a real floating-point
        dtype. The averages are over the sample; they can be traced and differentiated.
    mean, std : float, optional
        Instead of a sample, potentials of a normal distribution: its mean, minus the threshold, and
        its standard deviation, positive.
    low, high : float, optional
        Instead of a sample, potentials of a uniform distribution: its ends, minus the threshold.
    axis : int or tuple of int, optional
        The axes of the sample to average over. All by default.
    keepdims : bool, default False
        Whether the averaged axes remain, of length 1.

    Returns
    -------
    Gain
        A named tuple of `mean`, `rms`, `share`, `rate` and `factor`. For a sample they are arrays
        of its library and dtype (single precision for half); for a distribution floats.

    Raises
    ------
    TypeError
        If there is not just one of a sample, ``mean=, std=`` and ``low=, high=``; or, for a
        distribution, if a parameter of the surrogate is an array.
    ValueError
        If `std` is not positive, `low` is not below `high`, the sample is empty, or has no such
        axis.
    ArithmeticError
        If the derivative is not finite, or oscillates too often within the distribution.

    Notes
    -----
    Over a distribution the averages are integrals, accurate to some 1e-13 of `rms`, by
    Gauss-Legendre rules on panels that shrink towards 0 and the other `breakpoints`; the mean over
    uniform potentials is the rise of the primitive, where that loses no digits. In a formula
    of your own, a bump elsewhere that is narrower than a hundredth of `std`, or of `high` less
    `low`, may be missed: a smooth one, or one whose ends are not among `breakpoints`.
    The share is the probability of the `support`, without gaps between the parts of a composition;
    where they cancel, and where the derivative underflows, it counts as not 0. A residual of
    `Compressed` is not rounded.

    Examples
    --------
    >>> from surrogates import Boxcar, gain
    >>> found = gain(Boxcar(), mean=-1.0, std=1.0)
    >>> round(found.mean, 6), round(found.rms, 6), round(found.rate, 6)
    (0.24173, 0.491661, 0.158655)

    Over a sample:

    >>> import numpy as np
    >>> gain(Boxcar(), np.asarray([[-2.0, 0.1], [0.2, 0.3]]), axis=1).mean
    array([0.5, 1. ])
    """
    require_surrogate(surrogate)
    law = law_of("gain", x, mean, std, low, high, axis)
    if not isinstance(keepdims, bool):
        raise TypeError(f"gain: keepdims must be True or False, got keepdims={keepdims!r}")
    if law is None:
        return _of_sample(surrogate, x, axis, keepdims)
    if keepdims:
        raise TypeError(f"gain: keepdims={keepdims!r} is for a sample x; leave it out")
    _breakpoints.require_numbers(surrogate, "gain over a distribution")
    average, rms = moments(surrogate, law)
    factor = math.inf if rms == 0 else 1 / rms
    return Gain(average, rms, _share(surrogate, law), _rate(surrogate, law), factor)


def law_of(
    caller: str,
    x: Any,
    mean: float | None,
    std: float | None,
    low: float | None,
    high: float | None,
    axis: Any = None,
) -> Law | None:
    """Return the distribution that the arguments of a call describe, None for a sample."""
    given = [x is not None, mean is not None or std is not None]
    given.append(low is not None or high is not None)
    both = (mean is None) == (std is None) and (low is None) == (high is None)
    if sum(given) != 1 or not both:
        sample = "None" if x is None else "a sample"
        raise TypeError(
            f"{caller}: give one of a sample x, mean= and std=, or low= and high=; got "
            f"x={sample}, mean={mean!r}, std={std!r}, low={low!r}, high={high!r}"
        )
    if x is not None:
        _require_axis(caller, x, axis)
        return None
    if axis is not None:
        raise TypeError(f"{caller}: axis={axis!r} is for a sample x; leave it out")
    if std is not None:
        return Normal(_number(caller, "mean", mean), _number(caller, "std", std, positive=True))
    law = Uniform(_number(caller, "low", low), _number(caller, "high", high))
    if not law.low < law.high:
        raise ValueError(f"{caller}: low must be below high, got low={low!r}, high={high!r}")
    return law


def _require_axis(caller: str, x: Any, axis: Any) -> None:
    ndim = getattr(x, "ndim", 0)
    for one in axis if isinstance(axis, tuple) else () if axis is None else (axis,):
        is_integer = isinstance(one, (int, np.integer)) and not isinstance(one, bool)
        if not is_integer or not -ndim <= one < ndim:
            raise ValueError(
                f"{caller}: axis must be one of the {ndim} axes of the sample x, a tuple of them "
                f"or None for all, got axis={axis!r}"
            )


def _number(caller: str, name: str, value: Any, positive: bool = False) -> float:
    is_number = isinstance(value, (int, float, np.integer, np.floating))
    if is_number and not isinstance(value, bool):
        number = float(value)
        least = 1e-15 if positive else 0.0
        if least <= (number if positive else abs(number)) <= 1e15:
            return number
    kind = "a positive number from 1e-15 to 1e15" if positive else "a number from -1e15 to 1e15"
    raise ValueError(
        f"{caller}: {name} must be {kind}, got {name}={value!r}; a sample is given as x"
    )


def _of_sample(surrogate: Surrogate, x: Any, axis: Any, keepdims: bool) -> Gain:
    x, backend = checked_x(surrogate, x)
    if 0 in x.shape:
        raise ValueError(f"gain: the sample x is empty, of shape {tuple(x.shape)}")
    xp = backend.namespace(x)

    def averaged(values: Array) -> Array:
        return xp.mean(values, axis=axis, keepdims=keepdims)

    with backend.quiet():
        dtype = working_dtype(xp, x.dtype)
        derivative = xp.astype(surrogate.surrogate_grad(x), dtype, copy=False)
        spikes = xp.astype(surrogate(x), dtype, copy=False)
        # Squares of what is very large or small would leave the range of the dtype.
        most = backend.constant(xp.max(xp.abs(derivative), axis=axis, keepdims=True))
        scale = xp.where((most > 0) & (most < math.inf), most, xp.ones_like(most))
        part = derivative / scale
        kept = xp.mean(scale, axis=axis, keepdims=keepdims)
        rms = kept * xp.sqrt(averaged(part * part))
        nothing = xp.full_like(rms, math.inf)
        factor = xp.where(rms == 0, nothing, 1 / xp.where(rms == 0, xp.ones_like(rms), rms))
        is_known = derivative == derivative  # NaN has no share, and makes it unknown
        share = averaged(xp.where(is_known, xp.astype(derivative != 0, dtype), derivative))
        return Gain(averaged(derivative), rms, share, averaged(xp.abs(spikes)), factor)


def moments(
    surrogate: Surrogate, law: Law, most: int = _quadrature.MOST_PANELS
) -> tuple[float, float]:
    """Return the mean and the root mean square of the derivative over a distribution."""
    stated = getattr(surrogate, "_moments", None)
    found: tuple[float, float] | None = None if stated is None else stated(law)
    if found is not None:
        return found
    tiles = _quadrature.panels(law, surrogate.breakpoints)
    with np.errstate(all="ignore"):
        seen = np.concatenate([tiles.place + tiles.left, tiles.place + tiles.right])
        largest = float(np.max(np.abs(surrogate.exact_grad(seen))))
        scale = largest if 0.0 < largest < math.inf else 1.0

        def powers(x: Array) -> Array:
            derivative = surrogate.exact_grad(x) / scale
            return np.stack([derivative, derivative * derivative])

        what = f"{surrogate!r}: its derivative"
        first, second = _quadrature.expectations(powers, law, tiles, what, most)
    risen = _risen(surrogate, law)
    average = scale * float(first) if risen is None else risen
    return average, scale * math.sqrt(second)


def _risen(surrogate: Surrogate, law: Law) -> float | None:
    """Return the mean over uniform potentials from the primitive, None where digits would go."""
    # A primitive of a user's functions may be another's, or take no arrays of NumPy.
    if not (isinstance(law, Uniform) and surrogate.is_fixed and _has_own_primitive(surrogate)):
        return None
    ends = np.asarray([law.low, law.high])
    try:
        low, high = surrogate.formula("area", backends.of(ends).namespace(ends), ends).tolist()
    except NotImplementedError:
        return None
    rise: float = high - low
    if not math.isfinite(rise) or abs(rise) < max(abs(low), abs(high)) / 4:
        return None
    return rise / (law.high - law.low)


def _has_own_primitive(surrogate: Surrogate) -> bool:
    """Return whether no class in a surrogate changes the derivative and inherits the primitive."""
    order = type(surrogate).__mro__
    places = (
        next(i for i, cls in enumerate(order) if name in vars(cls))
        for name in ("primitive", "derivative")
    )
    inside = (*vars(surrogate).values(), *getattr(surrogate, "parts", ()))
    parts = [part for part in inside if isinstance(part, Surrogate)]
    return next(places) <= next(places) and all(map(_has_own_primitive, parts))


def _share(surrogate: Surrogate, law: Law) -> float:
    return min(sum(law.within(low, high) for low, high in pieces(surrogate)), 1.0)


def pieces(surrogate: Surrogate) -> list[tuple[float, float]]:
    """Return the intervals in which a derivative is not zero, in order and apart."""
    found = surrogate._pieces
    if surrogate.is_signed:
        origin = float(surrogate.mirrored(np.float64(0.0)))
        found = found + [(origin - high, origin - low) for low, high in found]
    merged: list[tuple[float, float]] = []
    for low, high in sorted(found):
        if merged and low <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return merged


def _rate(surrogate: Surrogate, law: Law) -> float:
    if surrogate.comparison is not None:
        return law.within(0.0, math.inf)
    tiles = _quadrature.panels(law, _breakpoints.of_spikes(surrogate))

    def spikes(x: Array) -> Array:
        return np.abs(surrogate.emit(x))[None]

    return float(_quadrature.expectations(spikes, law, tiles, f"{surrogate!r}: its spike")[0])
