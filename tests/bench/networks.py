"""Whole networks: their rows, named "neuron, surrogate[, variant]", and what follows from that."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from typing import Any

from . import contenders, measure
from .measure import Data
from .plan import Plan, label

OURS = "plain neuron, ours"
CHEAPEST = "plain neuron, straight-through"
LEARNED, CHANNELS, AUTOCAST = "learnable alpha", "per-channel alpha", "bfloat16 autocast"
# Where a surrogate's share of the step is measured, and a goal is set for ours.
SHARED = (OURS, *(f"{OURS}, {variant}" for variant in (LEARNED, CHANNELS, AUTOCAST)))


def cheapest(name: str) -> str | None:
    """Return the row whose time is subtracted for the surrogate's share; None if not a spike's."""
    neuron, _, rest = name.partition(", ")
    if neuron != "plain neuron" or name.startswith(CHEAPEST):
        return None
    return f"{CHEAPEST}, {AUTOCAST}" if rest.endswith(AUTOCAST) else CHEAPEST


def rivals(rows: dict[str, Any]) -> dict[str, list[str]]:
    """Return, for each row of ours, those of other surrogates in the same neuron and variant."""
    found: dict[str, list[str]] = {}
    for name in rows:
        neuron, surrogate, variant = _parts(name)
        if surrogate == "ours":
            others = [
                other
                for other in rows
                if (_parts(other)[0], _parts(other)[2]) == (neuron, variant)
                and _parts(other)[1] != "ours"
                and not other.startswith(CHEAPEST)
            ]
            if others:
                found[name] = others
    return found


def _parts(name: str) -> tuple[str, str, str]:
    neuron, surrogate, variant, *_ = (*name.split(", ", 2), "", "")
    return neuron, surrogate, variant


def workloads(plan: Plan, say: Callable[[str], None], only: str) -> Iterator[tuple[Data, Data]]:
    """Yield the recurrent networks' labels and rows."""
    for labels, module, function in workplaces(plan):
        if re.search(only, label(labels)):
            say(f"network {label(labels)}")
            made = getattr(module, function)(labels["hidden"], plan.peers)
            with measure.threads(labels["threads"]):
                rows = _network_rows(module, made, plan, labels["hidden"])
            yield labels, rows


def workplaces(plan: Plan) -> Iterator[tuple[Data, Any, str]]:
    """Yield where networks run: labels, the module that has them, and its function."""
    modules: list[tuple[str, Any, str]] = []
    if importlib.util.find_spec("torch"):
        from . import workload_torch

        modules.append(("PyTorch eager", workload_torch, "eager"))
        if plan.compiled > 1:
            modules.append(("PyTorch, step compiled", workload_torch, "compiled"))
        if workload_torch.torch.cuda.is_available():
            modules.append(("PyTorch CUDA", workload_torch, "on_cuda"))
    if importlib.util.find_spec("jax"):
        from . import workload_jax

        modules.append(("JAX, lax.scan", workload_jax, "networks"))
    for framework, module, function in modules:
        for hidden in plan.hidden[:1] if function == "compiled" else plan.hidden:
            labels = {"framework": framework, "hidden": hidden}
            labels |= {"steps": plan.steps, "batch": plan.batch}
            labels |= {"threads": plan.threads[0]}
            yield labels, module, function


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
    result = measure.race(runs, 8 * plan.seconds, min(plan.fewest, 3))
    rows = measure.rounded(result, next(iter(runs)))
    for name in rows:
        base = cheapest(name)
        if base in result:
            rows[name]["share"] = _share(result[name], result[base])
    exact = next(iter(trainings.values())).gradient()
    for name, training in trainings.items():
        rows[name]["kept"] = round(training.kept_per_spike(), 2)
        rows[name]["peak"] = training.peak_memory()
        if name.startswith("plain neuron, ours"):
            gradient = training.gradient()
            off = ((gradient - exact) ** 2).sum() / (exact**2).sum()
            rows[name]["error"] = float(f"{float(off) ** 0.5:.2g}")
    return rows


def _share(entry: Data, cheapest: Data) -> list[float]:
    """Return which part of a step goes beyond that of the cheapest one: quartiles over rounds."""
    pairs = zip(entry["samples"], cheapest["samples"], strict=True)
    return [float(f"{v:.3g}") for v in measure.quartiles([1 - base / t for t, base in pairs])]
