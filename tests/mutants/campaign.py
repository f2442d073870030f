"""Try mutants: the tests that run the changed lines, in a copy of the tree, in a forked process."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from .operators import Mutant
from .plugin import Finder, Mapper

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".mutants"
# Tests of what is not mutated, or that take long for what they tell of it.
NOT_RUN = {"test_bench", "test_check", "test_cli", "test_documentation", "test_transforms_page"}
# Tests that run the code in processes of their own, or in doctests, where no map sees it: for lines
# that no other test runs.
UNSEEN = ("backends/test_backends", "package/test_import", "package/test_documentation")
FIRST, THEN = 12.0, 45.0  # seconds of tests that a mutant is given at first, and if it survives
PRELOADED = ["numpy", "torch", "jax", "dask.array", "mpmath", "sympy", "pytest"]
PRELOADED += ["array_api_strict", "flax.nnx", "equinox"]


class Campaign:
    """Mutants, the tests for each, and the copies of the tree that they are tried in."""

    def __init__(self, jobs: int, tests: str) -> None:
        os.environ |= {"JAX_ENABLE_X64": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        os.environ |= {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
        self.processes = multiprocessing.get_context("forkserver")
        self.processes.set_forkserver_preload([m for m in PRELOADED if _is_installed(m)])
        self.jobs, self.lock = jobs, Lock()
        self.trees = []
        for number in range(jobs):
            tree = KEPT / f"tree{number}"
            shutil.rmtree(tree, ignore_errors=True)
            for name in ("src", "tests", "docs"):
                ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(ROOT / name, tree / name, symlinks=True, ignore=ignored)
            for name in ("pyproject.toml", "README.md", "noxfile.py"):
                shutil.copy(ROOT / name, tree / name)
            self.trees.append(tree)
        self.free = list(self.trees)
        self.sources = _digest(sorted((ROOT / "src").rglob("*.py")))
        self._map(tests)

    def _map(self, wanted: str) -> None:
        """Find out which test runs which line; of each test file once, and after each change."""
        files = [
            path
            for path in sorted((ROOT / "tests").rglob("test_*.py"))
            if path.stem not in NOT_RUN and re.search(wanted, path.name)
        ]
        targets = {}
        shared = [ROOT / "tests/conftest.py", *sorted((ROOT / "tests/support").glob("*.py"))]
        for path in files:
            digest = _digest([*shared, path])
            targets[path] = KEPT / f"{path.stem}-{self.sources}-{digest}.json"

        def one(path: Path) -> None:
            if not targets[path].exists():
                start, arguments = time.monotonic(), [str(path.relative_to(ROOT))]
                self._pytest(arguments, 1800, target=targets[path])
                seconds = time.monotonic() - start
                print(f"map of {path.name}: {seconds:.0f} s", flush=True)

        with ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(one, files))
        self.unseen = [f"tests/{name}.py" for name in UNSEEN]
        passing = KEPT / f"unseen-{self.sources}"
        if not passing.exists():
            outcome, by = self._pytest(self.unseen, 900)
            if outcome != "passed":
                raise RuntimeError(f"{by} fails on the code as it is: see {KEPT}/tree*/log.txt")
            passing.touch()
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        for path, target in targets.items():
            if not target.exists():
                raise RuntimeError(f"{path.name} did not run: see {KEPT}/tree*/log.txt")
            found = json.loads(target.read_text())
            self.seconds |= found["seconds"]
            names = list(found["seconds"])
            for source, lines in found["lines"].items():
                for line, tests in lines.items():
                    self.lines[source][int(line)] += [names[number] for number in tests]

    def run(self, mutants: list[Mutant]) -> dict[str, Any]:
        """Return what became of each mutant."""
        kept = KEPT / "results.jsonl"
        known = {}
        if kept.exists():
            for line in kept.read_text().splitlines():
                result = json.loads(line)
                if result["sources"] == self.sources:
                    known[result["mutant"]] = result
        found = {m.key: known[m.key] for m in mutants if m.key in known}

        def one(mutant: Mutant) -> None:
            start = time.monotonic()
            outcome, by = self._try(mutant)
            result = {"mutant": mutant.key, "line": mutant.lines[0], "outcome": outcome, "by": by}
            result |= {"seconds": round(time.monotonic() - start, 1), "sources": self.sources}
            with self.lock, kept.open("a") as file:
                file.write(json.dumps(result) + "\n")
                found[mutant.key] = result
                print(f"{len(found)} {outcome} {result['seconds']} s {mutant.key}", flush=True)

        with ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(one, [m for m in mutants if m.key not in found]))
        return found

    def _try(self, mutant: Mutant) -> tuple[str, str | None]:
        try:
            compile(mutant.source, mutant.path, "exec")
        except SyntaxError:  # such as an operator in a target
            return "invalid", None
        tests = self._tests(mutant)
        if not tests:
            outcome, by = self._pytest([*self.unseen, "-x"], 300, mutant=mutant)
            return ("not run" if outcome == "passed" else outcome), by
        first, then = _budgeted(tests, FIRST), _budgeted(tests, FIRST + THEN)
        for chosen in (first, [test for test in then if test not in set(first)]):
            if chosen:
                outcome, by = self._pytest([*chosen, "-x"], 60 + 3 * (FIRST + THEN), mutant=mutant)
                if outcome != "passed":
                    return outcome, by
        return "survived", None

    def _tests(self, mutant: Mutant) -> list[tuple[str, float]]:
        """Return the tests that run the changed lines, those to be taken first in front."""
        lines = self.lines.get(mutant.path, {})
        start, end = mutant.lines
        names = {test for line in range(start, end + 1) for test in lines.get(line, ())}
        # What runs on import, in no test or in the first one of a file: all tests of the module.
        if any(line in lines for line in range(start, end + 1)) and not _in_function(mutant):
            names |= {test for tests in lines.values() for test in tests}
        by_function = defaultdict(list)
        for name in sorted(names, key=lambda name: (self.seconds[name], name)):
            by_function[name.partition("[")[0]].append(name)
        rng = random.Random(mutant.key)
        rounds = []
        for tests in by_function.values():
            rest = tests[1:]
            rng.shuffle(rest)
            rounds += list(enumerate([tests[0], *rest]))
        rounds.sort(key=lambda pair: (pair[0], self.seconds[pair[1]]))
        return [(name, self.seconds[name]) for _, name in rounds]

    def _pytest(
        self,
        arguments: list[str],
        limit: float,
        *,
        mutant: Mutant | None = None,
        target: Path | None = None,
    ) -> tuple[str, str | None]:
        with self.lock:
            tree = self.free.pop()
        report = tree / "report.json"
        report.unlink(missing_ok=True)
        changed = tree / "src" / mutant.path if mutant else None
        original = changed.read_text() if changed else ""
        try:
            if changed and mutant:
                changed.write_text(mutant.source)
            process = self.processes.Process(target=_child, args=(tree, arguments, target))
            process.start()
            process.join(limit)
            if process.is_alive():
                os.killpg(process.pid, signal.SIGKILL)
                process.join()
                return "timeout", None
            if not report.exists():  # it took the process down
                return "crashed", None
            code, by = json.loads(report.read_text())
            return ("passed" if code == 0 else "killed"), by
        finally:
            if changed:
                changed.write_text(original)
            with self.lock:
                self.free.append(tree)


def _child(tree: Path, arguments: list[str], target: Path | None) -> None:
    os.setsid()
    os.chdir(tree)
    log = os.open(tree / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["PYTHONPATH"] = f"{tree / 'src'}"  # for what the tests start
    sys.path = [*(str(tree / n) for n in ("src", "tests", "tests/support")), *sys.path]
    sys.dont_write_bytecode = True
    assert "surrogates" not in sys.modules
    import pytest

    finder = Finder()
    plugins: list[Any] = [finder, *([Mapper(tree / "src", target)] if target else [])]
    options = ["-q", "-p", "no:cacheprovider", "-p", "mutants.plugin", "-p", "no:xdist"]
    # A plug-in of pytest that a preloaded library brought along, as jaxtyping does.
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    code = int(pytest.main([*options, *arguments], plugins=plugins))
    used = sys.modules["surrogates"].__file__ or ""
    assert used.startswith(str(tree)), used
    (tree / "report.json").write_text(json.dumps([code, finder.failed]))
    sys.stdout.flush()
    os._exit(0)


def _budgeted(tests: list[tuple[str, float]], seconds: float) -> list[str]:
    chosen, total = [], 0.0
    for name, duration in tests:
        if total + duration <= seconds or not chosen:
            chosen.append(name)
            total += duration + 0.02
    return chosen


def _in_function(mutant: Mutant) -> bool:
    start, _ = mutant.lines
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return any(
        isinstance(node, functions) and node.body[0].lineno <= start <= (node.end_lineno or 0)
        for node in ast.walk(ast.parse(mutant.source))
    )


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(name.partition(".")[0]) is not None
