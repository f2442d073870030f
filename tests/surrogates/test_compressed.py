"""Surrogates that keep less: what is kept, how far the derivative is off, and what comes second."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from array_api_compat import array_namespace

import surrogates
from kinds import Kind, floats, in_half
from surrogates import (
    Arctan,
    Compressed,
    LeakyRelu,
    MultiGaussianGrad,
    MultiSpike,
    Scaled,
    Sigmoid,
    vjp,
)
from surrogates.backends._backend import BEYOND

pytestmark = [  # of PyTorch's own, while it compiles and in forward mode
    pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

RESIDUALS = ("float16", "bfloat16", "uint8")
BYTES = {"float16": 2, "bfloat16": 2, "uint8": 1}
# Relative rounding of x, half the spacing: the 11 bits of float16, the 8 of bfloat16.
ROUNDING = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
NAMES = ("Sigmoid", "Arctan", "GaussianGrad", "ReluGrad", "InvSquareGrad", "QPseudoSpike", "ERF")
X = np.linspace(-3, 3, 97).astype(np.float32)


def bound(surrogate: surrogates.Surrogate, residual: str) -> np.ndarray:
    """Return the stated bound of the derivative's error on X, with room for float32."""
    if residual == "uint8":
        return np.full(X.shape, surrogate.peak / 508 * 1.0001)
    x = X.astype(np.float64)
    near = [surrogate.surrogate_grad(x * (1 + sign * ROUNDING[residual])) for sign in (-1, 1)]
    # Monotone on either side of 0: the largest error is at an end. 2**-25: subnormal float16.
    errors = [abs(value - surrogate.surrogate_grad(x)) for value in near]
    return np.maximum(*errors) * 1.0001 + 1e-6 * surrogate.peak


@pytest.mark.parametrize("residual", RESIDUALS)
@pytest.mark.parametrize("name", NAMES)
def test_spikes_are_exact_and_the_gradient_is_within_its_bound(name, residual, taped):
    surrogate = getattr(surrogates, name)()
    kept = Compressed(surrogate, residual)
    x = taped.array(X)
    np.testing.assert_array_equal(taped.numpy(kept(x)), X >= 0)
    error = abs(taped.numpy(taped.gradient(kept, x)) - surrogate.surrogate_grad(X))
    assert (error <= bound(surrogate, residual)).all()


@pytest.mark.parametrize("residual", ["float16", "uint8"])
def test_pullback_of_every_library(kind, residual):
    if kind is Kind.STRICT and residual == "float16":
        pytest.skip("the namespace has no float16")
    x = kind.array(X)
    spikes, pullback = vjp(Compressed(Arctan(2.0), residual), x)
    np.testing.assert_array_equal(kind.numpy(spikes), X >= 0)
    gradient = kind.numpy(pullback(kind.array(2 * np.ones_like(X))))
    assert gradient.dtype == np.float32
    error = abs(gradient / 2 - Arctan(2.0).surrogate_grad(X))
    assert (error <= bound(Arctan(2.0), residual)).all()


def held(function):
    """Return the arrays that a function holds, itself or by the functions that it calls."""
    contents = [cell.cell_contents for cell in function.__closure__ or ()]
    inner = [array for c in contents if hasattr(c, "__closure__") for array in held(c)]
    return [c for c in contents if isinstance(c, np.ndarray)] + inner


@pytest.mark.parametrize("residual", ["float16", "uint8"])
def test_pullback_of_numpy_keeps_the_smaller_array(residual):
    _, pullback = vjp(Compressed(Arctan(), residual), X)
    assert [array.dtype for array in held(pullback)] == [np.dtype(residual)]


@pytest.mark.filterwarnings("error")
def test_beyond_the_range_of_float16_and_at_nan():
    x = np.asarray([1e6, -1e6, np.inf, np.nan], dtype=np.float32)
    for residual, size in (("float16", Arctan().surrogate_grad(np.float32(65520))), ("uint8", 0.0)):
        expected = np.asarray([size, size, size, np.nan], np.float32)
        _, pullback = vjp(Compressed(Arctan(), residual), x)
        np.testing.assert_array_equal(pullback(np.ones_like(x)), expected)
        np.testing.assert_array_equal(Compressed(Arctan(), residual).surrogate_grad(x), expected)


