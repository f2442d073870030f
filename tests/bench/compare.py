"""Two commits against each other: the same rows, in rounds that take turns, by the same bench.

Each side is an interpreter that lives as long as the comparison, with its own `src` on its path.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import timeit
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import measure, plan
from .report import time_of

ROOT = Path(__file__).parents[2]
FEWEST = 15  # rounds, or the quartiles would say little
NOISE = 0.03  # what the ratio's quartile must be beyond, for a row to be called slower or faster


class CannotCompareError(Exception):
    """Why a comparison did not start."""


@dataclass(frozen=True)
class Row:
    """What one row took on both sides; the ratio is now / before, of each round."""

    label: str
    before: tuple[float, float, float]
    now: tuple[float, float, float]
    ratio: tuple[float, float, float]

    @property
    def verdict(self) -> str:
        """What the quartiles of the ratio say."""
        low, _, high = self.ratio
        return "SLOWER" if low > 1 + NOISE else "faster" if high < 1 - NOISE else ""

    def __str__(self) -> str:
        sides = " ".join(
            f"{time_of(middle):>8} ({time_of(low)} to {time_of(high)})"
            for low, middle, high in (self.before, self.now)
        )
        low, middle, high = self.ratio
        return f"{self.label}: {sides}  {middle:.3f} ({low:.3f} to {high:.3f}) {self.verdict}"


class Process:
    """A side, asked over pipes."""

    def __init__(self, source: Path, chosen: str) -> None:
        paths = (source, ROOT / "tests", ROOT / "tests" / "support")
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYTHONHASHSEED": "0",  # or the two would differ in the order of sets
        }
        command = [sys.executable, "-m", "bench.side", chosen]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )
        try:
            for folder in self._answer():
                if not Path(folder).is_relative_to(source.resolve()):
                    raise CannotCompareError(f"{folder} was imported, which is not in {source}")
        except CannotCompareError:
            self.process.kill()
            self.close()
            raise

    def ask(self, *request: Any) -> Any:
        """Return the answer to a request, or raise RuntimeError with what was raised."""
        assert self.process.stdin is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = self._answer()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["answer"]

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise CannotCompareError(f"a side ended by itself, with status {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self.process.communicate()  # it ends with its input


def _say(text: str) -> None:
    print(text, flush=True)


@contextlib.contextmanager
def source_of(reference: str) -> Iterator[Path]:
    """Unpack `src` of a commit into a folder that is removed afterwards."""
    command = ["git", "archive", "--format=tar", reference, "src"]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True)
    if archive.returncode:
        raise CannotCompareError(archive.stderr.decode().strip())
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(folder, filter="data")
        yield Path(folder) / "src"


def compare(
    reference: str, chosen: str, only: str = "", say: Callable[[str], None] = _say
) -> list[Row]:
    """Compare the working tree with a commit, and return the rows.

    Rows that come out slower are measured again in two new interpreters: where a process happens to
    put its memory and code moves small figures by more than rounds tell.
    """
    with source_of(reference) as before:
        if hasattr(os, "getloadavg"):
            say(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the start")
        say(f"row: {reference}, median (quartiles); now; now / {reference} (quartiles of rounds)")
        sides = (before, ROOT / "src")
        found = {row.label: row for row in _measured(sides, chosen, _matching(only), say)}
        slower = {label for label, row in found.items() if row.verdict == "SLOWER"}
        if slower:
            say(f"\nAgain, in new interpreters, the {len(slower)} that came out slower:")
            again = _measured(sides, chosen, slower.__contains__, say)
            found |= {row.label: row for row in again}
    slower = {label for label, row in found.items() if row.verdict == "SLOWER"}
    say(f"\n{len(found)} rows; slower, both times: {len(slower)}")
    for label in slower:
        say(f"  {label}: {found[label].ratio[1]:.3f}")
    return list(found.values())


def _matching(only: str) -> Callable[[str], bool]:
    return lambda label: re.search(only, label) is not None


def _measured(
    sources: tuple[Path, Path],
    chosen: str,
    wanted: Callable[[str], bool],
    say: Callable[[str], None],
) -> Iterator[Row]:
    """Yield the rows that both sides have, measured by two new processes."""
    settings = getattr(plan, chosen)
    with contextlib.ExitStack() as stack:
        before, now = (
            stack.enter_context(contextlib.closing(Process(source, chosen))) for source in sources
        )
        for label in filter(wanted, now.ask("labels")):
            try:
                row = _row(label, before, now, settings)
            except RuntimeError as error:
                say(f"{label}: not compared: {error}")
                continue
            say(str(row))
            yield row


def _row(label: str, before: Process, now: Process, settings: plan.Plan) -> Row:
    sides = (before, now)
    loops = [side.ask("prepare", label) for side in sides]  # a slow side needs fewer
    times: tuple[list[float], list[float]] = ([], [])
    start = timeit.default_timer()
    while len(times[0]) < FEWEST or timeit.default_timer() - start < settings.seconds:
        first = len(times[0]) % 2  # so that neither side always comes after the other
        for number in (first, 1 - first):
            times[number].append(sides[number].ask("sample", loops[number]))
    ratios = [new / old for old, new in zip(*times, strict=True)]
    return Row(label, *map(measure.quartiles, (*times, ratios)))
