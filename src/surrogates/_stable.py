"""The size of a derivative that keeps gradients stable through a recurrent layer."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

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
    ValueError
        If an argument is out of its range, or no positive peak fulfils the condition.

    Notes
    -----
    As in the authors' program, for a first layer, in its variant "a".

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
    weights, decay, threshold = _layer("stable_peak", weights, decay, threshold, reset)
    low, high, others = float(weights.min()), float(weights.max()), len(weights) - 1
    inhibited = 1 / others
    if reset == "subtract":
        denominator = others * low - threshold
        inhibited = low / denominator if denominator else math.nan
    peak = (1 - decay) * inhibited / high if high else math.nan
    return _fulfilled("stable_peak", peak)


def stable_gain(
    weights: Any,
    *,
    decay: float,
    threshold: float = 1.0,
    reset: Literal["subtract", "to zero", "to zero before input"] = "subtract",
) -> float:
    """Return the gain at which the variance of gradients neither grows nor falls over time.

    Condition IV of Herranz-Celotti and Rouat, for a recurrent layer of leaky integrate-and-fire
    neurons. Take it for ``fitted(surrogate, ..., by="gain", to=...)``, with `vary` as you like: the
    paper varies the sharpness.

    ::

        subtract:              rms**2 = (1 - decay**2) / ((n - 1) * square + threshold**2)
        to zero:               rms**2 = (2 - decay**2) / ((n - 1) * square)
        to zero before input:  rms**2 = (1 - decay**2 / 2) / ((n - 1) * square)

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

    Returns
    -------
    float
        The root mean square of the derivative.

    Raises
    ------
    ValueError
        If an argument is out of its range, or no positive gain fulfils the condition.

    Notes
    -----
    As in the authors' program, for a first layer.

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
    weights, decay, threshold = _layer("stable_gain", weights, decay, threshold, reset)
    square = (len(weights) - 1) * float(np.mean(weights * weights))
    if reset == "subtract":
        result = (1 - decay**2) / (square + threshold**2)
    elif not square:
        result = math.nan
    else:
        result = ((2 - decay**2) if reset == "to zero" else (1 - decay**2 / 2)) / square
    return _fulfilled("stable_gain", math.sqrt(result))


def _layer(
    caller: str, weights: Any, decay: Any, threshold: Any, reset: str
) -> tuple[np.ndarray[Any, Any], float, float]:
    found = np.asarray(weights, dtype=np.float64)
    if found.ndim != 2 or found.shape[0] != found.shape[1] or len(found) < 2:
        raise ValueError(
            f"{caller}: weights must be recurrent ones, of shape (n, n) with n from 2, got shape "
            f"{found.shape}"
        )
    if not np.isfinite(found).all():
        raise ValueError(f"{caller}: weights must be finite")
    if not 0 <= decay <= 1:
        raise ValueError(f"{caller}: decay must be a number from 0 to 1, got decay={decay!r}")
    if not 0 < threshold < math.inf:
        raise ValueError(f"{caller}: threshold must be positive, got threshold={threshold!r}")
    if reset not in _RESETS:
        names = ", ".join(f'"{name}"' for name in _RESETS)
        raise ValueError(f"{caller}: reset must be one of {names}, got reset={reset!r}")
    return found, float(decay), float(threshold)


def _fulfilled(caller: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise ValueError(
            f"{caller}: no positive value fulfils the condition (it would be {value}); check the "
            "weights' signs and the decay"
        )
    return value
