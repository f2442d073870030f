"""Surrogates with parameters that an optimiser moves, as modules of a neural-network library."""

from __future__ import annotations

import sys
from typing import Any

from .._surrogate import Surrogate, require_surrogate
from ._paths import paths_of

FRAMEWORKS = ("torch", "flax", "equinox")


def learnable(surrogate: Surrogate, *names: str, framework: str | None = None) -> Any:
    """Return a module whose parameters are those of a surrogate, for an optimiser to move.

    The module holds an unbounded number for each parameter, in its attribute `raw`, and maps it
    into the parameter's range: a positive parameter is its exponential. So a positive parameter
    stays positive whatever the optimiser does, and one step changes a parameter of 0.01 and one of
    100 by the same factor. Called with `x`, the module emits the spikes of the surrogate,
    `Relaxed`: their gradient with respect to the parameters is that of the primitive. A parameter
    that was driven to an end of its range, such as 1e-15, gets no gradient there.

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
        The library of the module. By default the one of the three that is imported.

    Returns
    -------
    torch.nn.Module, flax.nnx.Module or equinox.Module
        With the attribute `surrogate`: the surrogate with the parameters as they are now.

    Raises
    ------
    TypeError
        If `surrogate` is not a Surrogate, or has no primitive.
    ValueError
        If a name is not that of a real-valued parameter that has a gradient, a parameter starts at
        or beyond an end of its range, or `framework` has to be given.

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
    if len(names) == 1 and not isinstance(names[0], str):  # a list of names
        names = tuple(names[0])
    if not surrogate._has_primitive:
        raise TypeError(
            f"learnable: {surrogate!r} defines no primitive, whose gradient would move its "
            f"parameters; define primitive(self, xp, x) in its class"
        )
    paths = tuple(path for name in names or ("",) for path in paths_of(surrogate, name))
    framework = _imported() if framework is None else framework
    if framework == "torch":
        from . import _torch as modules
    elif framework == "flax":
        from . import _flax as modules  # type: ignore[no-redef]
    elif framework == "equinox":
        from . import _equinox as modules  # type: ignore[no-redef]
    else:
        raise ValueError(
            f"learnable: framework must be one of {FRAMEWORKS}, got {framework!r}; for JAX, choose "
            "flax (its NNX modules) or equinox"
        )
    return modules.Learnable(surrogate, paths)


def _imported() -> str:
    found = [name for name in FRAMEWORKS if name in sys.modules]
    if len(found) == 1:
        return found[0]
    raise ValueError(
        f"learnable: cannot tell the framework, since {' and '.join(found) or 'none'} of "
        f"{', '.join(FRAMEWORKS)} "
        f"{'are' if len(found) > 1 else 'is'} imported; say which the module is for, "
        'for instance framework="torch"'
    )
