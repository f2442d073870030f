"""A surrogate as a value: its parameters, equality, and its arrays taken out and put back in."""

from __future__ import annotations

import dataclasses
import math
import sys
from dataclasses import Field, dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar, Self, dataclass_transform

import numpy as np

from . import backends
from ._arrays import at_least_single
from ._declaration import declare, decorated, refuse_change, too_many, unknown
from ._parameters import UNIT, checked_value, is_floating_array, parameter
from ._similar import similar

Array = Any

# From the parameters. On the instance, since of what a class defines torch.compile guards more.
_DERIVED = (
    *("array_fields", "comparison", "is_fixed", "is_signed", "is_traceable"),
    *("residual_dtype", "returns_new"),
)
_PACKAGE = __name__.partition(".")[0]


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(parameter, field))
@dataclass(frozen=True, repr=False, eq=False)
class Value:
    """The part of `Surrogate` that makes it a value: fields, equality, arrays out and in."""

    traceable: ClassVar[bool] = False  # whether a formula depends on parameters and x alone
    # By parameter: 1 if the area depends on its product with x alone, -1 if on x divided by it;
    follows_product: ClassVar[dict[str, int]] = {}
    # and the power of the parameter that the area is proportional to besides, where it is.
    scales_area: ClassVar[dict[str, int]] = {}
    array_fields: ClassVar[tuple[str, ...]] = ()
    is_fixed: ClassVar[bool] = False  # traceable throughout, and without arrays
    is_traceable: ClassVar[bool] = False  # and what is inside of it, too
    # Whether no formula is a user's, which may return `x` itself: of the class, then of all inside.
    returns_new: ClassVar[bool] = False
    _fields: ClassVar[tuple[Field[Any], ...]]  # kept, since `fields` takes long
    # What __init__ takes; None where the class has one of its own.
    _keywords: ClassVar[frozenset[str] | None] = None
    # How many arguments it takes without their names; no limit where the class has one of its own.
    _most_positional: ClassVar[int] = sys.maxsize
    _declared: ClassVar[Any]  # its __dataclass_params__, which a decorator on top replaces
    _without_gradient: ClassVar[dict[str, str]] = {}  # by parameter: why it has no gradient
    _remembered: ClassVar[tuple[str, ...]] = ()  # the cached properties of a user's class
    _decides: ClassVar[dict[str, str]] = {}  # by aspect: which wrapper decides it

    at_threshold: float = field(default=1.0, kw_only=True, metadata={"interval": UNIT})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        base = cls.__mro__[cls.__mro__.index(Value) - 1]
        if cls is base:  # Surrogate itself
            return
        # Not inherited: the formulas of a subclass may read what changes, or the values of x.
        cls.traceable = vars(cls).get("traceable", False)
        cls.follows_product = vars(cls).get("follows_product", {})
        cls.scales_area = vars(cls).get("scales_area", {})
        declare(cls, base)
        if "primitive" in vars(cls) and "area_to" not in vars(cls):
            # not that of another shape
            cls.area_to = base.area_to  # type: ignore[attr-defined]
        if "derivative" in vars(cls) and "_moments" not in vars(cls):
            cls._moments = None  # type: ignore[attr-defined]  # those of another derivative
        cls._fields = fields(cls)
        # For hooks, under torch.compile, which cannot read the metadata of a field.
        reasons = {f.name: f.metadata.get("without_gradient") for f in cls._fields}
        cls._without_gradient = {name: why for name, why in reasons.items() if why}
        added = [c for c in cls.__mro__ if c not in base.__mro__]
        known = [item for c in added for item in vars(c).items()]
        cls._remembered = tuple(name for name, v in known if isinstance(v, cached_property))
        cls.returns_new = cls.__module__.partition(".")[0] == _PACKAGE
        backends.register_class(cls)

    def __new__(cls, /, *args: Any, **kwargs: Any) -> Self:
        """Refuse what is no parameter, and say which there are."""
        for name in kwargs:
            if cls._keywords is not None and name not in cls._keywords:
                raise TypeError(unknown(cls, name))
        if args and args[cls._most_positional :]:  # Dynamo would guard `len`
            raise TypeError(too_many(cls, args))
        return super().__new__(cls)

    def __post_init__(self) -> None:
        backends.load_imported()
        if type(self).__dataclass_params__ is not self._declared:  # type: ignore[attr-defined]
            raise TypeError(decorated(type(self)))
        with_arrays = []
        is_fixed = is_traceable = self.traceable
        returns_new = is_traceable and type(self).returns_new
        for declared in self._fields:
            value = getattr(self, declared.name)
            choices = declared.metadata.get("choices")
            # NumPy's dtype equals its name, and is none
            if choices is not None and not (isinstance(value, str) and value in choices):
                raise ValueError(_no_choice(self, declared.name, choices, value))
            if "interval" in declared.metadata:
                interval = declared.metadata["interval"]
                value = checked_value(type(self), declared.name, interval, value)
                object.__setattr__(self, declared.name, value)
                holds_arrays = not isinstance(value, (int, float))
            elif isinstance(value, Value):
                holds_arrays = bool(value.array_fields)
            else:
                holds_arrays = is_floating_array(value)
            if holds_arrays:
                with_arrays.append(declared.name)
            if isinstance(value, Value):
                is_fixed = is_fixed and value.is_fixed
                is_traceable = is_traceable and value.is_traceable
                returns_new = returns_new and value.returns_new
            elif type(value) not in (float, int, str, bool):  # arrays may be traced
                is_fixed = False
                is_traceable = is_traceable and holds_arrays
                self._require_no_array_in(declared.name, value)
        object.__setattr__(self, "array_fields", tuple(with_arrays))
        object.__setattr__(self, "is_fixed", is_fixed)
        object.__setattr__(self, "is_traceable", is_traceable)
        object.__setattr__(self, "returns_new", returns_new)

    def _require_no_array_in(self, name: str, value: Any) -> None:
        """Raise where an array or a surrogate is in a collection: no framework would see it."""
        if not isinstance(value, (tuple, list, set, frozenset, dict)):
            return
        for part in value.values() if isinstance(value, dict) else value:
            if isinstance(part, Value) or is_floating_array(part):
                raise TypeError(
                    f"{type(self).__name__}: {name} holds {part!r} in a collection, where it gets "
                    "no gradient; declare a field for each"
                )

    def __repr__(self) -> str:
        shown = [f for f in fields(self) if f.repr]
        shown = [f for f in shown if f.name != "at_threshold" or self.at_threshold != 1.0]
        shown.sort(key=lambda f: f.name == "at_threshold")  # inherited first, but by keyword only
        names = [f.name for f in shown]
        # the attributes of a user's class that defines __init__ itself
        known = (*names, *_DERIVED, "at_threshold")
        names += [n for n in vars(self) if n[0] != "_" and n not in known]
        arguments = ", ".join(f"{name}={_shown(getattr(self, name))}" for name in names)
        return f"{type(self).__name__}({arguments})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        mine, theirs = vars(self), vars(other)
        if mine.keys() != theirs.keys():
            return False
        for name, value in mine.items():  # a loop takes half the time of `all`
            if value is not theirs[name] and not _are_equal(value, theirs[name]):
                return False
        return True

    def __hash__(self) -> int:
        try:
            return hash((type(self), frozenset(vars(self).values())))
        except TypeError:  # an array that cannot be hashed: it is the same if it is one object
            values = (v if _is_plain(v) else id(v) for _, v in sorted(vars(self).items()))
            return hash((type(self), *values))

    def __copy__(self) -> Self:
        # as `copy` does by itself, in a third of the time
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        return other

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what was pickled; raise where the class has got other parameters since."""
        declared = () if self._keywords is None else self._fields
        names = {f.name for f in declared}
        new = [f for f in declared if f.name not in state]
        gone = sorted(n for n in state.keys() - names - {*_DERIVED} if n[0] != "_")
        if new and (gone or any(f.default is dataclasses.MISSING for f in new)):
            raise TypeError(
                f"{type(self).__name__}: what was pickled has {', '.join(gone) or 'nothing'} where "
                f"the class now has {', '.join(f.name for f in new)}; rename it back, or define "
                "__setstate__ in the class, which says what the values mean"
            )
        vars(self).update({f.name: f.default for f in new}, **state)

    def __dask_tokenize__(self) -> Any:
        """Return what Dask tells it by: all attributes, since not all of them are fields.

        Of two results of one name Dask computes the first alone.
        """
        from dask.base import normalize_token  # Dask asks, so it is there

        return normalize_token([type(self), *vars(self), *vars(self).values()])

    def others(self) -> dict[str, Any]:
        """Return what a user's class has set that is no parameter: it stays when these change."""
        known = {*_DERIVED, *(declared.name for declared in self._fields)}
        held = vars(self).items()
        return {n: v for n, v in held if n not in known and not hasattr(type(self), n)}

    def partition(self) -> tuple[Self, tuple[Array, ...]]:
        """Take the array-valued parameters out, for a hook.

        Returns
        -------
        definition : Surrogate
            This surrogate without them: hashable, and the same object where there are none.
        arrays : tuple of arrays
            What was taken out, for `combine`.
        """
        if not self.array_fields:
            return self, ()
        arrays: list[Array] = []
        rest: list[Value | None] = []
        for name in self.array_fields:
            value = getattr(self, name)
            if isinstance(value, Value):
                inner, inner_arrays = value.partition()
                arrays += inner_arrays
                rest.append(inner)
            else:
                arrays.append(value)
                rest.append(None)
        return self.replaced(rest), tuple(arrays)

    def lifted(self) -> tuple[Self, tuple[float, ...]]:
        """Take the numbers out that might be arrays, for a hook that compiles once for them all."""
        rest: dict[str, Value | None] = {}
        numbers: tuple[float, ...] = ()
        for declared in self._fields:
            name = declared.name
            value = getattr(self, name)
            if type(value) is float:
                if declared.metadata.get("interval", UNIT) != UNIT:
                    rest[name] = None
                    numbers += (value,)
            elif isinstance(value, Value):
                inner, inside = value.lifted()
                if inside:
                    rest[name] = inner
                    numbers += inside
        if not numbers:
            return self, ()
        open_ = self.__copy__()
        vars(open_).update(array_fields=tuple(rest), is_fixed=False)
        return open_.replaced([*rest.values()]), numbers  # a wrapper forgets what it knew of them

    def combine(self, arrays: Any) -> Self:
        """Put the array-valued parameters that `partition` took out back in."""
        if not self.array_fields:
            return self
        values: list[Any] = []
        start = 0
        for name in self.array_fields:
            value = getattr(self, name)
            if isinstance(value, Value):
                end = start + value._number_of_arrays
                values.append(value.combine(arrays[start:end]))
            else:
                end = start + 1
                values.append(arrays[start])
            start = end
        return self.replaced(values)

    def replaced(self, values: list[Any]) -> Self:
        """Return this surrogate with other values in its `array_fields`."""
        # Not through the constructor: a traced value has no range to check.
        replaced = self.__copy__()  # Dynamo of PyTorch 2.11 does not trace `copy.copy`
        for name in self._remembered:  # of the other values
            vars(replaced).pop(name, None)
        for name, value in zip(self.array_fields, values, strict=True):
            object.__setattr__(replaced, name, value)
        return replaced

    def renewed(self) -> Self:
        """Return this surrogate made anew, where its arrays became numbers: for hooks."""
        return dataclasses.replace(self)

    def substituted(self, name: str, value: Any) -> Self:
        """Return this surrogate with an array in a field, or a surrogate that holds one, unchecked.

        In a number's place too: for what is filled with other arrays afterwards, by `combine`.
        """
        other = self.__copy__()
        names = {*self.array_fields, name}
        object.__setattr__(other, name, value)
        declared = [f.name for f in self._fields]
        object.__setattr__(other, "array_fields", tuple(n for n in declared if n in names))
        object.__setattr__(other, "is_fixed", False)
        return other

    def widened(self) -> Self:
        """Return this surrogate for its measures: with its NumPy arrays in double precision.

        Those of other libraries in at least single precision, which its formulas are written for.
        """
        definition, arrays = self.partition()
        wide = [
            a.astype(np.float64) if isinstance(a, np.ndarray) else at_least_single(a)
            for a in arrays
        ]
        is_same = all(array is other for array, other in zip(arrays, wide, strict=True))
        return self if is_same else definition.combine(wide)

    @property
    def undifferentiated(self) -> tuple[tuple[int, str], ...]:
        """The arrays of `partition` that have no gradient, by number, with a message: for hooks."""
        found: list[tuple[int, str]] = []
        index = 0
        for name in self.array_fields:
            value = getattr(self, name)
            if isinstance(value, Value):
                found += [(index + i, message) for i, message in value.undifferentiated]
                index += value._number_of_arrays
            else:
                if name in self._without_gradient:
                    why = self._without_gradient[name]
                    found.append((index, f"{type(self).__name__}: {name} has no gradient: {why}"))
                index += 1
        return tuple(found)

    @property
    def array_paths(self) -> tuple[str, ...]:
        """Where the arrays of `partition` are: the fields that lead there, joined by dots."""
        found: list[str] = []
        for name in self.array_fields:
            value = getattr(self, name)
            inside = value.array_paths if isinstance(value, Value) else ()
            found += [f"{name}.{path}" for path in inside] or [name]
        return tuple(found)

    @property
    def _number_of_arrays(self) -> int:
        values = [getattr(self, name) for name in self.array_fields]
        return sum(v._number_of_arrays if isinstance(v, Value) else 1 for v in values)


