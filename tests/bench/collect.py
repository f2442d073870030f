"""Runs a plan and returns the data of docs/explanation/benchmarks.json."""

from __future__ import annotations

import contextlib
import datetime
import gc
import importlib.metadata
import importlib.util
import os
import platform
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import surrogates

from . import contenders, inspections, measure, networks, pairs
from .contenders import Contenders
from .measure import Data
from .peers import FRAMEWORK, OURS
from .plan import Plan, label

LIBRARIES = ("numpy", "torch", "jax", "dask", "cupy-cuda12x", "cupy-cuda13x", *FRAMEWORK)

KEPT_AT_SLOPE = ("ours", "floor", "floor, new memory", "same formula")
GPU = ("PyTorch CUDA", "JAX CUDA", "CuPy")
INSPECTIONS = "inspections"  # the label of what is counted, not timed
INSPECTED = ("kernels", "texts", "memory", "guards", "compilations", "kept")


def collect(plan: Plan, say: Callable[[str], None] = lambda text: None, only: str = "") -> Data:
    """Measure everything in a plan; what is not installed, or has no device, is left out.

    Where `only` is given, just the rows whose labels it matches, as `re.search` does.
    """
    contenders.problems.clear()
    data: Data = {"machine": machine(), "races": [], "pairs": [], "workloads": [], "launches": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the peers
        try:
            _measure(data, plan, say, only)
        except KeyboardInterrupt:
            say("cut off: what was measured so far is kept")
            data["machine"]["cut off"] = True
    if on_gpu(data):
        data["gpu"] = ran_on(data["machine"])
    return data | {"problems": dict(contenders.problems)}


def _measure(data: Data, plan: Plan, say: Callable[[str], None], only: str) -> None:
    names = list(OURS)[: plan.surrogates]
    if plan.peers and not only:
        data["disagreements"] = contenders.disagreements()
    if re.search(only, INSPECTIONS):  # first: what is wrong shows before the hour of the races
        say(INSPECTIONS)
        data |= inspect(plan, names)
    for labels, make in races(plan, names):
        if not re.search(only, label(labels)):
            continue
        say(label(labels))
        data["races"].append(labels | {"times": _raced(make, plan, labels)})
    for pair, surrogate, size in pairs.rows(plan):
        labels = pair.labels(surrogate, size)
        if re.search(only, label(labels)):
            say(label(labels))
            data["pairs"] += _paired(pair, surrogate, size, plan)
    if not only or on_gpu(data):
        measured = {entry["framework"] for entry in data["races"]}
        data["launches"] |= launched(plan, names, measured)
    for labels, rows in networks.workloads(plan, say, only):
        data["workloads"].append(labels | {"rows": rows})


def merged(old: Data, new: Data) -> Data:
    """Return `old` with the rows that were measured again in their places, and new ones after."""
    for kind in ("races", "pairs", "workloads"):
        again = {label(entry): entry for entry in new[kind]}
        old[kind] = [again.pop(label(entry), entry) for entry in old.get(kind, [])]
        old[kind] += again.values()
    old |= {name: new[name] for name in INSPECTED if name in new}
    if on_gpu(new):
        old["gpu"] = ran_on(new["machine"])
        old["launches"] |= new["launches"]
    return old


def completed(data: Data, old: Data) -> Data:
    """Return a whole run with the rows of an older one that it has no GPU for, or was cut off from.

    What else is missing is missing on purpose: the bench measures it no more.
    """
    machine = data["machine"]
    cut_off = machine.pop("cut off", False)
    earlier = set()
    called = {"races": "surrogates", "pairs": "pairs", "workloads": "networks"}
    for kind, name in called.items():
        measured = {label(entry) for entry in data[kind]}
        for entry in old.get(kind, []):
            is_of_gpu = entry["framework"] in GPU
            if label(entry) not in measured and (cut_off or is_of_gpu):
                data[kind].append(entry)
                earlier |= set() if is_of_gpu else {f"{name} in {entry['framework']}"}
    if earlier:
        machine["earlier"] = {"date": old["machine"]["date"], "rows": sorted(earlier)}
    data["launches"] = old.get("launches", {}) | data["launches"]
    return old | data if cut_off else {"gpu": old.get("gpu", "not yet")} | data


def on_gpu(data: Data) -> bool:
    """Return whether any row was measured on a GPU."""
    return any(entry["framework"] in GPU for entry in data["races"])


def on_gpu_alone(data: Data) -> bool:
    """Return whether nothing was measured but rows of a GPU, which say where they ran."""
    entries = (entry for kind in ("races", "pairs", "workloads") for entry in data[kind])
    return all(entry["framework"] in GPU for entry in entries)


def ran_on(machine: Data) -> str:
    """Return where and when the rows of a GPU ran, for the page."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return f"{machine['gpu']}, on {machine['date']}, with {machine['cpu']}; {versions}"


def _paired(pair: pairs.Pair, surrogate: str, size: int, plan: Plan) -> list[Data]:
    """Return a row of one pair; none where a side cannot run here."""
    labels = pair.labels(surrogate, size)
    try:
        threads = plan.threads[0]
        with measure.threads(threads):
            result = measure.race(pair.make(surrogate, size), plan.seconds, plan.fewest)
        gc.collect()
        return [labels | {"threads": threads, "times": measure.rounded(result, "against")}]
    except Exception as error:  # a library is missing, or an argument that is to come
        contenders.problems[label(labels)] = f"{type(error).__name__}: {error}"[:200]
        return []


def races(plan: Plan, names: list[str]) -> Iterator[tuple[Data, Callable[[], Contenders]]]:
    """Yield what to race: labels, and what makes the contenders."""
    for framework, make, widest in frameworks():
        compiled = framework == "PyTorch compiled"
        for name in names[: plan.compiled] if compiled else names:
            base = {"framework": framework, "surrogate": name, "dtype": "float32"}
            for size in plan.sizes:
                if compiled and size == 1:
                    continue  # compiled anew for this size alone: Dynamo takes 1 for a constant
                for threads in _threads(framework, plan):
                    labels = base | {"size": size, "threads": threads}
                    yield labels, lambda n=name, s=size, m=make: m(n, s)
            labels = base | {"threads": _threads(framework, plan)[0]}
            if widest:
                for dtype in plan.dtypes:
                    if dtype == "bfloat16" and framework in ("NumPy", "CuPy"):
                        continue  # they have none
                    yield (
                        labels | {"size": plan.reference, "dtype": dtype},
                        lambda n=name, d=dtype, m=make: m(n, plan.reference, d),
                    )
            if widest and plan.slope:
                yield (
                    labels | {"size": plan.slope},
                    lambda n=name, m=make: _but_peers(m(n, plan.slope)),
                )
            if framework in ("PyTorch eager", "NumPy"):
                yield (
                    labels | {"size": plan.reference, "layouts": True},
                    lambda n=name, m=make: _layouts(m, n, plan.reference),
                )


def _threads(framework: str, plan: Plan) -> tuple[int, ...]:
    if framework == "PyTorch eager":
        return plan.threads
    if framework == "PyTorch compiled":  # compiled anew for each number of threads
        return plan.threads[:1]
    # XLA takes all cores, and NumPy takes one.
    return (os.cpu_count() or 1,) if framework in ("JAX jit", "JAX eager") else (1,)


def frameworks() -> Iterator[tuple[str, Callable[..., Contenders], bool]]:
    """Yield the frameworks that are installed; True for those timed in every dtype and at 1e8."""
    yield "NumPy", contenders.numpy, True
    if importlib.util.find_spec("torch"):
        import torch

        yield "PyTorch eager", contenders.torch_eager, True
        yield "PyTorch compiled", contenders.torch_compiled, False
        if torch.cuda.is_available():
            yield "PyTorch CUDA", _on("cuda", contenders.torch_eager, torch.cuda.synchronize), True
    if importlib.util.find_spec("jax"):
        import jax

        yield "JAX jit", contenders.jax_jit, True
        yield "JAX eager", contenders.jax_eager, False
        if jax.default_backend() == "gpu":
            yield "JAX CUDA", _on("gpu", contenders.jax_jit, lambda: None), True
    if importlib.util.find_spec("cupy"):
        import cupy

        if cupy.is_available():
            yield "CuPy", _on(None, contenders.numpy, cupy.cuda.Device().synchronize, xp=cupy), True


def _on(device: str | None, make: Callable[..., Contenders], wait: Any, **more: Any) -> Any:
    """Return `make` for a device: a call of a contender lasts until the device is done."""
    if device is not None:
        more["device"] = device

    def waiting(run: measure.Run) -> measure.Run:
        def run_and_wait() -> None:
            run()
            wait()

        return run_and_wait

    def made(*arguments: Any) -> Contenders:
        return {name: waiting(run) for name, run in make(*arguments, **more).items()}

    return made


def _but_peers(made: Contenders) -> Contenders:
    return {name: run for name, run in made.items() if name in KEPT_AT_SLOPE}


def _layouts(make: Callable[..., Contenders], name: str, size: int) -> Contenders:
    layouts = ("transposed", "strided")
    others = {layout: make(name, size, "float32", layout)["ours"] for layout in layouts}
    return {"ours": make(name, size)["ours"], **others}


def _raced(make: Callable[[], Contenders], plan: Plan, labels: Data) -> Data:
    with measure.threads(labels["threads"]):
        result = measure.race(make(), plan.seconds, plan.fewest)
    gc.collect()
    return measure.rounded(result)


def inspect(plan: Plan, names: list[str]) -> Data:
    """Return counts of kernels, comparisons of compiled texts, and memory of backward."""
    found: Data = {name: {} for name in INSPECTED}
    size = plan.sizes[-1]
    several = names[: len(pairs.BOTH)]
    if importlib.util.find_spec("torch"):
        for name in names[: plan.compiled]:
            found["kernels"][name] = inspections.torch_kernels(name)
            found["guards"][name] = inspections.torch_guards(name)
        annealed = several[: plan.compiled]
        compilations = {name: inspections.torch_compilations(name) for name in annealed}
        found["compilations"]["PyTorch compiled"] = compilations
        found["kept"]["PyTorch eager"] = {n: inspections.kept("PyTorch eager", n) for n in several}
    if importlib.util.find_spec("jax"):
        found["texts"] = {name: inspections.jax_texts(name) for name in names}
        anew = {name: inspections.jax_compilations(name) for name in several}
        found["compilations"]["JAX eager"] = anew
        found["kept"]["JAX eager"] = {n: inspections.kept("JAX eager", n) for n in several}
    for framework, backward in inspections.backwards(size).items():
        extra = {name: backward(name) for name in names}
        found["memory"][framework] = {"size": size, "extra bytes per element": extra}
    return found


def launched(plan: Plan, names: list[str], measured: set[str]) -> Data:
    """Return, by framework, how many kernels each contender launches on a GPU."""
    found: Data = {}
    for framework, make, _ in frameworks():
        if framework in GPU and framework in measured:
            made = {name: make(name, plan.reference) for name in names}
            if framework == "PyTorch CUDA":
                made |= _moving(plan.reference)
            found[framework] = {
                name: {key: inspections.launches(run) for key, run in runs.items()}
                for name, runs in made.items()
            }
    return found


def _moving(size: int) -> dict[str, Contenders]:
    """Return the pairs of eager PyTorch on CUDA, whose kernels are counted."""
    return {
        f"Sigmoid, {pair.what}": pair.make("Sigmoid", size, "cuda")
        for pair in pairs.PAIRS
        if pair.framework == "PyTorch eager" and pair.sizes != ("small",)
    }


def machine() -> Data:
    """Return what the figures were measured on."""
    versions = {"surrogate-gradients": surrogates.__version__, "python": platform.python_version()}
    for library in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[library] = importlib.metadata.version(library)
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "gpu": _gpu(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "date": datetime.date.today().isoformat(),
        "versions": versions,
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _gpu() -> str | None:
    if importlib.util.find_spec("torch"):
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return None