@pytest.mark.parametrize("far", [7e4, -np.inf])
def test_hypergradients_beyond_the_range_of_float16_are_those_at_its_end(taped, far):
    x, end = (taped.array(np.float32([0.5, place])) for place in (far, np.copysign(65520.0, far)))
    alpha = taped.array(np.float32(2e-5))
    actual = _hypergradient(taped, lambda a: Compressed(Sigmoid(a)), alpha, x)
    expected = _hypergradient(taped, Sigmoid, alpha, end)
    assert expected != 0
    np.testing.assert_allclose(actual, expected, rtol=1e-5)
    first = taped.numpy(taped.gradient(Compressed(Sigmoid(2e-5)), x))
    expected = taped.numpy(Sigmoid(2e-5).surrogate_grad(end))
    np.testing.assert_allclose(first, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", [Kind.TORCH, Kind.JAX])
def test_the_largest_float16_that_is_kept_as_bfloat16_is_finite(kind):
    def kept(alpha):
        return Compressed(flat(alpha), "bfloat16")

    def flat(alpha):
        return Scaled(Sigmoid(alpha), 1e4)

    half, wide = (in_half([65504.0, -65504.0], dtype, kind) for dtype in ("float16", "float32"))
    expected = flat(2e-5).surrogate_grad(np.float64(65536.0))
    for gradient in (kind.gradient(kept(2e-5), half), kept(2e-5).surrogate_grad(half)):
        np.testing.assert_allclose(floats(gradient, kind), expected, rtol=1e-3)
    alpha = in_half(2e-5, "float32", kind)
    expected = _hypergradient(kind, flat, alpha, wide)
    np.testing.assert_allclose(_hypergradient(kind, kept, alpha, half), expected, rtol=5e-3)


def test_beyond_the_range_of_float16_a_side_is_not_the_other(taped):
    one_sided = Compressed(LeakyRelu(alpha=0.25, beta=2.0), "float16")
    x = np.float32([-np.inf, -1e6, 1e6, np.inf])
    expected = [0.25, 0.25, 2.0, 2.0]
    gradient = taped.numpy(taped.gradient(one_sided, taped.array(x)))
    np.testing.assert_array_equal(gradient, expected)
    np.testing.assert_array_equal(one_sided.surrogate_grad(x), expected)
    np.testing.assert_array_equal(vjp(one_sided, x)[1](np.ones_like(x)), expected)


@pytest.mark.parametrize("residual", RESIDUALS)
def test_what_pytorch_saves(residual, torch):
    saved = []

    def pack(tensor):
        saved.append(tensor)
        return tensor

    x = torch.tensor(X, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        Compressed(Sigmoid(), residual)(x)
    assert sum(tensor.untyped_storage().nbytes() for tensor in saved) == BYTES[residual] * X.size


@pytest.mark.parametrize("residual", ["float16", "bfloat16"])
def test_pytorch_computes_in_place_where_nobody_looks_on(residual, torch, monkeypatch):
    from surrogates.backends._torch import compressed as hook

    calls = []
    original = hook.gradient
    monkeypatch.setattr(hook, "gradient", lambda *a: calls.append(1) or original(*a))
    x = torch.tensor(X, requires_grad=True)
    spikes = Compressed(Sigmoid(), residual)(x)
    (first,) = torch.autograd.grad(spikes.sum(), x, retain_graph=True)
    assert calls == [1]
    (recorded,) = torch.autograd.grad(spikes.sum(), x, create_graph=True)
    assert calls == [1]
    torch.testing.assert_close(first, recorded.detach(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("residual", RESIDUALS)
def test_what_compiled_pytorch_saves(residual, torch):
    torch.compiler.reset()
    surrogate = Compressed(Sigmoid(), residual)
    step = torch.compile(lambda x: surrogate(3 * x - 1), fullgraph=True, backend="aot_eager")
    saved = []

    def pack(tensor):
        saved.append(tensor)
        return tensor

    x = torch.tensor(X, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        spikes = step(x)
    assert all(tensor.dtype == getattr(torch, residual) or tensor is x for tensor in saved)
    spikes.sum().backward()
    expected = Sigmoid().surrogate_grad(3 * X - 1)
    np.testing.assert_allclose(x.grad / 3, expected, atol=0.01)


@pytest.mark.parametrize("residual", RESIDUALS)
def test_what_jax_stacks_in_a_scan(residual, jax):
    surrogate = Compressed(Sigmoid(), residual)

    def run(weight, currents):
        def step(v, current):
            v = 0.9 * v + current @ weight
            return v, surrogate(v - 1)

        return jax.lax.scan(step, jax.numpy.zeros(5, "float32"), currents)[1].sum()

    weight = jax.numpy.ones((3, 5), "float32") / 3
    currents = jax.numpy.ones((40, 3), "float32")
    _, pullback = jax.vjp(lambda weight: run(weight, currents), weight)
    stacked = [leaf for leaf in jax.tree_util.tree_leaves(pullback) if leaf.shape[:1] == (40,)]
    assert sorted(str(leaf.dtype) for leaf in stacked) == sorted(["float32", residual])
    assert [leaf.shape for leaf in stacked if leaf.dtype == residual] == [(40, 5)]


@pytest.mark.parametrize("residual", ["float16", "bfloat16"])
def test_second_derivative_is_that_at_the_rounded_x_and_rounded_too(residual, taped):
    surrogate, kept = Arctan(2.0), Compressed(Arctan(2.0), residual)
    rounded = floats(taped.astype(taped.array(X), residual), taped)
    expected = _second(taped, surrogate, taped.array(rounded))
    second = _second(taped, kept, taped.array(X))
    np.testing.assert_allclose(second, expected, rtol=2 * ROUNDING[residual], atol=1e-5)


def test_second_derivative_of_8_bits_raises(taped):
    with pytest.raises(NotImplementedError, match="first derivative only"):
        _second(taped, Compressed(Arctan(2.0), "uint8"), taped.array(X))


def test_second_derivative_of_8_bits_raises_in_a_scan(jax):
    def run(weight):
        step = lambda v, _: (0.9 * v + weight - Compressed(Arctan(), "uint8")(v - 1), None)  # noqa: E731
        return jax.lax.scan(step, jax.numpy.float32(0), length=5)[0]

    jax.grad(run)(0.7)
    with pytest.raises(NotImplementedError, match="first derivative only"):
        jax.grad(jax.grad(run))(0.7)


def _second(kind, surrogate, x):
    if kind in (Kind.JAX, Kind.JAX_CUDA):  # mapped, too
        import jax

        return kind.numpy(jax.vmap(jax.grad(jax.grad(surrogate)))(x))
    return kind.numpy(kind.grad(kind.grad(surrogate))(x))


def _hypergradient(kind, make, alpha, x):
    return kind.numpy(kind.grad(lambda a: kind.grad(make(a))(x))(alpha))


@pytest.mark.long("jax")
@pytest.mark.parametrize("residual", RESIDUALS)
def test_array_parameters_and_vmap(residual, taped):
    alpha = np.asarray([1.0, 4.0], dtype=np.float32)
    x = taped.array(np.asarray([[0.3, 0.3], [-0.5, 0.1]], dtype=np.float32))
    slope = taped.gradient(Compressed(Sigmoid(taped.array(alpha)), residual), x)
    exact = Sigmoid(alpha).surrogate_grad(taped.numpy(x))
    np.testing.assert_allclose(taped.numpy(slope), exact, atol=alpha.max() / 508)
    means = taped.contract()
    if "vmap" not in means:
        return
    grad, vmap = means["grad"], means["vmap"]
    batched = vmap(lambda a, v: grad(Compressed(Sigmoid(a), residual))(v))(taped.array(alpha), x[0])
    np.testing.assert_allclose(taped.numpy(batched), exact[0], atol=alpha.max() / 508)


def test_forward_mode_of_pytorch_is_exact(torch):
    x = torch.tensor(X)
    tangent = torch.func.jvp(Compressed(Sigmoid(), "uint8"), (x,), (torch.ones_like(x),))[1]
    np.testing.assert_allclose(tangent, Sigmoid().surrogate_grad(X), rtol=1e-5, atol=1e-6)


def test_other_emissions_go_inside():
    counts = Compressed(MultiSpike(Sigmoid(), max_spikes=3))
    np.testing.assert_array_equal(counts(np.asarray([-0.5, 0.0, 1.5, 9.0])), [0, 1, 2, 3])


def test_equality_hash_pickle_and_repr():
    one, other = Compressed(Sigmoid(2.0)), Compressed(Sigmoid(2.0), "float16")
    assert one == other
    assert hash(one) == hash(other)
    assert one != Compressed(Sigmoid(2.0), "bfloat16")
    assert one != Compressed(Sigmoid(3.0))
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    assert repr(one) == "Compressed(surrogate=Sigmoid(alpha=2.0), residual='float16')"
    assert (one.peak, one.area, one.width) == (0.5, 1.0, Sigmoid(2.0).width)


@pytest.mark.parametrize("residual", RESIDUALS)
def test_an_edit_of_x_does_not_falsify_the_pullback(residual, kind):
    if kind not in (Kind.NUMPY, Kind.TORCH):
        pytest.skip("it cannot be edited")
    if kind is Kind.NUMPY and residual == "bfloat16":
        pytest.skip("NumPy has no bfloat16")
    x = kind.array(X)
    if residual != "uint8":  # kept as it is
        xp = array_namespace(x)
        x = xp.astype(x, getattr(xp, residual))
    _, pullback = vjp(Compressed(Sigmoid(), residual), x)
    ones = x * 0 + 1
    before = pullback(ones)
    x[...] = 5.0
    assert (pullback(ones) == before).all()


def test_at_threshold_is_that_of_the_surrogate_inside():
    assert Compressed(Sigmoid(at_threshold=0.0))(0.0) == 0.0
    with pytest.raises(TypeError, match="Compressed: at_threshold is that"):
        Compressed(Sigmoid(), at_threshold=0.0)


def test_errors():
    with pytest.raises(ValueError, match=r"residual must be one of .* got residual='int4'"):
        Compressed(Sigmoid(), "int4")
    with pytest.raises(TypeError, match="takes a surrogate such as"):
        Compressed(Sigmoid, "float16")
    for surrogate in (MultiGaussianGrad(), surrogates.ExpEscape()):
        with pytest.raises(ValueError, match="8 bits hold a derivative from 0 to a finite peak"):
            Compressed(surrogate, "uint8")
        assert isinstance(Compressed(surrogate), Compressed)
    with pytest.raises(TypeError, match="numpy has no dtype bfloat16; choose another residual"):
        vjp(Compressed(Sigmoid(), "bfloat16"), X)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a .functools.lru:UserWarning")
def test_eight_bits_of_a_peak_that_is_searched_for_compile_for_a_number(torch, monkeypatch):
    """Dynamo refuses `sign` of array-api-compat for a tensor without axes.

    And it may fail where array-api-compat looks at `sys.modules`.
    """

    def refused(*_):
        raise AssertionError("array-api-compat looks for the library of an array")

    monkeypatch.setattr("array_api_compat.common._helpers._cls_to_namespace", refused)
    torch.compiler.reset()
    window = surrogates.Windowed(surrogates.Scaled(surrogates.Sigmoid(), rate=torch.tensor(2.0)))
    surrogate = surrogates.Compressed(window, "uint8")
    x = torch.tensor(0.3, requires_grad=True)
    torch.compile(lambda x: surrogate(x), fullgraph=True, backend="aot_eager")(x).backward()
    torch.testing.assert_close(x.grad, surrogate.surrogate_grad(x.detach()))


def test_beyond_bfloat16_the_slope_in_a_parameter_is_not_nan(torch):
    for cls in (surrogates.Sigmoid, surrogates.InvSquareGrad):
        alpha = torch.tensor(2.0, requires_grad=True)
        x = torch.tensor([3.4e38, -3.4e38], requires_grad=True)
        spikes = Compressed(cls(alpha=alpha), "bfloat16")(x)
        (grad,) = torch.autograd.grad(spikes.sum(), x, create_graph=True)
        assert torch.autograd.grad(grad.sum(), alpha)[0] == 0


def test_eight_bits_tell_the_derivative_to_the_cotangent(torch):
    x, cotangent, surrogate = torch.tensor(X), torch.linspace(-1, 2, X.size), Compressed(Sigmoid())
    surrogate, cotangent = Compressed(Sigmoid(), "uint8"), cotangent.reshape(X.shape).to(x.dtype)

    def pulled(cotangent):
        return torch.func.vjp(surrogate, x)[1](cotangent)[0]

    slope = pulled(torch.ones_like(x))
    found, pullback = torch.func.vjp(pulled, torch.ones_like(x))
    torch.testing.assert_close(found, slope, rtol=1e-6, atol=0.0)
    torch.testing.assert_close(pullback(cotangent)[0], slope * cotangent, rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("residual", ["float16", "bfloat16"])
def test_what_stands_for_infinity_is_the_least_number_that_is_rounded_to_it(torch, residual):
    beyond = np.float32(BEYOND[residual])
    ends = torch.tensor([beyond, np.nextafter(beyond, np.float32(0.0))])
    assert ends.to(getattr(torch, residual)).isinf().tolist() == [True, False]
