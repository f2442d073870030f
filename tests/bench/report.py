"""Renders docs/benchmarks.md from the data of docs/benchmarks.json."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import targets

Data = dict[str, Any]

_PREFACE = """\
# Benchmarks

This page is generated: `nox -s bench` measures, and writes it, its [data](benchmarks.json) and its
plots; `nox -s bench -- --quick` is rough and takes a few minutes.

Contenders run in interleaved rounds: each round runs every one once, in shuffled order. A figure is
the median of the rounds, and a ratio is the median of the ratios within rounds, so that other load
of the machine meets both sides. Time is forward and backward together, of one surrogate on one
array, including every allocation. The *floor* is a bare copy and a bare product of three operands
on arrays that exist already. *Plain* is the printed formula, written by hand. The peers'
functions are called as their authors made them, at parameters that make them the same function (up
to a factor); their gradients were compared with ours first.
"""

_WORKLOADS = """\
Forward and backward through time of a recurrent network of leaky integrate-and-fire neurons, with
64 input channels: each library's own neuron with its own surrogate, then with ours; and a neuron of
three lines, *plain*, with each of the surrogates, and with what keeps less
([docs/residuals.md](residuals.md)). *Kept* is what autograd saves, or `lax.scan` stacks, for each
spike, weights and inputs aside. *Peak* is the most memory of a step beside that: of the process, or
in JAX of XLA's temporaries. *Error* is that of all weight gradients together, relative to those of
the exact residual. The neurons differ: compare within a library. braintools has surrogates and no
neuron of its own.
"""

_GPU = ("PyTorch CUDA", "JAX CUDA", "CuPy")
# Once they have: when, on what device, and with which versions. README says it too.
_GPU_TESTS = "The tests of CUDA devices, `pytest -m gpu`, were not yet run on a GPU."


def page(data: Data) -> str:
    """Return the page."""
    lines = [_PREFACE, *_machine(data), "## Targets", "", *targets.table(data), ""]
    frameworks = list(dict.fromkeys(race["framework"] for race in data["races"]))
    for framework in frameworks:
        lines += [f"## {framework}", "", *_framework(data, framework)]
    lines += ["## What the compilers made of it", "", *_inspections(data)]
    lines += ["## A whole network", "", _WORKLOADS]
    for workload in data["workloads"]:
        lines += _workload(workload)
    missing = [name for name in _GPU if name not in frameworks]
    lines += ["## On a GPU", "", _GPU_TESTS, ""]
    lines += [f"- {name}: not measured: no GPU" for name in missing] + [""]
    lines += _problems(data)
    return "\n".join(lines).rstrip() + "\n"


def _machine(data: Data) -> Iterator[str]:
    machine = data["machine"]
    yield f"Measured on {machine['date']}, on {machine['cores']} cores, {machine['cpu']}, GPU:"
    yield f"{machine['gpu'] or 'none'}; load average at the start {machine['load']}."
    yield ""
    yield ", ".join(f"{name} {version}" for name, version in machine["versions"].items()) + "."
    for only in machine.get("again", []):
        yield ""
        yield f"Measured again by itself in a later run, and replaced here: `{only}`."
    if machine.get("quick"):
        yield ""
        yield "**A quick run**: few rounds, on small sizes. Its figures are rough."
    yield ""


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
    columns = ["surrogate", "elements", "dtype", "threads", "ours", "ns an element", *others]
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
    ours = times["ours"]["median"]
    ratios = [f"{times[name]['ratio']:.2f}" if name in times else "" for name in others]
    labels = [race["surrogate"], _count(race["size"]), race["dtype"], str(race["threads"])]
    return [*labels, _time(ours), f"{ours / race['size'] * 1e9:.3g}", *ratios]


def _inspections(data: Data) -> Iterator[str]:
    yield "Kernels that Inductor generates, and compilations caused by an equal surrogate:"
    yield ""
    keys = ["forward", "backward", "recompilations"]
    rows = ([name, *(str(entry[k]) for k in keys)] for name, entry in data["kernels"].items())
    yield from _table(["surrogate", *keys], rows)
    yield "Whether XLA's operations are those of the same formula without a rule around it, and"
    yield "without differentiation those of the bare step:"
    yield ""
    keys = ["forward and backward", "forward alone"]
    rows = (
        [name, *("equal" if entry[k] else "differ" for k in keys)]
        for name, entry in data["texts"].items()
    )
    yield from _table(["surrogate", *keys], rows)
    yield "Most memory of backward beside its result, in bytes an element (Linux):"
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


def _workload(workload: Data) -> Iterator[str]:
    yield (
        f"### {workload['framework']}: {workload['steps']} steps, batch {workload['batch']}, "
        f"{workload['hidden']} hidden"
    )
    yield ""
    rows = (
        [
            name,
            _time(row["median"]),
            f"{_time(row['low'])} to {_time(row['high'])}",
            f"{row['ratio']:.2f}",
            f"{row['kept']:.2f}",
            "" if row["peak"] is None else f"{row['peak'] / 1e6:.0f}",
            f"{row['error']:.1e}" if row.get("error") else "",
        ]
        for name, row in workload["rows"].items()
    )
    columns = ["neuron, surrogate", "time", "quartiles", "relative", "kept, bytes"]
    yield from _table([*columns, "peak, MB", "error"], rows)


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


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
