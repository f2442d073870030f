"""The two products with the derivative, for every framework alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from . import backends
from ._arrays import checked, is_floating
from ._aspects import compressed
from ._surrogate import Surrogate, require_surrogate

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
        If `x` is not an array of a known library, or not of a real floating-point dtype.
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
        derivative_of_kept = compressed(surrogate, backend, x)
        return surrogate(x), lambda cotangent: _product(
            backend, cotangent, derivative_of_kept(), "cotangent"
        )
    spikes, derivative = _linearized(surrogate, backend, x)
    if not surrogate.is_traceable:  # a user's formula may return x itself, or a parameter
        derivative = backend.copy(derivative)
    return spikes, lambda cotangent: _product(backend, cotangent, derivative, "cotangent")


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
        If `x` is not an array of a known library, or not of a real floating-point dtype.
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
    backend = backends.of(x)
    spikes, derivative = _linearized(surrogate, backend, x)
    return spikes, _product(backend, tangent, derivative, "tangent")


def _checked(surrogate: Surrogate, x: Any) -> Any:
    require_surrogate(surrogate)
    return checked(surrogate, x)


def _linearized(surrogate: Surrogate, backend: backends.Backend, x: Any) -> tuple[Any, Any]:
    if surrogate.array_fields or surrogate.residual_dtype is not None:
        return surrogate(x), surrogate.surrogate_grad(x)
    return backend.linearize(surrogate, x, ())


def _product(backend: backends.Backend, vector: Any, derivative: Any, name: str) -> Any:
    """Return a cotangent or tangent times the derivative, or raise where it is neither."""
    is_like = (
        type(vector) is type(derivative)
        and vector.dtype == derivative.dtype
        and vector.shape == derivative.shape
    )
    if not is_like:
        vector = _fitting(backend, vector, derivative, name)
    product = vector * derivative
    if product.dtype != derivative.dtype:
        product = backend.namespace(derivative).astype(product, derivative.dtype)
    if type(product) is type(derivative):
        return product
    # NumPy returns a number, not an array, where there are no axes.
    return backend.namespace(derivative).asarray(product)


def _fitting(backend: backends.Backend, vector: Any, derivative: Any, name: str) -> Any:
    xp = backend.namespace(derivative)
    if isinstance(vector, float):
        vector = xp.asarray(vector, dtype=derivative.dtype)
    if isinstance(vector, np.ndarray):
        backends.of(vector).namespace(vector)  # refuses what is no plain array
    of_kind = type(vector) is type(derivative) or _is_of(backend, vector)
    if not of_kind or not is_floating(xp, vector.dtype):
        raise TypeError(
            f"the {name} must be a real floating-point array of the library of x "
            f"({type(derivative).__module__}), got {vector!r}"
        )
    if not _same(vector.shape, derivative.shape):
        raise ValueError(
            f"the {name} has shape {tuple(vector.shape)}, but x and its spikes have shape "
            f"{tuple(derivative.shape)}; broadcast the {name} to that shape"
        )
    return vector


def _is_of(backend: backends.Backend, array: Any) -> bool:
    try:
        return hasattr(array, "dtype") and backends.of(array) is backend
    except TypeError:  # no array
        return False


def _same(shape: tuple[float, ...], other: tuple[float, ...]) -> bool:
    # Dask writes NaN for a length that it does not know yet.
    return len(shape) == len(other) and all(
        n == m or (n != n and m != m) for n, m in zip(shape, other, strict=True)
    )
