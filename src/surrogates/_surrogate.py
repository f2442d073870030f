"""What all surrogates have in common."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any, ParamSpec, Protocol, Self, TypeVar, cast, overload

import numpy as np

from . import backends
from ._parameters import checked

Array = Any
ArrayT = TypeVar("ArrayT")
P = ParamSpec("P")


class Surrogate:
    """A Heaviside step that is differentiated as if it were a smoother function.

    The base of all surrogates. Those of this package are frozen dataclasses, one field a
    parameter, that define `_primitive` and `_derivative` in array-API maths.

    A parameter is a Python float, or an array that broadcasts against `x`: one value for each
    channel, or a traced or learnable value. Surrogates with equal floats are equal and hash alike.

    Examples
    --------
    >>> import numpy as np
    >>> import surrogates
    >>> surrogate = surrogates.SlayerGrad(alpha=2.0)
    >>> surrogate(np.asarray([-0.5, 0.0, 0.5]))
    array([0., 1., 1.])
    >>> surrogate == surrogates.SlayerGrad(2)
    True
    """

    _array_parameters: tuple[str, ...]

    def __post_init__(self) -> None:
        array_parameters = []
        for parameter in fields(self):  # type: ignore[arg-type]
            value = checked(
                self,
                parameter.name,
                parameter.metadata["interval"],
                getattr(self, parameter.name),
            )
            object.__setattr__(self, parameter.name, value)
            if not isinstance(value, float):
                array_parameters.append(parameter.name)
        object.__setattr__(self, "_array_parameters", tuple(array_parameters))

    @overload
    def __call__(self, x: float) -> np.float64: ...
    @overload
    def __call__(self, x: ArrayT) -> ArrayT: ...
    def __call__(self, x: Any) -> Any:
        """Return the spikes: 1 where ``x >= 0`` and 0 elsewhere.

        Parameters
        ----------
        x : array or float
            Membrane potential minus threshold, dimensionless, of any shape and a real
            floating-point dtype.

        Returns
        -------
        array
            Of the type, dtype, device and shape of `x` (of a Python float: `numpy.float64`).
            0 where `x` is NaN. PyTorch and JAX differentiate it as `surrogate_grad`; for arrays
            that record no tape there are `surrogates.vjp` and `surrogates.jvp`.

        Raises
        ------
        TypeError
            If `x` is no array of a known library, or not of a real floating-point dtype.
        """
        if type(x) is float:
            x = np.float64(x)
        _require_floating(self, x)
        backend = backends.of(x)
        definition, arrays = self.partition()
        return backend.like(x, backend.spike(definition, x, arrays))

    @overload
    def surrogate_fun(self, x: float) -> np.float64: ...
    @overload
    def surrogate_fun(self, x: ArrayT) -> ArrayT: ...
    def surrogate_fun(self, x: Any) -> Any:
        """Return the primitive: the function that has the surrogate derivative as its derivative.

        Parameters
        ----------
        x : array or float
            As for a call. Any array that conforms to the array API standard will do.

        Returns
        -------
        array
            Of the type, dtype, device and shape of `x`; 1/2 at 0, NaN where `x` is NaN.
        """
        return self._evaluate(self._primitive, x)

    @overload
    def surrogate_grad(self, x: float) -> np.float64: ...
    @overload
    def surrogate_grad(self, x: ArrayT) -> ArrayT: ...
    def surrogate_grad(self, x: Any) -> Any:
        """Return the derivative that takes the place of the step's derivative.

        Parameters
        ----------
        x : array or float
            As for a call. Any array that conforms to the array API standard will do.

        Returns
        -------
        array
            Of the type, dtype, device and shape of `x`; NaN where `x` is NaN.
        """
        return self._evaluate(self._derivative, x)

    def partition(self) -> tuple[Self, tuple[Array, ...]]:
        """Take the array-valued parameters out, for a hook.

        Returns
        -------
        definition : Surrogate
            This surrogate without them: hashable, and the same object where there are none.
        arrays : tuple of arrays
            What was taken out, for `combine`.
        """
        if not self._array_parameters:
            return self, ()
        arrays = tuple(getattr(self, name) for name in self._array_parameters)
        return self._replaced([None] * len(arrays)), arrays

    def combine(self, arrays: Any) -> Self:
        """Put the array-valued parameters that `partition` took out back in."""
        return self._replaced(arrays) if self._array_parameters else self

    def _replaced(self, arrays: Any) -> Self:
        # Not through the constructor: a traced value has no range to check.
        replaced = copy.copy(self)
        for name, array in zip(self._array_parameters, arrays, strict=True):
            object.__setattr__(replaced, name, array)
        return replaced

    def _primitive(self, xp: Any, x: Array) -> Array:
        """Return the primitive, by the functions of the namespace `xp`, in single or double."""
        raise NotImplementedError

    def _derivative(self, xp: Any, x: Array) -> Array:
        """Return the derivative, by the functions of the namespace `xp`, in single or double."""
        raise NotImplementedError

    def _evaluate(self, maths: Callable[[Any, Array], Array], x: Any) -> Any:
        if type(x) is float:
            x = np.float64(x)
        xp = _require_floating(self, x)
        # Half precision is computed in single precision and rounded once.
        wide = x if x.dtype in (xp.float32, xp.float64) else xp.astype(x, _working_dtype(xp, x))
        backend = backends.for_maths(x)
        result = backend.evaluate(maths, xp, wide)
        return backend.like(x, xp.astype(result, x.dtype, copy=False))


def _require_floating(surrogate: Surrogate, x: Array) -> Any:
    """Return the namespace of `x`, or raise TypeError where `x` is no floating-point array."""
    try:
        xp = backends.for_maths(x).namespace(x)
    except TypeError:
        raise TypeError(f"{surrogate!r}: {backends.unsupported(type(x))}") from None
    if x.dtype in (xp.float32, xp.float64) or xp.isdtype(x.dtype, "real floating"):
        return xp
    remedy = (
        "take its real part or its absolute value"
        if xp.isdtype(x.dtype, "complex floating")
        else "convert it to a floating-point dtype such as float32"
    )
    raise TypeError(
        f"{surrogate!r} takes a real floating-point array (membrane potential minus threshold), "
        f"got one of dtype {x.dtype}; {remedy}"
    )


def _working_dtype(xp: Any, x: Array) -> Any:
    narrow = [getattr(xp, name) for name in ("float16", "bfloat16") if hasattr(xp, name)]
    return xp.float32 if x.dtype in narrow else x.dtype


class SurrogateFunction(Protocol[P]):
    """The type of a function form: the array first, then the parameters of the class."""

    @overload
    def __call__(self, x: float, /, *args: P.args, **kwargs: P.kwargs) -> np.float64: ...
    @overload
    def __call__(self, x: ArrayT, /, *args: P.args, **kwargs: P.kwargs) -> ArrayT: ...


def function_form(cls: Callable[P, Surrogate], name: str) -> SurrogateFunction[P]:
    """Return the function ``name(x, ...)`` that makes a surrogate of class `cls` and calls it."""

    def function(x: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
        return cls(*args, **kwargs)(x)

    signature = inspect.signature(cls)
    x = inspect.Parameter("x", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    function.__name__ = function.__qualname__ = name
    function.__module__ = cls.__module__
    function.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[x, *signature.parameters.values()], return_annotation=signature.empty
    )
    function.__doc__ = inspect.cleandoc(
        f"""Return the spikes of `x`, differentiated by the surrogate `{cls.__name__}`.

        The function form: ``{name}(x, ...)`` is ``{cls.__name__}(...)(x)``. That class documents
        formula, parameters, errors and source.
        """
    )
    return cast("SurrogateFunction[P]", function)
