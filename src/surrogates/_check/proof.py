"""The proof: piece by piece, the derivative is the symbolic derivative of the primitive."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import mpmath
import sympy

from .._surrogate import Surrogate
from . import variants
from .symbolic import Number, number, with_numbers


class Verdict(NamedTuple):
    """What symbolic differentiation says of one piece of a definition."""

    proven: bool
    difference: str
    """Derivative of the primitive minus derivative, as far as simplified; "" if proven."""
    relative: float
    """Its size at points of the piece, as a fraction of the derivative."""


LONGEST = 600  # operations: beyond, SymPy simplifies for minutes
LIMIT = 20.0  # seconds of the processor's time, since a shorter one may take it minutes, too


def compared(surrogate: Surrogate, point: float, known: dict[tuple[Any, Any], Verdict]) -> Verdict:
    """Compare the derivative of the primitive with the derivative, on one piece.

    That is the piece of the definition on which `point` lies, for all parameters near those of
    `surrogate`: a proof that primitive and derivative belong together there, or a difference.
    `known` remembers the pieces that were compared already.
    """
    held: dict[str, Number] = {}
    for name in variants.numbers(type(surrogate)):
        value = getattr(surrogate, name)
        if isinstance(value, float):
            value = value or 0.2718281828  # at 0 a term could vanish
            symbol = sympy.Symbol(name, positive=value > 0, real=True)
            held[name] = Number(value, symbol)
    # x = side * size, so that SymPy knows the sign of x
    size = sympy.Symbol("|x|", positive=True)
    side = -1 if point < 0 else 1
    x = Number(point, side * size)
    generic = with_numbers(surrogate, held)
    slope = side * sympy.diff(_expression(generic.surrogate_fun(x)), size)
    derivative = _expression(generic.surrogate_grad(x))
    if (slope, derivative) not in known:
        values = [size, *(n.expression for n in held.values())]
        at = [abs(point), *(n.value for n in held.values())]
        relative = _relative(slope, derivative, values, at)
        known[slope, derivative] = _simplified(slope - derivative, relative)
    return known[slope, derivative]


def _expression(result: Any) -> Any:
    found = number(result)
    return sympy.Float(found.value) if found.expression is None else found.expression


def _relative(slope: Any, derivative: Any, symbols: list[Any], at: list[Any]) -> float:
    with mpmath.workdps(40):
        values = [
            mpmath.mpf(sympy.lambdify(symbols, e, "mpmath")(*map(mpmath.mpf, at)))
            for e in (slope, derivative)
        ]
        largest = max(abs(v) for v in values)
        return float(abs(values[0] - values[1]) / largest) if largest else 0.0


def _simplified(difference: Any, relative: float) -> Verdict:
    if relative > 1e-9:
        return Verdict(False, str(difference), relative)
    if difference.count_ops() > LONGEST:
        return Verdict(False, "an expression too long for SymPy", relative)
    try:
        with _limited(LIMIT):
            # where exp and log count as unknowns, the numerator shows at once whether it is zero
            if sympy.expand(sympy.fraction(sympy.together(difference))[0]) == 0:
                return Verdict(True, "", relative)
            rest = sympy.simplify(sympy.expand(difference.rewrite(sympy.exp)))
    except TimeoutError:
        return Verdict(False, f"an expression not simplified within {LIMIT:g} s", relative)
    return Verdict(rest == 0, "" if rest == 0 else str(rest), relative)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise TimeoutError after so much of the processor's time, where the system has signals."""
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def stop(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 1.0)  # again, if SymPy caught the first
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
