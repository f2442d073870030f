"""The command line: ``python -m surrogates``."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import json
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import surrogates
from surrogates import Surrogate, backends
from surrogates._find import (
    at_defaults,
    chosen,
    lines,
    meanings,
    of_class,
    of_library,
    other_numbers,
)
from surrogates.definitions import FAMILIES, SURROGATES, function_name
from surrogates.libraries import LIBRARIES, names_of
from surrogates.libraries._page import page


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m surrogates", description=surrogates.__doc__)
    parser.add_argument("--version", action="version", version=surrogates.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = _command(commands, "demo", "train a spiking network in every framework installed")
    demo.add_argument(
        "--backend",
        choices=["all", "numpy", "cupy", "torch", "jax"],
        default="all",
        help="where to train (default: wherever it is installed)",
    )
    demo.add_argument(
        "--surrogate",
        type=_surrogate,
        default="GaussianGrad",
        metavar="NAME",
        help="class or function, taken at its defaults (default: GaussianGrad)",
    )
    demo.add_argument(
        "--epochs",
        type=positive_integer,
        default=10,
        help="passes through the images (default: 10)",
    )
    demo.add_argument(
        "--seed", type=seed_number, default=0, help="of weights, split and order (default: 0)"
    )
    demo.add_argument("--out", type=Path, default=Path("demo.png"), help="the PNG file to write")

    check = _command(commands, "check", "check surrogates on what is installed, your own too")
    check.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a surrogate, or module:Class for your own (default: all of this package)",
    )
    check.add_argument(
        "--points",
        type=positive_integer,
        default=2000,
        help="at which errors are measured, per parameter set and dtype (default: 2000)",
    )

    check.add_argument("--jobs", type=positive_integer, default=1, help="processes (default: 1)")
    check.add_argument(
        "--framework",
        action="append",
        choices=["numpy", "torch", "jax"],
        help="only this one (may be repeated; default: all that are installed)",
    )

    check.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write the table there, too, as JSON; rows of other surrogates stay, if of the same "
        "points and versions",
    )

    listing = _command(commands, "list", "print the surrogates, or all that a name means")
    listing.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="of a surrogate, or a library for all its names",
    )
    listing.add_argument(
        "--libraries", action="store_true", help="instead, what other libraries call them"
    )
    listing.add_argument("--json", action="store_true", help="the same as JSON, with parameters")
    show = _command(commands, "show", "print all about one surrogate")
    show.add_argument(
        "name", metavar="NAME", help="of this package, a library or a paper, or module:Class"
    )

    plot = _command(commands, "plot", "draw surrogates at their defaults to a file")
    plot.add_argument("names", nargs="+", metavar="NAME", help="as for show")
    plot.add_argument(
        "--kind",
        choices=["derivative", "primitive", "spike", "both", "all"],
        default="derivative",
        help="default: derivative",
    )
    plot.add_argument("--log", action="store_true", help="with a logarithmic vertical axis")
    plot.add_argument(
        "--out",
        type=Path,
        default=Path("surrogates.png"),
        metavar="FILE",
        help="its ending says the format: png, svg or pdf (default: surrogates.png)",
    )

    _command(commands, "docs", "open the documentation, or say where it is")
    _command(commands, "env", "print the versions that matter for a bug report")

    options = parser.parse_args(arguments)
    command = {
        "check": _check,
        "demo": _demo,
        "docs": _docs,
        "env": _env,
        "list": _list,
        "plot": _plot,
        "show": _show,
    }
    try:
        status = command[options.command](options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # its reader, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's last flush
        return 1
    except (FileNotFoundError, ImportError, LookupError, NotImplementedError) as error:
        print(f"surrogates {options.command}: {error}", file=sys.stderr)
        return 2


def _command(commands: Any, name: str, purpose: str) -> argparse.ArgumentParser:
    """Return a parser that says, in the list of commands and in its own help, what it is for."""
    description = f"{purpose[0].upper()}{purpose[1:]}."
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=purpose, description=description
    )
    return parser


def _demo(options: argparse.Namespace) -> int:
    from ._demo import run

    return run(options.backend, options.surrogate(), options.epochs, options.seed, options.out)


def _check(options: argparse.Namespace) -> int:
    from . import _check as check

    names = options.names or SURROGATES
    classes = [check.find(name) for name in names]
    return check.run(classes, options.points, options.framework, options.jobs, options.json)


def _list(options: argparse.Namespace) -> int:
    names = options.names
    if options.json:
        meant = [m for name in names for m in of_library(name) or meanings(name)]
        found = [m.innermost for m in meant] or SURROGATES.values()
        print(json.dumps([_as_json(cls) for cls in dict.fromkeys(found)], indent=2))
    elif names:
        for name in names:
            print(name, *lines(of_library(name) or meanings(name)), sep="\n")
    elif options.libraries:
        print(page(), end="")
    else:
        for family in FAMILIES:
            print(_first_line(family))
            for name in family.__all__:
                if name in SURROGATES:
                    print(f"    {name:<24} {_first_line(SURROGATES[name])}")
    return 0


def _first_line(documented: object) -> str:
    return inspect.cleandoc(documented.__doc__ or "").splitlines()[0]


def _as_json(cls: type[Surrogate]) -> dict[str, object]:
    """Return a surrogate, with its names and its parameters' defaults, as `list --json` has it."""
    declared = inspect.signature(cls).parameters.values()
    return {
        "name": cls.__name__,
        "function": function_name(cls),
        "summary": _first_line(cls),
        "parameters": {p.name: p.default for p in declared},
        "also_called": list(_also_called(cls)),
        "libraries": [
            {"library": m.library, "name": m.name, "call": m.call, "makes": repr(m.surrogate)}
            for m in of_class(cls)
        ],
    }


