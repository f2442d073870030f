"""A case: plain data, which is drawn, saved, made smaller, and built into a surrogate and `x`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

import surrogates
from kinds import Kind
from surrogates._parameters import COUNT
from surrogates._parameters import parameters as declared
from surrogates.definitions import SURROGATES

Case = dict[str, Any]

WRAPPERS = {
    "Scaled": surrogates.Scaled,
    "Windowed": surrogates.Windowed,
    "Graded": surrogates.Graded,
    "MultiSpike": surrogates.MultiSpike,
    "Ternary": surrogates.Ternary,
    "Relaxed": surrogates.Relaxed,
    "Compressed": surrogates.Compressed,
}
KINDS = [Kind.NUMPY, Kind.NUMPY_READONLY, Kind.STRICT, Kind.TORCH, Kind.JAX, Kind.DASK]
DTYPES = {
    Kind.NUMPY: ["float16", "float32", "float64"],
    Kind.NUMPY_READONLY: ["float16", "float32", "float64"],
    Kind.STRICT: ["float32", "float64"],
    Kind.TORCH: ["float16", "bfloat16", "float32", "float64"],
    Kind.JAX: ["float16", "bfloat16", "float32", "float64"],
    Kind.DASK: ["float16", "float32", "float64"],
}
SHAPES = [(), (0,), (4,), (2, 3)]  # few: JAX compiles anew for each
LAYOUTS = ["contiguous", "transposed", "strided", "negative", "expanded"]
RARE = {"torch_compile", "torch_export"}  # these take a second each
# And these half of one with JAX, which compiles anew for most cases.
SLOW = {"hypergradient", "jax_grad", "jax_scan_and_checkpoint", "second_derivative", "threads"}
LIMITS = {  # the largest number and the smallest normal one
    "float16": (65504.0, 2.0**-14),
    "bfloat16": (3.3895313892515355e38, 2.0**-126),
    "float32": (float(np.finfo("float32").max), 2.0**-126),
    "float64": (float(np.finfo("float64").max), 2.0**-1022),
}


def rounded(values: Any, dtype: str) -> np.ndarray:
    """Return numbers as `dtype` holds them, in float64; no subnormal ones, which JAX flushes."""
    values = np.asarray(values, np.float64)
    with np.errstate(all="ignore"):
        if dtype == "bfloat16":
            bits = values.astype(np.float32).view(np.uint32).astype(np.uint64)
            bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
            held = bits.astype(np.uint32).view(np.float32).astype(np.float64)
            held = np.where(np.isfinite(values), held, values)
        else:
            held = values.astype(dtype).astype(np.float64)
    return np.where(np.abs(held) < LIMITS[dtype][1], np.copysign(0.0, held), held)


def _numbers(parameter: Any) -> st.SearchStrategy[float]:
    """Draw values of a parameter: mostly of an ordinary size, some from its whole range."""
    interval = parameter.metadata["interval"]
    if interval is COUNT:
        return st.one_of(st.integers(1, 4), st.integers(1, 50))
    low, high = float(interval.low), float(interval.high)
    # 0 for those that may be negative or 0; for the others the end of the range.
    base = 0.0 if low <= 0 else (low if low >= 0.5 else 0.0)
    positive = st.one_of(
        st.floats(-4, 4), st.floats(math.log2(max(low - base, 1e-6)), math.log2(high))
    )
    values = positive.map(lambda e: base + 2.0**e)
    if low < 0:
        values = st.one_of(st.just(0.0), values, values.map(lambda v: -v))
    elif low == 0:
        values = st.one_of(st.just(0.0), values)

    def held(value: float) -> float:  # exact in float32, and in range
        value = float(np.float32(min(max(value, low), high)))
        towards = np.float32(1.0 if abs(value) < 2 else math.copysign(2.0, value))
        while not low <= value <= high:
            value = float(np.nextafter(np.float32(value), towards))
        return value

    return values.map(held)


def _parameter(parameter: Any, draw: Any, shape: tuple[int, ...]) -> Any:
    number = draw(_numbers(parameter))
    interval = parameter.metadata["interval"]
    if interval is COUNT or draw(st.integers(0, 2)):
        return number
    places = {"scalar": (), "channel": shape[-1:], "full": shape}
    if len(shape) == 2:
        places |= {"row": (1, shape[1]), "column": (shape[0], 1)}
    place = draw(st.sampled_from(sorted(places)))
    values = [draw(_numbers(parameter)) for _ in range(math.prod(places[place]))]
    dtype = draw(st.sampled_from(["same", "float32", "float64"]))
    return {"shape": list(places[place]), "values": values, "dtype": dtype}


@st.composite
def cases(draw: Any, paths: dict[str, Any]) -> Case:
    """Draw a case for one of `paths`: names, and the kinds of array that each is for."""
    path = draw(st.sampled_from(sorted(paths)))
    if path in RARE and draw(st.integers(0, 9)) and len(paths) > len(RARE):
        path = draw(st.sampled_from(sorted({*paths} - RARE)))
    kind = draw(st.sampled_from([k for k in paths[path] if k.missing() is None]))
    fast = sorted({*paths} - RARE - SLOW)
    if kind is Kind.JAX and path in SLOW and fast and draw(st.integers(0, 3)):
        path = draw(st.sampled_from(fast))
        kind = draw(st.sampled_from([k for k in paths[path] if k.missing() is None]))
    dtype = draw(st.sampled_from(DTYPES[kind]))
    shape = draw(st.sampled_from(SHAPES))
    cls = draw(st.sampled_from(sorted(SURROGATES)))
    node: Case = {"class": cls, "parameters": _drawn(SURROGATES[cls], draw, shape)}
    node["at_threshold"] = draw(st.sampled_from([1.0, 1.0, 0.0, 0.5]))
    for wrapper in _composable(draw):
        node = {"class": wrapper, "inside": node}
        node["parameters"] = _drawn(WRAPPERS[wrapper], draw, shape)
        if wrapper == "Compressed":
            node["residual"] = draw(st.sampled_from(["float16", "bfloat16", "uint8"]))
        if wrapper == "MultiSpike":
            node["rounding"] = draw(st.sampled_from(["floor", "nearest"]))
            node["max_spikes"] = draw(st.sampled_from([math.inf, 1, 3, 1000]))
    layout = draw(st.sampled_from(LAYOUTS))
    values = [draw(_potentials(dtype)) for _ in range(math.prod(shape))]
    case = {"path": path, "kind": kind.name, "dtype": dtype, "shape": list(shape)}
    return case | {"layout": layout, "x": values, "surrogate": node}


def _composable(draw: Any) -> list[str]:
    """Draw the wrappers: a chain, so that a list is what st.recursive would draw, of known depth.

    In one of ten cases they may be ones that refuse each other.
    """
    drawn = draw(st.lists(st.sampled_from(sorted(WRAPPERS)), max_size=4))
    if not draw(st.integers(0, 9)):
        return drawn
    claims = dict.fromkeys(("MultiSpike", "Ternary", "Graded"), "emission")
    claims |= dict.fromkeys(("Scaled", "Windowed"))
    seen: list[str | None] = []
    kept = []
    for name in drawn:
        claim = claims.get(name, name)
        if claim is None or claim not in seen:
            kept.append(name)
        seen.append(claim)
    return kept


def _drawn(cls: type, draw: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    drawn = {}
    for parameter in declared(cls):
        if draw(st.integers(0, 3)):
            drawn[parameter.name] = _parameter(parameter, draw, shape)
    return drawn


def _potentials(dtype: str) -> st.SearchStrategy[float]:
    largest, least = LIMITS[dtype]
    awkward = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, -2.0, math.inf, -math.inf, math.nan]
    awkward += [largest, -largest, least, -least, -1e-3, -2e-4, 0.996]
    sizes = st.floats(math.log2(least), math.log2(largest) - 0.01).map(lambda e: 2.0**e)
    drawn = st.one_of(
        st.floats(-8, 8),
        st.floats(-1, 1),
        st.sampled_from(awkward),
        sizes,
        sizes.map(lambda v: -v),
    )
    return drawn.map(lambda v: float(rounded(v, dtype)))


class RefusedError(Exception):
    """The surrogate was refused when it was made, as the laws want it or not."""


def values_of(case: Case) -> np.ndarray:
    """Return `x` in float64."""
    values = rounded(np.asarray(case["x"], np.float64), case["dtype"]).reshape(case["shape"])
    if case["layout"] == "expanded" and values.ndim and values.size:
        values = np.broadcast_to(values[:1], values.shape)
    return values


def array(kind: Kind, values: Any, dtype: str) -> Any:
    """Return numbers as an array of a kind and dtype, bfloat16 too."""
    values = np.asarray(values, np.float64)
    with np.errstate(all="ignore"):
        if dtype != "bfloat16":
            return kind.array(values.astype(dtype))
        single = kind.array(values.astype(np.float32))
    if kind is Kind.TORCH:
        import torch

        return single.to(torch.bfloat16)
    return single.astype("bfloat16")


def x_of(case: Case) -> Any:
    """Return `x` in its kind, dtype and layout."""
    kind, values, dtype = Kind[case["kind"]], values_of(case), case["dtype"]
    layout = case["layout"] if values.ndim else "contiguous"
    if layout == "transposed" and values.ndim == 2:
        return array(kind, values.T, dtype).T
    if layout == "strided":
        return array(kind, np.repeat(values, 2, axis=-1), dtype)[..., ::2]
    if layout == "negative" and kind in (Kind.NUMPY, Kind.NUMPY_READONLY):
        return array(kind, values[..., ::-1], dtype)[..., ::-1]
    if layout == "expanded" and values.size:
        row = array(kind, values[:1], dtype)
        if kind is Kind.TORCH:
            return row.expand(values.shape)
        if kind is not Kind.JAX:
            from array_api_compat import array_namespace

            return array_namespace(row).broadcast_to(row, values.shape)
    return array(kind, values, dtype)


def number_or_array(value: Any, case: Case) -> Any:
    """Return a parameter as the surrogate is to get it."""
    if not isinstance(value, dict):
        return value
    dtype = case["dtype"] if value["dtype"] == "same" else value["dtype"]
    held = rounded(value["values"], dtype)
    if not np.array_equal(held, value["values"]):  # out of the range, or moved
        dtype = "float32"
    return array(Kind[case["kind"]], np.reshape(value["values"], value["shape"]), dtype)


def build(case: Case, node: Case | None = None) -> Any:
    """Return the surrogate of a case."""
    node = case["surrogate"] if node is None else node
    given = {name: number_or_array(value, case) for name, value in node["parameters"].items()}
    for name in ("at_threshold", "rounding", "max_spikes", "residual"):
        if name in node:
            given[name] = node[name]
    if "inside" not in node:
        return SURROGATES[node["class"]](**given)
    inside = build(case, node["inside"])
    try:
        return WRAPPERS[node["class"]](inside, **given)
    except (TypeError, ValueError) as error:
        raise RefusedError(str(error)) from error


def chain(node: Case) -> list[Case]:
    """Return the surrogates of a nesting, the outermost first."""
    return [node, *(chain(node["inside"]) if "inside" in node else [])]


def spoken(case: Case) -> str:
    """Return a case as one would write it."""

    def of(node: Case) -> str:
        parts = [of(node["inside"])] if "inside" in node else []
        for name, value in node["parameters"].items():
            if isinstance(value, dict):
                kept = np.reshape(value["values"], value["shape"]).tolist()
                value = f"array({kept}, {value['dtype']})"
            parts.append(f"{name}={value}")
        parts += [f"{n}={node[n]!r}" for n in ("rounding", "max_spikes", "residual") if n in node]
        if node.get("at_threshold", 1.0) != 1.0:
            parts.append(f"at_threshold={node['at_threshold']}")
        return f"{node['class']}({', '.join(parts)})"

    x = np.asarray(case["x"]).reshape(case["shape"]).tolist()
    place = f"{case['kind']}, {case['dtype']}, {case['layout']}"
    return f"{case['path']} of {of(case['surrogate'])} at {x} ({place})"
