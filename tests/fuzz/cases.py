"""A case: plain data, which is drawn, saved, made smaller, and built into a surrogate and `x`."""

from __future__ import annotations

from typing import Any

import numpy as np

import surrogates
import wrappers
from kinds import Kind
from surrogates.definitions import SURROGATES

Case = dict[str, Any]

WRAPPERS = {cls.__name__: cls for cls in wrappers.WRAPPERS}
COMPOSITIONS = {"Mixture": surrogates.Mixture, "Spliced": surrogates.Spliced}
OPTIONS = ("at_threshold", "rounding", "max_spikes", "residual", "normalise", "closed")
KINDS = [Kind.NUMPY, Kind.NUMPY_READONLY, Kind.STRICT, Kind.TORCH, Kind.JAX, Kind.DASK]
KINDS += [Kind.MLX]
DTYPES = {
    Kind.NUMPY: ["float16", "float32", "float64"],
    Kind.NUMPY_READONLY: ["float16", "float32", "float64"],
    Kind.STRICT: ["float32", "float64"],
    Kind.TORCH: ["float16", "bfloat16", "float32", "float64"],
    Kind.JAX: ["float16", "bfloat16", "float32", "float64"],
    Kind.DASK: ["float16", "float32", "float64"],
    Kind.MLX: ["float16", "bfloat16", "float32"],  # its float64 is single precision within `exp`
}
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
    if kind is Kind.MLX:
        import mlx.core as mx

        return single.astype(mx.bfloat16)
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
        if kind is Kind.MLX:
            import mlx.core as mx

            return mx.broadcast_to(row, values.shape)
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
    given |= {name: node[name] for name in OPTIONS if name in node}
    if "inside" in node:
        inside = build(case, node["inside"])
        return _made(WRAPPERS[node["class"]], inside, **given)
    if "parts" not in node:
        return SURROGATES[node["class"]](**given)
    parts = [build(case, part) for part in node["parts"]]
    if node["class"] == "Spliced":
        return _made(surrogates.Spliced, *parts, **given)
    at_threshold = given["at_threshold"]
    weights = (
        _stacked(node, case) if node.get("stacked") else [given.get(w, 1.0) for w in weighing(node)]
    )
    return _made(surrogates.Mixture, tuple(parts), weights, at_threshold=at_threshold)


def _made(cls: Any, *parts: Any, **given: Any) -> Any:
    try:
        return cls(*parts, **given)
    except (TypeError, ValueError) as error:
        raise RefusedError(str(error)) from error


def weighing(node: Case) -> list[str]:
    """Return the names of the weights of a mixture."""
    return [f"weights[{place}]" for place in range(len(node["parts"]))]


def _stacked(node: Case, case: Case) -> Any:
    """Return the weights of a mixture as one array, along its first axis."""
    values = [node["parameters"].get(name, 1.0) for name in weighing(node)]
    rows = [np.reshape(v["values"], v["shape"]) if isinstance(v, dict) else v for v in values]
    stacked = np.stack(np.broadcast_arrays(*rows)).astype(np.float64)
    kept = {"shape": stacked.shape, "values": stacked.ravel().tolist(), "dtype": "same"}
    return number_or_array(kept, case)


def chain(node: Case) -> list[Case]:
    """Return the surrogates of a nesting, the outermost first, down to one of several parts."""
    return [node, *(chain(node["inside"]) if "inside" in node else [])]


def held(node: Case) -> list[Case]:
    """Return what a surrogate holds."""
    return node.get("parts", []) + ([node["inside"]] if "inside" in node else [])


def everything(node: Case) -> list[Case]:
    """Return a surrogate and all that are in it, at any depth, those inside first."""
    return [*(other for part in held(node) for other in everything(part)), node]


def definitions(node: Case) -> list[Case]:
    """Return the surrogates of a nesting that hold no others."""
    return [other for other in everything(node) if not held(other)]


def first(node: Case) -> tuple[list[str], Case]:
    """Return the first of the surrogates that hold no others, and the fields that lead to it."""
    if not held(node):
        return [], node
    steps = {"Mixture": ["surrogates", "0"], "Spliced": ["below"]}
    path, leaf = first(held(node)[0])
    return [*steps.get(node["class"], ["surrogate"]), *path], leaf


def spoken(case: Case) -> str:
    """Return a case as one would write it."""

    def of(node: Case) -> str:
        parts = [of(other) for other in held(node)]
        for name, value in node["parameters"].items():
            if isinstance(value, dict):
                kept = np.reshape(value["values"], value["shape"]).tolist()
                value = f"array({kept}, {value['dtype']})"
            parts.append(f"{name}={value}")
        parts += [f"{n}={node[n]!r}" for n in OPTIONS[1:] if n in node]
        if node.get("stacked"):
            parts.append("weights in one array")
        if node.get("at_threshold", 1.0) != 1.0:
            parts.append(f"at_threshold={node['at_threshold']}")
        return f"{node['class']}({', '.join(parts)})"

    x = np.asarray(case["x"]).reshape(case["shape"]).tolist()
    place = f"{case['kind']}, {case['dtype']}, {case['layout']}"
    return f"{case['path']} of {of(case['surrogate'])} at {x} ({place})"
