"""Does a backend keep its contract? One call, for who writes one: docs/howto/backends.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ._contract import Case, Library
from ._surrogate import Surrogate, require_surrogate
from .definitions import SURROGATES

__all__ = ["check_backend"]

Array = Any
Values = np.ndarray[Any, Any]


def check_backend(
    asarray: Callable[[Values], Array],
    *,
    asnumpy: Callable[[Array], Values] = np.asarray,
    grad: Callable[[Any], Any] | None = None,
    jvp: Callable[[Any, Array, Array], Array] | None = None,
    vmap: Callable[[Any], Any] | None = None,
    compile: Callable[[Any], Any] | None = None,
    generator: Any = None,
    dtypes: Iterable[str] = ("float32", "float64"),
    as_exact_as: Mapping[str, str] | None = None,
    surrogates: Iterable[Surrogate] | None = None,
) -> None:
    """Check the backend of an array library on every surrogate, and name what does not hold.

    That values have the accuracy that each surrogate states, in both tails too; that gradients to
    first and second order are the derivative and its derivative, alone, mapped and compiled; that
    parameters may be arrays, and have the gradient that they should have; that what has no gradient
    is refused, and not 0 in silence; dtypes, array types, random spikes, errors.

    Parameters
    ----------
    asarray : callable
        Returns a NumPy array as one of the library, in the same dtype.
    asnumpy : callable, default `numpy.asarray`
        Returns an array of the library as one of NumPy.
    grad : callable, optional
        ``grad(function)`` returns a function: the gradient of the sum of ``function(x)``. The
        library's own, as all that follow; leave out what the library does not have.
    jvp : callable, optional
        ``jvp(function, x, tangent)`` returns the tangent of ``function(x)``.
    vmap : callable, optional
        ``vmap(function)`` maps a function over the first axis of each of its arguments.
    compile : callable, optional
        ``compile(function)`` returns the function compiled.
    generator : optional
        What `surrogates.sample` takes for arrays of this library.
    dtypes : iterable of str, default ("float32", "float64")
        Those to check; name "float16", too, where the library has it.
    as_exact_as : mapping of str to str, optional
        The dtypes in which the library is no more exact than in a narrower one:
        ``{"float64": "float32"}`` where it computes `exp` of float64 in float32.
    surrogates : iterable of Surrogate, optional
        Those to check, instead of all at their defaults.

    Raises
    ------
    AssertionError
        If something does not hold: a line for each, with the dtype, the check, the surrogates and
        what is wrong with the first of them.
    TypeError, ValueError
        If `surrogates` or `dtypes` are not sequences of such, or empty; or if a derivative is 0
        wherever it would be looked at.
    ImportError
        If mpmath is missing: ``pip install "surrogate-gradients[check]"``.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import Sigmoid
    >>> from surrogates.testing import check_backend
    >>> check_backend(np.copy, generator=np.random.default_rng(0), surrogates=[Sigmoid()])
    """
    if isinstance(dtypes, str):
        raise TypeError(f'check_backend: dtypes must be names, as in ("{dtypes}",), got {dtypes!r}')
    if isinstance(surrogates, Surrogate):
        raise TypeError(
            f"check_backend: surrogates must be a sequence, as in [{surrogates!r}], got one of them"
        )
    chosen = [cls() for cls in SURROGATES.values()] if surrogates is None else list(surrogates)
    for surrogate in chosen:
        require_surrogate(surrogate)
    dtypes = list(dtypes)
    if not chosen or not dtypes:  # what checks nothing would pass
        raise ValueError(
            "check_backend: surrogates and dtypes must have one element at least, got "
            f"surrogates={chosen!r}, dtypes={dtypes!r}"
        )
    library = Library(asarray, asnumpy, grad, jvp, vmap, compile, generator)
    lines = []
    for dtype in dtypes:
        kept = np.asarray(asnumpy(asarray(np.zeros(1, dtype)))).dtype
        if kept != dtype:
            raise AssertionError(
                f"asarray returns an array of dtype {kept} for one of {dtype}: let it keep the "
                "dtype, or name in `dtypes` those that the library has"
            )
        failures: dict[str, list[tuple[str, str]]] = {}
        for surrogate in chosen:
            case = Case(library, surrogate, dtype, (as_exact_as or {}).get(dtype, dtype))
            for title, check in case.checks():
                try:
                    check()
                except Exception as error:  # whatever a backend raises is what is wrong with it
                    reason = str(error) if type(error) is AssertionError else repr(error)
                    failures.setdefault(title, []).append((repr(surrogate), reason))
        for title, found in failures.items():
            names = ", ".join(name for name, _ in found[:3])
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            lines.append(f"{dtype}, {title}: {names}{more}: {found[0][1]}")
    if lines:
        raise AssertionError("\n".join(["the backend does not keep its contract:", *lines]))
