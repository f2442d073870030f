"""A case: plain data, which is drawn, saved, made smaller, and built into a surrogate and `x`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from dtypes import rounded
from kinds import Kind
from laws import LAWS
from surrogates.definitions import SURROGATES

Case = dict[str, Any]

KINDS = [kind for kind in Kind if not kind.on_gpu]
DTYPES = {kind: kind.dtypes for kind in KINDS}


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
        return kind.astype(kind.array(values.astype(np.float32)), dtype)


def x_of(case: Case) -> Any:
    """Return `x` in its kind, dtype and layout."""
    kind, values, dtype = Kind[case["kind"]], values_of(case), case["dtype"]
    layout = case["layout"] if values.ndim else "contiguous"
    if layout == "transposed" and values.ndim == 2:
        return array(kind, values.T, dtype).T
    if layout == "strided":
        return array(kind, np.repeat(values, 2, axis=-1), dtype)[..., ::2]
    if layout == "negative" and kind.views_backwards:
        return array(kind, values[..., ::-1], dtype)[..., ::-1]
    if layout == "expanded" and values.size:
        return kind.broadcast(array(kind, values[:1], dtype), values.shape)
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


def options(node: Case) -> Case:
    """Return the parameters of a surrogate that are no numbers."""
    names = LAWS[node["class"]].options if held(node) else ()
    return {name: node[name] for name in names if name in node}


def build(case: Case, node: Case | None = None) -> Any:
    """Return the surrogate of a case."""
    node = case["surrogate"] if node is None else node
    given = {name: number_or_array(value, case) for name, value in node["parameters"].items()}
    given |= options(node)
    if "at_threshold" in node:
        given["at_threshold"] = node["at_threshold"]
    if not held(node):
        return SURROGATES[node["class"]](**given)
    law, parts = LAWS[node["class"]], [build(case, part) for part in held(node)]
    if "inside" in node:
        given["surrogate"] = parts[0]
    else:
        given = law.given(node, parts, given, partial(number_or_array, case=case))
    try:
        return law.cls(**given)
    except (TypeError, ValueError) as error:
        raise RefusedError(str(error)) from error


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
    path, leaf = first(held(node)[0])
    return [*(LAWS[node["class"]].path if "parts" in node else ["surrogate"]), *path], leaf


def spoken(case: Case) -> str:
    """Return a case as one would write it."""

    def of(node: Case) -> str:
        parts = [of(other) for other in held(node)]
        for name, value in node["parameters"].items():
            if isinstance(value, dict):
                kept = np.reshape(value["values"], value["shape"]).tolist()
                value = f"array({kept}, {value['dtype']})"
            parts.append(f"{name}={value}")
        parts += [f"{name}={value!r}" for name, value in options(node).items()]
        if node.get("at_threshold", 1.0) != 1.0:
            parts.append(f"at_threshold={node['at_threshold']}")
        return f"{node['class']}({', '.join(parts)})"

    x = np.asarray(case["x"]).reshape(case["shape"]).tolist()
    place = f"{case['kind']}, {case['dtype']}, {case['layout']}"
    return f"{case['path']} of {of(case['surrogate'])} at {x} ({place})"
