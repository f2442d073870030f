"""Renders docs/explanation/benchmarks.md from the data of docs/explanation/benchmarks.json."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import slow, summary, targets
from .pairs import PAIRS

Data = dict[str, Any]

_PREFACE = """\
This page is generated: `nox -s bench` measures, and writes it, its [data](benchmarks.json) and its
plots; `nox -s bench -- --quick` is rough and takes a few minutes.

Contenders run in interleaved rounds: each round runs every one once, in shuffled order. A figure is
the median of the rounds, and a ratio is the median of the ratios within rounds, so that other load
of the machine meets both sides. Time is forward and backward together, of one surrogate on one
array, including every allocation. The *floor* is a bare copy and a bare product of three operands
on arrays that exist already; *new memory* says that they are made at each call. *Plain* is the
printed formula, written by hand. *In the system* is the part of the time that the operating system
took, of all threads. The peers' functions are called as their authors made them, at parameters that
make them the same function (up to a factor); their gradients were compared with ours first.
"""

_SLOW = """\
The slowest call of a race against the usual one (medians of its rounds): time in the system, of all
threads, and page faults, by `getrusage`. Calls shorter than a millisecond are not listed.
"""

_PAIRS = """\
Ours as multiples of the other side (below 1: ours is faster), where a parameter is learned, an
array, or new at each call, and where calls are small. By hand means both derivatives in closed
form, from the same unbounded number. Quartiles are those of ours.
"""

_WORKLOADS = """\
Forward and backward through time of a recurrent network of leaky integrate-and-fire neurons, with
64 input channels: each library's own neuron with its own surrogate, then with ours; and a neuron of
three lines, *plain*, with each of the surrogates, and with what keeps less
([more](../howto/residuals.md)). *Kept* is what autograd saves, or `lax.scan` stacks, for each
spike, weights and inputs aside. *Peak* is the most memory that a step adds: of the process, or
in JAX of XLA's temporaries. *Error* is that of all weight gradients together, relative to those of
the exact residual. *Share* is the surrogate's part of the step: what it takes beyond the same
network with the cheapest function there is, the step with a straight-through gradient, subtracted
round by round; in brackets quartiles. Where a step is long there are three rounds, whose quartiles
are rough. The neurons differ: compare within a library. braintools has surrogates and no neuron of
its own.
"""

_THREE_RUNS = """\
Of the two that divide, and of `SoftSign`, whose formula is that of `InvSquareGrad` times a number,
three runs by themselves on 28 November 2026, without other load. Medians of the three, the fastest
peer as a multiple of ours, on two threads and on one: at 1e3 elements `InvSquareGrad` 1.06 and
1.06, `QPseudoSpike` 1.66 and 1.65, `SoftSign` 1.07 and 1.08; at 1e6 elements 3.1 and 2.7, 3.0 and
3.1, 2.8 and 2.8; at 1e7 elements 4.7 and 6.9, 5.8 and 7.1, 5.8 and 6.5. The lowest of these
runs are 1.06, 2.6 and, on two threads in one run of `InvSquareGrad`, 2.3 at 1e7. The table below is
of another run, in which `InvSquareGrad` has 1.04 at 1e3 and, on one thread, 2.2 at 1e6.
"""

_MORE_GUARDS = """\
A test counts those of all 41, in float64 and in another way: 38 have at most 60, the goal, and
three have more, `Dspike` 63, `SoftLIF` 62 and `SquarewaveFourierSeries` 72. Counted as here, in
float32, these have 60, 59 and 71. A surrogate that is made before PyTorch is imported, and not
called before it is compiled, has some 55 more, in the first compilation of a process: Dynamo then
reads how the hook is loaded."""

_GPU = ("PyTorch CUDA", "JAX CUDA", "CuPy")
# Once they have: when, on what device, and with which versions. README says it too.
_GPU_TESTS = """\
The tests of CUDA devices, `pytest -m gpu`, last ran on 27 November 2026 on an NVIDIA H100
(Python 3.12, PyTorch 2.11, JAX 0.11.2, CuPy 14.2, NumPy 2.5.2): 6,103 passed, and some fifty were
cut off by time. Eight failed, and are mended, but did not run there again: compiled by PyTorch
2.11, on whatever device, `MultiSpike`, `Graded` and `Compressed` had gradient 0 (tested on a CPU
since); in CuPy the first two waited for the device; and a GPU's random numbers are finer than a
test said. Called many times in a row, `Sigmoid` on 1e8 elements of float32 took 667 µs forward and
backward, the copy and product that are the floor 668, with an alpha for each channel 672. At 1e4
elements, where launches are all of it, it took 157 to 185 µs, and a Function by hand 206 to 341 (in
the rows above, with other contenders between, 251 and 285). The rows above have few rounds, at
least seven of a surrogate and six of networks. Not measured yet: in CuPy three of seven surrogates,
and ReluGrad at 1e8; in JAX two, and InvSquareGrad from 1e6 on; networks in JAX, compiled, or of
other libraries; and how many kernels the benchmark's calls launch (the tests count them)."""