def _also_called(cls: type[Surrogate]) -> tuple[str, ...]:
    found: tuple[str, ...] = vars(cls).get("also_called", ())
    return found


def _show(options: argparse.Namespace) -> int:
    surrogate = _at_defaults(options.name)
    cls = type(surrogate)
    is_ours = cls in SURROGATES.values()
    form = f", with functional form {function_name(cls)}" if is_ours else ""
    print(f"{surrogate!r}{form}\n")
    print(inspect.cleandoc(cls.__doc__ or ""))
    print(f"\nAt the defaults: {', '.join(_measures(surrogate))}")
    if not is_ours:
        return 0
    if _also_called(cls):
        print(f"\nAlso called: {', '.join(_also_called(cls))}")
    if named := of_class(cls):
        print("\nIn other libraries:", *lines(named), sep="\n")
    others = [m for m in meanings(options.name) if m.innermost is not cls]
    if others:
        print(f"\nBy {options.name!r} others mean:", *lines(others), sep="\n")
    return 0


def _at_defaults(name: str) -> Surrogate:
    """Return what a name means, and say so where libraries mean other numbers by it."""
    surrogate = at_defaults(name)
    _say_other_numbers(name, type(surrogate))
    return surrogate


def _say_other_numbers(name: str, cls: type[Surrogate]) -> None:
    if told := other_numbers(name, cls):
        print(told, file=sys.stderr)


def _measures(surrogate: Surrogate) -> Iterator[str]:
    """Yield peak, area, width and what follows from them: those that the class defines."""
    for name in ("peak", "area", "width"):
        with contextlib.suppress(NotImplementedError):
            yield f"{name} {getattr(surrogate, name):.6g}"
    yield f"support {surrogate.support}"
    with contextlib.suppress(NotImplementedError):
        yield f"the derivative is {'a' if surrogate.is_distribution else 'not a'} density"


def _plot(options: argparse.Namespace) -> int:
    drawn = [_at_defaults(name) for name in options.names]
    try:
        from matplotlib.figure import Figure  # not pyplot: it wants no window system
    except ImportError:
        raise ImportError(
            "it needs matplotlib: python -m pip install matplotlib, or install surrogate-gradients "
            "with the extra 'plot'"
        ) from None
    figure = Figure(figsize=(6.0, 3.8), layout="constrained")
    formats = figure.canvas.get_supported_filetypes()
    if options.out.suffix[1:].lower() not in formats:
        raise LookupError(f"{options.out} must end in one of {', '.join(formats)}")
    surrogates.plot(*drawn, kind=options.kind, log=options.log, ax=figure.subplots())
    figure.savefig(options.out, dpi=150)
    print(options.out)
    return 0


def _docs(options: argparse.Namespace) -> int:
    """Open the site that was built in this checkout; return 2 if there is none."""
    root = Path(surrogates.__file__).resolve().parents[2]
    if not (root / "docs" / "conf.py").exists():
        print("The documentation is part of the repository, and not of the package. In a checkout:")
        print("python -m nox -s docs")
        return 2
    page = root / "docs" / "_build" / "html" / "index.html"
    if not page.exists():
        print(f"The documentation is not built. In {root}: python -m nox -s docs")
        return 2
    print(page)
    import webbrowser

    webbrowser.open(page.as_uri())  # without a browser there is the path that was printed
    return 0


def _env(options: argparse.Namespace) -> int:
    """Print versions; return 1 if another distribution owns the import name `surrogates`."""
    print(f"surrogates {surrogates.__version__}, Python {platform.python_version()}")
    distributions = metadata.packages_distributions()  # of each import name
    for library in ("array_api_compat", *backends.supported()):
        for distribution in sorted(set(distributions.get(library, []))):
            print(f"{distribution} {metadata.version(distribution)}")
    for entry in map(names_of, LIBRARIES):
        tested = entry.version
        for distribution in sorted(set(distributions.get(entry.name, []))):
            # Of a library that was read in its repository, PyPI may have another of the same name.
            if not tested.startswith("git "):
                version = metadata.version(distribution)
                untested = "" if version == tested else f", not tested: {tested} was"
                print(f"{distribution} {version}{untested}")
    others = sorted({*distributions.get("surrogates", [])} - {"surrogate-gradients"})
    if others:
        print(
            f"warning: {', '.join(others)} installs files under the import name 'surrogates' too, "
            "and one overwrites the other: uninstall both, then install surrogate-gradients"
        )
        return 1
    print("no other distribution installs files under the import name 'surrogates'")
    return 0


def _surrogate(text: str) -> type[Surrogate]:
    try:
        cls = chosen(text)
    except LookupError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    _say_other_numbers(text, cls)
    return cls


def seed_number(text: str) -> int:
    seed = int(text)
    if seed < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, got {seed}")
    return seed


def positive_integer(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {count}")
    return count
