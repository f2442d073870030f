"""Measures, and writes benchmarks.json, benchmarks.md and benchmarks*.png in docs/explanation.

With --compare, it measures the working tree against a commit, and writes nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import sys
import time
from pathlib import Path

os.environ.setdefault("JAX_ENABLE_X64", "1")  # or float64 would be float32
os.environ.setdefault("TORCH_LOGS", "-dynamo,-inductor")  # they report the peers' graph breaks

from . import compare, plan, plots, report
from .collect import collect, completed, merged, on_gpu_alone

DOCS = Path(__file__).parents[2] / "docs/explanation"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and rough, in a few minutes")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where to write")
    parser.add_argument("--render", action="store_true", help="measure nothing, read the JSON")
    parser.add_argument("--only", default="", metavar="REGEX", help="measure this alone again")
    parser.add_argument("--seconds", type=float, help="how long each race lasts")
    parser.add_argument("--compare", metavar="REF", help="print the ratios to a commit of git")
    arguments = parser.parse_args()
    if arguments.compare:
        try:
            named = "QUICK" if arguments.quick else "COMPARED"
            compare.compare(arguments.compare, named, arguments.only)
        except compare.CannotCompareError as error:
            sys.exit(f"--compare: {error}")
        return
    path = arguments.docs / "benchmarks.json"
    if arguments.only and not arguments.render and not path.exists():
        sys.exit(f"--only: there is no {path} to add to; measure all first, without --only")
    arguments.docs.mkdir(parents=True, exist_ok=True)  # before hours of measuring
    if not arguments.render:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # keep what there is
        start = time.monotonic()
        chosen = plan.QUICK if arguments.quick else plan.FULL
        if arguments.seconds is not None:
            chosen = dataclasses.replace(chosen, seconds=arguments.seconds)
        data = collect(
            chosen,
            lambda text: print(f"{time.monotonic() - start:6.0f} s  {text}", flush=True),
            arguments.only,
        )
        if arguments.only:
            again = {key: data["machine"][key] for key in ("date", "cpu", "load")}
            again |= {"only": arguments.only, "quick": arguments.quick}
            told = on_gpu_alone(data)
            data = merged(json.loads(path.read_text()), data)
            if not told:
                data["machine"].setdefault("again", []).append(again)
        elif path.exists():
            data = completed(data, json.loads(path.read_text()))
        data["machine"].setdefault("quick", arguments.quick)
        path.write_text(json.dumps(data, indent=1) + "\n")
    data = json.loads(path.read_text())
    (arguments.docs / "benchmarks.md").write_text(report.page(data))
    for figure in plots.draw(data, arguments.docs):
        print("wrote", figure)


main()
