"""One side of a comparison: a process that prepares rows and times them when it is told to.

It runs the bench that stands here against the `src` that stands first on its path. A request is a
line of JSON on its standard input, an answer one on its standard output.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import timeit
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import measure, pairs, peers, plan
from .measure import Run

Make = Callable[[], Run]


def rows(chosen: plan.Plan) -> dict[str, tuple[int, Make]]:
    """Return what makes each row of ours, by label, with its number of threads."""
    found: dict[str, tuple[int, Make]] = {}
    for source in (_races, _pairs, _networks):
        try:
            found |= {label: (threads, make) for label, threads, make in source(chosen)}
        except Exception as error:  # an older commit may lack what this bench imports
            print(f"{source.__name__}: {type(error).__name__}: {error}", file=sys.stderr)
    return found


def _races(chosen: plan.Plan) -> Iterator[tuple[str, int, Make]]:
    from . import collect

    for labels, make in collect.races(chosen, list(peers.OURS)[: chosen.surrogates]):
        for name in ("ours", "transposed", "strided") if "layouts" in labels else ("ours",):
            if "layouts" not in labels or name != "ours":
                label = " ".join((plan.label(labels), "" if name == "ours" else name)).strip()
                yield label, labels["threads"], lambda m=make, n=name: m()[n]


def _pairs(chosen: plan.Plan) -> Iterator[tuple[str, int, Make]]:
    for pair, surrogate, size in pairs.rows(chosen):
        label = f"{pair.framework} {pair.what} {surrogate} {size}"
        make = lambda p=pair, s=surrogate, n=size: p.make(s, n)["ours"]  # noqa: E731
        yield label, chosen.threads[0], make


def _networks(chosen: plan.Plan) -> Iterator[tuple[str, int, Make]]:
    from . import networks

    for labels, module, function in networks.workplaces(chosen):
        for name, network in getattr(module, function)(labels["hidden"], with_peers=False).items():
            if ", ours" in name:
                label = f"network {plan.label(labels)} {name}"
                size = (chosen.steps, chosen.batch, labels["hidden"])
                make = lambda m=module, n=network, s=size: m.Training(n, *s).step  # noqa: E731
                yield label, labels["threads"], make


class Side:
    """Answers requests: the row that was prepared last is the one that is timed."""

    def __init__(self, chosen: plan.Plan) -> None:
        self.rows = rows(chosen)
        self.timer: timeit.Timer | None = None
        self.held = contextlib.ExitStack()

    def labels(self) -> list[str]:
        """Return the labels of all rows."""
        return list(self.rows)

    def prepare(self, label: str) -> int:
        """Make a row, and return how many calls make a sample."""
        self.timer = None
        self.held.close()
        gc.collect()
        if label not in self.rows:
            raise LookupError("this side has no such row")
        threads, make = self.rows[label]
        self.held.enter_context(measure.threads(threads))
        self.timer = timeit.Timer(make())
        self.timer.timeit(1)  # compilers run now
        return measure.loops_of(self.timer)

    def sample(self, loops: int) -> float:
        """Return the seconds of a call."""
        assert self.timer is not None
        return self.timer.timeit(loops) / loops


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    import surrogates
    from surrogates import backends

    folders = [Path(module.__file__ or "").parent.resolve() for module in (surrogates, backends)]
    print(json.dumps([str(folder) for folder in folders]), file=answers, flush=True)
    peers.PEERS.update({name: [] for name in peers.PEERS})  # nothing but ours is timed
    warnings.simplefilter("ignore")
    side = Side(getattr(plan, sys.argv[1]))
    for line in sys.stdin:
        request, *arguments = json.loads(line)
        answer: Any
        try:
            answer = {"answer": getattr(side, request)(*arguments)}
        except Exception as error:  # a row that does not run on this side
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
