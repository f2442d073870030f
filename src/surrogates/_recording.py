"""Where a formula changes: found from the conditions that the formula itself evaluates.

A definition is run on a `RecordedArray`, which passes for an array of the standard and notes the
outcome of every comparison, `where`, `clip`, `maximum`, `abs`, `sign`, `floor`, `round` and the
like. Where an outcome differs between two neighbouring samples, bisection finds the two adjacent
floating-point numbers between which it changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from . import backends

Values = np.ndarray[Any, Any]
Surrogate = Any  # which imports this module

ROUNDS = 5  # of looking closer at what the round before has found
MOST = 24  # changes of one condition that are followed up, those nearest to 0


class Kinks(NamedTuple):
    """Where a formula may change, in order, and the interval on which these are all places."""

    positions: list[float]
    low: float
    high: float
    single: set[float]
    """Those of conditions that change a few times only, unlike those of a periodic formula."""


def _outcome_of_remainder(x: Any, y: Any) -> Any:
    return np.floor(x / y)


def _outcome_of_clip(
    x: Any, min: Any = None, max: Any = None, *, a_min: Any = None, a_max: Any = None
) -> Any:  # the standard's names, and NumPy's
    min, max = a_min if min is None else min, a_max if max is None else max
    below = 0 if min is None else x < min
    above = 0 if max is None else x > max
    return np.zeros_like(x) - below + above


# What is noted of each function: something that stays the same on each piece of it.
_OUTCOMES: dict[str, Callable[..., Any]] = {
    "abs": np.sign,
    "absolute": np.sign,
    "around": np.round,
    "ceil": np.ceil,
    "clip": _outcome_of_clip,
    "copysign": lambda x, y: np.sign(y),
    "equal": lambda x, y: np.sign(x - y),
    "fabs": np.sign,
    "fix": np.trunc,
    "floor": np.floor,
    "floor_divide": _outcome_of_remainder,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "heaviside": lambda x, y: np.sign(x),
    "interp": lambda x, places, *_: np.searchsorted(places, x),
    "isfinite": np.isfinite,
    "isinf": np.isinf,
    "isnan": np.isnan,
    "less": np.less,
    "less_equal": np.less_equal,
    "maximum": np.less,
    "minimum": np.less,
    "not_equal": lambda x, y: np.sign(x - y),
    "remainder": _outcome_of_remainder,
    "rint": np.rint,
    "round": np.round,
    "sign": np.sign,
    "signbit": np.signbit,
    "trunc": np.trunc,
}
_COMPARING = {"equal", "greater", "greater_equal", "less", "less_equal", "maximum", "minimum"}
_COMPARING |= {"not_equal"}
_OPTIONS = {"a_max", "a_min", "decimals", "max", "min"}  # that an outcome depends on


class RecordedArray:
    """An array, and the record of the conditions that were evaluated on its way.

    A user may write a formula in NumPy's own functions, which are recorded, too.
    """

    def __init__(self, values: Any, namespace: Recording) -> None:
        self.values, self.namespace = values, namespace
        self.dtype, self.shape, self.ndim = values.dtype, values.shape, values.ndim

    def __array_namespace__(self, api_version: str | None = None) -> Recording:
        """Return the functions that record."""
        return self.namespace

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Apply one of NumPy's elementwise functions."""
        if method != "__call__":  # what is not elementwise
            return NotImplemented
        return self.namespace.apply(ufunc.__name__, ufunc, inputs, options)

    def __array_function__(self, function: Any, _: Any, inputs: Any, options: Any) -> Any:
        """Apply another of NumPy's functions."""
        return self.namespace.apply(function.__name__, function, inputs, options)

    def __array__(self, *_: Any, **__: Any) -> Any:
        """Refuse: NumPy would make an object of it, on which a formula raises anything."""
        raise TypeError("a RecordedArray is no array of NumPy")

    def __repr__(self) -> str:
        # without the name of the class: see `is_refusal`
        return f"array of shape {self.shape}"


def _operator(name: str, *, swapped: bool = False) -> Any:
    def method(self: RecordedArray, *other: Any) -> Any:
        operands = (*other, self) if swapped else (self, *other)
        return getattr(self.namespace, name)(*operands)

    return method


