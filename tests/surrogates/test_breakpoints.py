"""Where a derivative may change its formula."""

from __future__ import annotations

import math

import numpy as np
import pytest

import surrogates
from kinds import Kind, every_surrogate, required
from surrogates import Boxcar, HeavisideGrad, Relaxed, Scaled, Ternary
from surrogates.definitions import SURROGATES


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


def around_breakpoints(surrogate):
    """Return points just below the breakpoints, these, points just above, and one elsewhere."""
    places = np.asarray(surrogate.breakpoints)
    width = surrogate.width if np.isfinite(surrogate.width) else 0.01
    step = 1e-8 * np.where(places == 0, width, np.abs(places))
    return np.stack([places - step, places, places + step, np.full_like(places, 0.37 * width)])


def is_near(one, other, among):
    return np.abs(one - other) <= 1e-4 * np.abs(among).max() + 1e-7


def is_of_one_side(found):
    below, there, above, _ = found
    return is_near(there, below, found) | is_near(there, above, found)


def second_derivative(surrogate, kind, x):
    function = surrogate.surrogate_grad
    if kind is Kind.JAX:
        import jax

        function = jax.jit(function)  # at once, where each operation would be compiled by itself
    return kind.numpy(kind.gradient(function, kind.array(x)))


@pytest.mark.long
@pytest.mark.parametrize("kind", [Kind.TORCH, Kind.JAX])
@every_surrogate
def test_at_a_breakpoint_the_second_derivative_is_that_of_one_side(cls, kind):
    required(kind)
    found = second_derivative(cls(), kind, around_breakpoints(cls()))
    assert np.all(is_of_one_side(found)), found


@pytest.mark.long
@every_surrogate
def test_at_the_threshold_derivatives_of_high_order_agree(cls, torch, jax):
    """PyTorch's abs has slope 0 at 0, and lost the curvature of an even function of it."""
    x, function = torch.zeros(1, dtype=torch.float64, requires_grad=True), cls().surrogate_grad
    by_torch = cls()(x)
    for _ in range(3):
        (by_torch,) = torch.autograd.grad(by_torch.sum(), x, create_graph=True)
        if not by_torch.requires_grad:  # constant
            by_torch = 0 * x
    by_jax = jax.jit(jax.grad(jax.grad(function)))(jax.numpy.asarray(0.0))
    np.testing.assert_allclose(by_torch.item(), by_jax, rtol=1e-9, atol=1e-12)


def of_closed_ends():
    """Return the surrogates with each choice of what belongs to a box."""
    for cls in SURROGATES.values():
        yield cls()
        choices = {f.name: f.metadata.get("choices", ()) for f in cls._fields}
        yield from (cls(**{name: c}) for name, values in choices.items() for c in values)
    yield from (HeavisideGrad(0.5, closed=closed) for closed in ("neither", "left"))


MOVED = [
    Scaled(surrogates.ReluGrad(), -2.0, 0.5, 0.25),
    Ternary(surrogates.PiecewiseQuadratic(), 1.5),
]
MOVED += [Scaled(Boxcar(closed="left"), shift=0.25), surrogates.Windowed(Boxcar(), 1.0)]


@pytest.mark.long
@pytest.mark.parametrize("surrogate", [*of_closed_ends(), *MOVED], ids=repr)
def test_at_a_breakpoint_the_slope_in_a_parameter_is_that_of_the_side_it_belongs_to(surrogate):
    """Of the spikes of `Relaxed`, and of the derivative; in all frameworks the same side."""
    x = around_breakpoints(surrogate)
    derivative = surrogate.surrogate_grad(x)
    is_jump = ~is_near(derivative[0], derivative[2], derivative)
    belongs_below = is_near(derivative[1], derivative[0], derivative)
    for name, value in numbers(surrogate).items():

        def with_value(parameter, name=name):
            return surrogate.substituted(name, parameter)

        of_spikes = slopes_in_parameter(lambda x, p: Relaxed(with_value(p))(x), x, value)
        of_derivative = slopes_in_parameter(lambda x, p: with_value(p).surrogate_grad(x), x, value)
        for among in (of_spikes, of_derivative):
            for found in among:
                assert np.all(is_of_one_side(found)), (name, found)
                np.testing.assert_allclose(found, among[0], atol=1e-8 * np.abs(found).max())
        for found in of_spikes:
            side = np.where(belongs_below, found[0], found[2])
            assert np.all(is_near(found[1], side, found) | ~is_jump), (name, found)


def numbers(surrogate):
    """Return the parameters that are numbers and have a gradient, by name."""
    values = {f.name: getattr(surrogate, f.name) for f in type(surrogate)._fields}
    omitted = {"at_threshold", *type(surrogate)._without_gradient, "epsilon"}  # S2NN's: no effect
    return {n: v for n, v in values.items() if type(v) is float and n not in omitted}


def slopes_in_parameter(function, x, value):
    """Return the slope of an elementwise function of `x` and a parameter, as each library has it.

    PyTorch has two: in place, and recorded.
    """
    found = []
    if not Kind.TORCH.missing():
        import torch

        for is_recorded in (False, True):
            p = torch.full(x.shape, value, dtype=torch.float64, requires_grad=True)
            result = function(torch.from_numpy(x), p)
            if not result.requires_grad:
                result = result + 0 * p
            (slope,) = torch.autograd.grad(result.sum(), p, create_graph=is_recorded)
            found.append(slope.detach().numpy())
    if not Kind.JAX.missing():
        import jax

        p = jax.numpy.full(x.shape, value)
        # compiled at once: each operation by itself, for each number of breakpoints, takes longer
        slope = jax.jit(jax.grad(lambda p: function(jax.numpy.asarray(x), p).sum()))(p)
        found.append(np.asarray(slope))
    return found


@pytest.mark.long
@pytest.mark.parametrize("kind", [Kind.TORCH, Kind.JAX])
@every_surrogate
def test_at_the_threshold_the_second_derivative_is_that_around_if_it_is_smooth(cls, kind):
    required(kind)
    below, there, above = second_derivative(cls(), kind, np.asarray([-1e-9, 0.0, 1e-9]))
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


@pytest.mark.parametrize("said", ["x must be Recorded, got {!r}", "got {}", "got {!r}"])
def test_an_error_of_a_formula_that_shows_its_x_is_raised(said):
    def formula(x):
        raise ValueError(said.format(x))

    with pytest.raises(ValueError, match="got"):
        _ = surrogates.Custom(formula).breakpoints


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
