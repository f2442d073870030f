"""Surrogates as modules of a neural-network library, with or without parameters to train."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .. import backends
from .._similar import similar
from .._surrogate import Surrogate, require_surrogate
from ._paths import parameters_by_path, paths_of


class _Library:
    """A library of modules: the class of these, the library of its arrays, how to load our file."""

    def __init__(self, base: str, arrays: str, load: Callable[[], Any]) -> None:
        self.base, self.arrays, self.load = base, arrays, load


_LIBRARIES: dict[str, _Library] = {}


def _modules_of(base: str, arrays: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Declare that a function returns our file for the library whose modules are a `base`."""

    def declare(load: Callable[[], Any]) -> Callable[[], Any]:
        _LIBRARIES[base.partition(".")[0]] = _Library(base, arrays, load)
        return load

    return declare


@_modules_of("torch.nn.Module", arrays="torch")
def _load_torch() -> Any:
    from . import _torch

    return _torch


@_modules_of("flax.nnx.Module", arrays="jax")
def _load_flax() -> Any:
    from . import _flax

    return _flax


@_modules_of("equinox.Module", arrays="jax")
def _load_equinox() -> Any:
    from . import _equinox

    return _equinox


FRAMEWORKS = tuple(_LIBRARIES)


def module(surrogate: Surrogate, framework: str | None = None, spiking: bool = True) -> Any:
    """Return a surrogate as a module of a neural-network library.

    It computes what the surrogate computes, and is what `torch.nn.Sequential` or an Equinox model
    asks for. It moves, is saved and is copied with its network, and so are its array-valued
    parameters: buffers in PyTorch, Variables in Flax, constants in Equinox. No optimiser moves
    them; `learnable` returns the same module with parameters to train.

    Parameters
    ----------
    surrogate : Surrogate
        The surrogate.
    framework : {"torch", "flax", "equinox"}, optional
        The library of the module. By default that of the surrogate's arrays, if it is one of
        these, or else the only one of these that is imported.
    spiking : bool, default True
        False emits the primitive instead of spikes, as `Smooth` does. `set_spiking_mode` changes
        it in a whole model.

    Returns
    -------
    torch.nn.Module, flax.nnx.Module or equinox.Module
        With the attributes `surrogate`, which is the surrogate with the parameters as they are
        now, and `spiking`, and the methods `surrogate_grad` and `surrogate_fun`.

    Raises
    ------
    TypeError
        If `surrogate` is not a Surrogate, or `spiking` is False and there is no primitive, or
        another wrapper decides what is emitted. In Equinox, if an array is traced.
    ValueError
        If `framework` has to be given, or an array requires a gradient that it would not get.
    ModuleNotFoundError
        If the library is not installed.

    Examples
    --------
    >>> import torch
    >>> import surrogates
    >>> spike = surrogates.module(surrogates.Sigmoid(torch.tensor([4.0, 2.0])))
    >>> network = torch.nn.Sequential(torch.nn.Linear(3, 2), spike)
    >>> network[1], list(spike.state_dict())
    (SurrogateModule(Sigmoid(alpha=[4.0, 2.0]), spiking=True), ['array_alpha'])
    """
    require_surrogate(surrogate)
    return _made("module", surrogate, (), framework, spiking)


