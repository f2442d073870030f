"""The two products with the derivative, for every framework alike."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from . import backends
from ._arrays import checked_out, checked_vector, checked_x, is_like
from ._aspects import called, compressed, compressed_grad
from ._surrogate import Surrogate, require_surrogate

ArrayT = TypeVar("ArrayT")


class _Pullback(Protocol[ArrayT]):
    def __call__(self, cotangent: ArrayT, *, out: ArrayT | None = None) -> ArrayT: ...


def vjp(surrogate: Surrogate, x: ArrayT) -> tuple[ArrayT, _Pullback[ArrayT]]:
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
        ``cotangent * surrogate.surrogate_grad(x)``, in the dtype of `x`. It may be called more
        than once. In NumPy and CuPy, ``pullback(cotangent, out=array)`` writes to an array of the
        shape and dtype of `x`, and returns it: without new memory, large arrays take less time.
        That array may be the cotangent itself, or `x`.

    Raises
    ------
    TypeError
        If `x` is not an array of a known library, or not of a real floating-point dtype. From the
        pullback, if the cotangent is not such an array, `out` has another dtype than `x`, or the
        library is not one whose arrays are written to.
    ValueError
        From the pullback, if the cotangent or `out` has another shape than `x`, or `out` is
        read-only, or its elements share memory.

    Examples
    --------
    >>> import numpy as np
    >>> import surrogates
    >>> spikes, pullback = surrogates.vjp(surrogates.ReluGrad(), np.asarray([-0.5, 0.0, 2.0]))
    >>> spikes
    array([0., 1., 1.])
    >>> pullback(np.ones(3))
    array([0.15, 0.3 , 0.  ])

    In the memory of the cotangent:

    >>> cotangent = np.ones(3)
    >>> pullback(cotangent, out=cotangent) is cotangent
    True
    """
    require_surrogate(surrogate)
    x, backend = checked_x(surrogate, x)
    if surrogate.residual_dtype is not None:
        derivative_of_kept = compressed(surrogate, backend, x)
        return _called(surrogate, backend, x), lambda cotangent, *, out=None: _product(
            backend, cotangent, derivative_of_kept(), "cotangent", out
        )
    spikes, derivative = _linearized(surrogate, backend, x)
    return spikes, lambda cotangent, *, out=None: _product(
        backend, cotangent, derivative, "cotangent", out
    )


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
    require_surrogate(surrogate)
    x, backend = checked_x(surrogate, x)
    spikes, derivative = _linearized(surrogate, backend, x)
    return spikes, _product(backend, tangent, derivative, "tangent")


def _linearized(surrogate: Surrogate, backend: backends.Backend, x: Any) -> tuple[Any, Any]:
    if surrogate.residual_dtype is not None:
        return _called(surrogate, backend, x), compressed_grad(surrogate, backend, x)
    if surrogate.array_fields:
        return _called(surrogate, backend, x), surrogate._evaluate("derivative", x, backend)
    return backend.linearize(surrogate, x, ())


def _called(surrogate: Surrogate, backend: backends.Backend, x: Any) -> Any:
    if surrogate.array_fields:
        return called(*surrogate.partition(), backend, x)
    return backend.spike(surrogate, x, ())


def _product(
    backend: backends.Backend, vector: Any, derivative: Any, name: str, out: Any = None
) -> Any:
    """Return a cotangent or tangent times the derivative, in its dtype, and in `out` if given."""
    if not is_like(vector, derivative):
        vector = checked_vector(backend, vector, derivative, name)
    if out is not None:
        backend.multiply(vector, derivative, checked_out(backend, out, derivative))
        return out
    product = vector * derivative
    if product.dtype != derivative.dtype:
        product = backend.namespace(derivative).astype(product, derivative.dtype)
    if type(product) is type(derivative):
        return product
    # NumPy returns a number, not an array, where there are no axes.
    return backend.namespace(derivative).asarray(product)
