"""What must hold, and whether it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .networks import CHEAPEST, LEARNED, SHARED, rivals
from .pairs import PAIRS
from .peers import FRAMEWORK
from .reasons import REASONS

Data = dict[str, Any]
Values = dict[str, float | None]
Value = Callable[[Data], float | None]

SMALL, LARGE = (1, 1_000, 100_000), (1_000_000, 10_000_000)
DIVIDING = ("InvSquareGrad", "QPseudoSpike")  # one division each: more is asked of them


@dataclass(frozen=True)
class Target:
    """A row of the table: its figures by where they were measured; none where there are none."""

    text: str
    limit: str
    """ "at most" or "at least", and a number."""
    values: Values

    @property
    def known(self) -> dict[str, float]:
        """What was measured."""
        return {where: value for where, value in self.values.items() if value is not None}

    @property
    def worst(self) -> str | None:
        """Where the worst figure was measured."""
        known = self.known
        choose = max if self.limit.startswith("at most") else min
        return choose(known, key=known.__getitem__) if known else None

    @property
    def misses(self) -> int:
        """How many figures are beyond the limit."""
        bound = float(self.limit.split()[-1])
        most = self.limit.startswith("at most")
        return sum(value > bound if most else value < bound for value in self.known.values())


def table(data: Data) -> Iterator[str]:
    """Yield a table: each target, the worst figure measured, and where; then reasons."""
    missed: list[str] = []
    yield "| row | goal | measured, worst | where | met |"
    yield "|---|---|---|---|---|"
    for target in targets(data):
        if target.worst is None:
            yield f"| {target.text} | {target.limit} | not measured | | |"
            continue
        verdict = f"**missed**, {target.misses} of {len(target.known)}" if target.misses else "met"
        if target.misses:
            missed += [reason for start, reason in REASONS.items() if target.text.startswith(start)]
        worst = f"{target.known[target.worst]:.3g}"
        yield f"| {target.text} | {target.limit} | {worst} | {target.worst} | {verdict} |"
    if missed:
        yield ""
        yield "What stands in the way where one is missed:"
        yield ""
        yield from (f"- {reason}" for reason in dict.fromkeys(missed))


def targets(data: Data) -> Iterator[Target]:
    """Yield all targets, measured or not."""
    yield from _pytorch(data)
    yield from _jax(data)
    yield from _numpy(data)
    yield from _pairs(data)
    yield from _memory(data)
    yield from _networks(data)
    yield from _gpu(data)


def over(
    data: Data, framework: str, sizes: tuple[int, ...], value: Value, but: tuple[str, ...] = ()
) -> Values:
    """Return a figure of each race of a framework, in float32, but those of some surrogates."""
    return {
        f"{race['surrogate']}, {race['size']:.0e}, {race['threads']} threads": value(race)
        for race in data["races"]
        if race["framework"] == framework
        and race["size"] in sizes
        and race["dtype"] == "float32"
        and race["surrogate"] not in but
        and "layouts" not in race
    }


def against_peers(race: Data) -> float | None:
    """Return how many times longer the fastest peer took; None without one."""
    ratios = [entry["ratio"] for name, entry in race["times"].items() if name in FRAMEWORK]
    return min(ratios, default=None)


def against(name: str) -> Value:
    """Return what takes how many times longer a contender took from a race."""
    return lambda race: race["times"].get(name, {}).get("ratio")


def inverse(value: Value) -> Value:
    """Return what takes how many times longer ours took."""

    def inverted(race: Data) -> float | None:
        ratio = value(race)
        return None if ratio is None else 1 / ratio

    return inverted


def _pytorch(data: Data) -> Iterator[Target]:
    eager, compiled = "PyTorch eager", "PyTorch compiled"
    but_dividing = tuple(
        race["surrogate"] for race in data["races"] if race["surrogate"] not in DIVIDING
    )
    million, ten = LARGE[:1], LARGE[1:]
    peers = against_peers
    floor = over(data, eager, LARGE, inverse(against("floor")))
    yield Target(f"{eager}: times the floor", "at most 3", floor)
    yield Target(f"{eager}: fastest peer / ours, 1e7", "at least 4", over(data, eager, ten, peers))
    yield Target(
        f"{eager}: fastest peer / ours, 1e6, {' and '.join(DIVIDING)}",
        "at least 2.5",
        over(data, eager, million, peers, but_dividing),
    )
    yield Target(
        f"{eager}: fastest peer / ours, 1e6, the others",
        "at least 2.3",
        over(data, eager, million, peers, DIVIDING),
    )
    yield Target(
        f"{eager}: fastest peer / ours, up to 1e5", "at least 1", over(data, eager, SMALL, peers)
    )
    yield from _shape(data, eager)
    all_sizes = over(data, compiled, LARGE + SMALL, peers)
    yield Target(f"{compiled}: fastest peer / ours", "at least 1", all_sizes)
    for key, limit in (("forward", 1), ("backward", 1), ("recompilations", 0)):
        counts: Values = {name: entry[key] for name, entry in data["kernels"].items()}
        what = key if key == "recompilations" else f"kernels {key}"
        yield Target(f"{compiled}: {what}", f"at most {limit}", counts)
    guards: Values = {name: entry["ours"] for name, entry in data.get("guards", {}).items()}
    yield Target(f"{compiled}: guards of one surrogate", "at most 60", guards)
    annealed = data.get("compilations", {}).get(compiled, {})
    yield Target(f"{compiled}: compilations for an annealed alpha", "at most 2", annealed)


def _jax(data: Data) -> Iterator[Target]:
    eager, large = "JAX eager", SMALL[2:] + LARGE
    jit = over(data, "JAX jit", SMALL + LARGE, inverse(against("same formula")))
    yield Target("JAX jit: ours / by hand, same formula", "at most 1.02", jit)
    yield Target(
        f"{eager}: fastest peer / ours, from 1e5 on",
        "at least 1",
        over(data, eager, large, against_peers),
    )
    yield Target(
        f"{eager}: fastest peer / ours, up to 1e3",
        "at least 2",
        over(data, eager, SMALL[:2], against_peers),
    )
    anew = data.get("compilations", {}).get(eager, {})
    yield Target(f"{eager}: compilations for another alpha at each call", "at most 0", anew)


def _numpy(data: Data) -> Iterator[Target]:
    plain, large = against("plain"), SMALL[2:] + LARGE
    floor = over(data, "NumPy", LARGE, inverse(against("floor")))
    yield Target("NumPy: times the floor", "at most 4", floor)
    yield Target(
        "NumPy: plain / ours, from 1e5 on", "at least 1", over(data, "NumPy", large, plain)
    )
    yield Target(
        "NumPy: plain / ours, up to 1e3", "at least 1", over(data, "NumPy", SMALL[:2], plain)
    )
    yield from _shape(data, "NumPy")


def _shape(data: Data, framework: str) -> Iterator[Target]:
    """Yield what holds for sizes and layouts."""
    names = dict.fromkeys(race["surrogate"] for race in data["races"])
    yield Target(
        f"{framework}: ns an element, largest / smallest, from 1e5 on",
        "at most 1.25",
        {name: _slope(data, framework, name) for name in names},
    )
    yield Target(
        f"{framework}: strided or transposed / contiguous",
        "at most 1.5",
        {
            race["surrogate"]: max(entry["ratio"] for entry in race["times"].values())
            for race in data["races"]
            if race["framework"] == framework and "layouts" in race
        },
    )


def _pairs(data: Data) -> Iterator[Target]:
    for pair in PAIRS:
        labels = {"framework": pair.framework, "what": pair.what, "against": pair.against}
        measured = [
            entry
            for entry in data.get("pairs", [])
            if labels == {key: entry[key] for key in labels}
        ]
        times = {f"{e['surrogate']}, {e['size']:.0e}": e["times"]["ours"] for e in measured}
        if pair.microseconds is None:
            ratios: Values = {where: entry["ratio"] for where, entry in times.items()}
            yield Target(pair.text, f"at most {pair.limit}", ratios)
        else:
            micro: Values = {where: entry["median"] * 1e6 for where, entry in times.items()}
            text = f"{pair.framework}: {pair.what}, µs"
            yield Target(text, f"at most {pair.microseconds:g}", micro)


def _memory(data: Data) -> Iterator[Target]:
    extra = {
        f"{framework}, {name}": value
        for framework, found in data["memory"].items()
        for name, value in found["extra bytes per element"].items()
    }
    yield Target("backward: memory besides its result, bytes an element", "at most 0.5", extra)
    kept: Values = {
        f"{framework}, {name}, {what}": value
        for framework, found in data.get("kept", {}).items()
        for name, entry in found.items()
        for what, value in entry.items()
    }
    text = "kept for backward, also by `Relaxed` and `learnable`, bytes an element"
    yield Target(text, "at most 4.01", kept)


def _networks(data: Data) -> Iterator[Target]:
    fastest: Values = {}
    times: Values = {}
    kept: Values = {}
    shares: Values = {}
    for workload in data["workloads"]:
        rows = workload["rows"]
        where = f"{workload['framework']}, {workload['hidden']} hidden"
        fastest[where] = _fastest(rows)
        for name, others in rivals(rows).items():
            first = min(others, key=lambda other: rows[other]["median"])
            times[f"{where}, {name}"] = rows[first]["high"] / rows[name]["median"]
            least = min(rows[other]["kept"] for other in others)
            kept[f"{where}, {name}"] = least / rows[name]["kept"]
        for name in SHARED:
            if "share" in rows.get(name, {}):
                shares[f"{where}, {name}"] = rows[name]["share"][1]
    yield Target("networks: fastest of the others / fastest of ours, time", "at least 1", fastest)
    yield Target(
        "networks: upper quartile of the fastest other surrogate / ours in the same neuron, time",
        "at least 1",
        times,
    )
    yield Target(
        "networks: another surrogate / ours in the same neuron, bytes kept", "at least 1", kept
    )
    yield Target("networks: the surrogate's share of the step", "at most 0.03", shares)


def _fastest(rows: Data) -> float | None:
    comparable = {name: row for name, row in rows.items() if not name.startswith(CHEAPEST)}
    ours = [row["median"] for name, row in comparable.items() if ", ours" in name]
    others = [row["median"] for name, row in comparable.items() if ", ours" not in name]
    return min(others) / min(ours) if others else None


def _gpu(data: Data) -> Iterator[Target]:
    for framework in ("PyTorch CUDA", "JAX CUDA", "CuPy"):
        # The floor moves 20 bytes an element, as ours need: read x and write spikes, read two and
        # write one.
        bandwidth = over(data, framework, (100_000_000,), against("floor"))
        yield Target(f"{framework}: share of the copy bandwidth, 1e8", "at least 0.85", bandwidth)
    launches: Values = {
        name: counts["ours"]
        for name, counts in data["launches"].get("PyTorch CUDA", {}).items()
        if LEARNED not in name  # its gradient is a sum, which takes kernels of its own
    }
    yield Target("PyTorch CUDA: kernels, forward and backward", "at most 2", launches)


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