_BINARY = {
    "add": "add",
    "and": "bitwise_and",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "mul": "multiply",
    "or": "bitwise_or",
    "pow": "power",
    "sub": "subtract",
    "truediv": "divide",
    "xor": "bitwise_xor",
}
_COMPARISONS = {
    "eq": "equal",
    "ge": "greater_equal",
    "gt": "greater",
    "le": "less_equal",
    "lt": "less",
    "ne": "not_equal",
}
_UNARY = {"abs": "abs", "invert": "bitwise_invert", "neg": "negative", "pos": "positive"}
for _name, _function in (_BINARY | _COMPARISONS | _UNARY).items():
    setattr(RecordedArray, f"__{_name}__", _operator(_function))
for _name, _function in _BINARY.items():
    setattr(RecordedArray, f"__r{_name}__", _operator(_function, swapped=True))
RecordedArray.__hash__ = object.__hash__  # type: ignore[method-assign]


class Recording:
    """NumPy's functions, on `RecordedArray` arrays; `conditions` is what they noted."""

    __name__ = "surrogates._recording"
    exact = True  # see surrogates._maths: nothing is cut off for the sake of rounding

    def __init__(self) -> None:
        self.conditions: list[tuple[Any, Any]] = []
        """The outcome of each, and the difference of what was compared, or None."""

    def __getattr__(self, name: str) -> Any:
        import array_api_compat.numpy  # here, since it takes long and few ask for it

        function = getattr(array_api_compat.numpy, name)
        if not callable(function) or isinstance(function, type):
            return function

        return lambda *inputs, **options: self.apply(name, function, inputs, options)

    def apply(self, name: str, function: Any, inputs: Any, options: dict[str, Any]) -> Any:
        """Return what a function returns, and note the outcome of its condition."""
        plain = _plain(inputs)
        if name in _OUTCOMES and any(isinstance(a, RecordedArray) for a in inputs):
            named = {key: _plain(value) for key, value in options.items() if key in _OPTIONS}
            outcome = _OUTCOMES[name](*plain, **named)
            margin = plain[0] - plain[1] if name in _COMPARING else None
            self.conditions.append((outcome, margin))
        result = function(*plain, **{key: _plain(value) for key, value in options.items()})
        return RecordedArray(result, self) if isinstance(result, np.ndarray) else result

    def erfc(self, x: RecordedArray) -> RecordedArray:
        """Return the complementary error function, whose own conditions are not the formula's."""
        return RecordedArray(backends.of(x.values).erfc(x.values), self)


def is_refusal(error: Exception) -> bool:
    """Return whether a library raised an error because it takes no `RecordedArray`.

    Each has an error of its own type for that (PyTorch a RuntimeError), which names the class. An
    error of the formula itself may show its `x`, but not the class of that.
    """
    return RecordedArray.__name__ in str(error)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):  # of conditions, as `numpy.select` takes them
        return type(value)(map(_plain, value))
    return value.values if isinstance(value, RecordedArray) else value


def kinks(surrogate: Surrogate, methods: Iterable[str], scale: float) -> Kinks:
    """Return where the `methods` of a surrogate change formula: 0, and what their conditions say.

    `scale` is the length that its parameters set; samples are densest there.
    """
    methods = list(methods)
    x = _samples(scale)
    outcomes, margins = _outcomes(surrogate, methods, x)
    endless, low, high = _endless(x, outcomes)
    left, right, condition = _changes(x, outcomes)
    places = _bisected(surrogate, methods, left, right, condition)
    single = {p for p, number in zip(places, condition, strict=True) if not endless[number]}
    found = {0.0, *single, *(place for place in places if low <= place <= high)}
    new = found
    for _ in range(ROUNDS):
        closest = _nearly_changing(x, margins)
        near = [_around(kink, scale) for kink in new]
        x = np.unique(np.concatenate([closest, *near]))
        outcomes, margins = _outcomes(surrogate, methods, x)
        outcomes[endless] = 0
        left, right, condition = _changes(x, outcomes)
        places = _bisected(surrogate, methods, left, right, condition)
        new = {place for place in places if low <= place <= high} - found
        found |= new
        single |= new
        if not new:
            break
    return Kinks(sorted(found), low, high, single)


def _samples(scale: float) -> Values:
    sizes = np.concatenate(
        [
            np.geomspace(1e-300, 1e300, 601),
            scale * np.geomspace(1e-6, 1e6, 721),
            scale * np.linspace(0, 8, 401),
        ]
    )
    return np.unique(np.concatenate([-sizes, sizes]))


def _around(kink: float, scale: float) -> Values:
    offsets = (abs(kink) or scale) * np.geomspace(1e-15, 1, 61)
    return np.concatenate([kink - offsets, [kink], kink + offsets])


