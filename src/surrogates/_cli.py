"""The command line: ``python -m surrogates``."""

from __future__ import annotations

import argparse
import platform
from importlib import metadata
from pathlib import Path

import surrogates
from surrogates import backends
from surrogates.definitions import SURROGATES


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m surrogates", description=surrogates.__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="train a spiking network in every framework installed")
    demo.add_argument("--backend", choices=["all", "numpy", "cupy", "torch", "jax"], default="all")
    demo.add_argument(
        "--surrogate",
        choices=sorted(SURROGATES),
        default="GaussianGrad",
        help="with its default parameters (default: GaussianGrad)",
    )
    demo.add_argument("--epochs", type=_count, default=10)
    demo.add_argument("--seed", type=int, default=0)
    demo.add_argument("--out", type=Path, default=Path("demo.png"), help="the PNG file to write")

    commands.add_parser("env", help="print the versions that matter for a bug report")

    options = parser.parse_args(arguments)
    if options.command == "env":
        return environment()
    from ._demo import run

    surrogate = SURROGATES[options.surrogate]()
    return run(options.backend, surrogate, options.epochs, options.seed, options.out)


def environment() -> int:
    """Print versions; return 1 if another distribution owns the import name `surrogates`."""
    print(f"surrogates {surrogates.__version__}, Python {platform.python_version()}")
    distributions = metadata.packages_distributions()  # of each import name
    for library in ("array_api_compat", *backends.supported()):
        for distribution in sorted(set(distributions.get(library, []))):
            print(f"{distribution} {metadata.version(distribution)}")
    others = sorted({*distributions.get("surrogates", [])} - {"surrogate-gradients"})
    if others:
        print(
            f"warning: {', '.join(others)} installs files under the import name 'surrogates' too, "
            "and one overwrites the other: uninstall both, then install surrogate-gradients"
        )
        return 1
    return 0


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {count}")
    return count
