"""What the formulas of a user's own surrogate may return, and what is made of it."""

from __future__ import annotations

import numpy as np
import pytest
from array_api_compat import array_namespace

import surrogates
from kinds import WITH_TAPE, Kind, assert_like, parameters, required
from surrogates import Surrogate


def arctangent(x):

    return 0.5 + array_namespace(x).atan(x)


class GradientOnly(surrogates.Surrogate):
    def surrogate_grad(self, x):
        return 1 / (1 + x * x)


class PrimitiveOnly(surrogates.Surrogate):
    def surrogate_fun(self, x):
        return arctangent(x)


OWN = [
    GradientOnly(),
    PrimitiveOnly(),
    surrogates.Custom(lambda x: 1 / (1 + x * x)),
    surrogates.Custom(fun=arctangent),
    surrogates.Custom(lambda x: 1 / (1 + x * x), arctangent, at_threshold=0.0),
]


@pytest.mark.parametrize("surrogate", OWN, ids=lambda s: type(s).__name__)
def test_your_own_surrogate(surrogate, kind):
    values = np.linspace(-3, 3, 9)
    x = kind.array(values)
    np.testing.assert_array_equal(
        kind.numpy(surrogate(x)), np.heaviside(values, surrogate.at_threshold)
    )
    expected = 1 / (1 + values**2)
    np.testing.assert_allclose(kind.numpy(surrogate.surrogate_grad(x)), expected, atol=1e-12)
    _, pullback = surrogates.vjp(surrogate, x)
    np.testing.assert_allclose(kind.numpy(pullback(kind.array(np.ones(9)))), expected, atol=1e-12)
    if kind in WITH_TAPE:
        np.testing.assert_allclose(kind.numpy(kind.gradient(surrogate, x)), expected, atol=1e-12)


# PyTorch's own forward mode imports the deprecated torch.jit
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_your_own_surrogate_to_second_order():
    torch = pytest.importorskip("torch")
    x = torch.linspace(-1, 1, 5, dtype=torch.float64)
    for surrogate in OWN:
        second = torch.func.hessian(lambda x: surrogate(x).sum())(x).diagonal()  # noqa: B023
        torch.testing.assert_close(second, -2 * x / (1 + x * x) ** 2, rtol=1e-9, atol=1e-12)


def test_what_is_not_defined_says_so():
    with pytest.raises(NotImplementedError, match=r"GradientOnly\(\) defines no primitive"):
        GradientOnly().surrogate_fun(np.ones(3))
    with pytest.raises(NotImplementedError, match="defines no peak"):
        surrogates.rescaled(GradientOnly(), peak=2.0)

    class Nothing(surrogates.Surrogate):
        pass

    with pytest.raises(NotImplementedError, match="defines no derivative"):
        Nothing().surrogate_grad(np.ones(3))
    with pytest.raises(TypeError, match="Custom takes one or two functions"):
        surrogates.Custom()


def test_a_function_of_more_than_x_is_told_where_it_belongs():
    x = np.ones(3)
    for surrogate in (
        surrogates.Custom(lambda xp, x: xp.exp(-x * x)),
        surrogates.Custom(fun=lambda xp, x: xp.tanh(x)),
    ):
        with pytest.raises(
            TypeError, match=r"Custom: .* alone, .* function of \(xp, x\); .*self, xp"
        ):
            surrogate.surrogate_grad(x)
    for wrong in (lambda x: x + None, min):  # errors of its own
        with pytest.raises(TypeError, match=r"unsupported operand|iterable"):
            surrogates.Custom(wrong).surrogate_grad(x[0])


def test_central_difference_states_its_accuracy():
    x = np.linspace(-10, 10, 2001)
    surrogate = surrogates.Custom(fun=lambda x: np.tanh(3 * x))
    error = surrogate.surrogate_grad(x) - 3 / np.cosh(3 * x) ** 2
    assert np.max(np.abs(error)) < 1e-12
    single = surrogate.surrogate_grad(x.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, 3 / np.cosh(3 * x.astype(np.float32)) ** 2, atol=2e-6)


class WithAttribute(surrogates.Surrogate):
    def __init__(self, alpha=2.0):
        super().__init__()
        self.alpha = alpha

    def surrogate_grad(self, x):
        return 1 / (1 + self.alpha * x * x)


class WithField(surrogates.Surrogate):
    alpha: float = 2.0

    def surrogate_grad(self, x):
        return 1 / (1 + self.alpha * x * x)


