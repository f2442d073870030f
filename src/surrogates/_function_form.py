"""The functional form of a surrogate: ``sigmoid(x, alpha)`` is ``Sigmoid(alpha)(x)``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, cast, overload

import numpy as np

from ._surrogate import ArrayT, Surrogate

P = ParamSpec("P")

_PARAMETERS = "Parameters\n----------\n"
_RAISES = "Raises\n------\n"
_ARRAY = """\
x : array or float
    Membrane potential minus threshold, dimensionless, of any shape and a real
    floating-point dtype.
"""
_RETURNS = """\
Returns
-------
array
    The spikes, of the type, dtype, device and shape of `x`.

"""
_WRONG_ARRAY = """\
TypeError
    If `x` is not a floating-point array of a known library.
"""


class SurrogateFunction(Protocol[P]):
    """The type of a functional form: the array first, then the parameters of the class."""

    @overload
    def __call__(self, x: float, /, *args: P.args, **kwargs: P.kwargs) -> np.float64: ...
    @overload
    def __call__(self, x: ArrayT, /, *args: P.args, **kwargs: P.kwargs) -> ArrayT: ...


def function_form(cls: Callable[P, Surrogate], name: str) -> SurrogateFunction[P]:
    """Return the function ``name(x, ...)`` that makes a surrogate of class `cls` and calls it."""

    def function(x: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
        return cls(*args, **kwargs)(x)

    x = inspect.Parameter("x", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    initialiser: Any = cls.__init__  # read sooner than the class is
    _, *parameters = inspect.signature(initialiser).parameters.values()
    function.__name__ = function.__qualname__ = name
    function.__module__ = cls.__module__
    function.__signature__ = inspect.Signature([x, *parameters])  # type: ignore[attr-defined]
    function.__doc__ = _function_doc(cls, name)
    function.surrogate = cls  # type: ignore[attr-defined]
    return cast("SurrogateFunction[P]", function)


def _function_doc(cls: Any, name: str) -> str:
    """Return the docstring of a functional form: that of its class, with the array added."""
    summary, _, rest = inspect.cleandoc(cls.__doc__).partition("\n\n")
    formulas, _, parameters = rest.partition(_PARAMETERS)
    if not parameters:  # there are none
        formulas, _, rest = formulas.partition("References\n")
        parameters = f"\n{_RAISES}References\n{rest}"
    parameters, _, errors = parameters.partition(_RAISES)
    return (
        f"Return the spikes of `x`, differentiated by `{cls.__name__}`.\n\n"
        f"``{name}(x, ...)`` is ``{cls.__name__}(...)(x)``. {summary}\n\n"
        f"{formulas}{_PARAMETERS}{_ARRAY}{parameters}{_RETURNS}{_RAISES}{_WRONG_ARRAY}{errors}"
    )
