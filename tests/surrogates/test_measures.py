"""Peak, area, width and the rest: of floats against quadrature, of arrays against floats."""

from __future__ import annotations

import functools
import itertools
import math

import mpmath
import numpy as np
import pytest

import surrogates
from kinds import Kind, every_real_parameter, every_surrogate, generator, real_parameters, required
from surrogates._check import symbolic
from surrogates._parameters import ABOVE_ONE, COUNT, FINITE, parameters
from surrogates.definitions import SURROGATES

MEASURES = ("peak", "area", "area_below", "width", "_negative", "_largest_slope", "_largest_term")
FRAMEWORKS = ("numpy", "torch", "jax")


def values(parameter):
    """Return values of a parameter that lie on all sides of what a measure decides by."""
    interval = parameter.metadata["interval"]
    if interval is COUNT:
        return [parameter.default]
    if interval is ABOVE_ONE:
        return [1.5, 2.0, 40.0]
    positive = [0.05, 0.4, 0.5, 1.0, 3.0, 20.0]
    if interval.low == 0:
        return [0.0, *positive]
    return [0.0, -0.3, -2.0, *positive] if interval is FINITE else positive


def variants(cls):
    """Return surrogates of class `cls` with one parameter, or two, away from the default."""
    names = [p.name for p in parameters(cls)]
    choices = {p.name: values(p) for p in parameters(cls)}
    found = [{}]
    found += [{name: value} for name in names for value in choices[name]]
    for one, other in itertools.combinations(names, 2):
        found += [{one: a, other: b} for a in choices[one][::2] for b in choices[other][::2]]
    return [cls(**changed) for changed in found]


def measured(surrogate):
    low, high = surrogate.support
    return [getattr(surrogate, name) for name in MEASURES] + [low, high]


@functools.cache
def of_floats(cls, **values):
    return measured(cls(**values))


def as_array(framework, value):
    if framework == "torch":
        return pytest.importorskip("torch").asarray(
            value, dtype=pytest.importorskip("torch").float64
        )
    if framework == "jax":
        return pytest.importorskip("jax").numpy.asarray(value)
    return np.asarray(value)


every_framework = pytest.mark.parametrize("framework", FRAMEWORKS)
SEARCHED = (surrogates.MultiGaussianGrad, surrogates.SoftLIF)  # JAX compiles each for seconds


def leave_to_the_long_test(cls, framework):
    if framework == "jax" and cls in SEARCHED:
        pytest.skip("see test_what_takes_jax_long_where_measures_are_searched")


def of_arrays(cls, name):
    """Return the values of parameter `name` in one array, and those of the others with it."""
    declared = {p.name: p for p in parameters(cls)}
    array = np.asarray(values(declared[name]))
    yield array, {}
    for other in real_parameters(cls):
        if other == name or cls is surrogates.MultiGaussianGrad:  # a search over a grid takes long
            continue
        for value in values(declared[other])[::2]:
            yield array, {other: value}


def assert_elementwise(measure, cls, name, array, others):
    expected = [of_floats(cls, **{name: float(v)}, **others) for v in array]
    for i, found in enumerate(measure):
        column = np.asarray([row[i] for row in expected])
        found = np.broadcast_to(np.asarray(found), array.shape)
        np.testing.assert_allclose(
            found, column, rtol=1e-13, atol=1e-300, err_msg=[*MEASURES, "low", "high"][i]
        )


@every_framework
@every_real_parameter
def test_measures_of_an_array_are_those_of_its_elements(cls, name, framework):
    for array, others in of_arrays(cls, name):
        surrogate = cls(**{name: as_array(framework, array)}, **others)
        measure = measured(surrogate)
        assert_elementwise(measure, cls, name, array, others)
        if framework != "jax" or cls not in SEARCHED:
            assert_single(cls, name, framework, array, others)


def assert_single(cls, name, framework, array, others):
    single = cls(**{name: as_array(framework, array[:1].reshape(()))}, **others)
    assert_elementwise(measured(single), cls, name, array[:1], others)


