"""Why a network does not learn: what its surrogates see, and what they do to the gradient."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from ._report import Diagnosis

__all__ = ["Diagnosis", "diagnose"]

Array = Any


def diagnose(
    model: Callable[..., Any], *batch: Any, loss: Callable[[Any], Array] | None = None
) -> Diagnosis:
    """Run a network once, and tell for each layer that spikes why it may not learn.

    The network is run on a copy of the batch, forward and backward. For each layer the diagnosis
    has the distribution of the membrane potentials relative to the threshold, the firing rate, the
    gain of the surrogate, and the size of the gradient that arrives and of the one that leaves. It
    names layers that are silent, saturated or dead, and gradients that vanish or explode, each with
    what to do. The network and the batch stay as they are: weights, gradients, states, running
    statistics; and so do the random states of Python, NumPy and PyTorch.

    Parameters
    ----------
    model : torch.nn.Module, flax.nnx.Module, equinox.Module or callable
        The network. All calls of a surrogate in it are seen, in every time step; those of one
        layer, that is from the same module, are taken together.
    *batch : array or anything else
        What the network is called with: ``model(*batch)``.
    loss : callable, optional
        From what the network returns to a number. By default the sum of all outputs, each with a
        random sign: a loss that favours no direction.

    Returns
    -------
    Diagnosis
        Printed, it is a table with findings. `layers` has the numbers, `findings` what is wrong,
        `unseen` what could not be told, and `plot` draws them.

    Raises
    ------
    TypeError
        If `model` is a class, cannot be called, or is a function around a module of Flax that
        changes.
    ValueError
        If the network calls no surrogate of this package, as where a library's neurons have one of
        that library.
    RuntimeError
        If the network of PyTorch cannot be copied, since its neurons hold states of the last run.

    Notes
    -----
    ========== =====================================================================================
    finding    when
    ========== =====================================================================================
    not finite a potential, or the derivative there, is NaN or infinite
    silent     no neuron spikes
    saturated  more than 95 % of the neurons spike, on average over time
    dead       fewer than 1 % of the potentials have a derivative above a thousandth of the peak
    vanishing  the gradient that leaves is 0, or less than 1/100 of the largest of any layer
    exploding  it is more than 100 times that of the last layer, or not finite
    untrained  the surrogate holds a Parameter of PyTorch that ``model.parameters()`` lacks
    ========== =====================================================================================

    Compiled code is run without its compiler, which would not show what it calls. NumPy, CuPy and
    Dask have no gradient to tell. Inside a transform of ``torch.func``, such as ``torch.vmap``,
    values cannot be looked at: `unseen` names the layers.

    If the network is a function, what it is made of is put back afterwards: modules that it calls,
    arrays and generators that it holds. Lists that it extends are not.

    Examples
    --------
    >>> import torch
    >>> import surrogates
    >>> _ = torch.manual_seed(0)
    >>> narrow = surrogates.rescaled(surrogates.ReluGrad(), width=1e-4)
    >>> network = torch.nn.Sequential(torch.nn.Linear(20, 50), surrogates.learnable(
    ...     narrow, "amplitude", framework="torch"), torch.nn.Linear(50, 5))
    >>> surrogates.diagnose(network, torch.randn(32, 20)).findings[0]
    "1: dead; few potentials lie within the surrogate's width of 0.0001: widen it, see \
surrogates.fitted"
    """
    if isinstance(model, type):
        raise TypeError(
            f"diagnose: model must be a network, got the class {model.__name__}; make an object of "
            f"it, {model.__name__}(...)"
        )
    if not callable(model):
        raise TypeError(
            f"diagnose: model must be a network that can be called, got {_brief(model)}"
        )
    if loss is not None and not callable(loss):
        raise TypeError(
            f"diagnose: loss must be a function of what the network returns, got loss={loss!r}; "
            "leave it out for one that favours no direction"
        )
    from ._keep import same_random  # here, since few who import the package ask for it
    from ._record import Recorder, recording

    _require_fitting(model, batch)
    recorder = Recorder()
    with same_random(), recording(recorder):
        _runner(model, batch)(recorder, model, batch, loss)
    if not recorder.layers:
        raise ValueError(
            f"diagnose: {type(model).__name__} called no surrogate of this package; hand over the "
            "network that contains the spiking neurons, and a batch on which it runs"
            f"{_of_a_library(model)}"
        )
    return Diagnosis(
        [layer.summary() for layer in recorder.layers.values() if layer.potentials], recorder.unseen
    )


def _of_a_library(model: Any) -> str:
    """Return what to do where neurons of a library spike by that library's own surrogate."""
    from ..libraries import LIBRARIES, names_of
    from ._record import modules_of

    parts = [part for part, _ in modules_of(model)]
    parts += [inside for part in parts for inside in getattr(part, "modules", list)()]  # of PyTorch
    tops = dict.fromkeys(type(part).__module__.partition(".")[0] for part in parts)
    entries = [names_of(top) for top in tops if top in LIBRARIES]
    found = [entry for entry in entries if entry.arguments]
    if not found:
        return ""
    name, argument = found[0].name, next(iter(found[0].arguments))
    return (
        f". A surrogate of {name} is not seen: give its neurons one of this package, "
        f"{argument}=to_library({name!r}, from_library({name!r}, ...))"
    )


def _brief(value: Any) -> str:
    """Return what to call something that is no network, without the numbers of an array."""
    if not (hasattr(value, "dtype") and hasattr(value, "shape")):
        return repr(value)
    return (
        f"an array of shape {tuple(value.shape)}; the network comes first: write "
        "diagnose(network, x)"
    )


def _require_fitting(model: Any, batch: tuple[Any, ...]) -> None:
    """Raise TypeError where the network cannot be called with the batch."""
    try:
        # not that of the function inside, to which a decorator may give arguments of its own
        signature = inspect.signature(model, follow_wrapped=False)
    except (TypeError, ValueError):  # of a function in C
        return
    try:
        signature.bind(*batch)
    except TypeError as error:
        raise TypeError(
            f"diagnose: {type(model).__name__} is called with the batch, of {len(batch)} "
            f"arguments: {error}; write diagnose(network, x), with what the network takes as x"
        ) from None


def _runner(model: Any, batch: tuple[Any, ...]) -> Any:
    from ._record import is_module

    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    if torch and any(isinstance(part, (torch.nn.Module, torch.Tensor)) for part in (model, *batch)):
        from . import _torch as framework
    elif jax and (is_module(model) or any(map(_is_jax, _leaves((model, batch))))):
        from . import _jax as framework  # type: ignore[no-redef]
    else:
        from . import _numpy as framework  # type: ignore[no-redef]
    return framework.run


def _leaves(tree: Any) -> list[Any]:
    # of an iterator JAX warns, and will refuse it
    leaves: list[Any] = sys.modules["jax"].tree.leaves(
        tree, is_leaf=lambda part: isinstance(part, Iterator)
    )
    return leaves


def _is_jax(leaf: Any) -> bool:
    return isinstance(leaf, sys.modules["jax"].Array)
