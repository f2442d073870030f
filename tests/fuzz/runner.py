"""Draw cases, make those that break a law small, and save them."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from kinds import Kind

from .cases import Case, cases, chain, spoken
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
    checked = 0
    start, batch = time.monotonic(), 250  # a run of Hypothesis remembers all that it drew
    for offset, left in enumerate(range(number, 0, -batch)):
        if time.monotonic() - start > seconds:
            break

        @seed(first_seed + 1000 * offset)
        @settings(
            max_examples=min(batch, left),
            phases=[Phase.generate],
            database=None,
            deadline=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases(paths))
        def run(case: Case) -> None:
            if time.monotonic() - start > seconds:
                return
            nonlocal checked
            checked += 1
            failure = broken(case)
            if failure is not None:
                signature = f"{case['kind']}: {failure.law}"
                if signature not in found or _size(case) < _size(found[signature]):
                    found[signature] = case

        run()
    return found, checked


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
    depth = len(chain(case["surrogate"]))
    for place in range(depth - 1):  # without one wrapper
        changed = copy.deepcopy(case)
        nodes = chain(changed["surrogate"])
        inside = nodes[place]["inside"]
        if place == 0:
            changed["surrogate"] = inside
        else:
            nodes[place - 1]["inside"] = inside
        yield changed
    if case["surrogate"] and chain(case["surrogate"])[-1]["class"] != "Sigmoid":
        changed = copy.deepcopy(case)
        node = chain(changed["surrogate"])[-1]
        node["class"], node["parameters"] = "Sigmoid", {}
        yield changed
    for place in range(depth):
        for name, value in chain(case["surrogate"])[place]["parameters"].items():
            changed = copy.deepcopy(case)
            parameters = chain(changed["surrogate"])[place]["parameters"]
            del parameters[name]
            yield changed
            simple: Any = None
            if isinstance(value, dict):
                simple = {"shape": [], "values": value["values"][:1], "dtype": "same"}
                if not value["values"] or simple == value:
                    simple = value["values"][0] if value["values"] else None
            elif isinstance(value, float) and value not in (0.0, 1.0, 2.0):
                simple = 2.0
            if simple is not None:
                changed = copy.deepcopy(case)
                chain(changed["surrogate"])[place]["parameters"][name] = simple
                yield changed
        for name, plain in (("at_threshold", 1.0), ("max_spikes", math.inf), ("rounding", "floor")):
            if chain(case["surrogate"])[place].get(name, plain) != plain:
                changed = copy.deepcopy(case)
                chain(changed["surrogate"])[place][name] = plain
                yield changed
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
    if case["dtype"] == "float32":
        yield {**case, "dtype": "float64"}


def _has_arrays(case: Case) -> bool:
    values = [v for node in chain(case["surrogate"]) for v in node["parameters"].values()]
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