@every_framework
@every_surrogate
def test_measures_of_arrays_of_two_shapes_broadcast(cls, framework):
    leave_to_the_long_test(cls, framework)
    assert_two_shapes_broadcast(cls, framework)


def assert_two_shapes_broadcast(cls, framework):
    names = real_parameters(cls)
    if len(names) < 2:
        pytest.skip("of one parameter")
    choices = {p.name: values(p) for p in parameters(cls)}
    column, row = np.asarray(choices[names[0]])[:, None], np.asarray(choices[names[1]])
    arrays = {names[0]: as_array(framework, column), names[1]: as_array(framework, row)}
    measure = measured(cls(**arrays))
    for i, a in enumerate(column[:, 0]):
        slices = [np.broadcast_to(np.asarray(m), (len(column), len(row)))[i] for m in measure]
        assert_elementwise(slices, cls, names[1], row, {names[0]: float(a)})


@every_real_parameter
def test_measures_of_a_traced_array(cls, name):
    assert_traced(cls, name, 1 if cls in SEARCHED else 2)


def assert_traced(cls, name, number):
    jax = pytest.importorskip("jax")
    for array, others in itertools.islice(of_arrays(cls, name), number):
        measure = jax.jit(lambda a: measured(cls(**{name: a}, **others)))(array)  # noqa: B023
        assert_elementwise(measure, cls, name, array, others)


@pytest.mark.parametrize("measure", ["peak", "area_below", "width"])
@every_framework
@every_real_parameter
def test_measures_are_differentiable_in_the_parameters(cls, name, framework, measure):
    if framework == "numpy":
        pytest.skip("NumPy differentiates nothing")
    if measure == "peak":  # of which the width takes half
        leave_to_the_long_test(cls, framework)
    assert_differentiable(cls, name, framework, measure)


def assert_differentiable(cls, name, framework, measure):
    declared = {p.name: p for p in parameters(cls)}
    # away from where a measure jumps or has a kink
    array = np.asarray([v * 1.07 for v in values(declared[name]) if v != 0])
    step = 1e-5 * np.abs(array)
    try:
        ends = [
            [float(getattr(cls(**{name: float(v)}), measure)) for v in array + sign * step]
            for sign in (1, -1)
        ]
    except ValueError:
        pytest.skip("out of range")
    high, low = np.asarray(ends)
    defined = np.isfinite(high) & np.isfinite(low)
    with np.errstate(invalid="ignore"):
        slope = np.where(defined, (high - low) / (2 * step), 0.0)
    found = gradient(framework, lambda a: getattr(cls(**{name: a}), measure), array)
    np.testing.assert_allclose(found[defined], slope[defined], rtol=1e-5, atol=1e-8)
    assert not np.any(np.isnan(found))
    if declared[name].metadata["interval"].low <= 0:  # where a measure may jump
        at_zero = gradient(framework, lambda a: getattr(cls(**{name: a}), measure), np.zeros(1))
        assert not np.any(np.isnan(at_zero))


@pytest.mark.long
@pytest.mark.parametrize("called", [cls.__name__ for cls in SEARCHED])  # for its family, no class
def test_what_takes_jax_long_where_measures_are_searched(called):
    pytest.importorskip("jax")
    cls = SURROGATES[called]
    assert_two_shapes_broadcast(cls, "jax")
    for name in real_parameters(cls):
        for array, others in of_arrays(cls, name):
            assert_single(cls, name, "jax", array, others)
        assert_traced(cls, name, 2)
        assert_differentiable(cls, name, "jax", "peak")


def gradient(framework, function, array):
    if framework == "jax":
        jax = pytest.importorskip("jax")

        def total(a):
            value = jax.numpy.broadcast_to(function(a), a.shape)
            return jax.numpy.where(jax.numpy.isfinite(value), value, 0.0).sum()

        return np.asarray(jax.grad(total)(jax.numpy.asarray(array)))
    torch = pytest.importorskip("torch")
    a = torch.asarray(array).requires_grad_()
    value = torch.as_tensor(function(a), dtype=a.dtype).expand(a.shape)
    if not value.requires_grad:
        return np.zeros_like(array)
    value.nan_to_num(0.0, 0.0, 0.0).sum().backward()
    return np.zeros_like(array) if a.grad is None else a.grad.numpy()


