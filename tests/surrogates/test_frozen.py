"""What `make_frozen_dataclass` makes, against what the decorator does that it stands for."""

from __future__ import annotations

import inspect
import sys
from dataclasses import KW_ONLY, MISSING, InitVar, dataclass, field, fields, replace
from typing import Any

import pytest

import surrogates
from surrogates import Surrogate
from surrogates.definitions import SURROGATES

WRAPPERS = [surrogates.Scaled, surrogates.MultiSpike, surrogates.Compressed, surrogates.Spliced]


def described(cls: Any) -> Any:
    """Return what a dataclass tells of itself."""
    told = ("name", "type", "default", "default_factory", "init", "repr", "kw_only", "metadata")
    return (
        inspect.signature(cls),
        cls.__init__.__annotations__,
        (cls.__init__.__name__, cls.__init__.__qualname__),
        cls.__init__.__module__,
        cls.__init__.__globals__ is vars(sys.modules[cls.__module__]),
        cls.__match_args__,
        [[getattr(declared, name) for name in told] for declared in fields(cls)],
        repr(cls.__dataclass_params__),
    )


@pytest.mark.parametrize("cls", [*SURROGATES.values(), *WRAPPERS, surrogates.Custom])
def test_a_class_tells_what_a_decorated_one_tells(cls):
    body: dict[str, Any] = {"__annotations__": {f.name: f.type for f in fields(cls)}}
    for f in fields(cls):
        options = {name: getattr(f, name) for name in ("default", "init", "repr", "kw_only")}
        body[f.name] = field(**options, metadata=f.metadata)
    body |= {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    decorated = dataclass(frozen=True, repr=False, eq=False)(type(cls.__name__, (), body))
    assert described(cls) == described(decorated)
    for f in fields(cls):
        assert vars(cls).get(f.name, f.default) is f.default  # and no Field
    assert not {"__setattr__", "__delattr__"} & vars(cls).keys()


def test_classes_with_parameters_of_the_same_names_share_code_and_no_default():
    one, other = surrogates.Sigmoid.__init__, surrogates.ERF.__init__
    assert one.__code__ is other.__code__
    assert one is not other
    assert surrogates.Sigmoid() == surrogates.Sigmoid(4.0) != surrogates.ERF()
    assert surrogates.ERF().alpha == 1.0


def test_names_that_the_compiled_template_uses_are_names_like_others():
    class Swapped(Surrogate):
        _1: float = 1.0
        _0: float = 2.0
        __set__: float = 3.0

    surrogate = Swapped(5.0, _0=6.0)
    assert (surrogate._1, surrogate._0, surrogate.__set__) == (5.0, 6.0, 3.0)
    assert str(inspect.signature(Swapped)).startswith("(_1: 'float' = 1.0, _0: 'float' = 2.0, __")


def test_a_parameter_without_an_annotation_is_refused():
    with pytest.raises(TypeError, match=r"Bump: the parameter beta has no .* write beta: float = "):

        class Bump(Surrogate):
            beta = surrogates.parameter(2.0)


class WithSelf(Surrogate):
    self: float = 2.0


def test_what_only_the_decorator_can_do_is_left_to_it():
    class Unusual(Surrogate):
        beta: float = 2.0
        names: list[str] = field(default_factory=list)
        seen: InitVar[int] = 3

        def __post_init__(self, seen):
            super().__post_init__()
            self.seen_then = seen

    one, other = Unusual(), Unusual(1.0, ["a"], 4)
    assert (one.beta, one.names, one.seen_then) == (2.0, [], 3)
    assert (other.beta, other.names, other.seen_then) == (1.0, ["a"], 4)
    assert Unusual().names is not one.names

    class Further(Unusual):
        gamma: float = 5.0

    assert (Further(seen=7).seen_then, Further().gamma) == (7, 5.0)
    for cls in (Unusual, Further):
        with pytest.raises(AttributeError, match="beta cannot be changed"):
            cls().beta = 3.0

    assert WithSelf(3.0).self == WithSelf(self=3.0).self == 3.0
    with pytest.raises(TypeError, match="non-default argument 'gamma' follows default argument"):

        class Order(Surrogate):
            beta: float = 2.0
            gamma: float


class Plain(Surrogate):
    beta: float = 2.0


class WithFactory(Surrogate):
    names: list[str] = field(default_factory=list)


class WithArgument(Surrogate):
    seen: InitVar[int] = 3

    def __post_init__(self, seen):
        super().__post_init__()


@pytest.mark.parametrize("cls", [Plain, WithFactory, WithArgument, WithSelf])
def test_a_class_keeps_the_methods_of_its_base_whichever_way_it_is_made(cls):
    cls()
    assert not {"__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__"} & vars(cls).keys()


def test_fields_that_take_no_default_or_no_argument_or_a_keyword():
    class Mixed(Surrogate):
        needed: float
        _: KW_ONLY
        named: float = 2.0
        fixed: float = field(default=3.0, init=False)

    assert str(inspect.signature(Mixed)).startswith("(needed: 'float', *, ")
    mixed = Mixed(1.0, named=4.0)
    assert (mixed.needed, mixed.named, mixed.fixed) == (1.0, 4.0, 3.0)
    assert replace(mixed, needed=5.0).needed == 5.0
    assert "needed" not in vars(Mixed)
    for wrong in ({}, {"needed": 1.0, "fixed": 2.0}, {"needed": 1.0, "other": 2.0}):
        with pytest.raises(TypeError, match=r"Mixed(\.__init__\(\)| has no parameter)"):
            Mixed(**wrong)
    assert next(f for f in fields(Mixed) if f.name == "needed").default is MISSING