@pytest.mark.parametrize("cls", [WithAttribute, WithField])
def test_your_own_parameter_tells_surrogates_apart(cls):
    assert cls(1.0) == cls(1.0)
    assert hash(cls(1.0)) == hash(cls(1.0))
    assert cls(1.0) != cls(100.0)
    assert "alpha=100.0" in repr(cls(100.0))
    jax = pytest.importorskip("jax")
    slope = jax.jit(lambda s, x: jax.grad(s)(x), static_argnums=0)
    np.testing.assert_allclose(slope(cls(1.0), 0.5), 0.8)
    np.testing.assert_allclose(slope(cls(100.0), 0.5), 1 / 26)


class OfPrimitive(Surrogate):
    shape: str = "number"

    def primitive(self, xp, x):
        return {"number": 0.5, "column": x[..., None], "integer": xp.astype(x > 0, xp.int32)}[
            self.shape
        ]


@pytest.mark.parametrize("kind", parameters([Kind.NUMPY, Kind.TORCH, Kind.JAX]))
def test_what_a_primitive_returns_is_fitted_to_x_before_it_is_differentiated(kind):
    required(kind)
    x = kind.array(np.asarray([-1.0, 1.0, 2.0]))
    derivative = kind.numpy(OfPrimitive("number").surrogate_grad(x))
    np.testing.assert_array_equal(derivative, np.zeros(3))
    with pytest.raises(ValueError, match="its primitive must have the shape of x"):
        OfPrimitive("column").surrogate_grad(x)


# What a formula may return.


class Identity(Surrogate):
    def derivative(self, xp, x):
        return x


class Constant(Surrogate):
    def derivative(self, xp, x):
        return 0.5


class Column(Surrogate):
    def derivative(self, xp, x):
        return xp.ones_like(x)[..., None]


class Mean(Surrogate):
    def derivative(self, xp, x):
        return xp.mean(x) if x.ndim else x


class Wide(Surrogate):
    def derivative(self, xp, x):
        return xp.astype(x, xp.float64)


class OfAnArray(Surrogate):
    height: float = 1.0

    def derivative(self, xp, x):
        return self.height


def test_a_number_is_a_derivative_everywhere(kind):
    x = kind.array(np.asarray([-1.0, 2.0], np.float32))
    assert_like(Constant().surrogate_grad(x), x, kind)
    _, pullback = surrogates.vjp(Constant(), x)
    np.testing.assert_array_equal(kind.numpy(pullback(x)), [-0.5, 1.0])
    if kind in WITH_TAPE:
        np.testing.assert_array_equal(kind.numpy(kind.gradient(Constant(), x)), [0.5, 0.5])


class OfTwoNumbers(Surrogate):
    def derivative(self, xp, x):
        return xp.where(x > 0.5, 0.1, 0.3)

    def primitive(self, xp, x):
        return xp.where(x > 0.5, 0.1, 0.3)


def test_a_choice_of_two_numbers_has_the_precision_of_x(kind):
    if kind is Kind.STRICT:
        pytest.skip("the standard has where of one array at least")
    for dtype in ("float32", "float64"):
        values = np.asarray([0.0, 1.0], dtype)
        x, expected = kind.array(values), np.asarray([0.3, 0.1], dtype)
        found = [OfTwoNumbers().surrogate_grad(x), OfTwoNumbers().surrogate_fun(x)]
        found.append(surrogates.vjp(OfTwoNumbers(), x)[1](kind.array(np.ones_like(values))))
        if kind in WITH_TAPE:
            found.append(kind.gradient(OfTwoNumbers(), x))
        for result in found:
            assert_like(result, x, kind)
            np.testing.assert_array_equal(kind.numpy(result), expected)


def test_what_broadcasts_to_x_is_broadcast(kind):
    x = kind.array(np.ones((2, 3), np.float32))
    assert_like(Mean().surrogate_grad(x), x, kind)
    if kind in WITH_TAPE:
        np.testing.assert_array_equal(kind.numpy(kind.gradient(Mean(), x)), np.ones((2, 3)))


def test_another_shape_is_refused(kind):
    x = kind.array(np.ones(3))
    calls = [lambda x: kind.numpy(Column().surrogate_grad(x))]  # Dask evaluates there
    calls += [lambda x: surrogates.vjp(Column(), x)] if kind is not Kind.DASK else []
    calls += [lambda x: kind.gradient(Column(), x)] if kind in WITH_TAPE else []
    for call in calls:
        with pytest.raises(ValueError, match=r"derivative must have the shape of x, .*, 1\)"):
            call(x)


def test_another_dtype_comes_back_in_that_of_x(kind):
    x = kind.array(np.ones(3, np.float32))
    assert_like(Wide().surrogate_grad(x), x, kind)
    if kind in WITH_TAPE:
        assert_like(kind.gradient(Wide(), x), x, kind)


