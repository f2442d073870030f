"""The accuracy that a definition states, and `python -m surrogates check` measures."""

from __future__ import annotations

from typing import NamedTuple


class Accuracy(NamedTuple):
    """Bounds of the error in float32 and float64, in units in the last place (ulp), in NumPy.

    PyTorch and JAX, whose elementary functions are less exact, are allowed twice as many.
    """

    ulp: float = 4.0
    """Bound for the derivative, and for the primitive."""

    per_efold: float = 0.0
    """What is added for each factor of e that the result lies below its largest value: an
    exponential magnifies the rounding of its argument by that argument."""

    of_peak: bool = False
    """Whether the derivative's bound is in ulp of the peak, because it changes sign or ends at a
    kink: a difference of nearly equal terms has no relative accuracy."""


SQUARED = Accuracy(ulp=5.0)
EXPONENTIAL = Accuracy(per_efold=2.0)
DIFFERENCE = Accuracy(of_peak=True)
