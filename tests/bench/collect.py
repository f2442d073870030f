"""Runs a plan and returns the data of docs/benchmarks.json."""

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

from . import contenders, inspections, measure
from .contenders import Contenders
from .peers import FRAMEWORK, OURS
from .plan import Plan

LIBRARIES = ("numpy", "torch", "jax", "cupy-cuda12x", *FRAMEWORK)

Data = dict[str, Any]


def collect(plan: Plan, say: Callable[[str], None] = lambda text: None, only: str = "") -> Data:
    """Measure everything in a plan; what is not installed, or has no device, is left out.

    Where `only` is given, just the races and networks whose labels it matches, as `re.search` does.
    """
    contenders.problems.clear()
    names = list(OURS)[: plan.surrogates]
    data: Data = {"machine": machine(), "races": [], "workloads": []}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the peers
        if plan.peers and not only:
            data["disagreements"] = contenders.disagreements()
        for labels, make in races(plan, names):
            if not re.search(only, label(labels)):
                continue
            say(label(labels))
            data["races"].append(labels | {"times": _raced(make, plan, labels)})
        if not only:
            say("inspections")
            data |= inspect(plan, names)
        for labels, rows in workloads(plan, say, only):
            data["workloads"].append(labels | {"rows": rows})
    return data | {"problems": dict(contenders.problems)}


def label(entry: Data) -> str:
    """Return the labels of a race or network in one line."""
    labels = (value for key, value in entry.items() if key not in ("times", "rows"))
    return " ".join("layouts" if value is True else str(value) for value in labels)


def merged(old: Data, new: Data) -> Data:
    """Return `old` with the races and networks that were measured again in their places."""
    for kind in ("races", "workloads"):
        again = {label(entry): entry for entry in new[kind]}
        old[kind] = [again.get(label(entry), entry) for entry in old[kind]]
    return old


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
    return {name: run for name, run in made.items() if name in ("ours", "floor", "same formula")}


def _layouts(make: Callable[..., Contenders], name: str, size: int) -> Contenders:
    layouts = ("transposed", "strided")
    others = {layout: make(name, size, "float32", layout)["ours"] for layout in layouts}
    return {"ours": make(name, size)["ours"], **others}


def _raced(make: Callable[[], Contenders], plan: Plan, labels: Data) -> Data:
    with _torch_threads(labels["threads"]):
        result = measure.race(make(), plan.seconds, plan.fewest)
    gc.collect()
    return _rounded(result)


def _torch_threads(threads: int) -> contextlib.AbstractContextManager[None]:
    installed = importlib.util.find_spec("torch")
    return measure.torch_threads(threads) if installed else contextlib.nullcontext()


def _rounded(result: Data, reference: str = "ours") -> Data:
    """Return medians and quartiles, and "ratio": how many times longer than the reference."""
    times = {}
    for name, entry in result.items():
        kept = {key: float(f"{entry[key]:.4g}") for key in ("median", "low", "high")}
        ratio = measure.ratio(entry, result[reference])
        times[name] = kept | {"rounds": entry["rounds"], "ratio": float(f"{ratio:.4g}")}
    return times


def inspect(plan: Plan, names: list[str]) -> Data:
    """Return counts of kernels, comparisons of compiled texts, and memory of backward."""
    found: Data = {"kernels": {}, "texts": {}, "memory": {}, "launches": {}}
    size = plan.sizes[-1]
    if importlib.util.find_spec("torch"):
        for name in names[: plan.compiled]:
            found["kernels"][name] = inspections.torch_kernels(name)
    if importlib.util.find_spec("jax"):
        found["texts"] = {name: inspections.jax_texts(name) for name in names}
    for framework, backward in inspections.backwards(size).items():
        extra = {name: backward(name) for name in names}
        found["memory"][framework] = {"size": size, "extra bytes per element": extra}
    for framework, make, _ in frameworks():
        if framework in ("PyTorch CUDA", "JAX CUDA", "CuPy"):
            made = {name: make(name, plan.reference) for name in names}
            found["launches"][framework] = {
                name: {key: inspections.launches(run) for key, run in runs.items()}
                for name, runs in made.items()
            }
    return found


def workloads(plan: Plan, say: Callable[[str], None], only: str) -> Iterator[tuple[Data, Data]]:
    """Yield the recurrent networks' labels and rows."""
    modules: list[tuple[str, Any, str]] = []
    if importlib.util.find_spec("torch"):
        from . import workload_torch

        modules.append(("PyTorch eager", workload_torch, "eager"))
        if plan.compiled > 1:
            modules.append(("PyTorch, step compiled", workload_torch, "compiled"))
    if importlib.util.find_spec("jax"):
        from . import workload_jax

        modules.append(("JAX, lax.scan", workload_jax, "networks"))
    for framework, module, function in modules:
        for hidden in plan.hidden[:1] if function == "compiled" else plan.hidden:
            labels = {"framework": framework, "hidden": hidden}
            labels |= {"steps": plan.steps, "batch": plan.batch}
            labels |= {"threads": plan.threads[0]}
            if not re.search(only, label(labels)):
                continue
            say(f"network {label(labels)}")
            made = getattr(module, function)(hidden, plan.peers)
            with _torch_threads(plan.threads[0]):
                rows = _network_rows(module, made, plan, hidden)
            yield labels, rows


def _network_rows(module: Any, made: dict[str, Any], plan: Plan, hidden: int) -> Data:
    trainings: dict[str, Any] = {}
    for name, network in made.items():
        try:
            training = module.Training(network, plan.steps, plan.batch, hidden)
            training.step()
            trainings[name] = training
        except Exception as error:  # whatever a peer raises, the others go on
            contenders.problems[name] = f"{type(error).__name__}: {error}"[:200]
    runs = {name: training.step for name, training in trainings.items()}
    rows = _rounded(measure.race(runs, 8 * plan.seconds, min(plan.fewest, 3)), next(iter(runs)))
    exact = next(iter(trainings.values())).gradient()
    for name, training in trainings.items():
        rows[name]["kept"] = round(training.kept_per_spike(), 2)
        rows[name]["peak"] = _peak(training)
        if name.startswith("plain neuron, ours"):
            gradient = training.gradient()
            off = ((gradient - exact) ** 2).sum() / (exact**2).sum()
            rows[name]["error"] = float(f"{float(off) ** 0.5:.2g}")
    return rows


def _peak(training: Any) -> int | None:
    if hasattr(training, "peak_memory"):
        return int(training.peak_memory())
    return measure.peak_memory(training.step)


def machine() -> Data:
    """Return what the figures were measured on."""
    versions = {"surrogate-gradients": surrogates.__version__, "python": platform.python_version()}
    for library in LIBRARIES:
        if importlib.util.find_spec(library.partition("-")[0]):
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
