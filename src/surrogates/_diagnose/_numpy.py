"""Running a network of a library that does not differentiate, for a diagnosis."""

from __future__ import annotations

from typing import Any

from ._keep import copied, kept
from ._record import Recorder, modules_of


def run(recorder: Recorder, model: Any, batch: tuple[Any, ...], loss: Any) -> None:
    """Run a network forward."""
    recorder.modules = modules_of(model)
    recorder.cannot_tell("gradients: neither network nor batch is of PyTorch or JAX")
    with kept(model):
        output = model(*copied(recorder, batch))
        if loss is not None:
            loss(output)
