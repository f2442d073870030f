"""What must hold, and whether it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .peers import FRAMEWORK

Data = dict[str, Any]
Value = Callable[[Data], float]


def table(data: Data) -> Iterator[str]:
    """Yield a table: each target, the worst figure measured, and where; then reasons."""
    missed: list[str] = []
    yield "| target | limit | worst | where | |"
    yield "|---|---|---|---|---|"
    for text, limit, values in _targets(data):
        known = {where: value for where, value in values.items() if value is not None}
        if not known:
            yield f"| {text} | {limit} | | not measured | |"
            continue
        most = limit.startswith("at most")
        where = (max if most else min)(known, key=known.__getitem__)
        bound = float(limit.split()[-1])
        met = known[where] <= bound if most else known[where] >= bound
        verdict = "met" if met else "**missed**"
        if not met:
            count = sum(value > bound if most else value < bound for value in known.values())
            verdict += f", {count} of {len(known)}"
            missed += [reason for start, reason in _REASONS.items() if text.startswith(start)]
        yield f"| {text} | {limit} | {known[where]:.3g} | {where} | {verdict} |"
    if missed:
        yield ""
        yield "What stands in the way where one is missed:"
        yield ""
        yield from (f"- {reason}" for reason in dict.fromkeys(missed))


# By the beginning of a target: what was found to stand in its way, and what was tried.
_REASONS = {
    "PyTorch eager: times the floor": (
        "PyTorch eager, floor: at 1e6 elements all arrays fit the cache, where the floor "
        "takes an eighth of a millisecond on two threads. An exponential takes twice that, "
        "and autograd's bookkeeping a third. At 1e7 the results are new memory, as below. "
        "Tried: fewer operations (2 to 5 for a gradient, from 4 to 7), blocks of 0.1 to 8 MiB "
        "(4 MiB is best), huge pages for results of 2 to 32 MiB (no gain)."
    ),
    "PyTorch eager: fastest peer / ours, 1e7": (
        "PyTorch eager, 1e7: spikes and gradient are 80 MB of new memory. Ours took from 12 "
        "to 25 ms in repeated races with huge pages, which it asks for, and 28 to 32 ms "
        "without; the arithmetic alone takes 5 to 9 ms. Which races are slow changes from run "
        "to run; how the system comes by huge pages is the likely cause, and was not traced."
    ),
    "PyTorch eager: fastest peer / ours, 1e6": (
        "PyTorch eager, 1e6: `InvSquareGrad` and `QPseudoSpike` divide twice. Dividing once "
        "by the square was 2.4 times and more ahead of the peers', but the square overflows "
        "where the gradient does not vanish yet."
    ),
    "PyTorch eager: fastest peer / ours, up to 1e5": (
        "PyTorch eager, one element: autograd's bookkeeping is nearly all of it, the same for all."
    ),
    "PyTorch compiled: fastest peer": (
        "PyTorch compiled: the kernels are one each, as the peers'. A call on a small array "
        "takes about 8 µs more; Dynamo has 171 lines of guards for a surrogate's parameters "
        "and the code that it traced through, which is the likely cause. `GaussianGrad` and "
        "`ERF` limit x before they square it, which keeps second derivatives from inf * 0; "
        "what that costs was not measured apart."
    ),
    "JAX jit: ours": (
        "JAX jit: the compiled texts of both are equal, operation for operation (below), so "
        "that what differs is noise."
    ),
    "JAX eager": (
        "JAX eager: `jax.vjp` of `jax.lax.sin`, one operation with a rule of JAX's own, takes "
        "three quarters of the time of spyx's surrogate: half of it is out of reach for "
        "whatever `jax.vjp` differentiates. Tried: a compiled derivative, a compiled spike "
        "whose linearization JAX remembers (as it is), and a linearization rule like that of "
        "sine, which could save a quarter at best but is private to JAX and changes its "
        "arguments from version to version. At 1e7 spyx's computes product and derivative in "
        "one kernel. braintools takes 2 to 5 times as long as ours."
    ),
    "NumPy: times the floor": (
        "NumPy, floor: the floor writes to arrays that exist, ours makes three: spikes, "
        "derivative and gradient. New memory comes page by page, in 1.6 µs for 4 KiB on this "
        "virtual machine."
    ),
    "NumPy: plain / ours": (
        "NumPy, plain: spikes and gradient are new memory on both sides, and cost more than "
        "any arithmetic. Each of NumPy's functions is one pass over memory, in the plain "
        "expression as in a program, so that a program saves the memory of temporaries and no "
        "passes. Tried: blocks of 0.1 to 4 MiB; one pool for all derivatives (a third faster "
        "at 1e5 and 1e6, but it holds memory back); an allocator told to keep what is freed "
        "(both sides gain). On small arrays the checks of `vjp` take 5 µs."
    ),
    "NumPy: ns an element": (
        "Cost of an element: up to 1e6 all arrays fit the cache, and what was freed is used "
        "again; from there on memory counts. From 1e7 to 1e8 it is flat."
    ),
    "PyTorch eager: ns an element": (
        "Cost of an element: up to 1e6 all arrays fit the cache, and what was freed is used "
        "again; from there on memory counts. From 1e7 to 1e8 it is flat."
    ),
    "NumPy: strided": (
        "Strided (every other element): neither NumPy nor PyTorch reads such memory in "
        "vectors; a mere copy takes three to six times as long as of contiguous memory, and "
        "there are three to read. Transposed costs a tenth."
    ),
    "PyTorch eager: strided": (
        "Strided (every other element): neither NumPy nor PyTorch reads such memory in "
        "vectors; a mere copy takes three to six times as long as of contiguous memory, and "
        "there are three to read. Transposed costs a tenth."
    ),
    "networks": ("Networks: what is missed is within what rounds differ by (see the quartiles)."),
}


def _targets(data: Data) -> Iterator[tuple[str, str, dict[str, float | None]]]:
    large, small = (1_000_000, 10_000_000), (1, 1_000, 100_000)

    def over(framework: str, sizes: tuple[int, ...], value: Value) -> dict[str, float | None]:
        chosen = [
            race
            for race in data["races"]
            if race["framework"] == framework
            and race["size"] in sizes
            and race["dtype"] == "float32"
            and "layouts" not in race
        ]
        return {
            f"{r['surrogate']}, {r['size']:.0e}, {r['threads']} threads": value(r) for r in chosen
        }

    eager, compiled = "PyTorch eager", "PyTorch compiled"
    yield f"{eager}: times the floor", "at most 3", over(eager, large, _floors)
    yield f"{eager}: fastest peer / ours, 1e7", "at least 4", over(eager, large[1:], _peers)
    yield f"{eager}: fastest peer / ours, 1e6", "at least 2.5", over(eager, large[:1], _peers)
    yield f"{eager}: fastest peer / ours, up to 1e5", "at least 1", over(eager, small, _peers)
    yield f"{compiled}: fastest peer / ours", "at least 1", over(compiled, large + small, _peers)
    for key, limit in (("forward", 1), ("backward", 1), ("recompilations", 0)):
        counts = {name: entry[key] for name, entry in data["kernels"].items()}
        what = key if key == "recompilations" else f"kernels {key}"
        yield f"{compiled}: {what}", f"at most {limit}", counts
    jit = over("JAX jit", large + small, lambda race: 1 / race["times"]["same formula"]["ratio"])
    yield "JAX jit: ours / by hand, same formula", "at most 1.02", jit
    eager_jax = over("JAX eager", large + small, _peers)
    yield "JAX eager: fastest peer / ours", "at least 2", eager_jax
    yield "NumPy: times the floor", "at most 4", over("NumPy", large, _floors)
    yield "NumPy: plain / ours, 1e6 and 1e7", "at least 3", over("NumPy", large, _plain)
    yield "NumPy: plain / ours, up to 1e5", "at least 1", over("NumPy", small, _plain)
    for framework in ("NumPy", eager):
        yield (
            f"{framework}: ns an element, largest / smallest, from 1e5 on",
            "at most 1.25",
            {
                name: _slope(data, framework, name)
                for name in dict.fromkeys(race["surrogate"] for race in data["races"])
            },
        )
        yield (
            f"{framework}: strided or transposed / contiguous",
            "at most 1.5",
            {
                race["surrogate"]: max(entry["ratio"] for entry in race["times"].values())
                for race in data["races"]
                if race["framework"] == framework and "layouts" in race
            },
        )
    extra = {
        f"{framework}, {name}": value
        for framework, found in data["memory"].items()
        for name, value in found["extra bytes per element"].items()
    }
    yield "backward: memory beside its result, bytes an element", "at most 0.5", extra
    times, kept = _networks(data, "median"), _networks(data, "kept")
    fastest = {_label(workload): _fastest(workload["rows"]) for workload in data["workloads"]}
    yield "networks: fastest of the others / fastest of ours, time", "at least 1", fastest
    yield "networks: a library's surrogate / ours in its neuron, time", "at least 1", times
    yield "networks: a library's surrogate / ours in its neuron, bytes kept", "at least 1", kept
    for framework in ("PyTorch CUDA", "JAX CUDA", "CuPy"):
        bandwidth = over(framework, (100_000_000,), _bandwidth)
        yield f"{framework}: share of the copy bandwidth, 1e8", "at least 0.85", bandwidth


def _floors(race: Data) -> float | None:
    floor = race["times"].get("floor")
    return None if floor is None else 1 / floor["ratio"]


def _peers(race: Data) -> float | None:
    ratios = [entry["ratio"] for name, entry in race["times"].items() if name in FRAMEWORK]
    return min(ratios, default=None)


def _plain(race: Data) -> float | None:
    return race["times"]["plain"]["ratio"]


def _bandwidth(race: Data) -> float | None:
    # The floor moves 20 bytes an element, as ours need: read x and write spikes, read two and
    # write one.
    return race["times"]["floor"]["ratio"] if "floor" in race["times"] else None


def _networks(data: Data, key: str) -> dict[str, float | None]:
    """Return, for each neuron, the least figure of its other surrogates over that of ours."""
    found: dict[str, float | None] = {}
    for workload in data["workloads"]:
        rows = workload["rows"]
        for neuron in dict.fromkeys(name.partition(",")[0] for name in rows):
            ours = rows.get(f"{neuron}, ours")
            names = [n for n in rows if n.startswith(f"{neuron}, ") and ", ours" not in n]
            if ours and names:
                where = f"{_label(workload)}, {neuron}"
                found[where] = min(rows[name][key] for name in names) / ours[key]
    return found


def _label(workload: Data) -> str:
    return f"{workload['framework']}, {workload['hidden']} hidden"


def _fastest(rows: Data) -> float | None:
    ours = [row["median"] for name, row in rows.items() if ", ours" in name]
    others = [row["median"] for name, row in rows.items() if ", ours" not in name]
    return min(others) / min(ours) if others else None


def _slope(data: Data, framework: str, surrogate: str) -> float | None:
    """Return the largest cost of an element over the smallest, with all threads, from 1e5 on."""
    large = [
        race
        for race in data["races"]
        if (race["framework"], race["surrogate"]) == (framework, surrogate)
        and race["size"] >= 100_000
        and race["dtype"] == "float32"
        and "layouts" not in race
    ]
    threads = max((race["threads"] for race in large), default=0)
    chosen = [race for race in large if race["threads"] == threads]
    costs = [race["times"]["ours"]["median"] / race["size"] for race in chosen]
    return max(costs) / min(costs) if len(costs) > 1 else None
