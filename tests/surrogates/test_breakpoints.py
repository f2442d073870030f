"""Where a derivative may change its formula."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate
from surrogates import Boxcar, Scaled, Ternary


@every_surrogate
def test_breakpoints_are_ordered_and_contain_the_threshold_and_a_finite_support(cls):
    found = cls().breakpoints
    assert 0.0 in found
    assert list(found) == sorted({*found})
    for end in cls().support:
        assert not np.isfinite(end) or min(abs(end - place) for place in found) < 1e-12


@every_surrogate
def test_breakpoints_move_with_a_shape(cls):
    moved = {place / 2.0 + 0.75 for place in cls().breakpoints}
    assert set(Scaled(cls(), -3.0, 2.0, 0.75).breakpoints) == moved | {0.0}


def test_breakpoints_of_wrappers():
    box = Boxcar(2.0)
    assert Ternary(box, 3.0).breakpoints == (-7.0, -6.0, -5.0, -1.0, 0.0, 1.0)
    for wrapper in (surrogates.Relaxed, surrogates.MultiSpike, surrogates.Compressed):
        assert wrapper(box).breakpoints == (-1.0, 0.0, 1.0)


def test_a_wrapper_of_a_users_own_has_those_inside_and_its_own():
    from surrogates._wrappers.wrapper import Wrapper

    class Halved(Wrapper):
        traceable = True

        def derivative(self, xp, x):
            inside = self.surrogate.derivative(xp, x)
            return xp.where(x < 0.25, inside, inside / 2)

    assert Halved(Boxcar()).breakpoints == (-0.5, 0.0, 0.25, 0.5)
    found = surrogates.gain(Halved(Boxcar()), low=-0.5, high=0.5)
    assert found.mean == pytest.approx(0.75 + 0.25 / 2, rel=1e-14)


def test_a_formula_that_does_not_run_on_other_arrays_has_the_threshold_alone():
    assert surrogates.Custom(lambda x: np.maximum(0.0, 1 - np.abs(x))).breakpoints == (0.0,)


def test_arrays_have_no_breakpoints():
    for surrogate in (Boxcar(np.ones(2)), Scaled(Boxcar(), np.ones(2))):
        with pytest.raises(TypeError, match="breakpoints needs parameters that are numbers"):
            _ = surrogate.breakpoints
