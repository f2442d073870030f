"""How a module makes its surrogate: of arrays that it holds, and of unbounded numbers."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any, ClassVar

from .._arrays import checked_x, on_host
from .._aspects import spikes
from .._parameters import Interval
from .._surrogate import Surrogate
from .._wrappers.relaxed import Relaxed
from .._wrappers.values import Smooth
from ._paths import (
    parameters_by_path,
    require_no_attributes,
    value_at,
    with_marker,
    with_value_at,
)
from ._unbounded import bounded, is_two_sided, key, with_slope

Array = Any


@dataclasses.dataclass(frozen=True, repr=False)
class Plan:
    """How a module makes its surrogate of arrays and unbounded numbers; hashable, without them."""

    definition: Surrogate
    """What is called, with its arrays and what is learned taken out."""

    slots: tuple[str, ...]
    """The paths of what was taken out."""

    intervals: tuple[Interval | None, ...]
    """For each of them its range if it is learned, else None: an array that is held."""

    is_wrapped: bool
    """Whether `Relaxed` or `Smooth` was put around it here."""

    start: Surrogate = dataclasses.field(compare=False)
    """The surrogate with the values that it starts with: for errors, and to make another plan."""

    def __repr__(self) -> str:
        if not self.learned:
            return f"module({self.start!r})"
        return f"learnable({self.start!r}, {', '.join(map(repr, self.learned))})"

    @property
    def learned(self) -> tuple[str, ...]:
        """The paths of the parameters that are learned."""
        pairs = zip(self.slots, self.intervals, strict=True)
        return tuple(path for path, interval in pairs if interval is not None)

    @property
    def held(self) -> tuple[str, ...]:
        """What the arrays that are held are called."""
        pairs = zip(self.slots, self.intervals, strict=True)
        return tuple(key(path) for path, interval in pairs if interval is None)

    @property
    def spiking(self) -> bool:
        """Whether spikes are emitted, not the primitive."""
        return not _is_smooth(self.definition)

    def switched(self, spiking: bool) -> Plan:
        """Return the plan that emits spikes, or the primitive, with the same parameters."""
        if not isinstance(spiking, bool):
            raise TypeError(f"{self!r}: spiking must be True or False, got {spiking!r}")
        if spiking is self.spiking:
            return self
        if _is_smooth(self.start):
            raise ValueError(
                f"{self!r} cannot spike, since Smooth decides what is emitted; make the module of "
                "the surrogate inside it, with spiking=False"
            )
        return planned(self.start, self.learned, spiking)[0]

    def described(self, arrays: tuple[Array, ...]) -> str:
        """Return the repr of a module: its surrogate, with the values now."""
        shown = self.surrogate(tuple(_Shown(array) for array in arrays))
        learned = f", learned={'+'.join(self.learned)}" if self.learned else ""
        return f"SurrogateModule({shown!r}{learned}, spiking={self.spiking})"

    def refuse_to_set(self, name: str) -> None:
        """Raise where a parameter is set on the module, which would keep it and not use it."""
        if all(name != path.rpartition(".")[2] for path in parameters_by_path(self.start)):
            return
        maker = "learnable" if self.learned else "module"
        raise AttributeError(
            f"{self!r}: {name} is a parameter of the surrogate inside, and setting it on the "
            f"module changes nothing; call surrogates.{maker} again, with a surrogate of the new "
            "value, and put the new module where this one is; surrogates.anneal makes a "
            "surrogate for each epoch"
        )

    def arrays(self, xp: Any, raw: dict[str, Array], held: dict[str, Array]) -> tuple[Array, ...]:
        """Return the parameters that belong to unbounded numbers, and the arrays, for `combine`."""
        pairs = zip(self.slots, self.intervals, strict=True)
        return tuple(
            held[key(path)] if interval is None else bounded(xp, interval, raw[key(path)])
            for path, interval in pairs
        )

    @property
    def has_slopes(self) -> bool:
        """Whether `with_slopes` can be called: nothing is held, or limited from two sides."""
        return not any(interval is None or is_two_sided(interval) for interval in self.intervals)

    def with_slopes(self, xp: Any, dtype: Any, numbers: list[Any]) -> tuple[list[Any], list[Any]]:
        """Return the parameters that belong to unbounded numbers, and their derivatives to these.

        They are those of `arrays` for numbers of this dtype, which are floats or arrays.
        """
        intervals = [interval for interval in self.intervals if interval is not None]
        values, slopes = [], []
        for interval, number in zip(intervals, numbers, strict=True):
            value, slope = with_slope(xp, interval, dtype, number)
            values.append(value)
            slopes.append(slope)
        return values, slopes

    def surrogate(self, arrays: tuple[Array, ...]) -> Any:
        """Return the surrogate inside."""
        surrogate: Any = self.definition.combine(arrays)
        return surrogate.surrogate if self.is_wrapped else surrogate

    def spikes(self, arrays: tuple[Array, ...], x: Any) -> Any:
        """Return what is emitted."""
        x, backend = checked_x(self, x, arrays)
        return spikes(self.definition, arrays, backend, x)


class Planned:
    """What the modules of all libraries have; each adds its `plan`, and its arrays as they are."""

    plan: Plan

    def _arrays(self) -> tuple[Array, ...]:
        raise NotImplementedError

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate inside, with the parameters as they are now."""
        now: Surrogate = self.plan.surrogate(self._arrays())
        return now

    @property
    def spiking(self) -> bool:
        """Whether it emits spikes, not the primitive."""
        return self.plan.spiking

    def surrogate_grad(self, x: Any) -> Any:
        """Return the derivative that replaces the derivative of the step."""
        return self.surrogate.surrogate_grad(x)

    def surrogate_fun(self, x: Any) -> Any:
        """Return the primitive."""
        return self.surrogate.surrogate_fun(x)


