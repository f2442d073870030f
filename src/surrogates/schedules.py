"""Parameters that change while a network is trained: `surrogates.anneal`, and its schedules.

A schedule is a function of the progress of the training, a number from 0 at its start to 1 at its
end. Those here hold their ends: a progress below 0 counts as 0, one above 1 as 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ._maths import choose, larger, of_parameter, smaller
from ._modules._paths import parameters_by_path, path_of, with_value_at
from ._parameters import checked_value, is_floating_array
from ._surrogate import Surrogate, require_surrogate

__all__ = ["Annealed", "anneal", "cosine", "geometric", "linear", "steps"]

Array = Any
Schedule = Callable[[Any], Any]


def linear(start: float, end: float) -> Schedule:
    """Return the schedule that goes from `start` to `end` by equal differences.

    ::

        value = (1 - progress) * start + progress * end

    Parameters
    ----------
    start, end : float or array
        The parameter at the start and at the end of the training, finite.

    Returns
    -------
    callable
        From a progress, a float or an array, to the parameter.

    Raises
    ------
    ValueError
        If `start` or `end` is neither a finite number nor an array.

    Examples
    --------
    >>> from surrogates.schedules import linear
    >>> schedule = linear(1.0, 5.0)
    >>> schedule(0.0), schedule(0.5), schedule(1.0), schedule(2.0)
    (1.0, 3.0, 5.0, 5.0)
    """
    _require_ends("linear", start, end)
    return partial(_linear, start, end)


def cosine(start: float, end: float) -> Schedule:
    """Return the schedule that goes from `start` to `end` by half a cosine, slowly at both ends.

    ::

        value = ((1 + cos(pi * progress)) * start + (1 - cos(pi * progress)) * end) / 2

    Parameters
    ----------
    start, end : float or array
        The parameter at the start and at the end of the training, finite.

    Returns
    -------
    callable
        From a progress, a float or an array, to the parameter.

    Raises
    ------
    ValueError
        If `start` or `end` is neither a finite number nor an array.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.

    Examples
    --------
    >>> from surrogates.schedules import cosine
    >>> schedule = cosine(1.0, 5.0)
    >>> [round(schedule(progress), 4) for progress in (0.0, 0.25, 0.5, 1.0)]
    [1.0, 1.5858, 3.0, 5.0]
    """
    _require_ends("cosine", start, end)
    return partial(_cosine, start, end)


def geometric(start: float, end: float) -> Schedule:
    """Return the schedule that goes from `start` to `end` by equal factors.

    ::

        value = start**(1 - progress) * end**progress

    Parameters
    ----------
    start, end : float or array
        The parameter at the start and at the end of the training, both positive.

    Returns
    -------
    callable
        From a progress, a float or an array, to the parameter.

    Raises
    ------
    ValueError
        If `start` or `end` is a number that is not positive.

    Examples
    --------
    >>> from surrogates.schedules import geometric
    >>> schedule = geometric(1.0, 16.0)
    >>> [round(schedule(progress), 4) for progress in (0.0, 0.25, 0.5, 1.0)]
    [1.0, 2.0, 4.0, 16.0]
    """
    _require_ends("geometric", start, end)
    for name, value in (("start", start), ("end", end)):
        if isinstance(value, (int, float)) and not 0 < value < math.inf:
            raise ValueError(
                f"geometric: {name} must be a positive finite number, got {name}={value}; linear "
                "and cosine reach 0 and change sign"
            )
    return partial(_geometric, start, end)


def steps(values: Sequence[float], at: Sequence[float]) -> Schedule:
    """Return the schedule that jumps from one value to the next.

    Parameters
    ----------
    values : sequence of float
        The values of the parameter, in order.
    at : sequence of float
        The progress at which each value but the first begins, increasing, from 0 to 1.

    Returns
    -------
    callable
        From a progress, a float or an array, to the parameter.

    Raises
    ------
    ValueError
        If there is not one value more than there are places, or the places do not increase from 0
        to 1.

    Examples
    --------
    >>> from surrogates.schedules import steps
    >>> schedule = steps([1.0, 4.0, 16.0], at=[0.5, 0.8])
    >>> schedule(0.0), schedule(0.5), schedule(1.0)
    (1.0, 4.0, 16.0)
    """
    values, at = _numbers("values", values), _numbers("at", at)
    if len(values) != len(at) + 1:
        raise ValueError(
            f"steps: values must be one more than at, got {len(values)} values and {len(at)} places"
        )
    if list(at) != sorted({*at}) or not all(0 <= place <= 1 for place in at):
        raise ValueError(f"steps: at must increase, from 0 to 1, got at={list(at)}")
    return partial(_steps, values, at)


def anneal(surrogate: Surrogate, **schedules: Schedule) -> Annealed:
    """Return a function from the progress of the training to a surrogate with other parameters.

    It holds no state: the same progress gives the same surrogate, so a training that is resumed or
    repeated needs nothing to be stored.

    Parameters
    ----------
    surrogate : Surrogate
        The surrogate, with the parameters that stay as they are.
    **schedules : callable
        By parameter, as `learnable` names them: of the surrogate or of one inside it. Each takes
        the progress and returns the parameter: `surrogates.schedules` has `linear`, `cosine`,
        `geometric` and `steps`, and any function will do.

    Returns
    -------
    Annealed
        Called with a progress, from 0 to 1, it returns a surrogate. The progress may be an array
        without dimensions, traced or not: then so are the parameters, and `jax.jit` and
        `torch.compile` compile nothing anew when it changes.

    Raises
    ------
    TypeError
        If `surrogate` is not a Surrogate, or a schedule cannot be called.
    ValueError
        If a name is not that of a real-valued parameter, or is that of several, such as of two
        parts of a mixture: a path tells them apart, as in ``**{"surrogates.0.alpha": ...}``. Or if
        a schedule of `surrogates.schedules` leaves the range of the parameter.

    References
    ----------
    Y. Li et al., "Differentiable Spike: Rethinking Gradient-Descent for Training Spiking Neural
    Networks", NeurIPS 2021, changes the sharpness of a surrogate while it trains.

    Examples
    --------
    >>> import surrogates
    >>> from surrogates.schedules import geometric
    >>> annealed = surrogates.anneal(surrogates.Sigmoid(), alpha=geometric(1.0, 16.0))
    >>> annealed(0.0), annealed(0.5), annealed(1.0)
    (Sigmoid(alpha=1.0), Sigmoid(alpha=4.0), Sigmoid(alpha=16.0))
    """
    require_surrogate(surrogate)
    if not schedules:
        raise ValueError(
            "anneal: name one or more parameters, each with its schedule, as in "
            "alpha=surrogates.schedules.geometric(1.0, 16.0)"
        )
    found = {}
    for name, schedule in schedules.items():
        path = path_of("anneal", surrogate, name)
        if not callable(schedule):
            raise TypeError(
                f"anneal: {name} must be a function of the progress, such as "
                f"surrogates.schedules.linear(1.0, 5.0), got {name}={schedule!r}"
            )
        interval = parameters_by_path(surrogate)[path].metadata["interval"]
        for value in _values(schedule):
            checked_value(anneal, name, interval, value)
        found[path] = schedule
    return Annealed(surrogate, found)


class Annealed:
    """A surrogate whose parameters follow the progress of the training: see `anneal`.

    Parameters
    ----------
    surrogate : Surrogate
        The surrogate, with the parameters that stay as they are.
    schedules : dict
        A schedule by the path of its parameter.

    Examples
    --------
    >>> import surrogates
    >>> annealed = surrogates.anneal(surrogates.Sigmoid(), alpha=surrogates.schedules.linear(1, 9))
    >>> annealed(0.5)
    Sigmoid(alpha=5.0)
    """

    def __init__(self, surrogate: Surrogate, schedules: dict[str, Schedule]) -> None:
        self.surrogate = surrogate
        self.schedules = schedules

    def __call__(self, progress: float | Array) -> Any:
        """Return the surrogate at a progress from 0 to 1."""
        surrogate = self.surrogate
        for path, schedule in self.schedules.items():
            surrogate = with_value_at(surrogate, path, schedule(progress))
        return surrogate

    def __repr__(self) -> str:
        return f"anneal({self.surrogate!r}, {', '.join(self.schedules)})"


def _values(schedule: Any) -> tuple[Any, ...]:
    """Return the values that a schedule of this file starts at, jumps to and ends at."""
    function = schedule.func if isinstance(schedule, partial) else None
    if function is _steps:
        return tuple(schedule.args[0])
    return schedule.args[:2] if function in (_linear, _cosine, _geometric) else ()


def _require_ends(caller: str, start: Any, end: Any) -> None:
    """Raise where an end of a schedule is not a finite number; arrays may be traced."""
    for value in (start, end):
        if not (_is_finite(value) or is_floating_array(value)):
            raise ValueError(
                f"{caller}: values must be finite numbers or arrays, got {value!r}; "
                "any function of the progress is a schedule, too"
            )


def _is_finite(value: Any) -> bool:
    is_number = isinstance(value, (int, float, np.integer, np.floating))
    return is_number and not isinstance(value, bool) and math.isfinite(value)


def _numbers(name: str, values: Any) -> tuple[float, ...]:
    """Return the numbers of a sequence, or raise."""
    is_sequence = isinstance(values, Iterable) and getattr(values, "ndim", 1) == 1
    found: list[Any] = list(values) if is_sequence else [None]
    if not all(map(_is_finite, found)):
        raise ValueError(
            f"steps: {name} must be a sequence of finite numbers, got {name}={values!r}; any "
            "function of the progress is a schedule, too"
        )
    return tuple(map(float, found))


# Each gives `start` and `end` to the last bit, where ``start + (end - start) * 1`` rounds.


def _linear(start: Any, end: Any, progress: Any) -> Any:
    progress = _limited(progress)
    return (1 - progress) * start + progress * end


def _cosine(start: Any, end: Any, progress: Any) -> Any:
    wave = of_parameter("cos", math.pi * _limited(progress))
    return ((1 + wave) * start + (1 - wave) * end) / 2


def _geometric(start: Any, end: Any, progress: Any) -> Any:
    progress = _limited(progress)
    return start ** (1 - progress) * end**progress


def _steps(values: tuple[float, ...], at: tuple[float, ...], progress: Any) -> Any:
    progress = _limited(progress)
    value = values[0] + 0 * progress
    for place, following in zip(at, values[1:], strict=True):
        value = choose(progress >= place, following, value, like=progress)
    return value


def _limited(progress: Any) -> Any:
    """Return the progress within 0 and 1."""
    if isinstance(progress, (int, float)):
        is_valid = not (math.isnan(progress) or isinstance(progress, bool))
    else:  # an array: V is the kind of bfloat16, and PyTorch's have none
        is_valid = getattr(getattr(progress, "dtype", None), "kind", "f") in "fiuV"
        is_valid = is_valid and hasattr(progress, "dtype")
    if not is_valid:
        raise ValueError(
            "anneal: progress must be a number from 0 to 1, or an array of a real dtype, "
            f"got {progress!r}"
        )
    return smaller(larger(progress * 1.0, 0.0), 1.0)
