"""Surrogates with parameters that an optimiser moves, as modules of a neural-network library."""

from __future__ import annotations

import dataclasses
import math
import sys
from typing import Any

from .. import backends
from .._parameters import COUNT, FINITE, POSITIVE, UNIT, Interval
from .._relaxed import Relaxed
from .._surrogate import Surrogate

Array = Any

FRAMEWORKS = ("torch", "flax", "equinox")


def learnable(surrogate: Surrogate, *names: str, framework: str | None = None) -> Any:
    """Return a module whose parameters are those of a surrogate, for an optimiser to move.

    The module holds an unbounded number for each parameter, in its attribute `raw`, and maps it
    into the parameter's range: a positive parameter is its exponential. So a positive parameter
    stays positive whatever the optimiser does, and one step changes a parameter of 0.01 and one of
    100 by the same factor. Called with `x`, the module emits the spikes of the surrogate,
    `Relaxed`: their gradient with respect to the parameters is that of the primitive. A parameter
    that was driven to an end of its range, such as 1e-15, gets no gradient there.

    Parameters
    ----------
    surrogate : Surrogate
        The surrogate with its starting values; an array-valued one is learned element by element.
    *names : str
        The parameters to learn, of the surrogate or of one inside it: ``"alpha"``, or where two of
        that name are inside one another, the outer one; ``"surrogate.alpha"`` is the one inside.
        All others stay as they are.
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
        If a name is not that of a real-valued parameter that has a gradient, a parameter starts at
        or beyond an end of its range, or `framework` has to be given.

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
    if len(names) == 1 and not isinstance(names[0], str):  # a list of names
        names = tuple(names[0])
    paths = tuple(_path(surrogate, name) for name in names or ("",))
    framework = _imported() if framework is None else framework
    if framework == "torch":
        from . import _torch as modules
    elif framework == "flax":
        from . import _flax as modules  # type: ignore[no-redef]
    elif framework == "equinox":
        from . import _equinox as modules  # type: ignore[no-redef]
    else:
        raise ValueError(f"learnable: framework must be one of {FRAMEWORKS}, got {framework!r}")
    return modules.Learnable(surrogate, paths)


def _path(surrogate: Surrogate, name: Any) -> str:
    """Return where a parameter is: its name, with those of the fields that lead there."""
    declared = _declared(surrogate)
    learnable_ = {path: f for path, f in declared.items() if "without_gradient" not in f.metadata}
    found = [path for path in learnable_ if name in (path, path.rpartition(".")[2])]
    if found:
        return min(found, key=len)
    refused = [f for path, f in declared.items() if name in (path, path.rpartition(".")[2])]
    why = f". {name} has no gradient: {refused[0].metadata['without_gradient']}" if refused else ""
    choice = f"are {', '.join(learnable_)}" if learnable_ else "it does not have"
    raise ValueError(
        f"learnable: name one or more of the real-valued parameters of {surrogate!r}, which "
        f"{choice}; got {name!r}{why}"
    )


def _imported() -> str:
    found = [name for name in FRAMEWORKS if name in sys.modules]
    if len(found) == 1:
        return found[0]
    raise ValueError(
        f"learnable: {' and '.join(found) or 'nothing'} is imported of {', '.join(FRAMEWORKS)}; "
        'say which the module is for, for instance framework="torch"'
    )


def _declared(surrogate: Surrogate, prefix: str = "") -> dict[str, Any]:
    """Return the fields of the real-valued parameters, the outer ones first."""
    # Not dataclasses.fields, which torch.compile does not trace.
    own = type(surrogate).__dataclass_fields__
    found = {}
    for name, declared in own.items():
        if declared.metadata.get("interval", UNIT) not in (COUNT, UNIT):
            found[prefix + name] = declared
    for name in own:
        inside = getattr(surrogate, name)
        if isinstance(inside, Surrogate):
            found.update(_declared(inside, f"{prefix}{name}."))
    return found


def value_at(surrogate: Surrogate, path: str) -> Any:
    """Return the parameter at a path."""
    for name in path.split("."):
        surrogate = getattr(surrogate, name)
    return surrogate


def _replaced(surrogate: Surrogate, path: str, value: Any) -> Surrogate:
    """Return a surrogate with another value of the parameter at a path."""
    name, _, rest = path.partition(".")
    if rest:
        value = _replaced(getattr(surrogate, name), rest, value)
    return dataclasses.replace(surrogate, **{name: value})


def split(surrogate: Surrogate, paths: tuple[str, ...]) -> tuple[Surrogate, tuple[Array, ...]]:
    """Return a surrogate without arrays, which is hashable, and those that are not learned."""
    declared = _declared(surrogate)
    for path in paths:
        surrogate = _replaced(surrogate, path, declared[path].default)
    return surrogate.partition()


def key(path: str) -> str:
    """Return what the unbounded number of a parameter is called in `raw`."""
    return path.replace(".", "/")  # PyTorch takes no dot in a name


def start(xp: Any, surrogate: Surrogate, values: dict[str, Array]) -> dict[str, Array]:
    """Return the unbounded numbers for the values of parameters, by their keys."""
    declared = _declared(surrogate)
    raw = {}
    for path, value in values.items():
        interval = declared[path].metadata["interval"]
        raw[key(path)] = _unbounded(xp, interval, value)
        if not _is_finite(xp, raw[key(path)]):
            raise ValueError(
                f"{type(surrogate).__name__}: {path}={value_at(surrogate, path)!r} cannot be "
                f"learned: start inside of its range, which is {interval.description}, not at its "
                "end"
            )
    return raw


def _is_finite(xp: Any, number: Array) -> bool:
    try:
        return bool(xp.all(xp.isfinite(number)))
    except (TypeError, RuntimeError):  # traced: nobody knows
        return True


def updated(xp: Any, surrogate: Surrogate, paths: tuple[str, ...], raw: dict[str, Array]) -> Any:
    """Return `surrogate` with the parameters that belong to unbounded numbers."""
    declared = _declared(surrogate)
    for path in paths:
        value = _bounded(xp, declared[path].metadata["interval"], raw[key(path)])
        surrogate = _replaced(surrogate, path, value)
    return surrogate


def spiking(surrogate: Surrogate) -> Surrogate:
    """Return the surrogate whose spikes have a gradient to the parameters."""
    return surrogate if surrogate.relaxes else Relaxed(surrogate)


def _unbounded(xp: Any, interval: Interval, value: Array) -> Array:
    low, high, start = interval.low, interval.high, interval.start
    if start is None:
        return value
    if high == FINITE.high:
        return xp.log(value - start)
    if low == FINITE.low:
        return xp.log(high - value)
    return xp.log(value - low) - xp.log(high - value)


def _bounded(xp: Any, interval: Interval, number: Array) -> Array:
    low, high, start = interval.low, interval.high, interval.start
    if start is None:
        return number
    if low > FINITE.low and high < FINITE.high:  # the logistic function, from the nearer end
        decay = xp.exp(-xp.abs(number))
        share = (high - low) * (decay / (1 + decay))
        return xp.where(number < 0, low + share, high - share)
    limits = xp.finfo(number.dtype)
    end, sign = (high, -1.0) if low == FINITE.low else (start, 1.0)
    # What the dtype can tell from the end of the range, half precision too.
    least = max(low - start, POSITIVE.low, 2 * limits.eps * abs(end) or limits.tiny)
    most = min(FINITE.high, float(limits.max) / 2)
    # The gradient of a clip as a product, which DTensor adds up over processes once, at the end.
    held = backends.of(number).constant(number)
    limited = xp.clip(held, math.log(least), math.log(most))
    inside = xp.ones_like(held) * (limited == held)
    return end + sign * xp.exp(limited + (number - held) * inside)
