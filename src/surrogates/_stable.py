"""The size of a derivative that keeps gradients stable through a recurrent layer."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from . import backends
from ._arrays import working_dtype
from ._parameters import is_floating_array

__all__ = ["stable_gain", "stable_peak"]

_RESETS = ("subtract", "to zero", "to zero before input")


def stable_peak(
    weights: Any,
    *,
    decay: float,
    threshold: float = 1.0,
    reset: Literal["subtract", "to zero", "to zero before input"] = "subtract",
) -> float:
    """Return the peak at which the largest gradient neither grows nor falls over time.

    Condition III of Herranz-Celotti and Rouat, for a recurrent layer of leaky integrate-and-fire
    neurons, with the derivative at its peak in all of them. Take it for ``rescaled(surrogate,
    peak=...)``.

    ::

        subtract:  peak = (1 - decay) * low / (high * ((n - 1) * low - threshold))
        else:      peak = (1 - decay) / (high * (n - 1))

    where `low` and `high` are the least and the largest weight.

    Parameters
    ----------
    weights : array
        The recurrent weights, of shape (n, n).
    decay : float
        The factor of the membrane potential in each time step, from 0 to 1.
    threshold : float, default 1.0
        The threshold, positive.
    reset : {"subtract", "to zero", "to zero before input"}, default "subtract"
        What a spike does to the potential: the threshold is subtracted from it; it is set to zero,
        with what arrives in that step; or it is set to zero, and what arrives is kept.

    Returns
    -------
    float
        The peak.

    Raises
    ------
    TypeError
        If the weights are not an array of real numbers.
    ValueError
        If another argument is not a number in its range, or no positive peak fulfils the condition.

    Notes
    -----
    As in the authors' program, for a first layer, in its variant "a". It is meant for the worst
    case. If `low` is ``-high``, the largest gradient never grows at this peak, whatever the signs
    of weights and gradients; in the worst case it stays as it is, or falls a little where the
    threshold is subtracted. If `low` is further from 0, it may grow. Through random weights, whose
    contributions nearly cancel, gradients shrink by little less than the decay in each step: there,
    take `stable_gain`.

    References
    ----------
    L. Herranz-Celotti and J. Rouat, "Stabilizing Spiking Neuron Training", arXiv:2202.00282
    (2022); the program: https://github.com/LuCeHe/lif_stability.

    Examples
    --------
    >>> import numpy as np
    >>> import surrogates
    >>> weights = np.random.default_rng(0).normal(0.0, 0.1, (100, 100))
    >>> peak = surrogates.stable_peak(weights, decay=0.9, reset="to zero")
    >>> round(peak, 6)
    0.002901
    >>> round(surrogates.rescaled(surrogates.Sigmoid(4.0), peak=peak).peak, 6)
    0.002901
    """
    layer = _layer("stable_peak", weights, decay, threshold, reset)
    inhibited = 1 / layer.others
    if reset == "subtract":
        denominator = layer.others * layer.low - layer.threshold
        inhibited = layer.low / denominator if denominator else math.nan
    peak = (1 - layer.decay) * inhibited / layer.high if layer.high else math.nan
    return _fulfilled("stable_peak", peak)


def stable_gain(
    weights: Any,
    *,
    decay: float,
    threshold: float = 1.0,
    reset: Literal["subtract", "to zero", "to zero before input"] = "subtract",
    detached: bool = False,
    rate: float = 0.5,
) -> float:
    """Return the gain at which the variance of gradients neither grows nor falls over time.

    Condition IV of Herranz-Celotti and Rouat, for a recurrent layer of leaky integrate-and-fire
    neurons. Take it for ``fitted(surrogate, ..., by="gain", to=...)``, with `vary` as you like: the
    paper varies the sharpness.

    ::

        subtract:              rms**2 = (1 - decay**2) / ((n - 1) * square + threshold**2)
        the same, detached:    rms**2 = (1 - decay**2) / ((n - 1) * square)
        to zero:               rms**2 = (1 / (1 - rate) - decay**2) / ((n - 1) * square)
        to zero before input:  rms**2 = (1 - (1 - rate) * decay**2) / ((n - 1) * square)

    where `square` is the mean square of the weights.

    Parameters
    ----------
    weights : array
        The recurrent weights, of shape (n, n).
    decay : float
        The factor of the membrane potential in each time step, from 0 to 1.
    threshold : float, default 1.0
        The threshold, positive.
    reset : {"subtract", "to zero", "to zero before input"}, default "subtract"
        As for `stable_peak`.
    detached : bool, default False
        Whether no gradient goes through the reset, as with ``spikes.detach()`` in it.
    rate : float, default 0.5
        The firing rate, from 0 to below 1, of a reset to zero. The paper's is one half.

    Returns
    -------
    float
        The root mean square of the derivative.

    Raises
    ------
    TypeError
        If the weights are not an array of real numbers.
    ValueError
        If another argument is not a number in its range, or no positive gain fulfils the condition.

    Notes
    -----
    With the defaults as in the authors' program, for a first layer. It approximates:

    - The gradient through a reset is not independent of that through the decay. Where the threshold
      is subtracted, the factor by which the variance changes in each step is lower by
      ``2 * decay * threshold * mean``, where `mean` is that of the derivative: it may be 0.7 where
      it should be 1. For a reset to zero, the gradient through the reset is left out. With
      ``detached=True`` no such gradient exists, and the formula is exact in this respect.
    - Weights count as independent of the gradient, as if drawn anew in each step. Through the same
      weights, gradients turn into the direction that grows most. Over many steps they grow by
      ``decay + mean * sqrt((n - 1) * square)`` in each, if that is more than 1.

    References
    ----------
    L. Herranz-Celotti and J. Rouat, "Stabilizing Spiking Neuron Training", arXiv:2202.00282
    (2022); the program: https://github.com/LuCeHe/lif_stability.

    Examples
    --------
    >>> import numpy as np
    >>> import surrogates
    >>> weights = np.random.default_rng(0).normal(0.0, 0.1, (100, 100))
    >>> to = surrogates.stable_gain(weights, decay=0.9)
    >>> round(to, 4)
    0.3093
    >>> stable = surrogates.fitted(surrogates.Sigmoid(), mean=-1.0, std=1.0, to=to)
    >>> round(surrogates.gain(stable, mean=-1.0, std=1.0).rms, 4)
    0.3093
    """
    layer = _layer("stable_gain", weights, decay, threshold, reset)
    rate = _number(
        "stable_gain", "rate", rate, "a number from 0 to below 1", lambda value: 0 <= value < 1
    )
    if not isinstance(detached, bool):
        raise TypeError(f"stable_gain: detached must be True or False, got detached={detached!r}")
    arriving, kept = layer.others * layer.square, layer.decay**2
    if reset == "subtract":
        result = (1 - kept, arriving + (0.0 if detached else layer.threshold**2))
    elif reset == "to zero":
        result = (1 / (1 - rate) - kept, arriving)
    else:
        result = (1 - (1 - rate) * kept, arriving)
    return _fulfilled("stable_gain", math.sqrt(result[0] / result[1]) if result[1] else math.nan)


class _Layer(NamedTuple):
    """What the conditions ask of a recurrent layer."""

    others: int  # neurons that a neuron hears, without itself
    low: float
    high: float
    square: float  # the mean square of the weights
    decay: float
    threshold: float


def _layer(caller: str, weights: Any, decay: Any, threshold: Any, reset: Any) -> _Layer:
    weights, xp = _array(caller, weights)
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or weights.shape[0] < 2:
        raise ValueError(
            f"{caller}: weights must be recurrent ones, of shape (n, n) with n from 2, got shape "
            f"{tuple(weights.shape)}"
        )
    low, high = float(xp.min(weights)), float(xp.max(weights))
    square = float(xp.mean(weights * weights))
    if not math.isfinite(low + high):
        raise ValueError(
            f"{caller}: weights must be finite, got values from {low} to {high}; look at what "
            "computes them"
        )
    decay = _number(caller, "decay", decay, "a number from 0 to 1", lambda value: 0 <= value <= 1)
    threshold = _number(
        caller, "threshold", threshold, "a positive number", lambda value: 0 < value < math.inf
    )
    if not isinstance(reset, str) or reset not in _RESETS:
        names = ", ".join(f'"{name}"' for name in _RESETS)
        raise ValueError(f"{caller}: reset must be one of {names}, got reset={reset!r}")
    return _Layer(weights.shape[0] - 1, low, high, square, decay, threshold)


def _array(caller: str, weights: Any) -> tuple[Any, Any]:
    """Return weights as a constant of a real dtype, with the namespace of their library."""
    if isinstance(weights, (list, tuple)):
        with contextlib.suppress(TypeError, ValueError):  # of rows of several lengths
            weights = np.asarray(weights)
    if isinstance(weights, np.ndarray) and weights.dtype.kind in "iu":
        weights = weights.astype(np.float64)
    if not is_floating_array(weights):
        what = f"an array of dtype {weights.dtype}" if hasattr(weights, "dtype") else repr(weights)
        raise TypeError(
            f"{caller}: weights must be an array of a real floating-point dtype, got {what}; "
            "convert it, for instance by numpy.asarray(weights, dtype=float)"
        )
    backend = backends.of(weights)
    xp = backend.namespace(weights)
    dtype = working_dtype(xp, weights.dtype)
    return backend.constant(xp.astype(weights, dtype, copy=False)), xp


def _number(
    caller: str, name: str, value: Any, what: str, is_valid: Callable[[float], bool]
) -> float:
    if hasattr(value, "dtype") and getattr(value, "ndim", None) == 0 and is_floating_array(value):
        value = float(value)
    is_number = isinstance(value, (int, float, np.integer)) and not isinstance(value, bool)
    if not is_number or not is_valid(value):
        remedy = "; one number for the whole layer" if hasattr(value, "shape") else ""
        raise ValueError(f"{caller}: {name} must be {what}, got {name}={value!r}{remedy}")
    return float(value)


def _fulfilled(caller: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise ValueError(
            f"{caller}: no positive value fulfils the condition (it would be {value}); check the "
            "weights' signs and the decay"
        )
    return value
