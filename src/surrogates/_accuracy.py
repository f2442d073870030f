"""The accuracy that a definition states, and `python -m surrogates check` measures."""

from __future__ import annotations

from typing import NamedTuple


class Accuracy(NamedTuple):
    """How exact a surrogate is: bounds of its error, in units in the last place (ulp).

    A class states it as ``accuracy = surrogates.Accuracy(...)``, and ``python -m surrogates check``
    holds it to that. The bounds are for float32 and float64 in NumPy; PyTorch and JAX, whose
    elementary functions are less exact, are allowed twice as many ulp.

    Parameters
    ----------
    ulp : float, default 4.0
        Bound for the derivative, and for the primitive.
    per_efold : float, default 0.0
        What is added for each factor of e by which the result differs from its largest value, in
        exponential tails: an exponential magnifies the rounding of its argument by that argument.
    of_peak : bool, default False
        Whether the derivative's bound is in ulp of the peak, because it changes sign or ends at a
        kink: a difference of nearly equal terms has no relative accuracy. That is the class's
        `peak`, or the derivative at 0 where it states none; of the surrogates here whose derivative
        is negative somewhere, the size of the largest term.

    Examples
    --------
    >>> import surrogates
    >>> class Decay(surrogates.Surrogate):
    ...     accuracy = surrogates.Accuracy(per_efold=2.0)
    ...     def derivative(self, xp, x):
    ...         return xp.exp(-3 * abs(x))
    """

    ulp: float = 4.0
    per_efold: float = 0.0
    of_peak: bool = False


SQUARED = Accuracy(ulp=5.0)  # squaring doubles the roundings of the quotient
EXPONENTIAL = Accuracy(per_efold=2.0)
DIFFERENCE = Accuracy(of_peak=True)
