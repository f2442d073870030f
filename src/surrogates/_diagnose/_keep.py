"""What a diagnosis leaves as it was: the batch, what a network consists of, random numbers."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .._surrogate import Surrogate
from ._record import Recorder, parts_of

# Whose arrays change in place, as NumPy's do. No backend tells: MLX's takes no `out`, as JAX's.
_EDITED = ("array_api_strict", "cupy", "mlx")


def copied(recorder: Recorder, batch: tuple[Any, ...], tensors: Iterable[Any] = ()) -> Any:
    """Return a copy of a batch, which the network may change; of PyTorch's tensors detached."""
    # PyTorch refuses to copy results of a computation.
    memo = {id(t): t.detach().clone().requires_grad_(t.requires_grad) for t in tensors}
    try:
        return copy.deepcopy(batch, memo)
    except Exception as error:  # of a user's class
        recorder.cannot_tell(
            f"whether the network changes the batch, which cannot be copied: {error}"
        )
        return batch


@contextmanager
def kept(model: Any) -> Iterator[None]:
    """Put a network back as it was: attributes of its objects, arrays and generators."""
    seen: dict[int, Any] = {}
    undo: list[Callable[[], Any]] = []

    def keep(part: Any) -> None:
        if id(part) not in seen:
            seen[id(part)] = part
            undo.extend(_undo(part, keep))

    for part, _ in parts_of(model):
        keep(part)
    try:
        yield
    finally:
        for step in undo:
            step()


def _undo(part: Any, keep: Callable[[Any], None]) -> list[Callable[[], Any]]:
    """Return functions that put one part of a network back."""
    torch, dask = sys.modules.get("torch"), sys.modules.get("dask.array")
    random = sys.modules.get("random")
    if isinstance(part, np.ndarray):
        before = part.copy()
        return [lambda: np.copyto(part, before)] if part.flags.writeable else []
    if type(part).__module__.partition(".")[0] in _EDITED:
        values = copy.deepcopy(part)
        return [lambda: part.__setitem__(..., values)] if hasattr(part, "dtype") else []
    if dask and isinstance(part, dask.Array):
        graph, name = part.copy(), part.name  # an assignment gives it another graph and name
        return [lambda: None if part.name == name else part.__setitem__(..., graph)]
    if isinstance(part, np.random.Generator):
        drawn = part.bit_generator.state
        keep(part.bit_generator.seed_seq)  # which counts what is spawned
        return [lambda: setattr(part.bit_generator, "state", drawn)]
    if isinstance(part, np.random.SeedSequence):
        seeds: Any = part
        spawned = seeds.__reduce__()[2]  # as pickled, since how many it spawned cannot be set
        return [lambda: seeds.__setstate__(spawned)]
    if isinstance(part, np.random.RandomState):
        legacy = part.get_state()
        return [lambda: part.set_state(legacy)]
    if random and isinstance(part, random.Random) and not isinstance(part, random.SystemRandom):
        python = part.getstate()
        return [lambda: part.setstate(python)]
    if torch and isinstance(part, torch.Generator):
        state = part.get_state()
        return [lambda: part.set_state(state)]
    if torch and isinstance(part, torch.Tensor):
        values = part.detach().clone()
        return [lambda: _assign(part, values)]
    if torch and isinstance(part, torch.nn.Module):
        for inside in (*part.parameters(), *part.buffers(), *part.children()):
            keep(inside)
        # with the dictionaries of parameters, buffers and modules that are among its attributes
        inner = [value for value in vars(part).values() if isinstance(value, dict)]
        return [_restorer(dictionary) for dictionary in (vars(part), *inner)]
    is_object = isinstance(getattr(part, "__dict__", None), dict)
    return [_restorer(vars(part))] if is_object and not isinstance(part, Surrogate) else []


def _restorer(dictionary: dict[str, Any]) -> Callable[[], None]:
    before = dict(dictionary)

    def restore() -> None:
        if [*map(id, dictionary.values())] != [*map(id, before.values())]:
            dictionary.clear()
            dictionary.update(before)

    return restore


def _assign(tensor: Any, values: Any) -> None:
    torch = sys.modules["torch"]
    if not torch.equal(tensor, values):
        with torch.no_grad():
            tensor.copy_(values)


@contextmanager
def same_random() -> Iterator[None]:
    """Put back the random states of Python, NumPy and, on the CPU, PyTorch."""
    import random  # here, since it takes long to import

    torch = sys.modules.get("torch")
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    drawn = torch.get_rng_state() if torch else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        if torch:
            torch.set_rng_state(drawn)