def learnable(
    surrogate: Surrogate, *names: str, framework: str | None = None, spiking: bool = True
) -> Any:
    """Return a module whose parameters are those of a surrogate, for an optimiser to move.

    The module holds an unbounded number for each parameter, in its attribute `raw`, and maps it
    into the parameter's range: a positive parameter is its exponential. So a positive parameter
    stays positive whatever the optimiser does, and one step changes a parameter of 0.01 and one of
    100 by the same factor. Called with `x`, the module emits the spikes of the surrogate,
    `Relaxed`: their gradient with respect to the parameters is that of the primitive. A parameter
    that was driven to an end of its range, such as 1e-15, gets no gradient there.

    Weight decay pulls the number in `raw` towards 0, and so a positive parameter towards 1, with or
    without a gradient. Put `raw` into a parameter group without weight decay:
    ``{"params": spike.parameters(), "weight_decay": 0.0}`` in PyTorch, a `mask` in optax.

    Parameters
    ----------
    surrogate : Surrogate
        The surrogate with its starting values; an array-valued one is learned element by element.
    *names : str
        The parameters to learn, of the surrogate or of one inside it, such as ``"alpha"``. If a
        wrapper and the surrogate inside both have that name, it means the wrapper's;
        ``"surrogate.alpha"`` means the one inside. In a composition it takes a path where two parts
        have the name: ``"surrogates.0.alpha"`` in a `Mixture`, ``"below.alpha"`` in a `Spliced`.
        ``"weights"`` means all weights. All others stay as they are.
    framework : {"torch", "flax", "equinox"}, optional
        The library of the module. By default as for `module`.
    spiking : bool, default True
        False emits the primitive, as for `module`.

    Returns
    -------
    torch.nn.Module, flax.nnx.Module or equinox.Module
        That of `module`: with the attributes `surrogate`, which is the surrogate with the
        parameters as they are now, and `spiking`.

    Raises
    ------
    TypeError
        If `surrogate` is not a Surrogate, or has no primitive.
    ValueError
        If a name is not that of a real-valued parameter that has a gradient, a parameter starts at
        or beyond an end of its range, `framework` has to be given, or a tensor that is not learned
        requires a gradient.
    ModuleNotFoundError
        If the library is not installed.

    References
    ----------
    S. Lian et al., "Learnable Surrogate Gradient for Direct Training Spiking Neural Networks",
    IJCAI 2023.

    Examples
    --------
    >>> import torch
    >>> import surrogates
    >>> spike = surrogates.learnable(surrogates.Sigmoid(4.0), "alpha", framework="torch")
    >>> optimiser = torch.optim.SGD(spike.parameters(), lr=100.0)
    >>> (-spike(torch.tensor([0.5]))).sum().backward()      # a steeper primitive spikes more
    >>> optimiser.step()
    >>> bool(spike.surrogate.alpha > 4)
    True
    """
    require_surrogate(surrogate)
    if len(names) == 1 and isinstance(names[0], (list, tuple, set)):  # a list of names
        names = tuple(names[0])
    for name in names:
        if not isinstance(name, str):
            raise TypeError(
                f"learnable: names are those of parameters, such as 'alpha', got {name!r}; give "
                "other arguments by name: framework=..., spiking=..."
            )
    if found := [name for name in FRAMEWORKS if name in names]:
        raise ValueError(
            f"learnable: names are those of parameters, got {found[0]!r}; the library is given as "
            f"framework={found[0]!r}"
        )
    if not surrogate._has_primitive:
        raise TypeError(
            f"learnable: {surrogate!r} defines no primitive, whose gradient would move its "
            f"parameters; define primitive(self, xp, x) in its class"
        )
    paths = tuple(path for name in names or ("",) for path in paths_of(surrogate, name))
    return _made("learnable", surrogate, paths, framework, spiking)


def set_spiking_mode(model: Any, spiking: bool) -> Any:
    """Make the surrogates of a whole model emit spikes, or their primitives.

    Parameters
    ----------
    model : torch.nn.Module, flax.nnx.Module or equinox.Module
        A model whose surrogates are modules: of `module` or `learnable`. In PyTorch the surrogate
        functions of SpikingJelly are switched as well.
    spiking : bool
        True for spikes, False for the primitive.

    Returns
    -------
    torch.nn.Module, flax.nnx.Module or equinox.Module
        In PyTorch and Flax `model`, which is changed. In Equinox, whose modules do not change, a
        new model: use that one.

    Raises
    ------
    TypeError
        If `model` is not a module, or `spiking` is not a bool; if one of the surrogates has no
        primitive to emit: nothing is changed then.
    ValueError
        If `model` has no surrogate that is a module, or one that is not: an attribute that is a
        plain surrogate cannot be switched. (One that a function holds is not found.)

    Examples
    --------
    >>> import torch
    >>> import surrogates
    >>> network = torch.nn.Sequential(surrogates.module(surrogates.Sigmoid(), "torch"))
    >>> surrogates.set_spiking_mode(network, False)(torch.tensor([0.0]))
    tensor([0.5000])
    """
    _require_bool("set_spiking_mode", spiking)
    bases = {(c.__module__.partition(".")[0], c.__name__) for c in type(model).__mro__}
    libraries = [library for name, library in _LIBRARIES.items() if (name, "Module") in bases]
    if not libraries:
        *names, last = (f"{_article(one.base)} {one.base}" for one in _LIBRARIES.values())
        raise TypeError(
            f"set_spiking_mode: expected a model that is {', '.join(names)} or {last}, "
            f"got {model!r}"
        )
    modules = libraries[0].load()
    found, plain = modules.switchable(model)
    if plain:
        raise ValueError(
            f"set_spiking_mode: {', '.join(plain)} of the {type(model).__name__} cannot be "
            "switched; make a module of it, as in surrogates.module(surrogate)"
        )
    if not found:
        raise ValueError(
            f"set_spiking_mode: found no surrogate in the {type(model).__name__}; it must be a "
            "module, as in surrogates.module(surrogate)"
        )
    return modules.with_mode(model, found, spiking)