def _outcomes(
    surrogate: Surrogate, methods: Iterable[str], x: Values
) -> tuple[Values, list[Values]]:
    """Return the outcomes of all conditions at `x`, a row for each, and the known margins."""
    namespace = Recording()
    with np.errstate(all="ignore"):
        for method in methods:
            getattr(surrogate, method)(RecordedArray(x, namespace))
    rows = [np.zeros(x.shape)]
    rows += [np.broadcast_to(outcome, x.shape) for outcome, _ in namespace.conditions]
    margins = [np.broadcast_to(m, x.shape) for _, m in namespace.conditions if m is not None]
    return np.nan_to_num(np.stack(rows).astype(float), nan=-0.5), margins


def _endless(x: Values, outcomes: Values) -> tuple[Values, float, float]:
    """Return which conditions change without end, and the interval where all changes are seen."""
    steps = np.abs(np.diff(outcomes, axis=1))
    seen = (steps <= 2).all(1) & ((steps > 0).sum(1) <= MOST)
    low, high = -math.inf, math.inf
    for step in steps[~seen]:
        at = np.flatnonzero(step)
        last = np.argsort(np.abs(x[at]))[MOST:]
        for i in np.concatenate([at[last], np.flatnonzero(step > 2)]):
            if x[i] >= 0:
                high = min(high, float(x[i]))
            else:
                low = max(low, float(x[i + 1]))
    # Beyond them, one that depends on the position in a period changes by chance, if rarely.
    beyond = (x[:-1] >= high) | (x[1:] <= low)
    seen &= ((steps > 0) & beyond).sum(1) <= 2
    return ~seen, low, high


def _changes(x: Values, outcomes: Values) -> tuple[Values, Values, Values]:
    """Return the ends of the intervals in which a condition changes, and which one does."""
    at = []
    for number, step in enumerate(np.diff(outcomes, axis=1)):
        changed = np.flatnonzero(step)
        at += [(i, number) for i in changed[np.argsort(np.abs(x[changed]))[:MOST]]]
    index, condition = np.asarray(at, dtype=int).reshape(-1, 2).T
    return x[index], x[index + 1], condition


def _bisected(
    surrogate: Surrogate, methods: list[str], left: Values, right: Values, condition: Values
) -> list[float]:
    """Return where between `left` and `right` each condition changes, to the adjacent numbers."""
    if not left.size:
        return []
    a, b = _ordered(left), _ordered(right)
    before = _outcomes(surrogate, methods, left)[0]
    target = before[condition, np.arange(left.size)]
    # in sixteenths, as a call on few numbers costs as much as one on one
    parts = np.arange(1, 16, dtype=np.int64)[:, None]
    while np.any(b - a > 1):
        inner = a + np.maximum((b - a) // 16, 1) * parts
        inner = np.minimum(inner, b - (b > a))  # never b itself
        outcomes = _outcomes(surrogate, methods, _from_order(inner.ravel()))[0]
        outcomes = outcomes.reshape(len(outcomes), *inner.shape)
        same = target == outcomes[condition, :, np.arange(left.size)].T
        first = np.where(same.all(0), len(parts), np.argmin(same, axis=0))  # the first that differs
        all_points = np.concatenate([a[None], inner, b[None]])
        which = np.arange(left.size)
        a, b = all_points[first, which], all_points[first + 1, which]
    ends = zip(_from_order(a).tolist(), _from_order(b).tolist(), strict=True)
    return [min(pair, key=lambda end: len(repr(abs(end)))) for pair in ends]


def _ordered(x: Values) -> Values:
    """Return integers in the order of floating-point numbers, adjacent ones for adjacent ones."""
    bits = (x + 0.0).view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits, bits)


def _from_order(order: Values) -> Values:
    return np.where(order < 0, np.int64(-(2**63)) - order, order).view(np.float64)


def _nearly_changing(x: Values, margins: list[Values]) -> Values:
    """Return samples around those where two sides of a comparison come closest without crossing."""
    closer = [x[:0]]
    for margin in margins:
        size = np.nan_to_num(np.abs(margin), nan=np.inf)
        inner = (size[1:-1] < size[:-2]) & (size[1:-1] < size[2:]) & (size[1:-1] > 0)
        one_side = (np.sign(margin[:-2]) == np.sign(margin[1:-1])) & (
            np.sign(margin[2:]) == np.sign(margin[1:-1])
        )
        at = 1 + np.flatnonzero(inner & one_side)
        for i in at[np.argsort(size[at])[:8]]:
            closer.append(np.linspace(x[i - 1], x[i + 1], 33))
    return np.concatenate(closer)
