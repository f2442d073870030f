"""What a class of surrogates becomes when it is declared: a frozen dataclass of its parameters."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import Field, FrozenInstanceError, field
from typing import Any

import numpy as np

from ._docstring import completed
from ._frozen import make_frozen_dataclass
from ._parameters import UNIT, parameter

# What braintools' users override, and which formula it is here.
_FORMULAS = {"surrogate_grad": "derivative", "surrogate_fun": "primitive"}
_MEASURES = ("area", "peak", "width")  # a parameter may be one of these


def declare(cls: Any, base: Any) -> None:
    """Make a subclass of `base` a frozen dataclass, one field a parameter.

    A class with an ``__init__`` of its own is left as it is.
    """
    if "__slots__" in vars(cls):
        raise TypeError(decorated(cls))
    for public, formula in _FORMULAS.items():
        if public in vars(cls):
            setattr(cls, formula, _as_formula(cls, public, formula, vars(cls)[public]))
            delattr(cls, public)
    annotations = inspect.get_annotations(cls)
    fields = {name: kind for name, kind in annotations.items() if "ClassVar" not in str(kind)}
    for name in fields:
        if hasattr(base, name) and name not in (*_MEASURES, "at_threshold"):
            raise TypeError(
                f"{cls.__name__}: a parameter cannot be called {name!r}, since every surrogate has "
                f"an attribute of that name; give it another name, for instance {name}_"
            )
    if "__init__" in vars(cls):
        if fields:
            raise TypeError(
                f"{cls.__name__} declares the parameters {', '.join(fields)} and defines __init__, "
                "which surrogates get by themselves; leave out one or the other"
            )
        cls._keywords, cls._most_positional = None, sys.maxsize
        return
    for name, value in vars(cls).items():
        if name not in annotations and isinstance(value, (int, float, np.number, str)):
            _require_annotation(cls, name, value)
    for name in fields:
        default: Any = vars(cls).get(name) if name != "at_threshold" else None
        if type(default) in (int, float) and _is_float(fields[name]) and math.isfinite(default):
            setattr(cls, name, parameter(float(default)))
    spike: Any = vars(cls).get("at_threshold")
    if isinstance(spike, Field) and spike.metadata.get("interval") not in (UNIT, None):
        raise TypeError(
            f"{cls.__name__}: at_threshold is a parameter of every surrogate, from 0 to 1; for "
            "another default write a number, as in `at_threshold = 0.0`"
        )
    if isinstance(spike, (int, float)):  # another default
        cls.at_threshold = field(default=float(spike), kw_only=True, metadata={"interval": UNIT})
    make_frozen_dataclass(cls)
    cls.__doc__ = completed(cls)
    if "__dataclass_params__" in vars(cls):  # else both are inherited: cloudpickle would copy one
        cls._declared = cls.__dataclass_params__
    cls._keywords = frozenset(n for n, f in cls.__dataclass_fields__.items() if f.init)
    cls._most_positional = len(cls.__match_args__)


def refuse_change(instance: Any, name: str, *value: Any) -> None:
    """Raise where a parameter is set or deleted; for the base."""
    if name in type(instance).__dataclass_fields__:
        raise FrozenInstanceError(
            f"{type(instance).__name__}: {name} cannot be changed; make another surrogate, for "
            f"instance by dataclasses.replace(surrogate, {name}=...)"
        )
    (object.__setattr__ if value else object.__delattr__)(instance, name, *value)


def decorated(cls: Any) -> str:
    """Return what to tell an author who put ``@dataclass`` on top."""
    return (
        f"{cls.__name__}: leave out @dataclass, a surrogate is one already: declare the parameters "
        "in the class, as in `alpha: float = surrogates.parameter(2.0, low=0.0)`"
    )


def unknown(cls: Any, name: str) -> str:
    """Return what to tell who gives a parameter that the class has not."""
    known = ", ".join(inspect.signature(cls).parameters)
    return f"{cls.__name__} has no parameter {name!r}; it takes {known}"


def too_many(cls: Any, given: tuple[Any, ...]) -> str:
    """Return what to tell who gives more than the parameters, such as the membrane potential."""
    made = f"{cls.__name__}({', '.join(cls.__match_args__)})"
    return (
        f"{made} takes no more arguments without a name, got {len(given)}; at_threshold is given "
        f"by name, and the membrane potential in a second call: {made}(x)"
    )


def _require_annotation(cls: Any, name: str, value: Any) -> None:
    """Raise where the author of a class may have meant a parameter, which has an annotation.

    No constant: what is private, in capitals, annotated as ClassVar, or what a base has, too.
    """
    if isinstance(value, bool):
        return
    is_number = not isinstance(value, str)
    if any(name == declared.name for declared in cls._fields):  # of a base: its default would stay
        hint = ""
    elif is_number and not (name[0] == "_" or name.isupper() or _is_inherited(cls, name)):
        hint = f"; a constant is written {name}: ClassVar[float] = {value!r}, or in capitals"
    else:
        return
    kind = "str" if isinstance(value, str) else "float"
    raise TypeError(
        f"{cls.__name__}: {name} = {value!r} has no annotation, without which it is no parameter: "
        f"write {name}: {kind} = {value!r}{hint}"
    )


def _is_inherited(cls: Any, name: str) -> bool:
    return any(name in vars(base) for base in cls.__mro__[1:])


def _is_float(kind: Any) -> bool:
    return kind is float or str(kind).startswith("float")


def _as_formula(cls: Any, public: str, formula: str, function: Callable[[Any, Any], Any]) -> Any:
    def of_array(self: Any, xp: Any, x: Any) -> Any:
        try:
            return function(self, x)
        except RecursionError:
            raise RecursionError(
                f"{cls.__name__}.{public} calls super().{public}, which evaluates {cls.__name__} "
                f"again; define {formula}(self, xp, x), and call super().{formula}(xp, x) there"
            ) from None

    return of_array
