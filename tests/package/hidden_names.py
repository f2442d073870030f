"""Hides a library's private names, one after the other, and prints what the library then gives.

Run with the library, "in use" or "at import", and the names: a line for each, "same" or the error.
At import alone: in use PyTorch itself looks for some of them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import numpy as np

X = [-1.5, -0.4, 0.0, 0.3, 2.0]


@contextmanager
def hidden(name: str) -> Any:
    """Remove a name from what holds it."""
    first, *between, last = name.split(".")
    holder: Any = importlib.import_module(first)
    for depth, part in enumerate(between, 1):
        if not hasattr(holder, part):
            importlib.import_module(".".join([first, *between[:depth]]))
        holder = getattr(holder, part)
    value = getattr(holder, last)
    delattr(holder, last)
    try:
        yield
    finally:
        setattr(holder, last, value)


def fresh() -> Any:
    """Import this package as if for the first time."""
    for module in [m for m in sys.modules if m.partition(".")[0] == "surrogates"]:
        del sys.modules[module]
    return importlib.import_module("surrogates")


def of_torch(surrogates: Any) -> list[Any]:
    import torch

    x = torch.tensor(X)
    f = surrogates.Arctan(2.0)
    narrow = surrogates.Compressed(f)
    relaxed = surrogates.Relaxed(f)
    alone = lambda v: f(v).sum()  # noqa: E731
    ones = torch.ones_like(x)
    tracked = x.clone().requires_grad_()
    alpha = torch.tensor(2.0, requires_grad=True)
    found = [f(x), f.surrogate_grad(x)]
    for g in (f, narrow):
        found += torch.autograd.grad(g(tracked).sum(), tracked)
    found += torch.autograd.grad(surrogates.Arctan(alpha)(tracked).sum(), tracked)
    found += torch.autograd.grad(surrogates.Relaxed(surrogates.Arctan(alpha))(x).sum(), alpha)
    (first,) = torch.autograd.grad(f(tracked).sum(), tracked, create_graph=True)
    found += torch.autograd.grad(first.sum(), tracked)
    found += torch.autograd.grad(relaxed(tracked).sum(), tracked)
    found += torch.func.jvp(f, (x,), (ones,))
    found.append(torch.func.vmap(torch.func.grad(f))(x))
    found.append(torch.func.vmap(lambda t: torch.func.jvp(f, (x,), (t,))[1])(torch.eye(5)))
    found.append(torch.func.hessian(alone)(x))
    return [each.detach().numpy() for each in found]


def of_jax(surrogates: Any) -> list[Any]:
    import jax

    x = jax.numpy.asarray(X)
    f = surrogates.Arctan(2.0)
    ones = jax.numpy.ones_like(x)
    found = [f(x), f.surrogate_grad(x)]
    for g in (f, surrogates.Compressed(f), surrogates.Relaxed(f)):
        found.append(jax.vmap(jax.grad(g))(x))
    found.append(jax.grad(lambda a: surrogates.Relaxed(surrogates.Arctan(a))(x).sum())(2.0))
    found += jax.jvp(f, (x,), (ones,))
    found.append(jax.jit(jax.hessian(lambda v: f(v).sum()))(x))
    return [np.asarray(each) for each in found]


def outcome(of_library: Callable[[Any], list[Any]], package: Any, expected: list[Any]) -> str:
    try:
        found = of_library(package)
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace("\n", " ")
    for one, other in zip(found, expected, strict=True):
        if not np.allclose(one, other, rtol=1e-5, atol=1e-7):
            return f"WRONG: {one.tolist()} is not {other.tolist()}"
    return "same"


def main(library: str, when: str, *names: str) -> None:
    of_library = {"torch": of_torch, "jax": of_jax}[library]
    expected = of_library(fresh())
    for name in names:
        with hidden(name):
            package = fresh()
            if when == "in use":
                result = outcome(of_library, package, expected)
            else:
                importlib.import_module(f"surrogates.backends._{library}")
        if when == "at import":
            result = outcome(of_library, package, expected)
        print(name, result)


if __name__ == "__main__":
    main(*sys.argv[1:])