def page(data: Data) -> str:
    """Return the page."""
    lines = ["# Benchmarks", "", "![How many times as fast as the others](benchmarks.png)", ""]
    lines += [*summary.lines(data), "", "## Targets", "", *targets.table(data), ""]
    lines += ["## How it is measured", "", _PREFACE, *_machine(data)]
    frameworks = list(dict.fromkeys(race["framework"] for race in data["races"]))
    for framework in frameworks:
        lines += [f"## {framework}", "", *_framework(data, framework)]
    lines += ["## Parameters that move, and small calls", "", _PAIRS, *_pairs(data)]
    lines += ["## Slow calls", "", _SLOW, slow.sentence(data), ""]
    if slow.outliers(data):
        lines += _table(slow.COLUMNS, slow.table(data))
    lines += ["## What the compilers made of it", "", *_inspections(data)]
    lines += ["## A whole network", "", _WORKLOADS]
    for workload in data["workloads"]:
        lines += _workload(workload)
    missing = [name for name in _GPU if name not in frameworks]
    lines += ["## On a GPU", "", _GPU_TESTS, ""]
    lines += [f"The GPU rows last ran: {data.get('gpu', 'not yet')}.", ""]
    if missing:
        why = ": no GPU" if data.get("gpu", "not yet") == "not yet" else ""
        lines += [f"- {name}: not measured{why}" for name in missing] + [""]
    lines += _problems(data)
    return "\n".join(lines).rstrip() + "\n"


def _machine(data: Data) -> Iterator[str]:
    machine = data["machine"]
    yield f"Measured on {machine['date']}, on {machine['cores']} cores, {machine['cpu']}, GPU:"
    yield f"{machine['gpu'] or 'none'}; load average at the start {machine['load']}."
    yield ""
    yield ", ".join(f"{name} {version}" for name, version in machine["versions"].items()) + "."
    if earlier := machine.get("earlier"):
        yield ""
        yield f"Of an earlier run, on {earlier['date']}: {', '.join(earlier['rows'])}."
    for again in machine.get("again", []):
        yield ""
        yield _again(again)
    if machine.get("quick"):
        yield ""
        yield "**A quick run**: few rounds, on small sizes. Its figures are rough."
    yield ""


def _again(again: str | Data) -> str:
    """Return what was measured later; of older runs the expression alone is known."""
    told = {"only": again} if isinstance(again, str) else again
    text = f"Measured again by itself in a later run, and replaced here: `{told['only']}`"
    if "date" in told:
        text += f", on {told['date']}, {told['cpu']}, load average {told['load']}"
    return f"{text}{', roughly' if told.get('quick') else ''}."


def _framework(data: Data, framework: str) -> Iterator[str]:
    races = [race for race in data["races"] if race["framework"] == framework]
    figure = f"benchmarks-{framework.lower().replace(' ', '-')}.png"
    yield f"![Time per element against size]({figure})"
    yield ""
    plain = [race for race in races if "layouts" not in race]
    others = list(dict.fromkeys(name for race in plain for name in race["times"]))
    others.remove("ours")
    yield "Ours in time; the others as multiples of it (above 1: slower than ours)."
    yield ""
    if framework == "NumPy":
        yield _out_of_reach(races)
        yield ""
    if framework == "PyTorch eager":
        yield _THREE_RUNS
    columns = ["surrogate", "elements", "dtype", "threads", "ours", "lower quartile"]
    columns += ["in the system", "ns an element", *others]
    yield from _table(columns, (_row(race, others) for race in plain))
    layouts = [race for race in races if "layouts" in race]
    if layouts:
        yield "Ours on other layouts, as multiples of the contiguous one:"
        yield ""
        names = [name for name in layouts[0]["times"] if name != "ours"]
        yield from _table(
            ["surrogate", "elements", *names],
            (
                [
                    r["surrogate"],
                    _count(r["size"]),
                    *(f"{r['times'][n]['ratio']:.2f}" for n in names),
                ]
                for r in layouts
            ),
        )


def _row(race: Data, others: list[str]) -> list[str]:
    times = race["times"]
    ours = times["ours"]
    ratios = [f"{times[name]['ratio']:.2f}" if name in times else "" for name in others]
    labels = [race["surrogate"], _count(race["size"]), race["dtype"], str(race["threads"])]
    system = time_of(ours["usual"]["system"]) if "usual" in ours else ""
    element = f"{ours['median'] / race['size'] * 1e9:.3g}"
    return [*labels, time_of(ours["median"]), time_of(ours["low"]), system, element, *ratios]


def _out_of_reach(races: list[Data]) -> str:
    """Return how much faster than the printed formula anything with new memory could be."""
    found = [
        race["times"]["plain"]["ratio"] / race["times"]["floor, new memory"]["ratio"]
        for race in races
        if {"plain", "floor, new memory"} <= set(race["times"]) and race["size"] >= 1_000_000
    ]
    if not found:
        return "The floor in new memory is not measured."
    return (
        f"From 1e6 elements on, the floor in new memory is {min(found):.2g} to {max(found):.2g} "
        "times as fast as the printed formula: nothing that returns new arrays can be faster than "
        "that, and an earlier goal of three times the printed formula is out of reach wherever "
        "this is less than three."
    )


