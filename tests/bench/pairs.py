"""Ours against one other way to the same: what is raced, at which sizes, and what must hold.

Parameters that are learned, arrays, or new at each call; small calls; and what compilers make of
one surrogate. This file imports no framework, since the page lists what was not measured, too.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .plan import Plan

ONE_LINER = "`p + (H - p).detach()`"
BY_HAND = "an autograd.Function by hand"
BOTH = ("Sigmoid", "Arctan")
CUDA = "PyTorch CUDA"


@dataclass(frozen=True)
class Pair:
    """What is raced against what: `limit` is the most that ours may take, as a multiple."""

    framework: str
    what: str
    against: str
    sizes: tuple[str, ...]
    limit: float
    module: str
    maker: str
    surrogates: tuple[str, ...] = BOTH
    same: bool = True
    """Whether both sides compute the same results."""
    microseconds: float | None = None
    """The most that a call of ours may take; then `limit` is not a goal."""

    @property
    def text(self) -> str:
        """How the page names it."""
        return f"{self.framework}: {self.what} / {self.against}"

    def make(self, surrogate: str, size: int, *device: str) -> dict[str, Any]:
        """Return the contenders "ours" and "against", each of which returns its results."""
        module = importlib.import_module(f".{self.module}", __package__)
        if self.framework == CUDA:
            made = getattr(module, self.maker)(surrogate, size, "cuda")
            return {name: module.waiting(run) for name, run in made.items()}
        found: dict[str, Any] = getattr(module, self.maker)(surrogate, size, *device)
        return found

    def labels(self, surrogate: str, size: int) -> dict[str, Any]:
        """Return what identifies a row of the data."""
        labels = {"framework": self.framework, "what": self.what, "against": self.against}
        return labels | {"surrogate": surrogate, "size": size}


def _torch(what: str, against: str, sizes: tuple[str, ...], limit: float, maker: str) -> Pair:
    return Pair("PyTorch eager", what, against, sizes, limit, "pairs_torch", maker)


def _compiled(what: str, against: str, sizes: tuple[str, ...], limit: float, maker: str) -> Pair:
    return Pair("PyTorch compiled", what, against, sizes, limit, "pairs_torch", maker)


def _cuda(what: str, against: str, sizes: tuple[str, ...], limit: float, maker: str) -> Pair:
    return Pair(CUDA, what, against, sizes, limit, "pairs_torch", maker)


def _small(what: str, against: str, maker: str) -> Pair:
    return Pair("NumPy", what, against, ("small",), 0.0, "pairs_arrays", maker, microseconds=6.0)


ANOTHER = "another alpha at each call"

PAIRS = (
    _torch("learnable alpha", BY_HAND, ("middle", "large"), 1.2, "learned"),
    _torch("learnable alpha, small", BY_HAND, ("small",), 2.5, "learned"),
    _torch("per-channel alpha", "scalar alpha", ("large",), 1.3, "per_channel"),
    Pair(
        "PyTorch eager", ANOTHER, "constant alpha", ("middle",), 1.2, "pairs_torch", "another",
        same=False,
    ),
    _compiled("learnable alpha", ONE_LINER, ("middle", "large"), 1.2, "learned_compiled"),
    _compiled("fixed alpha", BY_HAND, ("one", "1e3", "1e5"), 1.05, "fixed_compiled"),
    _cuda("fixed alpha", BY_HAND, ("middle", "large"), 1.2, "fixed"),
    _cuda("learnable alpha", BY_HAND, ("middle", "large"), 1.2, "learned"),
    _cuda("per-channel alpha", "scalar alpha", ("large",), 1.3, "per_channel"),
    Pair("JAX jit", "learnable alpha", ONE_LINER, ("middle", "large"), 1.1, "pairs_jax", "learned"),
    Pair(
        "JAX eager", ANOTHER, "constant alpha", ("middle",), 1.2, "pairs_jax", "another",
        same=False,
    ),
    Pair(
        "Dask", "per-channel alpha, two chunks", "the same by hand", ("large",), 1.1,
        "pairs_arrays", "dask_per_channel",
    ),
    Pair(
        "NumPy", "`pullback(cotangent, out=)`", "plain", ("huge",), 0.5,
        "pairs_arrays", "numpy_out",
    ),
    _small("a small call, `surrogate(x)`", "the bare step", "numpy_spikes"),
    _small("a small call, `surrogate_grad(x)`", "plain", "numpy_slope"),
    _small("a small call, `vjp` and pullback", "plain", "numpy_vjp"),
)  # fmt: skip


def sizes(plan: Plan) -> dict[str, int]:
    """Return the sizes by the names that they have above."""
    small, middle, large, huge = plan.pairs
    named = {"one": 1, "small": small, "middle": middle, "large": large, "huge": huge}
    return named | {"1e3": min(1_000, large), "1e5": min(100_000, large)}


def installed(pair: Pair) -> bool:
    """Return whether the library of a pair is here, and its device."""
    library = {"PyTorch": "torch", "JAX": "jax", "Dask": "dask", "NumPy": "numpy"}
    if importlib.util.find_spec(library[pair.framework.split()[0]]) is None:
        return False
    return pair.framework != CUDA or importlib.import_module("torch").cuda.is_available()


def rows(plan: Plan) -> Iterator[tuple[Pair, str, int]]:
    """Yield each pair with a surrogate and a size."""
    for pair in PAIRS:
        if not installed(pair) or (pair.framework == "PyTorch compiled" and not plan.compiled):
            continue
        for surrogate in pair.surrogates[: plan.surrogates]:
            for size in dict.fromkeys(sizes(plan)[name] for name in pair.sizes):
                yield pair, surrogate, size
