"""Where a derivative may change its formula."""

from __future__ import annotations

import math

import numpy as np
import pytest

import surrogates
from kinds import Kind, every_surrogate
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


@pytest.mark.long
@pytest.mark.parametrize("kind", [Kind.TORCH, Kind.JAX])
@every_surrogate
def test_at_a_breakpoint_the_second_derivative_is_that_of_one_side(cls, kind):
    if kind.missing():
        pytest.skip(kind.missing())
    found = np.asarray([place for place in cls().breakpoints if place])
    places = np.concatenate([found, np.nextafter(found, np.inf), np.nextafter(found, -np.inf)])
    if not places.size:
        return
    step = 1e-8 * np.abs(places)
    x = kind.array(np.stack([places - step, places, places + step]))
    below, there, above = kind.numpy(kind.gradient(cls().surrogate_grad, x))
    tolerance = 1e-4 * np.maximum(np.abs(below), np.abs(above))
    is_peak = (below * above < 0) & (np.abs(there) <= tolerance)  # there it is 0, as of a distance
    is_one = np.minimum(np.abs(there - below), np.abs(there - above)) <= tolerance
    assert np.all(is_one | is_peak), (places, below, there, above)


@pytest.mark.long
@pytest.mark.parametrize("kind", [Kind.TORCH, Kind.JAX])
@every_surrogate
def test_at_the_threshold_the_second_derivative_is_that_around_if_it_is_smooth(cls, kind):
    if kind.missing():
        pytest.skip(kind.missing())
    x = kind.array(np.asarray([-1e-9, 0.0, 1e-9]))
    below, there, above = kind.numpy(kind.gradient(cls().surrogate_grad, x))
    if below == pytest.approx(above, rel=1e-4):
        assert there == pytest.approx(below, rel=1e-4)


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


def test_a_formula_in_numpys_functions_has_breakpoints():
    def bump(x):
        inner = np.clip(np.fabs(x - 1), a_min=0.25, a_max=None)
        return np.select([x < -2, x > 3], [0 * x, np.heaviside(x - 4, 0.5)], default=inner)

    expected = (-2.0, 0.0, 0.75, 1.0, 1.25, 3.0, 4.0)
    assert surrogates.Custom(bump).breakpoints == pytest.approx(expected, rel=1e-15)
    table = surrogates.Custom(lambda x: np.interp(x, [-1.0, 0.5], [0.0, 1.0]))
    assert table.breakpoints == (-1.0, 0.0, 0.5)
    rounded = surrogates.Custom(lambda x: np.round(np.clip(x, 0.0, 0.2), 1))
    assert rounded.breakpoints == pytest.approx((0.0, 0.05, 0.15, 0.2), rel=1e-15)


FOREIGN = {
    "math": lambda: math.exp,
    "NumPy": lambda: np.asarray,
    "PyTorch": lambda: pytest.importorskip("torch").exp,
    "PyTorch's tensors": lambda: pytest.importorskip("torch").as_tensor,
    "JAX": lambda: pytest.importorskip("jax.numpy").exp,
    "MLX": lambda: pytest.importorskip("mlx.core").exp,
    "array_api_strict": lambda: pytest.importorskip("array_api_strict").exp,
    "method": lambda: lambda x: x.clip(-1.0, 1.0),
}


@pytest.mark.parametrize("function", FOREIGN.values(), ids=FOREIGN)
def test_a_formula_that_takes_the_arrays_of_one_library_alone_has_the_threshold_alone(function):
    assert surrogates.Custom(function()).breakpoints == (0.0,)


@pytest.mark.parametrize("error", [AttributeError, MemoryError, TypeError, ValueError])
@pytest.mark.parametrize("traceable", [True, False])
def test_an_error_of_a_formula_is_raised_and_not_remembered(error, traceable):
    class Failing(surrogates.Surrogate):
        def derivative(self, xp, x):
            if is_failing:
                raise error("of the formula")
            return xp.where(xp.abs(x) < 0.5, xp.ones_like(x), xp.zeros_like(x))

    Failing.traceable = traceable
    is_failing = True
    with pytest.raises(error, match="of the formula"):
        _ = Failing().breakpoints
    with pytest.raises(error, match="of the formula"):
        surrogates.gain(Failing(), mean=0.0, std=1.0)
    is_failing = False
    assert Failing().breakpoints == (-0.5, 0.0, 0.5)


def test_what_could_not_be_recorded_once_is_looked_at_again(monkeypatch):
    plain = surrogates.Surrogate.exact_grad
    surrogate = Boxcar(width=1.2345)

    def counting(surrogate, x):
        assert x.size
        return plain(surrogate, x)

    with monkeypatch.context() as patched:
        patched.setattr(surrogates.Surrogate, "exact_grad", counting)
        assert surrogate.breakpoints == (0.0,)
    assert surrogate.breakpoints == (-0.61725, 0.0, 0.61725)


def test_arrays_have_no_breakpoints():
    for surrogate in (Boxcar(np.ones(2)), Scaled(Boxcar(), np.ones(2))):
        with pytest.raises(TypeError, match="breakpoints needs parameters that are numbers"):
            _ = surrogate.breakpoints