@pytest.mark.parametrize(
    "wrap", [surrogates.Relaxed, surrogates.MultiSpike, surrogates.Ternary, surrogates.Scaled]
)
@pytest.mark.parametrize("cls", [Identity, lambda: surrogates.Custom(lambda x: x)])
def test_pullbacks_of_wrappers_do_not_see_later_edits(cls, wrap):
    x = np.asarray([1.0, 2.0])
    _, pullback = surrogates.vjp(wrap(cls()), x)
    before = pullback(np.ones(2)).copy()
    x[:] = 7.0
    np.testing.assert_array_equal(pullback(np.ones(2)), before)


def test_pullbacks_do_not_see_later_edits():
    x = np.asarray([1.0, 2.0])
    _, pullback = surrogates.vjp(Identity(), x)
    height = np.asarray([3.0, 4.0])
    _, of_array = surrogates.vjp(OfAnArray(height), np.ones(2))
    _, compressed = surrogates.vjp(surrogates.Compressed(surrogates.Sigmoid(height)), np.zeros(2))
    before = compressed(np.ones(2))
    x[:], height[:] = 7.0, 7.0
    np.testing.assert_array_equal(pullback(np.ones(2)), [1.0, 2.0])
    np.testing.assert_array_equal(of_array(np.ones(2)), [3.0, 4.0])
    np.testing.assert_array_equal(compressed(np.ones(2)), before)


def test_pullbacks_do_not_see_later_edits_in_pytorch(torch):
    x = torch.tensor([1.0, 2.0])
    _, pullback = surrogates.vjp(Identity(), x)
    x.fill_(7.0)
    torch.testing.assert_close(pullback(torch.ones(2)), torch.tensor([1.0, 2.0]))


class Wave(Surrogate):
    peak = 1.0

    def derivative(self, xp, x):
        return xp.cos(x)


class Taller(Surrogate):
    peak = 0.5

    def derivative(self, xp, x):
        return xp.exp(-x * x)


@pytest.mark.parametrize("cls", [Wave, Taller])
def test_eight_bits_do_not_hold_what_leaves_their_range(cls):
    for surrogate in (cls(), surrogates.Scaled(cls(), amplitude=2.0)):
        with pytest.raises(ValueError, match="8 bits hold a derivative from 0 to a finite peak"):
            surrogates.Compressed(surrogate, "uint8")
        assert surrogates.Compressed(surrogate, "float16").residual == "float16"


def test_a_number_of_numpy_is_a_derivative_everywhere(kind):
    x = kind.array(np.asarray([-1.0, 2.0]))
    for number in (np.float64(0.5), np.float32(0.5), np.int64(2)):
        custom = surrogates.Custom(lambda x: number)  # noqa: B023
        assert_like(custom.surrogate_grad(x), x, kind)
        np.testing.assert_array_equal(kind.numpy(custom.surrogate_grad(x)), [number, number])


@pytest.mark.parametrize("kinds", [(Kind.TORCH, Kind.NUMPY), (Kind.NUMPY, Kind.TORCH)])
@pytest.mark.parametrize("shape", [(2,), ()], ids=str)
def test_a_derivative_of_another_library_is_refused(torch, kinds, shape):
    x, other = (kind.array(np.ones(2 if kind is kinds[0] else shape)) for kind in kinds)
    with pytest.raises(TypeError, match=r"derivative must be an array of the type of x, .*, got"):
        surrogates.Custom(lambda x: other).surrogate_grad(x)


@pytest.mark.parametrize("complex_kind", [Kind.NUMPY, Kind.TORCH, Kind.JAX])
def test_a_complex_derivative_is_refused(complex_kind):
    required(complex_kind)
    x = complex_kind.array(np.asarray([-1.0, 2.0]))
    with pytest.raises(TypeError, match=r"derivative must be real, got one of dtype .*complex"):
        surrogates.Custom(lambda x: x * 1j).surrogate_grad(x)


class Shaped(surrogates.Surrogate):
    """Of peak 1, except where `change` says."""

    change: object = None

    def derivative(self, xp, x):
        return xp.exp(-x * x) if self.change is None else self.change(xp, x)

    @property
    def peak(self):
        return 1.0


def below(xp, x):
    return xp.where(x < -0.5, -1e-9, xp.exp(-x * x))


def at_zero(xp, x):
    return xp.where(x == 0, -1e-9, xp.exp(-x * x))


def too_high(xp, x):
    return xp.where(abs(x) < 1, 1 + 1e-5, 0.0)


@pytest.mark.parametrize("change", [below, at_zero, too_high])
def test_eight_bits_refuse_what_leaves_their_range_anywhere(change):
    surrogates.Compressed(Shaped(), "uint8")  # which reaches its peak, exactly
    with pytest.raises(ValueError, match="8 bits hold a derivative from 0 to a finite peak"):
        surrogates.Compressed(Shaped(change), "uint8")
