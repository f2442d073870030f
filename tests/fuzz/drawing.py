"""Draw cases: surrogates and nestings of wrappers, parameters, arrays and ways to use them."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np

import laws
from dtypes import LIMITS, rounded
from kinds import Kind
from laws import LAWS
from surrogates._parameters import COUNT
from surrogates._parameters import parameters as declared
from surrogates.definitions import SURROGATES

from .cases import DTYPES, Case

SHAPES: list[tuple[int, ...]] = [(), (0,), (1,), (4,), (2, 1), (2, 3)]
LAYOUTS = ["contiguous", "transposed", "strided", "negative", "expanded"]
RARE = {"torch_compile", "torch_export"}  # these take a second each
# And these half of one with JAX, which compiles anew for most cases.
SLOW = {"hypergradient", "jax_grad", "jax_scan_and_checkpoint", "second_derivative", "threads"}
WRAPPERS = sorted(cls.__name__ for cls in laws.WRAPPERS)
SHAPING = sorted(cls.__name__ for cls in laws.SHAPING)
COMPOSITIONS = sorted(cls.__name__ for cls in laws.COMPOSITIONS)


def drawn(rng: Random, paths: dict[str, Any]) -> Case:
    """Draw a case for one of `paths`: names, and the kinds of array that each is for."""
    path = rng.choice(sorted(paths))
    if path in RARE and rng.randrange(10) and len(paths) > len(RARE):
        path = rng.choice(sorted({*paths} - RARE))
    kind = rng.choice([k for k in paths[path] if k.missing() is None])
    fast = sorted({*paths} - RARE - SLOW)
    if kind is Kind.JAX and path in SLOW and fast and rng.randrange(4):
        path = rng.choice(fast)
        kind = rng.choice([k for k in paths[path] if k.missing() is None])
    dtype = rng.choice(DTYPES[kind])
    shape = rng.choice(SHAPES)
    # JAX compiles each operation anew for other shapes and dtypes.
    if kind is Kind.JAX and rng.randrange(4):
        shape = SHAPES[-1]
    at_threshold = rng.choice([1.0, 1.0, 0.0, 0.5])
    node = _whole(rng, shape, at_threshold)
    layout = rng.choice(LAYOUTS)
    values = [_potential(rng, dtype) for _ in range(math.prod(shape))]
    case = {"path": path, "kind": kind.name, "dtype": dtype, "shape": list(shape)}
    return case | {"layout": layout, "x": values, "surrogate": node}


def _whole(rng: Random, shape: tuple[int, ...], at_threshold: float) -> Case:
    """Draw a surrogate within wrappers that do not refuse each other; in one of ten cases, any."""
    node = {**_shape(rng, shape, 2, at_threshold), "at_threshold": at_threshold}
    anything_goes = not rng.randrange(10)
    seen: list[str | None] = []
    for name in [rng.choice(WRAPPERS) for _ in range(rng.randrange(5))]:
        claim = LAWS[name].aspect
        if anything_goes or claim is None or claim not in seen:
            node = _wrapped(rng, name, node, shape)
        seen.append(claim)
    return node


def _shape(rng: Random, shape: tuple[int, ...], depth: int, at_threshold: float) -> Case:
    """Draw a definition, or a composition of some."""
    if not depth or rng.randrange(3):
        cls = rng.choice(sorted(SURROGATES))
        return {"class": cls, "parameters": _parameters(rng, SURROGATES[cls], shape)}
    cls = rng.choice(COMPOSITIONS)
    parts = [_part(rng, shape, depth - 1, at_threshold) for _ in range(LAWS[cls].number(rng))]
    node: Case = {"class": cls, "parts": parts}
    drawn = LAWS[cls].parameters(rng, node, lambda parameter: _parameter(rng, parameter, shape))
    return {**node, "parameters": drawn, **_options(rng, cls)}


def _part(rng: Random, shape: tuple[int, ...], depth: int, at_threshold: float) -> Case:
    """Draw a part: a shape; one in 50 decides more, or spikes otherwise, which is refused."""
    node = _shape(rng, shape, depth, at_threshold)
    node["at_threshold"] = rng.choice([1.0, at_threshold])
    if not rng.randrange(50):
        node["at_threshold"] = rng.choice([0.0, 0.5])
    allowed = WRAPPERS if not rng.randrange(50) else SHAPING
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        node = _wrapped(rng, rng.choice(allowed), node, shape)
    return node


def _wrapped(rng: Random, name: str, inside: Case, shape: tuple[int, ...]) -> Case:
    parameters = _parameters(rng, LAWS[name].cls, shape)
    node = {"class": name, "inside": inside, "parameters": parameters}
    return {**node, **_options(rng, name)}


def _options(rng: Random, name: str) -> Case:
    return {option: how.draw(rng) for option, how in LAWS[name].options.items()}


def _parameters(rng: Random, cls: type, shape: tuple[int, ...]) -> dict[str, Any]:
    return {p.name: _parameter(rng, p, shape) for p in declared(cls) if rng.randrange(4)}


def _parameter(rng: Random, parameter: Any, shape: tuple[int, ...]) -> Any:
    """Draw a number or an array."""
    if parameter.metadata["interval"] is COUNT:
        return rng.randint(1, rng.choice([4, 50]))
    if rng.randrange(3):
        return _number(rng, parameter)
    places: dict[str, tuple[int, ...]] = {"scalar": (), "channel": shape[-1:], "full": shape}
    if len(shape) == 2:
        places |= {"row": (1, shape[1]), "column": (shape[0], 1)}
    place = rng.choice(sorted(places))
    values = [_number(rng, parameter) for _ in range(math.prod(places[place]))]
    dtype = rng.choice(["same", "float32", "float64"])
    return {"shape": list(places[place]), "values": values, "dtype": dtype}


def _number(rng: Random, parameter: Any) -> float:
    """Draw a value of a parameter: mostly of an ordinary size, some from its whole range."""
    interval = parameter.metadata["interval"]
    low, high = float(interval.low), float(interval.high)
    # 0 for those that may be negative or 0; for the others the end of the range.
    base = 0.0 if low <= 0 else (low if low >= 0.5 else 0.0)
    if low <= 0 and not rng.randrange(4):
        return 0.0
    ends = (-4.0, 4.0)
    if not rng.randrange(2):
        ends = (math.log2(max(low - base, 1e-6)), math.log2(high))
    value = base + 2.0 ** _between(rng, *ends)
    if low < 0 and rng.randrange(2):
        value = -value
    # Exact in float32, and in range.
    value = float(np.float32(min(max(value, low), high)))
    towards = np.float32(1.0 if abs(value) < 2 else math.copysign(2.0, value))
    while not low <= value <= high:
        value = float(np.nextafter(np.float32(value), towards))
    return value


def _between(rng: Random, low: float, high: float) -> float:
    """Draw a number from an interval, with a preference for round ones and its ends."""
    drawn = rng.uniform(low, high)
    which = rng.randrange(8)
    if which == 0:
        return rng.choice([low, high])
    return float(min(max(round(drawn), low), high)) if which in (1, 2) else drawn


def _potential(rng: Random, dtype: str) -> float:
    largest, least = LIMITS[dtype]
    awkward = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, -2.0, math.inf, -math.inf, math.nan]
    awkward += [largest, -largest, least, -least, -1e-3, -2e-4, 0.996]
    which = rng.randrange(5)
    if which == 0:
        value = _between(rng, -8, 8)
    elif which == 1:
        value = _between(rng, -1, 1)
    elif which == 2:
        value = rng.choice(awkward)
    else:
        size = 2.0 ** _between(rng, math.log2(least), math.log2(largest) - 0.01)
        value = size if which == 3 else -size
    return float(rounded(value, dtype))