@every_surrogate
def test_area_below_is_the_rise_of_the_primitive_to_the_threshold(cls):
    for surrogate in variants(cls):
        below = surrogate.area_below
        assert isinstance(below, float)
        if not math.isfinite(below):
            continue
        with np.errstate(all="ignore"):
            rise = float(surrogate.surrogate_fun(0.0) - surrogate.surrogate_fun(-math.inf))
        slack = 1e-14 * max(1.0, surrogate._largest_term)
        assert math.isclose(rise, below, rel_tol=1e-12, abs_tol=slack), surrogate


@every_surrogate
def test_the_area_to_the_left_is_the_primitive_with_another_constant(cls):
    x = np.concatenate([np.linspace(-3, 3, 241), [-1e3, 1e3, -math.inf]])
    for surrogate in variants(cls):
        if not math.isfinite(surrogate.area_below):
            continue
        with np.errstate(all="ignore"):
            area = surrogate.formula("area", np, x)
            expected = surrogate.surrogate_fun(x) + (surrogate.area_below - 0.5)
        slack = 1e-13 * max(1.0, surrogate._largest_term, surrogate.area_below)
        np.testing.assert_allclose(area, expected, 1e-12, slack, err_msg=repr(surrogate))


def test_the_area_to_the_left_of_an_array_of_parameters_finite_or_not():
    alphas = [0.5, 1.0, 1.5, 4.0]
    x = np.asarray([[-50.0], [-0.5], [0.0], [2.0]])
    area = surrogates.QPseudoSpike(np.asarray(alphas)).formula("area", np, x + np.zeros(4))
    each = [surrogates.QPseudoSpike(alpha).formula("area", np, x[:, 0]) for alpha in alphas]
    np.testing.assert_allclose(area, np.stack(each, axis=1), rtol=1e-13)


@every_surrogate
def test_area_below_is_what_quadrature_finds(cls):
    if cls is surrogates.SquarewaveFourierSeries:
        assert math.isnan(cls().area_below)
        return
    for surrogate in variants(cls)[:3]:
        below = surrogate.area_below
        if math.isfinite(below):
            found = quadrature(surrogate)
            assert math.isclose(found, below, rel_tol=1e-6, abs_tol=1e-12), surrogate
        else:  # the derivative does not decay, or like 1 / x
            far = -np.logspace(3, 9, 7)
            assert np.all(np.abs(surrogate.surrogate_grad(far) * far) > 1e-2), surrogate


def quadrature(surrogate):
    derivative = symbolic.exact(surrogate, "surrogate_grad")
    edges = [v for v in vars(surrogate).values() if isinstance(v, float) and v > 0]
    edges = sorted({-e for v in edges for e in (v / 2, v, 1 / v)} | {0.0, -1.0})
    edges = [*-np.geomspace(1e12, max(4, -2 * edges[0]), 14), *edges]
    tail = float(surrogate.surrogate_fun(edges[0]) - surrogate.surrogate_fun(-math.inf))
    with mpmath.workdps(20):
        return float(mpmath.quad(derivative, edges)) + tail


@every_surrogate
def test_peak_is_the_largest_value(cls):
    for surrogate in variants(cls):
        peak = surrogate.peak
        if not math.isfinite(peak):
            continue
        x = np.concatenate([np.linspace(-3, 3, 2401), np.geomspace(3, 1e9, 400)])
        x = np.concatenate([x, -x]) + getattr(surrogate, "shift", 0.0)
        found = surrogate.surrogate_grad(x)
        size = surrogate._largest_slope
        assert found.max() <= peak + 1e-12 * size, surrogate
        assert found.max() >= peak - 2e-2 * size, surrogate
        assert np.abs(found).max() <= size * (1 + 1e-12), surrogate


