"""``python -m mutants``, with ``tests`` on the path: see `mutants`."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tomllib
from collections import Counter
from pathlib import Path

from .campaign import KEPT, ROOT, Campaign
from .operators import mutants_of

EXPLAINED = Path(__file__).parent / "explained.toml"
# Not mutated: the formulas, which `check` holds against 50 digits, what prints and plots, and the
# adapter that needs a CUDA device to be tested at all.
LEFT_OUT = {"definitions", "_check", "_demo", "_plot.py", "_cli.py", "__main__.py", "_cupy.py"}


def main() -> int:
    """Try mutants, print those that no test found, and return 1 if one is not explained."""
    parser = argparse.ArgumentParser(prog="mutants", description="break the code, see what notices")
    parser.add_argument("--sample", type=int, help="how many, at random; all by default")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--only", default="", help="mutants with this text in their name")
    parser.add_argument(
        "--tests", default="", help="test files that match this pattern; all by default"
    )
    parser.add_argument("--list", action="store_true", help="print the mutants, try none")
    parser.add_argument("--fresh", action="store_true", help="forget what was tried before")
    options = parser.parse_args()
    sources = [
        path
        for path in sorted((ROOT / "src").rglob("*.py"))
        if not LEFT_OUT & set(path.relative_to(ROOT / "src").parts)
    ]
    mutants = [m for s in sources for m in mutants_of(str(s.relative_to(ROOT / "src")), s)]
    explained = tomllib.loads(EXPLAINED.read_text())["explained"]
    known = {key for entry in explained for key in entry["mutants"]}
    for key in sorted(known - {m.key for m in mutants}):
        print(f"explained, but there is no such mutant any more: {key}")
    chosen = [m for m in mutants if options.only in m.key]
    if options.sample is not None and options.sample < len(chosen):
        chosen = random.Random(options.seed).sample(chosen, options.sample)
    print(f"{len(chosen)} of {len(mutants)} mutants", flush=True)
    if options.list:
        print("\n".join(m.key for m in chosen))
        return 0
    KEPT.mkdir(exist_ok=True)
    if options.fresh:
        shutil.rmtree(KEPT)
        KEPT.mkdir()
    found = Campaign(options.jobs, options.tests).run([m for m in chosen if m.key not in known])
    print(Counter(result["outcome"] for result in found.values()))
    survivors = [key for key, r in found.items() if r["outcome"] in ("survived", "not run")]
    for key in sorted(survivors):
        print(f"{found[key]['outcome']}: {key}   (line {found[key]['line']})")
    print(f"{len(survivors)} survivors that are not explained in {EXPLAINED.relative_to(ROOT)}")
    return int(bool(survivors))


if __name__ == "__main__":
    sys.exit(main())