Value._fields = fields(Value)
Value._declared = Value.__dataclass_params__  # type: ignore[attr-defined]
# Instead of what the decorator put there, which knows no parameter of a subclass.
Value.__setattr__ = Value.__delattr__ = refuse_change  # type: ignore[method-assign]


def _no_choice(owner: Value, name: str, choices: tuple[str, ...], value: Any) -> str:
    """Return what to tell who gives a parameter something else than one of its words."""
    word = str(value).strip("<>'").rpartition(".")[2]  # of torch.float16, <class 'numpy.float16'>
    near = similar(word, choices, most=1)
    ask = f"; write {name}={near[0]!r}" if near else ""
    return f"{type(owner).__name__}: {name} must be one of {choices}, got {name}={value!r}{ask}"


def _shown(value: Any) -> str:
    """Return a number as Python reads it."""
    return (
        f"float('{value}')" if isinstance(value, float) and abs(value) == math.inf else repr(value)
    )


def _are_equal(value: Any, other: Any) -> bool:
    """Return whether two parameters are the same: 1, 1.0 and True are not, nor two arrays."""
    if type(value) is not type(other):
        return False
    if type(value) is not float and hasattr(value, "dtype"):
        return False
    if isinstance(value, float):
        return value == other and math.copysign(1, value) == math.copysign(1, other)
    if isinstance(value, (str, int, Value)):
        return bool(value == other)
    return bool(value == other) and repr(value) == repr(other)  # (0.0,) and (-0.0,) are equal


def _is_plain(value: Any) -> bool:
    """Return whether a value is not an array: two arrays are the same only if they are one."""
    return not hasattr(value, "dtype") or isinstance(value, np.generic)


def described(value: Any) -> str:
    """Return what to tell of something that is not a surrogate: what it is, and what to write."""
    if isinstance(value, type) and issubclass(value, Value):
        name = value.__name__
        return f"the class {name}; make an object of it, {name}(), which is called as {name}()(x)"
    made_by = getattr(value, "surrogate", None)  # of a functional form
    if isinstance(made_by, type) and issubclass(made_by, Value):
        return (
            f"the function {value.__name__}; give the surrogate that it calls, {made_by.__name__}()"
        )
    if isinstance(made_by, Value):  # of a module
        return f"{value!r}; give the surrogate inside it, its attribute `surrogate`"
    if hasattr(value, "dtype"):
        what = f"an array of shape {tuple(value.shape)}" if hasattr(value, "shape") else repr(value)
        return f"{what}; the surrogate comes first, and arrays after it"
    if isinstance(value, str):
        return (
            f"{value!r}; surrogates.find(name)() makes a surrogate of its name, and "
            "surrogates.from_library(library, name) that of a library"
        )
    return repr(value)