@every_surrogate
def test_negative_says_whether_the_derivative_is_negative_somewhere(cls):
    for surrogate in variants(cls):
        assert isinstance(surrogate._negative, bool)
        x = np.concatenate([np.linspace(-3, 3, 2401), np.geomspace(3, 1e9, 400)])
        lowest = surrogate.surrogate_grad(np.concatenate([x, -x])).min()
        if not surrogate._negative:
            assert lowest >= 0, surrogate


@pytest.mark.parametrize("h", [0.0, 0.15, 2.0, 1e3])
@pytest.mark.parametrize("s", [1e-6, 0.05, 0.5, 1.0, 6.0, 1e6])
@pytest.mark.parametrize("scale", [-0.5, 3.0])
def test_peak_and_width_of_a_difference_of_gaussians(h, s, scale):
    surrogate = surrogates.MultiGaussianGrad(h=h, s=s, sigma=2.0, scale=scale)
    x = 2.0 * np.concatenate([np.linspace(0, 20, 200_001), 1 + s * np.linspace(-20, 20, 20_001)])
    x = np.sort(x[x >= 0])
    y = surrogate.surrogate_grad(x)
    peak = max(float(y.max()), 0.0)
    assert math.isclose(surrogate.peak, peak, rel_tol=1e-6, abs_tol=1e-15)
    if y[0] < peak / 2 or peak == 0:
        assert surrogate.width == math.inf
    else:
        below = x[np.argmax(y < surrogate.peak / 2)]
        assert math.isclose(surrogate.width, 2 * below, rel_tol=1e-3)


@pytest.mark.filterwarnings("error")
def test_measures_of_numpy_arrays_in_half_precision_decide_as_those_of_floats():
    peaked = surrogates.SuperSpikeRescaled(np.float16([300.0]))  # 90601 is infinite in float16
    assert surrogates.Compressed(peaked, "uint8").residual == "uint8"
    halves = np.float16([2.0])
    for surrogate in (
        surrogates.GaussianGrad(0.5, np.float16([1.0])),
        surrogates.Scaled(surrogates.Sigmoid(), amplitude=halves, rate=halves),
    ):
        assert surrogate.is_distribution
        assert surrogates.sample(surrogate, np.zeros(1), np.random.default_rng(0)) in (0, 1)


SEARCHED = {
    "windowed": lambda array: surrogates.Windowed(
        surrogates.Scaled(surrogates.FakeNumericalGrad(), rate=array), normalise=True
    ),
    "spliced": lambda array: surrogates.Windowed(
        surrogates.Spliced(surrogates.NonzeroSignLog(array), surrogates.Sigmoid())
    ),
    "mixture": lambda array: surrogates.Mixture(
        (surrogates.FakeNumericalGrad(array), surrogates.Sigmoid()), (0.5, 0.5)
    ),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("made", SEARCHED.values(), ids=SEARCHED)
@pytest.mark.parametrize(
    "kind", [Kind.NUMPY, Kind.TORCH, pytest.param(Kind.JAX, marks=pytest.mark.long), Kind.MLX]
)
def test_measures_of_half_precision_are_computed_in_single(kind, made):
    """A search in half precision, which does not hold the numbers of formulas, raised or warned."""
    required(kind)
    surrogate = made(kind.array(np.float16([0.5, 2.0])))
    exact = made(np.asarray([0.5, 2.0]))
    for name in ("peak", "area", "width"):
        measure = getattr(surrogate, name)
        actual = measure if isinstance(measure, float) else kind.numpy(measure)
        np.testing.assert_allclose(actual, getattr(exact, name), rtol=2e-3, err_msg=name)
    if not exact.is_distribution:
        x = kind.array(np.float16([0.0, 1.0]))
        with pytest.raises(ValueError, match="density"):
            surrogates.sample(surrogate, x, generator(kind))
    if exact.peak.max() < math.inf:
        surrogates.Compressed(surrogate, "uint8")
