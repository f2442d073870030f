"""What is measured at which size, in full and in short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Plan:
    """Sizes and times."""

    sizes: tuple[int, ...]
    slope: int | None
    """The size that ours and the floor alone are timed at, once."""
    threads: tuple[int, ...]
    dtypes: tuple[str, ...]
    """The dtypes besides float32, timed at `reference`."""
    reference: int
    seconds: float
    """How long each race lasts, at least `fewest` rounds."""
    fewest: int
    surrogates: int
    """How many of the seven surrogates."""
    compiled: int
    """How many of them with `torch.compile`, which takes a minute each."""
    hidden: tuple[int, ...]
    steps: int
    batch: int
    pairs: tuple[int, int, int, int]
    """The sizes of ours against one other way: small, middle, large, huge."""
    peers: bool = True


FULL = Plan(
    sizes=(1, 1_000, 100_000, 1_000_000, 10_000_000),
    slope=100_000_000,
    threads=(2, 1),
    dtypes=("float64", "bfloat16"),
    reference=1_000_000,
    seconds=1.0,
    fewest=7,
    surrogates=7,
    compiled=7,
    hidden=(512, 1024),
    steps=200,
    batch=128,
    pairs=(100, 10_000, 1_000_000, 10_000_000),
)
QUICK = Plan(
    sizes=(1, 1_000, 1_000_000),
    slope=None,
    threads=(1,),
    dtypes=(),
    reference=1_000_000,
    seconds=0.1,
    fewest=3,
    surrogates=7,
    compiled=1,
    hidden=(128,),
    steps=20,
    batch=32,
    pairs=(100, 10_000, 1_000_000, 10_000_000),
)
COMPARED = Plan(  # two commits with each other: ours alone
    sizes=(1, 1_000, 100_000, 1_000_000, 10_000_000),
    slope=None,
    threads=(2,),
    dtypes=("bfloat16",),
    reference=1_000_000,
    seconds=1.0,
    fewest=9,
    surrogates=7,
    compiled=2,
    hidden=(512,),
    steps=100,
    batch=128,
    pairs=(100, 10_000, 1_000_000, 10_000_000),
    peers=False,
)
TINY = Plan(
    sizes=(1, 16),
    slope=64,
    threads=(1,),
    dtypes=("float64",),
    reference=16,
    seconds=0.0,
    fewest=2,
    surrogates=1,
    compiled=0,
    hidden=(8,),
    steps=20,
    batch=2,
    pairs=(4, 9, 16, 25),
    peers=False,
)


def label(entry: dict[str, Any]) -> str:
    """Return the labels of a row in one line."""
    labels = (value for key, value in entry.items() if key not in ("times", "rows"))
    return " ".join("layouts" if value is True else str(value) for value in labels)
