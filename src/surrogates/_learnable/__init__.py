"""Surrogates with parameters that an optimiser moves, as modules of a neural-network library."""

from __future__ import annotations

import dataclasses
import math
import sys
from typing import Any

from .._parameters import ABOVE_ONE, COUNT, FINITE, NON_NEGATIVE, POSITIVE, UNIT, Interval
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
    `relaxed`: their gradient with respect to the parameters is that of the primitive.

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
        If a name is not that of a real-valued parameter, a parameter that must not become negative
        starts at 0, or `framework` has to be given.

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
            f"{', '.join(intervals) or 'none'}; got {', '.join(map(repr, names)) or 'no name'}"
        )
    for name in names:
        value = getattr(surrogate, name)
        if intervals[name] is NON_NEGATIVE and isinstance(value, float) and value == 0:
            raise ValueError(
                f"{cls}: {name}=0.0 cannot be learned, since it is at the end of its range; start "
                "from a positive number"
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


def start(xp: Any, surrogate: Surrogate, values: dict[str, Array]) -> dict[str, Array]:
    """Return the unbounded numbers for the values of parameters."""
    intervals = _intervals(surrogate)
    return {
        name: value if intervals[name] is FINITE else xp.log(value - _base(intervals[name]))
        for name, value in values.items()
    }


def updated(xp: Any, surrogate: Surrogate, raw: dict[str, Array]) -> Relaxed:
    """Return `surrogate`, relaxed, with the parameters that belong to unbounded numbers."""
    intervals = _intervals(surrogate)
    values = {name: _bounded(xp, intervals[name], number) for name, number in raw.items()}
    return relaxed(dataclasses.replace(surrogate, **values))


def _bounded(xp: Any, interval: Interval, number: Array) -> Array:
    if interval is FINITE:
        return number
    base = _base(interval)
    least = max(interval.low, POSITIVE.low) - base
    return base + xp.exp(xp.clip(number, math.log(least), math.log(interval.high)))


def _base(interval: Interval) -> float:
    return 1.0 if interval is ABOVE_ONE else 0.0
