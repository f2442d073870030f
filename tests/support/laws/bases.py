"""The bases of all laws: what the tests must know of a wrapper, by the aspect that it changes.

The laws are stated twice: on numbers, as simple as the documentation has them, for
`tests/surrogates/test_wrappers.py`; and on intervals, for the fuzzer, whose `model` (`Shape` of
`tests/fuzz/shapes.py`) hands out parameters and `x`. A `node` is a surrogate of a case, as plain
data. Where a base has an abstract method, a law file must decide.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

import numpy as np

Node = dict[str, Any]
Interval = tuple[np.ndarray, np.ndarray]
Primitive = tuple[np.ndarray, np.ndarray, np.ndarray]  # an interval, and the size of its terms
Curve = Callable[[np.ndarray], np.ndarray]

NUMBERS = (0.25, 0.5, 1.5, 2.0)
# What a wrapper of the shape takes from the surrogate inside, unless its class defines it.
MEMBERS = ("primitive", "derivative", "area_to", "has_area_below", "peak", "area", "area_below")
MEMBERS += ("width", "support", "breakpoints", "_pieces", "_places", "_negative", "_lowest")
MEMBERS += ("_largest_slope", "_largest_term")


@dataclass(frozen=True)
class Option:
    """A parameter that is no number: how the fuzzer draws it, and which value is the simplest."""

    draw: Callable[[Random], Any]
    plain: Any


class Law(abc.ABC):
    """What is common to the laws of wrappers and of compositions."""

    options: ClassVar[dict[str, Option]] = {}

    def __init__(self, cls: type) -> None:
        self.cls = cls

    @abc.abstractmethod
    def derivative_interval(self, model: Any, node: Node, at: Interval) -> Interval:
        """Return where the derivative is while x is in an interval."""

    @abc.abstractmethod
    def primitive_interval(self, model: Any, node: Node, at: Interval) -> Primitive:
        """Return where the primitive is, but for a constant, and the size of its terms."""

    def must_refuse(self, node: Node) -> str | None:
        """Return the law by which it must be refused when it is made, if any."""
        return None

    def may_refuse(self, model: Any, node: Node, message: str) -> bool:
        """Return whether it may be refused with a message."""
        return False

    def states(self, run: Any, node: Node, error: Exception) -> bool:
        """Return whether its documentation states an error of a call."""
        return False

    def simpler(self, node: Node) -> Iterator[Node]:
        """Give simpler ones, besides those with fewer or plainer parameters, and what is inside."""
        yield from ()


class WrapperLaw(Law):
    """What is common to the laws of all wrappers: they pass on what they do not change."""

    aspect: ClassVar[str | None]
    # The values that `test_wrappers.py` draws from, for numbers and options.
    arguments: ClassVar[dict[str, Sequence[Any]]] = {}
    # The default of each number. The fuzzer draws from the range that the class declares.
    defaults: ClassVar[dict[str, float]] = {}

    def derivative(self, wrapper: Any, inside: Curve, x: np.ndarray) -> np.ndarray:
        """Return the derivative at numbers, from that of what is inside."""
        return inside(x)

    def room(self, wrapper: Any) -> float:
        """Return by how much the derivative may differ from the law."""
        return 0.0

    def derivative_interval(self, model: Any, node: Node, at: Interval) -> Interval:
        return model.derivative_of(node["inside"], at)

    def primitive_interval(self, model: Any, node: Node, at: Interval) -> Primitive:
        return model.primitive_of(node["inside"], at)


class ShapeLaw(WrapperLaw):
    """Of a wrapper that changes the shape: nothing is passed on unless the law says so."""

    aspect = None
    passes_on: ClassVar[set[str]] = set()  # those of MEMBERS that are right as they are inside

    @abc.abstractmethod
    def derivative(self, wrapper: Any, inside: Curve, x: np.ndarray) -> np.ndarray: ...

    @abc.abstractmethod
    def derivative_interval(self, model: Any, node: Node, at: Interval) -> Interval: ...

    @abc.abstractmethod
    def primitive_interval(self, model: Any, node: Node, at: Interval) -> Primitive: ...

    @abc.abstractmethod
    def measures(
        self, wrapper: Any, peak: float, area: float, width: float
    ) -> tuple[float, float, float] | None:
        """Return peak, area and width, from those inside; None where they are searched for."""

    @abc.abstractmethod
    def examples(self) -> list[Any]:
        """Return some whose measures are finite: their formulas are compiled and integrated."""

    def around(self, inside: Any) -> list[Any]:
        """Return some around another: their largest primitive is near `_largest_term`."""
        return [self.cls(inside, **{name: of[-1] for name, of in self.arguments.items()})]


class EmissionLaw(WrapperLaw):
    """Of a wrapper that changes what is emitted."""

    aspect = "emission"
    is_rounded: ClassVar[bool] = False  # differently by each library

    @abc.abstractmethod
    def spikes(self, wrapper: Any, x: np.ndarray, at_zero: float) -> np.ndarray:
        """Return the spikes at numbers; the step inside is `at_zero` at 0."""

    @abc.abstractmethod
    def spikes_interval(self, model: Any, node: Node) -> Interval:
        """Return where the spikes are: of one number, but where it is near the next."""


class ResidualLaw(WrapperLaw):
    """Of a wrapper that changes what is stored for the backward pass."""

    aspect = "residual"

    @abc.abstractmethod
    def derivative(self, wrapper: Any, inside: Curve, x: np.ndarray) -> np.ndarray: ...

    @abc.abstractmethod
    def residual(self, node: Node) -> str:
        """Return the name of the residual: its dtype."""

    @abc.abstractmethod
    def kept(self, model: Any, node: Node, x: np.ndarray) -> np.ndarray:
        """Return what of `x` the derivative is computed from."""

    @abc.abstractmethod
    def loosened(self, run: Any, node: Node, law: str, span: Interval) -> Interval:
        """Return where the derivative may be, with what the residual rounds besides `x`."""


class ParameterLaw(WrapperLaw):
    """Of a wrapper that changes the gradient of the parameters, which its own tests look at."""

    aspect = "gradient of parameters"


class CompositionLaw(Law):
    """Of a surrogate that holds several others, its parts."""

    @property
    @abc.abstractmethod
    def path(self) -> tuple[str, ...]:
        """The fields that lead to its first part."""

    @abc.abstractmethod
    def number(self, rng: Random) -> int:
        """Draw how many parts it has."""

    def parameters(self, rng: Random, node: Node, draw: Callable[[Any], Any]) -> Node:
        """Draw its own numbers: `draw` takes one that a class declares."""
        return {}

    @abc.abstractmethod
    def given(self, node: Node, parts: list[Any], given: Node, array: Callable[..., Any]) -> Node:
        """Return what its class is called with: `array` makes arrays of plain data."""

    @abc.abstractmethod
    def examples(self) -> list[Any]:
        """Return some whose measures are finite, which wrappers are put around, too."""

    @abc.abstractmethod
    def around(self, inside: Any) -> list[Any]:
        """Return some of one in a `Scaled`: their largest primitive is near `_largest_term`."""
