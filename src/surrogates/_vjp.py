"""The two products with the derivative, for every framework alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from . import backends
from ._arrays import checked
from ._aspects import compressed_vjp
from ._surrogate import Surrogate

ArrayT = TypeVar("ArrayT")


def vjp(surrogate: Surrogate, x: ArrayT) -> tuple[ArrayT, Callable[[ArrayT], ArrayT]]:
    """Return the spikes and their pullback: reverse mode by hand.

    Parameters
    ----------
    surrogate : Surrogate
        The surrogate to differentiate by.
    x : array or float
        Membrane potential minus threshold, dimensionless, of any shape and a real floating-point
        dtype. May be edited in place afterwards: the pullback does not look at it again.

    Returns
    -------
    spikes : array
        ``surrogate(x)``.
    pullback : callable
        Takes the cotangent of the spikes, of their shape, and returns the cotangent of `x`:
        ``cotangent * surrogate.surrogate_grad(x)``, in the dtype of `x`.

    Raises
    ------
    TypeError
        If `x` is no array of a known library, or not of a real floating-point dtype.
    ValueError
        From the pullback, if the cotangent has another shape.

    Examples
    --------
    >>> import numpy as np
    >>> import surrogates
    >>> spikes, pullback = surrogates.vjp(surrogates.ReluGrad(), np.asarray([-0.5, 0.0, 2.0]))
    >>> spikes
    array([0., 1., 1.])
    >>> pullback(np.ones(3))
    array([0.15, 0.3 , 0.  ])
    """
    x = _checked(surrogate, x)
    backend = backends.of(x)
    if surrogate.residual_dtype is not None:
        return compressed_vjp(surrogate, backend, x)
    return backend.vjp(surrogate, x)


def jvp(surrogate: Surrogate, x: ArrayT, tangent: ArrayT) -> tuple[ArrayT, ArrayT]:
    """Return the spikes and their tangent: forward mode by hand.

    Parameters
    ----------
    surrogate : Surrogate
        The surrogate to differentiate by.
    x : array or float
        Membrane potential minus threshold, dimensionless, of any shape and a real floating-point
        dtype.
    tangent : array or float
        The direction, of the shape of `x`.

    Returns
    -------
    spikes : array
        ``surrogate(x)``.
    tangent : array
        ``tangent * surrogate.surrogate_grad(x)``, in the dtype of `x`.

    Raises
    ------
    TypeError
        If `x` is no array of a known library, or not of a real floating-point dtype.
    ValueError
        If the tangent has another shape than `x`.

    Examples
    --------
    >>> import numpy as np
    >>> import surrogates
    >>> surrogates.jvp(surrogates.ReluGrad(), np.asarray([-0.5, 0.5]), np.asarray([1.0, 2.0]))
    (array([0., 1.]), array([0.15, 0.3 ]))
    """
    x = _checked(surrogate, x)
    return backends.of(x).jvp(surrogate, x, tangent)


def _checked(surrogate: Surrogate, x: Any) -> Any:
    if not isinstance(surrogate, Surrogate):
        raise TypeError(f"expected a surrogate such as surrogates.Sigmoid(), got {surrogate!r}")
    return checked(surrogate, x)
