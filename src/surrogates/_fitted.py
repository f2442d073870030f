"""A surrogate at the scale that membrane potentials ask for."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from . import _breakpoints, backends
from ._arrays import checked_x, working_dtype
from ._gain import gain, law_of, moments, pieces
from ._maths import holds
from ._numeric import bisected, crossing, summit
from ._quadrature import Law
from ._surrogate import Array, Surrogate, require_surrogate
from ._wrappers.scaled import Scaled

__all__ = ["fitted"]

_MOST_PANELS = 3_000  # of an integral, of which a search takes a hundred
_AT_THRESHOLD = "all potentials of the sample are at the threshold; give others"
_VARY = {
    "gain": ("height", "width", "sharpness"),
    "spread": ("width", "sharpness"),
    "distance": ("width", "sharpness"),
    "share": ("width", "sharpness"),
}


def fitted(
    surrogate: Surrogate,
    x: Any = None,
    *,
    mean: float | None = None,
    std: float | None = None,
    low: float | None = None,
    high: float | None = None,
    axis: int | tuple[int, ...] | None = None,
    by: Literal["gain", "spread", "distance", "share"] = "gain",
    to: float = 1.0,
    vary: Literal["height", "width", "sharpness"] | None = None,
) -> Scaled:
    """Return the same shape at the scale that fits membrane potentials.

    ::

        gain:      sqrt(E[g'(x)**2]) = to
        spread:    width = to * sqrt(E[(x - E[x])**2])
        distance:  width = to * E[abs(x)]
        share:     P(g'(x) != 0) = to

    Parameters
    ----------
    surrogate : Surrogate
        The shape.
    x : array or float, optional
        A sample of membrane potentials minus threshold, of any library and a real floating-point
        dtype. What is computed from it is a constant to differentiation.
    mean, std : float, optional
        Instead of a sample, potentials of a normal distribution: its mean, minus the threshold, and
        its standard deviation, positive.
    low, high : float, optional
        Instead of a sample, potentials of a uniform distribution: its ends, minus the threshold.
    axis : int or tuple of int, optional
        The axes of the sample to average over: each channel gets a scale of its own. All by
        default.
    by : {"gain", "spread", "distance", "share"}, default "gain"
        What to fit: the root mean square of the derivative, which a layer multiplies the size of
        gradients by; the width, to the standard deviation of the potentials or to their mean
        distance from the threshold; or the share of neurons that get a gradient.
    to : float, default 1.0
        The value to reach, positive; for "spread" and "distance" the width in units of them.
    vary : {"height", "width", "sharpness"}, optional
        What to change: the height alone; the width, with the same peak; or the width and, inversely
        to it, the peak, with the same area. By default the height for "gain", else the width.

    Returns
    -------
    Scaled
        A surrogate with `surrogate` inside.

    Raises
    ------
    TypeError
        If there is not just one of a sample, ``mean=, std=`` and ``low=, high=``.
    ValueError
        If `by`, `to` or `vary` is something else; no width reaches `to`, or several do; the sample
        has no spread, or no gradient. (Values that are not known yet, as under `jit`, `vmap` or
        `torch.compile`, and those of Dask and MLX are not checked: the scale, and every gradient,
        is NaN then.)
    ArithmeticError
        If the derivative cannot be integrated over the distribution, as in `gain`.

    Notes
    -----
    These laws of the literature are its special cases, each with the area kept
    (``vary="sharpness"``): PDSG, ``Scaled(GaussianGrad(sigma=1.0, alpha=1.0), shift=0.5)`` by
    spread to ``2 * sqrt(2 * log(2))``; MPD-AGL, ``Boxcar(closed="neither")`` by spread to 2; ASSG,
    ``Arctan()`` by distance to ``4 / (pi * omega)``. For a standard deviation that is no simple
    one (PDSG's has ``n - 1`` in it, MPD-AGL's is predicted from batch normalisation) give
    ``mean=0.0, std=...``.

    A width for "gain" is searched, from 1e-6 to 1e6 times the mean distance from the threshold,
    over all of the sample at once, whose values must be known. Over a distribution the search ends
    where a periodic derivative varies too often to be integrated.

    A sample of n neurons has shares in steps of ``1 / n``: the least that is not below `to` is
    taken.

    References
    ----------
    L. Herranz-Celotti and J. Rouat, "Stabilizing Spiking Neuron Training", arXiv:2202.00282
    (2022); PDSG: "Towards Effective and Sparse Adversarial Attack on Spiking Neural Networks via
    Breaking Invisible Surrogate Gradients", CVPR 2025; MPD-AGL: J. Jiang et al., "Adaptive
    Gradient Learning for Spiking Neural Networks by Exploiting Membrane Potential Dynamics",
    IJCAI 2025; ASSG: J. Wang et al., "Towards Reliable Evaluation of Adversarial Robustness for
    Spiking Neural Networks", arXiv:2512.22522 (2025).

    Examples
    --------
    >>> from surrogates import InvSquareGrad, Boxcar, fitted, gain
    >>> narrow = InvSquareGrad(alpha=100.0)
    >>> round(gain(narrow, mean=-1.0, std=1.0).rms, 4)
    0.0402
    >>> round(gain(fitted(narrow, mean=-1.0, std=1.0), mean=-1.0, std=1.0).rms, 12)
    1.0

    A box that gives half of the neurons a gradient:

    >>> fitted(Boxcar(), low=-2.0, high=1.0, by="share", to=0.5).width
    1.5
    """
    require_surrogate(surrogate)
    law = law_of("fitted", x, mean, std, low, high, axis)
    varied = _checked_vary(by, vary)
    to = _target(by, to)
    if varied != "height" and by == "gain":
        if axis is not None:
            raise TypeError(f"fitted: a {varied} is searched for all of x; leave out axis={axis!r}")
        return _searched(surrogate, x, law, to, varied)
    if law is not None:
        _breakpoints.require_numbers(surrogate, "fitted over a distribution")
        scale = _of_law(surrogate, law, by, to)
    else:
        scale = _of_sample(surrogate, x, axis, by, to)
    return _stretched(surrogate, scale, varied)


def _stretched(surrogate: Surrogate, scale: Any, vary: str) -> Scaled:
    """Return a surrogate with another height, or with another factor of `x`."""
    if vary == "height":
        return Scaled(surrogate, amplitude=scale)
    return Scaled(surrogate, amplitude=scale if vary == "sharpness" else 1.0, rate=scale)


def _checked_vary(by: Any, vary: Any) -> str:
    if not isinstance(by, str) or by not in _VARY:
        names = ", ".join(f'"{name}"' for name in _VARY)
        raise ValueError(f"fitted: by must be one of {names}, got by={by!r}")
    if vary is None:
        return _VARY[by][0]
    if not isinstance(vary, str) or vary not in _VARY[by]:
        names = " or ".join(f'"{name}"' for name in _VARY[by])
        raise ValueError(f'fitted: for by="{by}", vary must be {names}, got vary={vary!r}')
    return vary


def _target(by: str, to: Any) -> float:
    is_number = isinstance(to, (int, float, np.integer, np.floating)) and not isinstance(to, bool)
    most = 1.0 if by == "share" else 1e15
    if not is_number or not 1e-15 <= to <= most:
        what = "a share from 1e-15 to 1" if by == "share" else "a positive number"
        raise ValueError(f'fitted: for by="{by}", to must be {what}, got to={to!r}')
    return float(to)


def _of_law(surrogate: Surrogate, law: Law, by: str, to: float) -> Any:
    if by == "gain":
        rms = moments(surrogate, law)[1]
        if not 0 < rms < math.inf:
            raise ValueError(
                f"fitted: over these potentials {surrogate!r} has a gain of {rms}, which no height "
                'changes; fit its width first, with by="spread"'
            )
        return to / rms
    if by == "share":
        low, high = _finite_support(surrogate)
        return 1 / _share_scale(low, high, law, to)
    return _width(surrogate) / (to * (law.spread() if by == "spread" else law.distance()))


def _of_sample(surrogate: Surrogate, x: Any, axis: Any, by: str, to: float) -> Any:
    x, backend = _checked_sample(surrogate, x)
    xp = backend.namespace(x)
    keepdims = axis is not None
    with backend.quiet():
        if by == "gain":
            rms = backend.constant(gain(surrogate, x, axis=axis, keepdims=keepdims).rms)
            why = f"no neuron of the sample has a gradient by {surrogate!r}"
            return to / _positive(backend, rms, f'{why}; fit its width first, with by="spread"')
        if by == "share":
            low, high = _finite_support(surrogate)
            scale = _sample_scale(xp, xp.where(x < 0, x / low, x / high), axis, to)
            return 1 / _positive(backend, scale, _AT_THRESHOLD)
        if by == "spread":
            size = xp.std(x, axis=axis, keepdims=keepdims)
        else:
            size = xp.mean(xp.abs(x), axis=axis, keepdims=keepdims)
        advice = "a sample without spread has no width; give more potentials, or more axes"
        return _width(surrogate) / (to * _positive(backend, size, advice))


def _checked_sample(surrogate: Surrogate, x: Any) -> tuple[Array, backends.Backend]:
    """Return a sample as a constant that sums are exact in, and its backend, or raise."""
    x, backend = checked_x(surrogate, x)
    xp = backend.namespace(x)
    if 0 in x.shape:
        raise ValueError(f"fitted: the sample x is empty, of shape {tuple(x.shape)}")
    x = backend.constant(xp.astype(x, working_dtype(xp, x.dtype), copy=False))
    if not _may_hold(backend, xp.isfinite(x)):
        raise ValueError(
            "fitted: the sample x has NaN or infinite values, which no scale fits; look at what "
            "computes it, or leave them out"
        )
    return x, backend


def _may_hold(backend: backends.Backend, condition: Array) -> bool:
    """Return whether a condition holds for all of a sample; True where nobody knows its values."""
    holds_for_all = backend.namespace(condition).all(condition)
    return bool(holds_for_all) if backend.is_known(holds_for_all) else True


def _positive(backend: backends.Backend, value: Array, message: str) -> Array:
    """Return a statistic, or raise where it is not positive; NaN there if nobody knows it yet."""
    if not _may_hold(backend, value > 0):
        raise ValueError(f"fitted: {message}")
    xp = backend.namespace(value)
    return xp.where(value > 0, value, math.nan)


def _width(surrogate: Surrogate) -> Any:
    width = surrogate.width
    if not holds((width > 0) & (width < math.inf)):
        raise ValueError(
            f'fitted: {surrogate!r} has width {width}, which cannot be fitted; take by="gain"'
        )
    return width


def _finite_support(surrogate: Surrogate) -> tuple[Any, Any]:
    low, high = surrogate.support
    if surrogate.is_signed:
        raise ValueError(
            f"fitted: {surrogate!r} has two thresholds, which share the neurons; fit the "
            "surrogate inside, and wrap it then"
        )
    if not holds((low < 0) & (high > 0) & (high - low < math.inf)):
        raise ValueError(
            f"fitted: {surrogate!r} has the support {(low, high)}; a share of neurons can be "
            'fitted if it is finite and contains the threshold; else take by="gain" or "spread"'
        )
    if not surrogate.array_fields and len(pieces(surrogate)) > 1:
        raise ValueError(
            f"fitted: the derivative of {surrogate!r} is zero in a part of its support, where "
            'neurons get no gradient; take by="gain" or "spread"'
        )
    return low, high


def _share_scale(low: float, high: float, law: Law, to: float) -> float:
    """Return the factor of the support with which it has a probability."""

    def missing(exponent: float) -> float:
        factor = 2.0**exponent
        return to - law.within(low * factor, high * factor)

    # with which the support covers all of the law
    most = max(law.ends[0] / low, law.ends[1] / high)
    if to == 1.0:
        return most
    return math.exp2(bisected(missing, math.log2(most) - 100.0, math.log2(most)))


def _sample_scale(xp: Any, distance: Array, axis: Any, to: float) -> Array:
    """Return the factor of the support which at least a share of neurons lies within."""
    ndim = distance.ndim
    axes = range(ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
    last = [a % ndim for a in axes]
    first = [a for a in range(ndim) if a not in last]
    shape = [distance.shape[a] for a in first]
    rows = xp.reshape(xp.permute_dims(distance, (*first, *last)), (*shape, -1))
    n = rows.shape[-1]
    ordered = xp.sort(rows, axis=-1)
    k = min(max(math.ceil(to * n - 1e-6), 1), n)
    inner = ordered[..., k - 1]
    # Half-way to the next neuron, so that rounding decides nothing.
    middle = (inner + ordered[..., min(k, n - 1)]) / 2
    scale = xp.where(middle > inner, middle, inner * (1 + 1e-3))
    if axis is None:
        return scale
    return xp.reshape(scale, tuple(1 if a in last else distance.shape[a] for a in range(ndim)))


def _searched(surrogate: Surrogate, x: Any, law: Law | None, to: float, vary: str) -> Scaled:
    """Return the width that has a gain, if it is just one."""
    _breakpoints.require_numbers(surrogate, f"fitted with vary={vary!r}")
    if law is None:
        x, backend = _checked_sample(surrogate, x)
        xp = backend.namespace(x)
        distance = float(xp.mean(xp.abs(x)))
        if not distance > 0:
            raise ValueError(f"fitted: {_AT_THRESHOLD}")
    else:
        distance = law.distance()

    def reached(exponent: float) -> float:
        """Return the logarithm of the gain, in units of `to`."""
        rate = natural * 2.0**exponent
        if law is None or surrogate.is_signed:
            other = _stretched(surrogate, rate, vary)
            rms = float(gain(other, x).rms) if law is None else moments(other, law)[1]
        else:
            rms = moments(surrogate, law.seen(rate, 0.0), _MOST_PANELS)[1]
            rms *= rate if vary == "sharpness" else 1.0
        return math.log(min(max(rms, 1e-300), 1e300) / to)

    natural = _breakpoints.scale(surrogate) / distance
    known, trouble = _scanned(reached)
    found = [crossing(reached, *pair) for pair in _crossings(known)]
    rates = [natural * 2.0**exponent for exponent in found]
    # A sample has gains in steps, of which the nearest is taken, unless it is far off.
    if len(rates) == 1 and abs(reached(found[0])) <= 1e-2:
        return _stretched(surrogate, rates[0], vary)
    if len(rates) > 1:
        both = " and ".join(f"rate={rate:.6g}" for rate in rates)
        amplitude = "amplitude=rate, " if vary == "sharpness" else ""
        raise ValueError(
            f"fitted: {len(rates)} widths of {surrogate!r} have a gain of {to}: {both}; choose one "
            f"by Scaled(surrogate, {amplitude}rate=...)"
        )
    if not known:
        raise ArithmeticError(f"fitted: no width can be searched; {trouble}")
    gains = [to * math.exp(value) for _, value in known]
    last = natural * 2.0 ** known[-1][0]
    limit = f" (it was searched up to rate={last:.3g}: {trouble})" if trouble else ""
    raise ValueError(
        f"fitted: no width of {surrogate!r} has a gain of {to}: over these potentials it is from "
        f'{min(gains):.6g} to {max(gains):.6g}; take another `to`, or vary="height"{limit}'
    )


def _scanned(reached: Callable[[float], float]) -> tuple[list[tuple[float, float]], str]:
    """Return places with their values, from the widest on, and what went wrong with others."""
    known: list[tuple[float, float]] = []
    trouble = ""
    for exponent in np.arange(-20.0, 20.5, 0.5).tolist():
        try:
            known.append((exponent, reached(exponent)))
        except ArithmeticError as error:
            trouble = str(error)
            if known:  # what varies too often does so even more where it is narrower
                break
    return _with_extremes(reached, known), trouble


def _with_extremes(
    reached: Callable[[float], float], known: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Add the extremes between places that may cross 0 there, and back."""
    more = []
    for (low, first), (_, value), (high, last) in zip(known, known[1:], known[2:], strict=False):
        sign = 1.0 if value < 0 else -1.0
        is_extreme = sign * value >= max(sign * first, sign * last)
        nearest = max(abs(value - first), abs(value - last))
        if is_extreme and 1e-9 < abs(value) <= nearest:
            place = summit(partial(_signed, reached, sign), low, high)
            more.append((place, reached(place)))
    return sorted(known + more)


def _signed(function: Callable[[float], float], sign: float, place: float) -> float:
    return sign * function(place)


def _crossings(known: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return between which places a value changes its sign."""
    # A value that is reached within rounding, and stays, is the limit of ever wider shapes.
    apart = [(place, value > 0) for place, value in known if abs(value) > 1e-9]
    return [(a, b) for (a, below), (b, above) in pairwise(apart) if below != above]
