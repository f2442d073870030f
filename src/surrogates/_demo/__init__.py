"""``python -m surrogates demo``: one spiking network, trained in every framework."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from surrogates import Surrogate

from . import figure
from .frameworks import ALL
from .training import Digits, Run, batches_per_epoch, largest_difference, load_digits, train


def run(backend: str, surrogate: Surrogate, epochs: int, seed: int, out: Path) -> int:
    """Train, print the table, write the picture; return the exit status.

    Parameters
    ----------
    backend : str
        Name of a framework, or "all" for every one that is installed.
    surrogate : Surrogate
        The surrogate of all neurons.
    epochs, seed : int
        Passes through the training images; seed of weights, split and order.
    out : Path
        The PNG file to write.

    Raises
    ------
    ImportError
        If a library that is needed is not installed, or the framework asked for has no device.
    FileNotFoundError
        If the folder of `out` does not exist.
    """
    for library in ("sklearn", "matplotlib", "tqdm"):
        if find_spec(library) is None:
            raise ImportError(
                f"{library} is not installed; the demo needs the extra 'demo' of "
                "surrogate-gradients: python -m pip install matplotlib scikit-learn tqdm"
            )
    if not out.resolve().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {out.resolve().parent} to write {out.name} to")
    instances = []
    for framework in ALL:
        if backend in ("all", framework.name) or framework.name == "numpy":
            try:
                instances.append(framework(surrogate))
            except ImportError as error:
                if backend == framework.name:
                    if not isinstance(error, ModuleNotFoundError):  # such as a missing device
                        raise
                    extra = f"the demo in {backend} needs the extra {backend!r}"
                    raise ImportError(f"{error}; {extra} of surrogate-gradients") from None
                print(f"{framework.name}: left out ({error})", file=sys.stderr)
    digits = load_digits(seed)
    runs = [_train_with_progress(instance, digits, epochs, seed) for instance in instances]
    print(table(runs))
    if any(largest_difference(r, runs[0]) > 1e-6 for r in runs):
        print(
            "The curves part: training with this surrogate is chaotic here, and magnifies the\n"
            "rounding differences between the frameworks' matrix products until a spike flips."
        )
    figure.save(out, surrogate, runs, digits)
    print(f"wrote {out}")
    return 0


def table(runs: list[Run]) -> str:
    """Return the table of results, a line for each framework, NumPy's first."""
    lines = ["framework          test accuracy   s/epoch   largest loss difference from numpy"]
    for r in runs:
        name = f"{r.framework} {r.version}"
        shown = "-" if r is runs[0] else f"{largest_difference(r, runs[0]):.1e}"
        lines.append(f"{name:<18} {r.accuracy:>12.1%} {r.seconds_per_epoch:>10.3f}   {shown:>10}")
    return "\n".join(lines)


def _train_with_progress(framework: Any, digits: Digits, epochs: int, seed: int) -> Run:
    from tqdm import tqdm

    total = epochs * batches_per_epoch(digits)
    with tqdm(total=total, desc=f"{framework.name:>6}", unit="batch") as bar:

        def progress(loss: float) -> None:
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update()

        return train(framework, digits, epochs, seed, progress)
