"""Surrogates with parameters that an optimiser moves, as modules of a neural-network library."""

from __future__ import annotations

import dataclasses
import math
import sys
from typing import Any

from .._parameters import ABOVE_ONE, COUNT, FINITE, POSITIVE, UNIT, Interval
from .._relaxed import Relaxed, relaxed
from .._surrogate import Surrogate

Array = Any

FRAMEWORKS = ("torch", "flax", "equinox")


def learnable(surrogate: Surrogate, *names: str, framework: str | None = None) -> Any:
    """Return a module whose parameters are those of a surrogate, for an optimiser to move.

    The module holds an unbounded number for each parameter, in its attribute `raw`, and maps it
    into the parameter's range: a positive parameter is its exponential. So a positive parameter
    stays positive whatever the optimiser does, and one step changes a parameter of 0.01 and one of
    100 by the same factor. Called with `x`, the module emits the spikes of the surrogate,
    `relaxed`: their gradient with respect to the parameters is that of the primitive. A parameter
    that was driven to an end of its range, such as 1e-15, gets no gradient there.

    Parameters
    ----------
    surrogate : Surrogate
        The surrogate with its starting values; an array-valued one is learned element by element.
    *names : str
        The parameters to learn. All others stay as they are.
    framework : {"torch", "flax", "equinox"}, optional
        What the module is for. By default the one of the three that is imported.

    Returns
    -------
    torch.nn.Module, flax.nnx.Module or equinox.Module
        With the attribute `surrogate`: the surrogate with the parameters as they are now.

    Raises
    ------
    TypeError
        If `surrogate` is none.
    ValueError
        If a name is not that of a real-valued parameter, a parameter starts at or beyond an end of
        its range, or `framework` has to be given.

    References
    ----------
    S. Lian et al., "Learnable Surrogate Gradient for Direct Training Spiking Neural Networks",
    IJCAI 2023.

    Examples
    --------
    >>> import torch
    >>> import surrogates
    >>> spike = surrogates.learnable(surrogates.Sigmoid(4.0), "alpha", framework="torch")
    >>> optimiser = torch.optim.SGD(spike.parameters(), lr=100.0)
    >>> (-spike(torch.tensor([0.5]))).sum().backward()      # a steeper primitive spikes more
    >>> optimiser.step()
    >>> bool(spike.surrogate.alpha > 4)
    True
    """
    if not isinstance(surrogate, Surrogate):
        raise TypeError(f"expected a surrogate such as surrogates.Sigmoid(), got {surrogate!r}")
    _require_learnable(surrogate, names)
    framework = _imported() if framework is None else framework
    if framework == "torch":
        from . import _torch as modules
    elif framework == "flax":
        from . import _flax as modules  # type: ignore[no-redef]
    elif framework == "equinox":
        from . import _equinox as modules  # type: ignore[no-redef]
    else:
        raise ValueError(f"learnable: framework must be one of {FRAMEWORKS}, got {framework!r}")
    return modules.Learnable(surrogate, names)


def _require_learnable(surrogate: Surrogate, names: tuple[str, ...]) -> None:
    cls = type(surrogate).__name__
    intervals = _intervals(surrogate)
    if not names or any(name not in intervals for name in names):
        raise ValueError(
            f"learnable: name one or more of the real-valued parameters of {cls}, which are "
            f"{', '.join(intervals) or 'none'}; got {', '.join(map(repr, names)) or 'no name'}. "
            "Of a surrogate inside another, no parameter is learned"
        )


def _imported() -> str:
    found = [name for name in FRAMEWORKS if name in sys.modules]
    if len(found) == 1:
        return found[0]
    raise ValueError(
        f"learnable: of {', '.join(FRAMEWORKS)}, {' and '.join(found) or 'none'} is imported; say "
        'which the module is for, for instance framework="torch"'
    )


def _intervals(surrogate: Surrogate) -> dict[str, Interval]:
    # Not dataclasses.fields, which torch.compile does not trace.
    declared = type(surrogate).__dataclass_fields__.values()
    intervals = {f.name: f.metadata["interval"] for f in declared if "interval" in f.metadata}
    return {name: at for name, at in intervals.items() if at not in (COUNT, UNIT)}


def split(surrogate: Surrogate, names: tuple[str, ...]) -> tuple[Surrogate, tuple[Array, ...]]:
    """Return a surrogate without arrays, which is hashable, and those that are not learned."""
    defaults: dict[str, Any] = {
        name: type(surrogate).__dataclass_fields__[name].default for name in names
    }
    return dataclasses.replace(surrogate, **defaults).partition()


def start(xp: Any, surrogate: Surrogate, values: dict[str, Array]) -> dict[str, Array]:
    """Return the unbounded numbers for the values of parameters."""
    intervals = _intervals(surrogate)
    raw = {}
    for name, value in values.items():
        interval = intervals[name]
        raw[name] = value if interval is FINITE else xp.log(value - _base(interval))
        if not _is_finite(xp, raw[name]):
            raise ValueError(
                f"{type(surrogate).__name__}: {name}={getattr(surrogate, name)!r} cannot be "
                f"learned: start inside of its range, which is {interval.description}, not at its "
                "end"
            )
    return raw


def _is_finite(xp: Any, number: Array) -> bool:
    try:
        return bool(xp.all(xp.isfinite(number)))
    except (TypeError, RuntimeError):  # traced: nobody knows
        return True


def updated(xp: Any, surrogate: Surrogate, raw: dict[str, Array]) -> Relaxed:
    """Return `surrogate`, relaxed, with the parameters that belong to unbounded numbers."""
    intervals = _intervals(surrogate)
    values = {name: _bounded(xp, intervals[name], number) for name, number in raw.items()}
    return relaxed(dataclasses.replace(surrogate, **values))


def _bounded(xp: Any, interval: Interval, number: Array) -> Array:
    if interval is FINITE:
        return number
    base, limits = _base(interval), xp.finfo(number.dtype)
    # What the dtype can tell from the end of the range, half precision too.
    least = max(interval.low - base, POSITIVE.low, 2 * limits.eps if base else limits.tiny)
    most = min(interval.high, float(limits.max) / 2)
    return base + xp.exp(xp.clip(number, math.log(least), math.log(most)))


def _base(interval: Interval) -> float:
    return 1.0 if interval is ABOVE_ONE else 0.0
