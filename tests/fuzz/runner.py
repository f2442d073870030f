"""Draw cases, make those that break a law small, and save them."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from kinds import Kind
from laws import LAWS

from .cases import DTYPES, Case, chain, everything, held, spoken
from .drawing import drawn
from .paths import PATHS, BrokenError, check

EXAMPLES = Path(__file__).parent / "examples"


def broken(case: Case) -> BrokenError | None:
    """Return the law that a case breaks, if any."""
    try:
        check(case)
    except BrokenError as found:
        return found
    return None


def fuzz(
    number: int,
    first_seed: int,
    paths: dict[str, Any] = PATHS,
    seconds: float = math.inf,
) -> tuple[dict[str, Case], int]:
    """Return, for each law that is broken, the smallest case found, and how many were checked."""
    found: dict[str, Case] = {}
    start, rng = time.monotonic(), Random(first_seed)
    for checked in range(number):
        if time.monotonic() - start > seconds:
            return found, checked
        case = drawn(rng, paths)
        failure = broken(case)
        if failure is not None:
            signature = f"{case['kind']}: {failure.law}"
            if signature not in found or _size(case) < _size(found[signature]):
                found[signature] = case
    return found, number


def part(number: int, first_seed: int, only: str, kind: str, seconds: float) -> Any:
    """Draw cases for the paths and kinds of array whose names contain a text, in a process."""
    paths = {name: [k for k in kinds if kind in k.name] for name, kinds in PATHS.items()}
    paths = {name: kinds for name, kinds in paths.items() if only in name and kinds}
    return fuzz(number, first_seed, paths, seconds)


def _size(case: Case) -> int:
    return len(json.dumps(case))


def smaller(case: Case, law: str, limit: float = 10.0) -> Case:
    """Return the smallest case like this one that breaks the same law."""
    start, shrinking = time.monotonic(), True
    while shrinking and time.monotonic() - start < limit:
        shrinking = False
        for candidate in _simpler(case):
            failure = broken(candidate)
            if failure is not None and failure.law == law:
                case, shrinking = candidate, True
                break
    return case


def _simpler(case: Case) -> Iterator[Case]:
    """Give cases that are a step simpler, those that are much simpler first."""
    if case["kind"] != "NUMPY" and Kind.NUMPY in PATHS[case["path"]]:  # where all goes faster
        yield {**case, "kind": "NUMPY"}
    for place, node in enumerate(everything(case["surrogate"])):
        for simpler in _simpler_nodes(node):
            yield {**case, "surrogate": _replaced(case["surrogate"], place, simpler)}
    if case["layout"] != "contiguous":
        yield {**case, "layout": "contiguous"}
    if case["shape"] not in ([], [0]) and not _has_arrays(case):
        for value in case["x"]:
            yield {**case, "shape": [], "x": [value]}
    for place, value in enumerate(case["x"]):
        if value not in (0.0, 1.0, -1.0):
            for simple in (0.0, 1.0, -1.0):
                yield {**case, "x": [*case["x"][:place], simple, *case["x"][place + 1 :]]}
    if case["dtype"] not in ("float32", "float64"):
        yield {**case, "dtype": "float32"}
    if case["dtype"] == "float32" and "float64" in DTYPES[Kind[case["kind"]]]:
        yield {**case, "dtype": "float64"}


def _replaced(node: Case, place: int, other: Case) -> Case:
    """Return a nesting with another surrogate at a place, counted as `everything` does."""
    changed = copy.deepcopy(node)
    old = everything(changed)[place]
    old.clear()
    old.update(copy.deepcopy(other))
    return changed


def _simpler_nodes(node: Case) -> Iterator[Case]:
    """Give surrogates that are a step simpler than one, or what it holds."""
    yield from (_taking_over(other, node) for other in held(node))
    plain = {"at_threshold": 1.0}
    if held(node):
        law = LAWS[node["class"]]
        plain |= {name: option.plain for name, option in law.options.items()}
        yield from law.simpler(node)
    elif node["class"] != "Sigmoid":
        yield {**node, "class": "Sigmoid", "parameters": {}}
    for name, value in node["parameters"].items():
        others = {k: v for k, v in node["parameters"].items() if k != name}
        yield {**node, "parameters": others}
        simple: Any = None
        if isinstance(value, dict):
            simple = {"shape": [], "values": value["values"][:1], "dtype": "same"}
            if not value["values"] or simple == value:
                simple = value["values"][0] if value["values"] else None
        elif isinstance(value, float) and value not in (0.0, 1.0, 2.0):
            simple = 2.0
        if simple is not None:
            yield {**node, "parameters": {**node["parameters"], name: simple}}
    for name, simplest in plain.items():
        if node.get(name, simplest) != simplest:
            yield {**node, name: simplest}


def _taking_over(part: Case, whole: Case) -> Case:
    """Return what is inside; replacing a composition, it spikes as that does at 0."""
    part = copy.deepcopy(part)
    if "parts" in whole:
        chain(part)[-1]["at_threshold"] = whole.get("at_threshold", 1.0)
    return part


def _has_arrays(case: Case) -> bool:
    values = [v for node in everything(case["surrogate"]) for v in node["parameters"].values()]
    return any(isinstance(v, dict) and v["shape"] for v in values)


def save(case: Case, law: str) -> Path:
    """Save a case for the normal suite to replay."""
    kept = {"law": law, **case}
    text = json.dumps(kept, indent=1) + "\n"
    name = hashlib.sha256(json.dumps(case, sort_keys=True).encode()).hexdigest()[:10]
    target = EXAMPLES / f"{case['path']}-{case['kind'].lower()}-{name}.json"
    target.write_text(text)
    return target


def saved() -> list[Path]:
    """Return the files of cases that once broke a law."""
    return sorted(EXAMPLES.glob("*.json"))


def report(
    found: dict[str, Case], write: Callable[[Case, str], Any] | None, show: Callable[[str], Any]
) -> None:
    """Make the cases found small, save them, and tell of them."""
    told = set()
    for signature in sorted(found):
        law = signature.partition(": ")[2]
        case = smaller(found[signature], law)
        if spoken(case) in told:  # the same one, found in another library
            continue
        told.add(spoken(case))
        failure = broken(case)
        show(f"{law}\n    {spoken(case)}\n    {failure}")
        if write is not None:
            write(case, law)