def _pairs(data: Data) -> Iterator[str]:
    measured = data.get("pairs", [])
    rows = (
        [
            f"{e['framework']}: {e['what']}",
            e["against"],
            e["surrogate"],
            _count(e["size"]),
            time_of(e["times"]["ours"]["median"]),
            f"{time_of(e['times']['ours']['low'])} to {time_of(e['times']['ours']['high'])}",
            f"{e['times']['ours']['ratio']:.2f}",
        ]
        for e in measured
    )
    columns = ["ours", "the other side", "surrogate", "elements", "time", "quartiles", "ratio"]
    if measured:
        yield from _table(columns, rows)
    done = {(entry["framework"], entry["what"]) for entry in measured}
    absent = [pair for pair in PAIRS if (pair.framework, pair.what) not in done]
    if absent:
        yield from (f"- {pair.text}: not measured" for pair in absent)
        yield ""


def _inspections(data: Data) -> Iterator[str]:
    yield "Kernels that Inductor generates, and compilations caused by an equal surrogate:"
    yield ""
    keys = ["forward", "backward", "recompilations"]
    rows = ([name, *(str(entry[k]) for k in keys)] for name, entry in data["kernels"].items())
    yield from _table(["surrogate", *keys], rows)
    yield from _counts(data)
    yield "Whether XLA's operations are those of the same formula without a rule around it, and"
    yield "without differentiation those of the bare step:"
    yield ""
    keys = ["forward and backward", "forward alone"]
    rows = (
        [name, *("equal" if entry[k] else "differ" for k in keys)]
        for name, entry in data["texts"].items()
    )
    yield from _table(["surrogate", *keys], rows)
    yield "Most memory of backward besides its result, in bytes an element (Linux):"
    yield ""
    frameworks = data["memory"]
    names = list(
        dict.fromkeys(n for f in frameworks.values() for n in f["extra bytes per element"])
    )
    rows = (
        [name, *(_shown(f["extra bytes per element"].get(name)) for f in frameworks.values())]
        for name in names
    )
    heads = [f"{name}, {_count(f['size'])} elements" for name, f in frameworks.items()]
    yield from _table(["surrogate", *heads], rows)
    for framework, counts in data["launches"].items():
        yield f"Kernels launched, {framework}, forward and backward:"
        yield ""
        names = list(dict.fromkeys(key for entry in counts.values() for key in entry))
        rows = ([s, *(str(e.get(n, "")) for n in names)] for s, e in counts.items())
        yield from _table(["surrogate", *names], rows)


def _counts(data: Data) -> Iterator[str]:
    yield "Guards that Dynamo checks at each call, and those of a Function by hand:"
    yield ""
    guards = data.get("guards", {})
    keys = list(next(iter(guards.values()), {}))
    if guards:
        rows = ([n, *(str(entry.get(key, "")) for key in keys)] for n, entry in guards.items())
        yield from _table(["surrogate", *keys], rows)
        yield from (_MORE_GUARDS, "")
    else:
        yield from ("Not measured.", "")
    yield "Bytes an element, in float32, that autograd keeps for backward (x is 4 of them):"
    yield ""
    kept = data.get("kept", {})
    if not kept:
        yield from ("Not measured.", "")
        return
    columns = ["fixed", "Relaxed", "learnable"]
    yield from _table(
        ["framework", "surrogate", *columns],
        (
            [framework, name, *(f"{entry[c]:g}" for c in columns)]
            for framework, found in kept.items()
            for name, entry in found.items()
        ),
    )


def _workload(workload: Data) -> Iterator[str]:
    yield (
        f"### {workload['framework']}: {workload['steps']} steps, batch {workload['batch']}, "
        f"{workload['hidden']} hidden"
    )
    yield ""
    rows = (
        [
            name,
            time_of(row["median"]),
            f"{time_of(row['low'])} to {time_of(row['high'])}",
            f"{row['ratio']:.2f}",
            f"{row['kept']:.2f}",
            "" if row["peak"] is None else f"{row['peak'] / 1e6:.0f}",
            f"{row['error']:.1e}" if row.get("error") else "",
            _share(row["share"]) if "share" in row else "",
        ]
        for name, row in workload["rows"].items()
    )
    columns = ["neuron, surrogate", "time", "quartiles", "relative", "kept, bytes"]
    yield from _table([*columns, "peak, MB", "error", "share"], rows)


def _share(quartiles: list[float]) -> str:
    low, median, high = (f"{100 * share:.2g}" for share in quartiles)
    return f"{median} % ({low} to {high})"


def _problems(data: Data) -> Iterator[str]:
    if data["problems"]:
        yield "## What did not run"
        yield ""
        for name, problem in data["problems"].items():
            yield f"- {name}: `{' '.join(problem.replace('`', '').split())}`"
        yield ""


def _table(columns: list[str], rows: Any) -> Iterator[str]:
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _count(size: int) -> str:
    power = len(str(size)) - 1
    return f"1e{power}" if size == 10**power and power >= 3 else str(size)


def time_of(seconds: float) -> str:
    """Return a time in its unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
