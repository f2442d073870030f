"""The primitive instead of the spike, and graded spikes."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import surrogates
from kinds import HALVES, assert_like, floats, in_half
from surrogates import (
    Arctan,
    Compressed,
    GaussianGrad,
    Graded,
    GradedSlayer,
    Mixture,
    MultiSpike,
    Relaxed,
    Scaled,
    Sigmoid,
    Smooth,
    Spliced,
    Ternary,
    Windowed,
    learnable,
    vjp,
)

X = np.asarray([-2.0, -0.5, 0.0, 0.25, 3.0, np.nan])
SHAPES = [
    Sigmoid(4.0, at_threshold=0.0),
    GaussianGrad(0.5, 0.5),
    Scaled(Sigmoid(4.0), 0.5, 2.0, 0.25),
    Windowed(Arctan(2.0), 1.0),
    Mixture((Sigmoid(4.0), Arctan(2.0)), (0.5, 0.25)),
    Spliced(Sigmoid(4.0), GradedSlayer()),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: type(s).__name__)
def test_smooth_emits_the_primitive(kind, shape):
    x = kind.array(X)
    values, pullback = vjp(Smooth(shape), x)
    assert_like(values, x, kind)
    assert_like(Smooth(shape)(x), x, kind)
    np.testing.assert_allclose(kind.numpy(values), shape.surrogate_fun(X), rtol=1e-14)
    slope = kind.numpy(pullback(kind.array(np.ones(X.shape))))
    np.testing.assert_allclose(slope, shape.surrogate_grad(X), rtol=1e-14)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: type(s).__name__)
def test_smooth_is_differentiated_as_the_primitive(taped, shape):
    slope = taped.numpy(taped.gradient(Smooth(shape), taped.array(X[:-1])))
    np.testing.assert_allclose(slope, shape.surrogate_grad(X[:-1]), rtol=1e-14)


def made(theta):
    moved = Scaled(GaussianGrad(theta[0], theta[1]), theta[2], 2.0, theta[3])
    return Spliced(moved, GaussianGrad(theta[0], 0.75))


@pytest.mark.long("jax")
@pytest.mark.parametrize("outer", [Smooth, Relaxed])
def test_parameters_have_the_gradient_of_the_primitive(taped, outer):
    inner = Relaxed if outer is Smooth else Smooth
    x = taped.array(X[:-1])
    theta = taped.array(np.asarray([0.5, 0.75, 1.5, 0.25]))
    learned = taped.gradient(lambda t: outer(inner(made(t)))(x), theta)
    exact = taped.gradient(lambda t: made(t).surrogate_fun(x), theta)
    np.testing.assert_allclose(taped.numpy(learned), taped.numpy(exact), rtol=1e-13)


def test_the_order_of_smooth_and_others_does_not_matter():
    moved = {"amplitude": 0.5, "rate": 2.0, "shift": 0.25}
    for outer, inner in (
        (Scaled(Smooth(Sigmoid(4.0)), **moved), Smooth(Scaled(Sigmoid(4.0), **moved))),
        (Windowed(Smooth(Sigmoid(4.0)), 1.0), Smooth(Windowed(Sigmoid(4.0), 1.0))),
        (Compressed(Smooth(Sigmoid(4.0))), Smooth(Compressed(Sigmoid(4.0)))),
    ):
        np.testing.assert_array_equal(outer(X), inner(X))
        np.testing.assert_array_equal(outer.surrogate_grad(X), inner.surrogate_grad(X))


def test_smooth_is_a_value_and_learns():
    smooth = Smooth(Sigmoid(4.0))
    assert pickle.loads(pickle.dumps(smooth)) == smooth
    assert eval(repr(smooth), vars(surrogates)) == smooth
    pytest.importorskip("torch")
    assert [*learnable(smooth, "alpha", framework="torch").raw] == ["surrogate/alpha"]


@pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")
def test_smooth_and_graded_compile_in_pytorch():
    torch = pytest.importorskip("torch")
    x = torch.linspace(-2, 2, 9, dtype=torch.float64, requires_grad=True)
    for surrogate in (Smooth(Sigmoid(4.0)), Graded(GradedSlayer(), 1.5, 2.0)):
        compiled = torch.compile(surrogate, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(x), surrogate(x), rtol=1e-15, atol=0)
        (slope,) = torch.autograd.grad(compiled(x).sum(), x)
        torch.testing.assert_close(slope, surrogate.surrogate_grad(x.detach()), rtol=1e-14, atol=0)


def test_smooth_and_graded_under_jit():
    jax = pytest.importorskip("jax")
    x = jax.numpy.asarray(X[:-1])
    for surrogate in (Smooth(Sigmoid(4.0)), Graded(GradedSlayer(), 1.5, 2.0)):
        np.testing.assert_allclose(jax.jit(surrogate)(x), surrogate(x), rtol=1e-6)
        slope = jax.jit(jax.grad(lambda x, s=surrogate: s(x).sum()))(x)
        np.testing.assert_allclose(slope, surrogate.surrogate_grad(x), rtol=1e-6)


def test_graded_emits_the_potential_above_the_threshold(kind):
    threshold = kind.array(np.asarray([1.0, -2.0]))
    v = np.asarray([[0.5, -2.5], [1.0, -2.0], [3.0, 5.0], [np.inf, -np.inf], [np.nan, 0.0]])
    x = kind.array(v - np.asarray([1.0, -2.0]))
    values, pullback = vjp(Graded(GradedSlayer(), threshold, 2.0), x)
    assert_like(values, x, kind)
    exact = [[0, 0], [0.5, -1], [1.5, 2.5], [np.inf, 0], [0, 0]]
    np.testing.assert_array_equal(kind.numpy(values), exact)
    slope = kind.numpy(pullback(kind.array(np.ones(v.shape))))
    np.testing.assert_array_equal(slope, kind.numpy(GradedSlayer().surrogate_grad(x)))


def test_graded_keeps_at_threshold_and_shape():
    assert Graded(GradedSlayer(at_threshold=0.0), 1.5)(0.0) == 0.0
    assert Graded(GradedSlayer(at_threshold=0.5), 1.5)(0.0) == 0.75
    assert Scaled(Graded(GradedSlayer(), 1.0), 2.0)(1.0) == 2.0
    assert Graded(GradedSlayer(), 1.5).peak == 1.0


@pytest.mark.parametrize(("half_kind", "half"), HALVES)
def test_values_in_half_precision_are_rounded_once(half_kind, half):
    x = in_half([-1.0, 0.3, 1.0, 60000.0], half, half_kind)
    wide = floats(x, half_kind).astype(np.float64)
    for surrogate, exact in (
        (Graded(GradedSlayer(), 0.1, 0.3), np.where(wide < 0, 0, (wide + 0.1) / 0.3)),
        (Smooth(Sigmoid(1.0)), Sigmoid(1.0).surrogate_fun(wide)),
    ):
        values = surrogate(x)
        assert values.dtype == x.dtype
        eps = {"float16": 2.0**-11, "bfloat16": 2.0**-8}[half]
        largest = 65504.0 if half == "float16" else math.inf
        exact = np.minimum(exact, largest)
        np.testing.assert_allclose(floats(values, half_kind), exact, rtol=1.01 * eps)


def test_two_that_emit_are_refused():
    emitters = [MultiSpike, Ternary, Smooth, Graded]
    for outer in emitters:
        for inner in emitters:
            with pytest.raises(TypeError, match="inside decides the emission already"):
                outer(Scaled(inner(Sigmoid())))
    with pytest.raises(TypeError, match=r"Smooth: .* defines no primitive to emit; define"):
        Smooth(type("Own", (surrogates.Surrogate,), {"derivative": lambda self, xp, x: x})())
    with pytest.raises(ValueError, match="Graded: scale must be a positive finite number"):
        Graded(Sigmoid(), 1.0, 0.0)
    with pytest.raises(ValueError, match="Graded: threshold must be a finite number"):
        Graded(Sigmoid(), math.inf)


def test_a_graded_threshold_has_no_gradient():
    torch = pytest.importorskip("torch")
    threshold = torch.tensor(1.0, requires_grad=True)
    with pytest.raises(NotImplementedError, match=r"Graded: threshold has no gradient: .* detach"):
        Graded(GradedSlayer(), threshold)(torch.tensor([0.5])).sum().backward()
