"""Timing in interleaved rounds, so that what else the machine does meets every contender alike.

The timer and the choice of loop lengths are `timeit`'s. pyperf and pytest-benchmark measure one
contender after the other, each in a time of its own: their ratios drift with the machine's load.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import random
import statistics
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Run = Callable[[], Any]

# Seconds that one sample lasts at least: well above the timer's resolution, and several calls, so
# that a contender meets the memory that it freed itself, not what the one before left behind.
SHORTEST = 5e-3


def race(contenders: dict[str, Run], seconds: float, fewest: int = 5, most: int = 200) -> dict:
    """Time contenders in rounds; each round runs every one, in shuffled order.

    Parameters
    ----------
    contenders : dict of callables
        What to time, by name. Each is called beforehand: compilers run then.
    seconds : float
        How long to go on, at least `fewest` and at most `most` rounds.

    Returns
    -------
    dict
        For each name the median, the quartiles ("low", "high") in seconds a call, the number of
        rounds, and "samples", one a round, for ratios within rounds.
    """
    timers = {name: timeit.Timer(run) for name, run in contenders.items()}
    loops = {name: _loops(timer) for name, timer in timers.items()}
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders)
    shuffler = random.Random(0)
    gc.collect()
    start = timeit.default_timer()
    for done in range(most):
        if done >= fewest and timeit.default_timer() - start > seconds:
            break
        shuffler.shuffle(order)
        for name in order:
            samples[name].append(timers[name].timeit(loops[name]) / loops[name])
    return {name: summary(values) for name, values in samples.items()}


def _loops(timer: timeit.Timer) -> int:
    """Return how often to call within one sample."""
    if timer.timeit(1) > 1:  # compiled already, and calls are dear
        return 1
    loops = 1
    while timer.timeit(loops) < SHORTEST:
        loops *= 2
    return loops


def summary(values: list[float]) -> dict[str, Any]:
    """Return median and quartiles."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {
        "median": median,
        "low": low,
        "high": high,
        "rounds": len(values),
        "samples": values,
    }


def ratio(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return how many times longer one took than another: the median of the rounds' ratios."""
    pairs = zip(one["samples"], other["samples"], strict=True)
    return statistics.median(a / b for a, b in pairs)


def peak_memory(run: Run) -> int | None:
    """Return how many bytes more the process held at most during a call; None if not on Linux."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    try:
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)  # free memory that the process holds would not count
        reset.write_text("5")  # makes the present size the largest yet
        before = _field(status, "VmRSS")
        run()
        return max(0, _field(status, "VmHWM") - before)
    except OSError:
        return None


def _field(status: Path, name: str) -> int:
    line = next(line for line in status.read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024


@contextlib.contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Let PyTorch use so many threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
