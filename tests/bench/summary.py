"""The first lines of the page, for people who decide; every figure in them is measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from .networks import OURS, SHARED, rivals
from .peers import FRAMEWORK
from .targets import Value, against, against_peers, over, targets

Data = dict[str, Any]

RANGES = (("1 to 1e3", (1, 1_000)), ("1e5", (100_000,)), ("1e6 and 1e7", (1_000_000, 10_000_000)))
# By framework: the other side, and how many times longer it took.
OTHERS: dict[str, tuple[str, Value]] = {
    "PyTorch eager": ("the fastest other library", against_peers),
    "PyTorch compiled": ("the fastest other library", against_peers),
    "JAX jit": ("the fastest other library", against_peers),
    "JAX eager": ("the fastest other library", against_peers),
    "NumPy": ("the printed formula", against("plain")),
    "PyTorch CUDA": ("the fastest other library", against_peers),
    "JAX CUDA": ("the fastest other library", against_peers),
    "CuPy": ("the printed formula", against("plain")),
}
ON_GPU = {"PyTorch eager": "PyTorch CUDA", "JAX jit": "JAX CUDA", "NumPy": "CuPy"}
SLOWER = 0.95  # below this, ours is called slower


def lines(data: Data) -> Iterator[str]:
    """Yield ten lines of a list."""
    for framework, (other, value) in OTHERS.items():
        if framework not in ON_GPU.values():
            text = f"times as fast as {other}, median and range: "
            text += _factors(data, framework, value)
            if framework in ON_GPU:
                text += f"; {ON_GPU[framework]}: {_factors(data, ON_GPU[framework], value)}"
            yield f"- **{framework}**: {text}."
    yield f"- **Whole networks**: {_shares(data)}."
    yield f"- **Learned, per-channel and annealed parameters**: {_parameters(data)}."
    yield f"- **Where ours is slower** by more than 5 %: {_slower(data)}."
    yield f"- **Machine**: {_machine(data)}."
    yield f"- **GPU**: the GPU rows last ran: {data.get('gpu', 'not yet')}."


def _factors(data: Data, framework: str, value: Value) -> str:
    parts = []
    for text, sizes in RANGES:
        found = [v for v in over(data, framework, sizes, value).values() if v is not None]
        if found:
            middle = statistics.median(found)
            parts.append(f"{middle:.2g} ({min(found):.2g} to {max(found):.2g}) at {text} elements")
    return ", ".join(parts) or "not measured"


def _shares(data: Data) -> str:
    networks = [workload["rows"] for workload in data["workloads"]]
    speeds = [
        min(rows[other]["median"] for other in others) / rows[name]["median"]
        for rows in networks
        for name, others in rivals(rows).items()
    ]
    found = {
        name: [rows[name]["share"][1] for rows in networks if "share" in rows.get(name, {})]
        for name in SHARED
    }
    parts = [
        f"{_percent(shares)} ({name.removeprefix(OURS).removeprefix(', ') or 'fixed'})"
        for name, shares in found.items()
        if shares
    ]
    shared = [
        f"{workload['framework']}, {workload['hidden']} neurons"
        for workload in data["workloads"]
        if any("share" in row for row in workload["rows"].values())
    ]
    text = f"the surrogate's share of a training step ({'; '.join(shared) or 'nowhere'})"
    text += f": {', '.join(parts) or 'not measured'}"
    others = [
        row["share"][1]
        for rows in networks
        for name, row in rows.items()
        if "share" in row and not name.startswith(OURS) and name.count(",") == 1
    ]
    if others:
        text += f"; of others, fixed: {_percent(others)}"
    if speeds:
        text += (
            f". A step is {statistics.median(speeds):.2f} times as fast as with the fastest other "
            f"surrogate in the same neuron ({min(speeds):.2f} to {max(speeds):.2f})"
        )
    return text


def _percent(shares: list[float]) -> str:
    low, high = (f"{100 * share:.2g}" for share in (min(shares), max(shares)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def _parameters(data: Data) -> str:
    found: dict[str, list[float]] = {}
    for entry in data.get("pairs", []):
        if "alpha" in entry["what"] and entry["what"] != "fixed alpha":
            key = f"{entry['framework']}, {entry['what']}"
            found.setdefault(key, []).append(entry["times"]["ours"]["ratio"])
    if not found:
        return "not measured"
    worst = (f"{key} {max(ratios):.2g}" for key, ratios in found.items())
    return f"times as long as by hand or with one number, at worst: {'; '.join(worst)}"


def _slower(data: Data) -> str:
    parts = []
    for framework, (_, value) in OTHERS.items():
        for text, sizes in RANGES:
            found = [v for v in over(data, framework, sizes, value).values() if v is not None]
            below = [v for v in found if v < SLOWER]
            if below:
                count = f"{len(below)} of {len(found)} rows"
                parts.append(f"{framework} at {text}, {count}, down to {min(below):.2g}")
    return "; ".join(parts) or "nowhere that was measured"


def _machine(data: Data) -> str:
    machine = data["machine"]
    checked = [target for target in targets(data) if target.worst is not None]
    met = sum(not target.misses for target in checked)
    days = [again["date"] for again in machine.get("again", []) if "date" in again]
    last = max([machine["date"], *days])
    when = machine["date"] if last == machine["date"] else f"{machine['date']} to {last}"
    libraries = ", ".join(name for name in FRAMEWORK if name in machine["versions"])
    return (
        f"{machine['cores']} cores, {machine['cpu']}, on {when}, against "
        f"{libraries or 'no other library'}; {met} of {len(checked)} goals that were measured "
        "are met"
    )
