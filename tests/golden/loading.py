"""Where other libraries lie, and how to import one file of them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

# The folder of check-outs, one for each library that is not on PyPI, by the name of its facts.
SOURCES: Path | None = None


def checkout(library: str) -> Path:
    """Return the check-out of a library."""
    if SOURCES is None or not (SOURCES / library).is_dir():
        raise ModuleNotFoundError(library)
    return SOURCES / library


def beneath(root: Path, module: str) -> Any:
    """Import a module without the ``__init__`` of its packages, which ask for much more."""
    parts = module.split(".")
    for i in range(1, len(parts)):
        package = types.ModuleType(".".join(parts[:i]))
        package.__path__ = [str(root.joinpath(*parts[:i]))]
        sys.modules[package.__name__] = package
    return importlib.import_module(module)


def installed(package: str) -> Path:
    """Return the folder that an installed package lies in, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(package)
    return Path(spec.submodule_search_locations[0]).parent


def by_file(package: str, path: str) -> Any:
    """Return a module of a package whose own ``__init__`` may not be importable."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(package)
    return load(Path(spec.submodule_search_locations[0]) / path)


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"golden_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # which dataclasses look up
    spec.loader.exec_module(module)
    return module
