"""``python -m fuzz``, with ``tests`` on the path: see `fuzz`."""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import random
import sys
import tempfile
import time

# As in conftest.py, before JAX is imported.
os.environ["JAX_ENABLE_X64"] = "1"

from .runner import part, report, save


def main() -> int:
    """Draw cases, save those that break a law, and return 1 if there is one."""
    parser = argparse.ArgumentParser(prog="fuzz", description="search for cases that break a law")
    parser.add_argument("--examples", type=int, default=2000, help="how many to draw")
    parser.add_argument("--seed", type=int, help="random by default, and printed")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--only", default="", help="paths with this text in their name")
    parser.add_argument("--kind", default="", help="kinds of array with this in their name")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop drawing after")
    parser.add_argument("--dry", action="store_true", help="print what was found, save nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return run(options, folder)


def run(options: argparse.Namespace, folder: str) -> int:
    """Draw cases in processes that share, in a folder, what JAX has compiled."""
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    seed = random.randrange(10**9) if options.seed is None else options.seed
    print(f"{options.examples} examples, --seed {seed}", flush=True)
    start = time.monotonic()
    share = -(-options.examples // options.jobs)
    which = (options.only, options.kind.upper(), options.seconds)
    shares = [(share, seed + 10**7 * n, *which) for n in range(options.jobs)]
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        parts = pool.starmap(part, shares)
    found: dict = {}
    for cases, _ in parts:
        for signature, case in cases.items():
            found.setdefault(signature, case)
    checked = sum(number for _, number in parts)
    took = f"{time.monotonic() - start:.0f} s"
    print(f"{checked} checked in {took}, {len(found)} kinds of failures", flush=True)
    report(found, None if options.dry else save, lambda text: print(text, flush=True))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