class Changing(Planned):
    """What the modules have of a library whose modules may be changed."""

    _last: ClassVar[str]
    """The last attribute that its `__init__` sets."""

    def __setattr__(self, name: str, value: Any) -> None:
        if self._last in vars(self) and name not in vars(self):
            self.plan.refuse_to_set(name)
        super().__setattr__(name, value)

    @property
    def spiking(self) -> bool:
        """Whether it emits spikes, not the primitive; may be set."""
        return self.plan.spiking

    @spiking.setter
    def spiking(self, spiking: bool) -> None:
        self.set_spiking_mode(spiking)

    def set_spiking_mode(self, spiking: bool) -> None:
        """Emit spikes, or the primitive."""
        self.plan = self.plan.switched(spiking)


def planned(
    surrogate: Surrogate, paths: tuple[str, ...], spiking: bool
) -> tuple[Plan, dict[str, Array]]:
    """Return the plan of a module that learns parameters, and the arrays that it holds, by name."""
    declared, begin = parameters_by_path(surrogate), surrogate
    markers = {path: object() for path in paths}
    for path in paths:
        number = _number(value_at(surrogate, path), declared[path])
        surrogate = with_value_at(surrogate, path, number)
    marked = _wrapped(surrogate, bool(paths), spiking)
    is_wrapped = marked is not surrogate
    for path, marker in markers.items():
        marked = with_marker(marked, f"surrogate.{path}" if is_wrapped else path, marker)
    require_no_attributes(marked)
    slots = (marked.surrogate if is_wrapped else marked).array_paths
    definition, arrays = marked.partition()
    pairs = zip(slots, arrays, strict=True)
    held = {key(path): array for path, array in pairs if path not in markers}
    intervals = tuple(declared[p].metadata["interval"] if p in markers else None for p in slots)
    if definition.is_traceable:  # another may hold what changes
        definition = _shared(definition)
    return Plan(definition, slots, intervals, is_wrapped, begin), held


@lru_cache(maxsize=256)
def _shared(definition: Surrogate) -> Surrogate:
    """Return one definition for all that are equal: a look-up by one object compares no fields."""
    return definition


def _wrapped(surrogate: Surrogate, learns: bool, spiking: bool) -> Any:
    """Return what a module calls: a surrogate, and what it emits and learns by."""
    if not spiking and not _is_smooth(surrogate):
        try:
            return Smooth(surrogate)
        except TypeError as error:
            raise TypeError(f"spiking=False emits the primitive. {error}") from None
    return Relaxed(surrogate) if learns and not surrogate.relaxes else surrogate


def _is_smooth(surrogate: Any) -> bool:
    return getattr(surrogate, "is_smooth", False)  # of wrappers alone


def _number(value: Any, declared: Any) -> float:
    """Return a number to stand for a parameter that is learned: one of its starting values.

    Its default might be refused: 8 bits cannot hold a derivative that is negative somewhere.
    """
    interval: Interval = declared.metadata["interval"]
    try:
        number = value if isinstance(value, (int, float)) else value.reshape(-1)[0].item()
    except (IndexError, RuntimeError, TypeError):  # empty, or traced
        return float(declared.default)
    return float(number if interval.low <= number <= interval.high else declared.default)


class _Shown:
    """An array in a few words, which are its repr."""

    def __init__(self, array: Array) -> None:
        self.text = _text(array)

    def __repr__(self) -> str:
        return self.text


def _text(array: Array) -> str:
    shape = tuple(array.shape)
    try:
        values = on_host(array)
    except (NotImplementedError, RuntimeError, TypeError):  # traced, or not on this machine
        return f"<shape {shape}>"
    if len(shape) < 2 and values.size <= 4:
        return str([float(f"{v:.6g}") for v in values] if shape else float(f"{values:.6g}"))
    return f"<shape {shape}, {values.min():.4g} to {values.max():.4g}>"
