"""Replacements of mpmath's functions that fail for large arguments."""

from __future__ import annotations

from typing import Any

import mpmath


def erfc(x: Any) -> Any:
    """Return the complementary error function.

    mpmath's own raises OverflowError from 1e154 on, where it computes without gmpy2.
    """
    if x < -1e30:
        return 2 - erfc(-x)
    if x > 1e30:  # the first term of its asymptotic series; the second is 1e-60 of it
        return mpmath.exp(-x * x) / (x * mpmath.sqrt(mpmath.pi))
    return mpmath.erfc(x)


def erf(x: Any) -> Any:
    """Return the error function."""
    return 1 - erfc(x) if x > 1e30 else -erf(-x) if x < -1e30 else mpmath.erf(x)