def _made(
    caller: str, surrogate: Surrogate, paths: tuple[str, ...], framework: str | None, spiking: bool
) -> Any:
    chosen = _chosen(caller, surrogate, framework)
    _require_bool(caller, spiking)
    try:
        modules = _LIBRARIES[chosen].load()
    except ModuleNotFoundError as error:
        # Its arrays' library comes with it, as JAX does with Flax and Equinox
        if error.name not in (chosen, _LIBRARIES[chosen].arrays):
            raise
        extra = f", or install surrogate-gradients with the extra {chosen!r}"
        raise ModuleNotFoundError(
            f"{caller}: framework={chosen!r} needs {chosen}, which is not installed: python -m pip "
            f"install {chosen}{extra if chosen == _LIBRARIES[chosen].arrays else ''}",
            name=chosen,
        ) from None
    return modules.SurrogateModule(surrogate, paths, spiking)


def _require_bool(caller: str, spiking: Any) -> None:
    if not isinstance(spiking, bool):
        raise TypeError(f"{caller}: spiking must be True or False, got {spiking!r}")


def _article(name: str) -> str:
    return "an" if name[0] in "aeiou" else "a"


def _instead_of(framework: Any, surrogate: Surrogate) -> str:
    """Return what to write for something that is no library of modules."""
    name = getattr(framework, "__name__", str(framework))  # also of the library itself
    if any(name == path.rpartition(".")[2] for path in parameters_by_path(surrogate)):
        return f"a parameter is learned by learnable(surrogate, {name!r}, framework=...)"
    if near := similar(name.partition(".")[0], FRAMEWORKS, most=1):
        return f"write framework={near[0]!r}"
    return "for JAX, choose flax (its NNX modules) or equinox"


def _chosen(caller: str, surrogate: Surrogate, framework: str | None) -> str:
    """Return the library for a module: the one asked for, or else the only one that it can be."""
    if framework in FRAMEWORKS:
        return framework
    if framework is not None:
        raise ValueError(
            f"{caller}: framework must be one of {FRAMEWORKS}, got {framework!r}; "
            f"{_instead_of(framework, surrogate)}"
        )
    arrays = surrogate.partition()[1]
    known = {library.arrays for library in _LIBRARIES.values()}
    homes = {backends.library_of(c) for array in arrays for c in type(array).__mro__} & known
    possible = [name for name in FRAMEWORKS if homes <= {_LIBRARIES[name].arrays}]
    found = [name for name in possible if name in sys.modules]
    if len(found) == 1:
        return found[0]
    are = "are" if len(found) > 1 else "is"
    why = [f"{', '.join(found) or 'none'} of {', '.join(possible)} {are} imported"]
    if homes:
        whose = f"the arrays of {type(surrogate).__name__} are of {' and '.join(sorted(homes))}"
        why = [whose, *why] if possible else [whose]
    choices = " or ".join(f'framework="{name}"' for name in possible or FRAMEWORKS)
    raise ValueError(
        f"{caller}: cannot tell the framework, since {', and '.join(why)}; say which the module is "
        f"for: {choices}"
    )
