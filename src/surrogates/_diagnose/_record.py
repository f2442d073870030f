"""What is recorded while a network runs: every call of a surrogate, by the layer that made it."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import backends
from .._arrays import checked_x, on_host
from .._modules import FRAMEWORKS
from .._modules._plan import Plan
from .._surrogate import Surrogate

Array = Any


class Layer:
    """The calls of one layer: an array for each call, on the host."""

    def __init__(self, name: str, surrogate: Surrogate) -> None:
        self.name = name
        self.surrogate = surrogate
        self.potentials: list[np.ndarray] = []
        self.spikes: list[np.ndarray] = []
        self.derivatives: list[np.ndarray] = []
        self.arriving: list[float] = []  # the sum of the squares of a gradient
        self.leaving: list[float] = []
        self.untrained: list[str] = []  # parameters of the surrogate, not of the network

    def add(self, x: Array, spikes: Array, derivative: Array) -> None:
        """Note a call: copies, since a network may change its state in place."""
        self.potentials.append(on_host(x).copy())
        self.spikes.append(on_host(spikes).copy())
        self.derivatives.append(on_host(derivative).copy())

    def summary(self) -> dict[str, Any]:
        """Return the numbers of a diagnosis."""
        x, spikes, derivative = (
            np.concatenate([array.ravel() for array in arrays]).astype(np.float64)
            for arrays in (self.potentials, self.spikes, self.derivatives)
        )
        size = np.abs(derivative)
        with np.errstate(all="ignore"):
            return {
                "name": self.name,
                "surrogate": self.surrogate,
                "calls": len(self.potentials),
                "potential": {
                    "mean": float(x.mean()),
                    "std": float(x.std()),
                    "low": float(x.min()),
                    "high": float(x.max()),
                },
                "rate": float(np.abs(spikes).mean()),
                "gain": float(np.sqrt((derivative**2).mean())),
                "share": float((size > 1e-3 * _peak(self.surrogate)).mean()),
                "arriving": _norm(self.arriving),
                "leaving": _norm(self.leaving),
                "untrained": self.untrained,
            }


class Recorder:
    """The layers of a network, in the order in which they are first called."""

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self.unseen: list[str] = []
        self.modules: list[tuple[Any, str]] = []  # of the network, with their names
        self.tap: Callable[[Layer, Surrogate, Array, Callable[[Array], Array]], Array] = _plain

    def layer(self, surrogate: Surrogate) -> Layer | None:
        """Return the layer that calls a surrogate now, None for a part of a call that was seen."""
        name = self._caller()
        return None if name is None else self.layers.setdefault(name, Layer(name, surrogate))

    def cannot_tell(self, why: str) -> None:
        """Note something that could not be seen, once."""
        if why not in self.unseen:
            self.unseen.append(why)

    def _caller(self) -> str | None:
        """Return the innermost module of the network whose method is running, or else a line.

        None if Dask computes a block of a call, which was seen when it was made.
        """
        place: Any = inspect.currentframe()
        line = ""
        while place:
            code = place.f_code
            owner = place.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
            found = [name for module, name in self.modules if module is owner]
            if found:
                return found[0]
            if is_module(owner) and type(owner).__module__.partition(".")[0] != "equinox":
                # a copy that a transform made: named by its class, and in which order it came
                start = f"{type(owner).__name__} ("
                number = 1 + sum(name.startswith(start) for _, name in self.modules)
                name = f"{start}{number})"
                self.modules.append((owner, name))
                return name
            if code in backends.COMPUTED_LATER:
                return None
            top = place.f_globals.get("__name__", "").partition(".")[0]
            if not line and top not in ("surrogates", "jax", "dask", *FRAMEWORKS):
                line = f"{os.path.basename(code.co_filename)}:{place.f_lineno}"
            place = place.f_back
        return line


def is_module(thing: Any) -> bool:
    """Return whether something is a module of one of `FRAMEWORKS`, of which none is imported."""
    return any(
        cls.__name__ == "Module" and cls.__module__.partition(".")[0] in FRAMEWORKS
        for cls in type(thing).__mro__
    )


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Hand every call of a surrogate to a recorder.

    The methods are replaced meanwhile: whoever does not ask for a diagnosis pays nothing for it.
    """
    call, learned = Surrogate.__call__, Plan.spikes

    def watched(surrogate: Surrogate, x: Any) -> Any:
        x, _ = checked_x(surrogate, x)
        layer = recorder.layer(surrogate)
        if layer is None:
            return call(surrogate, x)
        return recorder.tap(layer, surrogate, x, lambda x: call(surrogate, x))

    def watched_plan(plan: Plan, arrays: tuple[Array, ...], x: Any) -> Any:
        x, _ = checked_x(plan, x, arrays)
        layer = recorder.layer(plan.start)
        if layer is None:
            return learned(plan, arrays, x)
        surrogate = plan.surrogate(arrays)
        return recorder.tap(layer, surrogate, x, lambda x: learned(plan, arrays, x))

    with replaced(Surrogate, "__call__", watched), replaced(Plan, "spikes", watched_plan):
        yield


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Give an attribute another value for a while."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def modules_of(model: Any) -> list[tuple[Any, str]]:
    """Return what of a network can be called, with the names of the attributes that lead there."""
    return [
        (part, name or type(part).__name__)
        for part, name in parts_of(model)
        if callable(part) and not _is_function(part) and hasattr(part, "__dict__")
    ]


