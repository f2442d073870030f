"""The parameters of a surrogate, of those inside of it too, by their paths."""

from __future__ import annotations

import dataclasses
from typing import Any

from .._parameters import COUNT, UNIT, is_floating_array
from .._several import Several
from .._surrogate import Surrogate
from .._value import Value


def paths_of(surrogate: Surrogate, name: Any) -> tuple[str, ...]:
    """Return where a parameter is: its name, with those of the fields that lead there.

    Of parameters of one name, the outermost. Those of the weights of a mixture, all of them.
    """
    declared = parameters_by_path(surrogate)
    learnable_ = [path for path, f in declared.items() if "without_gradient" not in f.metadata]
    if name in learnable_:
        return (name,)
    groups: dict[str, list[str]] = {}
    for path in learnable_:
        before, _, last = path.rpartition(".")
        groups.setdefault(before if last.isdecimal() else path, []).append(path)
    found = [group for group in groups if name in (group, group.rpartition(".")[2])]
    if found:
        return tuple(groups[_outermost("learnable", surrogate, name, found)])
    refused = [f for path, f in declared.items() if path not in learnable_]
    reasons = [f.metadata["without_gradient"] for f in refused if f.name == name.rpartition(".")[2]]
    why = f". {name} has no gradient: {reasons[0]}" if reasons else ""
    choice = "no parameter of it can be learned"
    if learnable_:
        choice = f"name one or more of its real-valued parameters: {', '.join(learnable_)}"
    what = f"{surrogate!r} has no parameter {name!r} to learn" if name else "no parameter is named"
    raise ValueError(f"learnable: {what}; {choice}{why}")


def path_of(caller: str, surrogate: Surrogate, name: str) -> str:
    """Return where a real-valued parameter is, for a caller that takes names as keywords."""
    declared = parameters_by_path(surrogate)
    found = [path for path in declared if name in (path, path.rpartition(".")[2])]
    if not found:
        choice = ", ".join(declared) or "none"
        raise ValueError(
            f"{caller}: {surrogate!r} has no real-valued parameter {name!r}; it has {choice}"
        )
    return _outermost(caller, surrogate, name, found, ", as in **{{{path!r}: ...}}")


def _outermost(
    caller: str, surrogate: Surrogate, name: str, paths: list[str], example: str = ""
) -> str:
    """Return the outermost of the paths that a name may mean; raise where there are several."""
    depth = min(path.count(".") for path in paths)
    nearest = [path for path in paths if path.count(".") == depth]
    if len(nearest) > 1:
        raise ValueError(
            f"{caller}: {surrogate!r} has {len(nearest)} parameters {name!r}; name one or more of "
            f"them{example.format(path=nearest[0])}: {', '.join(nearest)}"
        )
    return nearest[0]


def parameters_by_path(surrogate: Value, prefix: str = "") -> dict[str, Any]:
    """Return the fields of the real-valued parameters, the outer ones first."""
    own = surrogate._fields
    found = {}
    for declared in own:
        if declared.metadata.get("interval", UNIT) not in (COUNT, UNIT):
            found[prefix + declared.name] = declared
    for declared in own:
        inside = getattr(surrogate, declared.name)
        if isinstance(inside, Value):
            found.update(parameters_by_path(inside, f"{prefix}{declared.name}."))
    return found


def value_at(surrogate: Any, path: str) -> Any:
    """Return the parameter at a path."""
    for name in path.split("."):
        surrogate = getattr(surrogate, name)
    return surrogate


def with_value_at(surrogate: Any, path: str, value: Any) -> Any:
    """Return a surrogate with another value of the parameter at a path."""
    name, _, rest = path.partition(".")
    if rest:
        value = with_value_at(getattr(surrogate, name), rest, value)
    if isinstance(surrogate, Several):
        return [value if str(number) == name else other for number, other in enumerate(surrogate)]
    return dataclasses.replace(surrogate, **{name: value})


def with_marker(surrogate: Value, path: str, marker: Any) -> Any:
    """Return a surrogate with a marker where a parameter will be filled in."""
    name, _, rest = path.partition(".")
    inside = with_marker(getattr(surrogate, name), rest, marker) if rest else marker
    return surrogate.substituted(name, inside)


def require_no_attributes(surrogate: Value) -> None:
    """Raise where a user's class has set something that would not follow what a module holds."""
    others = surrogate.others() if isinstance(surrogate, Surrogate) else {}
    for name, value in others.items():
        if surrogate.array_fields or is_floating_array(value):
            raise TypeError(
                f"{type(surrogate).__name__}: {name} was set when it was made, and would stay as "
                "it is while a module is trained, loaded or moved; declare it as a parameter, or "
                "compute it in the formula, or as a functools.cached_property; a constant belongs "
                "to the class"
            )
    for declared in surrogate._fields:
        if isinstance(inside := getattr(surrogate, declared.name), Value):
            require_no_attributes(inside)
