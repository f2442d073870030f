"""What the tests must know of a wrapper or composition: one file for each, found by its name.

`test_wrappers.py`, the tests of programs and the fuzzer take all that holds for a class from there.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import fields

import surrogates
from surrogates._parameters import parameters as declared
from surrogates._wrappers.composition import Composition
from surrogates._wrappers.wrapper import Wrapper

from .bases import (
    MEMBERS,
    CompositionLaw,
    EmissionLaw,
    Law,
    ParameterLaw,
    ResidualLaw,
    ShapeLaw,
    WrapperLaw,
)

_CLASSES = [cls for cls in vars(surrogates).values() if isinstance(cls, type)]
WRAPPERS: list[type[Wrapper]] = [cls for cls in _CLASSES if issubclass(cls, Wrapper)]
COMPOSITIONS: list[type[Composition]] = [cls for cls in _CLASSES if issubclass(cls, Composition)]
# By the aspect that they change. docs/explanation/architecture.md says which; a test compares.
SHAPING = [cls for cls in WRAPPERS if cls._aspect is None]
EMITTING = [cls for cls in WRAPPERS if cls._aspect == "emission"]
DECIDING = [cls for cls in WRAPPERS if cls._aspect is not None]
ASPECTS = {base.aspect: base for base in (ShapeLaw, EmissionLaw, ResidualLaw, ParameterLaw)}


def law_of(cls: type) -> Law:
    """Return the law of a wrapper or composition, from the file of its name in lower case."""
    name, base = f"{cls.__name__}Law", CompositionLaw
    if issubclass(cls, Wrapper):
        base = ASPECTS[cls._aspect]
    module = f"{__name__}.{cls.__name__.lower()}"
    file = f"tests/support/{module.replace('.', '/')}.py"
    remedy = f"write a class {name} there, derived from {base.__name__} of bases.py"
    try:
        law = vars(importlib.import_module(module)).get(name)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise LookupError(f"{cls.__name__}: the tests want its laws in {file}; {remedy}") from None
    if not (isinstance(law, type) and issubclass(law, base)):
        raise LookupError(f"{file} has no law of {cls.__name__}; {remedy}")
    missing = ", ".join(sorted(law.__abstractmethods__))
    if missing:
        raise TypeError(f"{file}: {name} must define {missing}: see {base.__name__}")
    if issubclass(law, WrapperLaw):
        _compare(file, cls, law)
    return law(cls)


def _compare(file: str, cls: type, law: type[WrapperLaw]) -> None:
    """Raise TypeError where a law and the class do not name the same parameters."""
    numbers = {p.name for p in declared(cls)}
    others = {f.name for f in fields(cls) if f.init} - numbers - {"surrogate"}
    for name, stated, kind, expected in (
        ("defaults", law.defaults, "numbers", numbers),
        ("options", law.options, "no numbers", others),
    ):
        if {*stated} != expected:
            raise TypeError(
                f"{file}: {name} must name the parameters of {cls.__name__} that are {kind}, "
                f"{sorted(expected)}, got {sorted(stated)}"
            )
    if issubclass(law, ShapeLaw):
        inherited = {m for m in MEMBERS if getattr(cls, m, None) is getattr(Wrapper, m, None)}
        if inherited != law.passes_on:
            raise TypeError(
                f"{file}: {cls.__name__} takes {sorted(inherited)} from the surrogate inside; "
                "define in the class what is another, and name in passes_on what is the same, got "
                f"{sorted(law.passes_on)}"
            )


LAWS = {cls.__name__: law_of(cls) for cls in (*WRAPPERS, *COMPOSITIONS)}

for _file in pkgutil.iter_modules(__path__):
    if _file.name not in ("bases", *map(str.lower, LAWS)):
        raise LookupError(f"{__name__}/{_file.name}.py is the law of nothing: rename or delete it")