def parts_of(model: Any) -> list[tuple[Any, str]]:
    """Return all that a network consists of, as far as it can be told, with names."""
    parts: list[tuple[Any, str]] = []
    seen: dict[int, Any] = {}  # kept, since what is freed leaves its identity to another
    waiting = [("", model)]
    while waiting:
        name, part = waiting.pop(0)
        if id(part) in seen or isinstance(part, (Surrogate, type, types.ModuleType)):
            continue
        seen[id(part)] = part
        parts.append((part, name))
        prefix = f"{name}." if name else ""
        waiting += [(f"{prefix}{key}".rstrip("."), value) for key, value in _inside(part)]
    return parts


def _inside(part: Any) -> list[tuple[Any, Any]]:
    """Return what something consists of, with names."""
    if isinstance(part, dict):
        return list(part.items())
    if isinstance(part, (list, tuple)):
        return list(enumerate(part))
    if isinstance(part, functools.partial):
        return [("", inside) for inside in (part.func, *part.args, *part.keywords.values())]
    if _is_function(part):  # such as vmap(model), or a lambda around it
        around = [getattr(part, "__wrapped__", None), getattr(part, "__self__", None)]
        return [("", inside) for inside in (*around, *_used(part))]
    attributes = getattr(part, "__dict__", {})
    return [(key, value) for key, value in attributes.items() if key[:1] != "_"]


def _used(function: Any) -> list[Any]:
    """Return what a function takes from around it: variables of a function, or of its module."""
    function = getattr(function, "__func__", function)
    cells = getattr(function, "__closure__", None) or ()
    found = []
    for cell in cells:
        with contextlib.suppress(ValueError):  # it has no value yet
            found.append(cell.cell_contents)
    names = getattr(getattr(function, "__code__", None), "co_names", ())
    around = getattr(function, "__globals__", {})
    used = [around[name] for name in names if name in around]
    # what is global may be anything: no more than networks consist of
    return found + [
        part
        for part in used
        if is_module(part)
        or hasattr(part, "dtype")
        or (isinstance(part, types.FunctionType) and part.__globals__ is around)
    ]


def _is_function(part: Any) -> bool:
    plain = (types.FunctionType, types.MethodType)
    return isinstance(part, plain) or (callable(part) and hasattr(part, "__wrapped__"))


def squares(array: np.ndarray) -> float:
    """Return the sum of the squares."""
    with np.errstate(all="ignore"):
        return float((array.astype(np.float64) ** 2).sum())


def _plain(layer: Layer, surrogate: Surrogate, x: Array, spike: Callable[[Array], Array]) -> Array:
    spikes = spike(x)
    layer.add(x, spikes, surrogate.surrogate_grad(x))
    return spikes


def _norm(squared: list[float]) -> float | None:
    return float(np.sqrt(sum(squared))) if squared else None


def _peak(surrogate: Surrogate) -> float:
    try:
        return float(np.max(np.abs(on_host(surrogate.peak))))
    except (NotImplementedError, TypeError, RuntimeError):  # none is defined, or traced
        return 0.0
