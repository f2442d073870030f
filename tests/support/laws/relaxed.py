"""The laws of `Relaxed`; the gradient that it changes is tested in `test_relaxed.py`."""

from __future__ import annotations

from .bases import ParameterLaw


class RelaxedLaw(ParameterLaw):
    pass
