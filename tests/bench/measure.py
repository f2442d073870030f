"""Timing in interleaved rounds, so that what else the machine does meets every contender alike.

The timer and the choice of loop lengths are `timeit`'s. pyperf and pytest-benchmark measure one
contender after the other, each in a time of its own: their ratios drift with the machine's load.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import random
import statistics
import timeit
from collections.abc import Callable, Iterator
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]

Run = Callable[[], Any]
Data = dict[str, Any]

SLOW = 1e-3  # seconds; the system's account of a shorter call is too coarse to keep

# Seconds that one sample lasts at least: well above the timer's resolution, and several calls, so
# that a contender meets the memory that it freed itself, not what the one before left behind.
SHORTEST = 5e-3


def race(contenders: dict[str, Run], seconds: float, fewest: int = 5, most: int = 200) -> Data:
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
        rounds, and "samples", one a round, for ratios within rounds; "usual" and "slowest" say
        what the system did meanwhile, as `Sample` has it.
    """
    for run in contenders.values():
        run()
    timers = {name: timeit.Timer(run) for name, run in contenders.items()}
    loops = {name: loops_of(timer) for name, timer in timers.items()}
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    order = list(contenders)
    shuffler = random.Random(0)
    gc.collect()
    start = timeit.default_timer()
    for done in range(most):
        if done >= fewest and timeit.default_timer() - start > seconds:
            break
        shuffler.shuffle(order)
        for name in order:
            samples[name].append(sample(timers[name], loops[name]))
    return {name: summary(values) for name, values in samples.items()}


@dataclass(frozen=True)
class Sample:
    """What one call took: seconds, seconds in the system (of all threads), and page faults."""

    seconds: float
    system: float | None = None
    faults: float | None = None


def sample(timer: timeit.Timer, loops: int) -> Sample:
    """Time so many calls, and return what one took."""
    before = usage()
    seconds = timer.timeit(loops) / loops
    after = usage()
    if before is None or after is None:
        return Sample(seconds)
    system, faults = ((new - old) / loops for new, old in zip(after, before, strict=True))
    return Sample(seconds, system, faults)


def usage() -> tuple[float, float] | None:
    """Return this process's seconds in the system and page faults so far; None on Windows."""
    if resource is None:
        return None
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_stime, float(used.ru_minflt + used.ru_majflt)


def loops_of(timer: timeit.Timer) -> int:
    """Return how often to call within one sample."""
    if timer.timeit(1) > 1:  # calls are dear
        return 1
    loops = 1
    while timer.timeit(loops) < SHORTEST:
        loops *= 2
    return loops


def summary(samples: list[Sample]) -> Data:
    """Return median and quartiles; what the system did, in the median and in the slowest call."""
    seconds = [sample.seconds for sample in samples]
    low, median, high = quartiles(seconds)
    found = {"median": median, "low": low, "high": high, "rounds": len(seconds)}
    measured = [sample for sample in samples if sample.system is not None]
    if measured:
        slowest = max(measured, key=lambda sample: sample.seconds)
        usual = (statistics.median(column) for column in zip(*map(astuple, measured), strict=True))
        found |= {"usual": asdict(Sample(*usual)), "slowest": asdict(slowest)}
    return found | {"samples": seconds}


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high


def ratio(one: Data, other: Data) -> float:
    """Return how many times longer one took than another: the median of the rounds' ratios."""
    pairs = zip(one["samples"], other["samples"], strict=True)
    return statistics.median(a / b for a, b in pairs)


def rounded(result: Data, reference: str = "ours") -> Data:
    """Return medians and quartiles, and "ratio": how many times longer than the reference."""
    times = {}
    for name, entry in result.items():
        kept = {key: float(f"{entry[key]:.4g}") for key in ("median", "low", "high")}
        longer = ratio(entry, result[reference])
        times[name] = kept | {"rounds": entry["rounds"], "ratio": float(f"{longer:.4g}")}
        for call in ("usual", "slowest"):
            if call in entry and entry["median"] >= SLOW:
                times[name][call] = {k: float(f"{v:.3g}") for k, v in entry[call].items()}
    return times


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
def threads(number: int) -> Iterator[None]:
    """Let PyTorch, where it is installed, use so many threads."""
    if not importlib.util.find_spec("torch"):
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
