"""A surrogate of a user's own: what a built-in one gets, it gets."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from array_api_compat import array_namespace

import surrogates
from kinds import WITH_TAPE, Kind, assert_like, parameters
from surrogates import Surrogate, parameter
from surrogates.backends._compiler.graph import trace


class Bump(Surrogate):
    """In the functions of the namespace, with a parameter that has a range."""

    beta: float = parameter(2.0, low=0.0)

    def derivative(self, xp, x):
        return xp.exp(-self.beta * x * x)


class Quick(Surrogate):
    """The same, declared to be traceable, with a parameter of any value."""

    traceable = True
    beta: float = 2.0

    def derivative(self, xp, x):
        return xp.exp(-self.beta * x * x)


class Lorentzian(Surrogate):
    """As braintools' users write it; and with names that were taken once."""

    residual: float = 1.0
    surrogate: float = 1.0

    def surrogate_grad(self, x):
        return 1 / (self.residual + self.surrogate * x * x)

    def surrogate_fun(self, x):
        root = (self.residual * self.surrogate) ** 0.5
        return 0.5 + array_namespace(x).atan(x * (self.surrogate / root)) / root


class Integral(Surrogate):
    """Of a primitive alone."""

    rate: float = parameter(1.0, low=0.5, high=4.0)

    def primitive(self, xp, x):
        return 0.5 + xp.atan(self.rate * x)


OWN = [Bump, Quick, Lorentzian, Integral]
EXACT = {
    Bump: lambda x: np.exp(-2 * x * x),
    Quick: lambda x: np.exp(-2 * x * x),
    Lorentzian: lambda x: 1 / (1 + x * x),
    Integral: lambda x: 1 / (1 + x * x),
}
every_own = pytest.mark.parametrize("cls", OWN)


@every_own
def test_values_and_gradients(cls, kind):
    values = np.linspace(-3, 3, 13)
    x, exact = kind.array(values), EXACT[cls](values)
    for result in (
        cls().surrogate_grad(x),
        surrogates.vjp(cls(), x)[1](kind.array(np.ones(13))),
        surrogates.jvp(cls(), x, kind.array(np.ones(13)))[1],
    ):
        assert_like(result, x, kind)
        np.testing.assert_allclose(kind.numpy(result), exact, rtol=1e-12, atol=1e-12)
    if kind in WITH_TAPE:
        np.testing.assert_allclose(
            kind.numpy(kind.gradient(cls(), x)), exact, rtol=1e-12, atol=1e-12
        )


@every_own
def test_half_precision_is_single_precision_rounded_once(cls):
    x = np.asarray([-300.0, -1.0, 0.0, 0.5, 300.0], np.float16)
    expected = cls().surrogate_grad(x.astype(np.float32)).astype(np.float16)
    np.testing.assert_array_equal(cls().surrogate_grad(x), expected)
    assert Lorentzian().surrogate_grad(np.float16(300)) > 1.1e-5


@every_own
def test_what_is_no_floating_point_array_is_refused(cls, kind):
    x = kind.array(np.ones(3, np.int32))
    for call in (cls(), cls().surrogate_grad, lambda x: surrogates.vjp(cls(), x)):
        with pytest.raises(TypeError, match="int32; convert it"):
            call(x)


@every_own
def test_it_is_a_value(cls):
    (name, *_) = [f.name for f in surrogates._parameters.parameters(cls)]
    one, other = cls(**{name: 1.5}), cls(**{name: 2.5})
    assert one == cls(**{name: 1.5}) != other
    assert hash(one) == hash(cls(**{name: 1.5}))
    assert dataclasses.replace(one, **{name: 2.5}) == other
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    assert eval(repr(one), globals()) == one
    with pytest.raises(dataclasses.FrozenInstanceError, match=f"{name} cannot be changed"):
        setattr(one, name, 3.0)
    array = np.asarray([1.5, 2.5])
    assert cls(**{name: array}) == cls(**{name: array}) != cls(**{name: array.copy()})
    assert hash(cls(**{name: array})) == hash(cls(**{name: array}))


@pytest.mark.parametrize("taped", parameters(WITH_TAPE))
@every_own
def test_its_parameters_may_be_arrays(cls, taped):
    if taped.missing():
        pytest.skip(taped.missing())
    (name, *_) = [f.name for f in surrogates._parameters.parameters(cls)]
    values = np.asarray([1.5, 2.0, 2.5])
    x = taped.array(np.full((2, 3), 0.3))
    surrogate = cls(**{name: taped.array(values)})
    expected = [cls(**{name: float(v)}).surrogate_grad(0.3) for v in values]
    np.testing.assert_allclose(
        taped.numpy(taped.gradient(surrogate, x)), [expected, expected], rtol=1e-10
    )


def test_its_parameters_have_ranges():
    with pytest.raises(ValueError, match=r"Bump: beta must be a finite number from 0 to .*beta=-1"):
        Bump(beta=-1.0)
    with pytest.raises(ValueError, match=r"Integral: rate must be .* from 0.5 to 4.*rate=5"):
        Integral(rate=5.0)
    with pytest.raises(ValueError, match="Quick: beta must be a finite number"):
        Quick(beta=float("nan"))
    with pytest.raises(ValueError, match=r"parameter: default must be from low=0.0 to high=1.0"):
        parameter(2.0, low=0.0, high=1.0)


def test_its_parameters_are_learned(torch):
    for cls, name in ((Integral, "rate"), (Lorentzian, "residual"), (Lorentzian, "surrogate")):
        module = surrogates.learnable(cls(), name, framework="torch")
        module(torch.linspace(-1, 1, 5)).sum().backward()
        assert module.raw[name].grad is not None
        torch.testing.assert_close(getattr(module.surrogate, name), torch.tensor(1.0))
    module = surrogates.learnable(Integral(), "rate", framework="torch")
    for number in (-1e3, 1e3):
        module.raw["rate"].data.fill_(number)
        assert 0.5 <= module.surrogate.rate <= 4.0


def test_names_that_were_taken_once_pass_through_jax(jax):
    surrogate = Lorentzian(residual=jax.numpy.asarray(2.0), surrogate=3.0)
    slope = jax.jit(jax.grad(lambda x, s: s(x)))(0.5, surrogate)
    np.testing.assert_allclose(slope, 1 / 2.75, rtol=1e-6)


def test_tracing_is_opted_into():
    assert trace(Bump(), "derivative", "float64") is None
    assert trace(Quick(), "derivative", "float64") is not None
    for wrapped in (surrogates.Scaled(Quick()), surrogates.Ternary(Quick())):
        assert trace(wrapped, "derivative", "float64") is not None
    assert trace(surrogates.Scaled(Bump()), "derivative", "float64") is None

    class Below(Quick):
        def derivative(self, xp, x):
            return 2 * super().derivative(xp, x)

    assert trace(Below(), "derivative", "float64") is None


class Strict(Surrogate):
    at_threshold: float = 0.0
    beta: float = parameter(1.0)

    def derivative(self, xp, x):
        return self.beta / (1 + x * x)


def test_another_default_of_the_spike_at_threshold():
    assert Strict(3.0).beta == 3.0  # at_threshold stays by keyword only
    assert Strict(3.0)(0.0) == 0.0
    assert Strict(at_threshold=0.5)(0.0) == 0.5

    class Two(Surrogate):
        at_threshold: float = 2.0

    with pytest.raises(ValueError, match="Two: at_threshold must be a number from 0 to 1"):
        Two()


class OfPrimitive(Surrogate):
    shape: str = "number"

    def primitive(self, xp, x):
        return {"number": 0.5, "column": x[..., None], "integer": xp.astype(x > 0, xp.int32)}[
            self.shape
        ]


@pytest.mark.parametrize("kind", parameters([Kind.NUMPY, Kind.TORCH, Kind.JAX]))
def test_what_a_primitive_returns_is_fitted_to_x_before_it_is_differentiated(kind):
    if kind.missing():
        pytest.skip(kind.missing())
    x = kind.array(np.asarray([-1.0, 1.0, 2.0]))
    derivative = kind.numpy(OfPrimitive("number").surrogate_grad(x))
    np.testing.assert_array_equal(derivative, np.zeros(3))
    with pytest.raises(ValueError, match="its primitive must have the shape of x"):
        OfPrimitive("column").surrogate_grad(x)


def test_a_decorator_on_top():
    @dataclass(frozen=True)
    class Decorated(Surrogate):
        beta: float = 2.0

    with pytest.raises(TypeError, match="Decorated: leave out @dataclass"):
        Decorated()

    @dataclass(frozen=True, eq=False)
    class Unequal(Surrogate):
        beta: float = 2.0

    with pytest.raises(TypeError, match="Unequal: leave out @dataclass"):
        Unequal()
    with pytest.raises(TypeError, match="Slots: leave out @dataclass"):

        @dataclass(frozen=True, slots=True, eq=False)
        class Slots(Surrogate):
            beta: float = 2.0


@pytest.mark.parametrize(
    "name", ["derivative", "surrogate_grad", "array_fields", "emit", "combine"]
)
def test_a_name_that_is_taken(name):
    with pytest.raises(TypeError, match=f"a parameter cannot be called '{name}'"):
        type("Taken", (Surrogate,), {"__annotations__": {name: float}, name: 1.0})


@pytest.mark.parametrize("default", [np.ones(2), [1.0], "1", True, None])
def test_a_default_that_is_no_number(default):
    with pytest.raises(TypeError, match="default must be a number"):
        surrogates.parameter(default, low=0.0)


def test_what_has_no_primitive_is_not_learned():
    with pytest.raises(TypeError, match="defines no primitive, whose gradient"):
        surrogates.learnable(OnlyDerivative(), "beta", framework="torch")


class OnlyDerivative(Surrogate):
    beta: float = surrogates.parameter(2.0, low=0.0)

    def derivative(self, xp, x):
        return xp.exp(-self.beta * x**4)


def test_parameters_and_an_initialiser():
    with pytest.raises(TypeError, match="declares the parameters beta and defines __init__"):

        class Both(Surrogate):
            beta: float = 2.0

            def __init__(self):
                pass


def test_super_in_the_way_of_braintools():
    class Twice(surrogates.Sigmoid):
        def surrogate_grad(self, x):
            return 2 * super().surrogate_grad(x)

    with pytest.raises(RecursionError, match=r"call super\(\).derivative\(xp, x\)"):
        Twice().surrogate_grad(0.0)


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


def test_equal_numbers_that_are_not_the_same():
    class Flag(Surrogate):
        flag: object = 1

        def derivative(self, xp, x):
            return x if self.flag is True else -x

    assert Flag(1) != Flag(True)
    assert Flag(0.0) != Flag(-0.0)
    assert Flag((1,)) != Flag((True,)) != Flag((1.0,))
    assert Flag((0.0,)) != Flag((-0.0,))
    assert Flag((1, "a")) == Flag((1, "a"))
    assert surrogates.Scaled(Flag(), shift=0.0) == surrogates.Scaled(Flag(), shift=-0.0)
    assert str(surrogates.Scaled(Flag(), shift=-0.0).shift) == "0.0"


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


@pytest.mark.parametrize("complex_kind", [Kind.NUMPY, Kind.TORCH, Kind.JAX])
def test_a_complex_derivative_is_refused(complex_kind):
    if complex_kind.missing():
        pytest.skip(complex_kind.missing())
    x = complex_kind.array(np.asarray([-1.0, 2.0]))
    with pytest.raises(TypeError, match=r"derivative must be real, got one of dtype .*complex"):
        surrogates.Custom(lambda x: x * 1j).surrogate_grad(x)


class Initialised(Surrogate):
    def __init__(self, alpha=1.0):
        super().__init__()
        self.alpha = alpha

    def surrogate_grad(self, x):
        return self.alpha / (1 + x * x)


def test_an_array_that_is_not_declared_is_not_relaxed_in_silence():
    surrogate = Initialised(np.asarray([1.0, 2.0]))
    np.testing.assert_array_equal(surrogate.surrogate_grad(np.zeros(2)), [1.0, 2.0])
    with pytest.raises(
        TypeError, match=r"alpha of Initialised.* would get no gradient; declare it"
    ):
        surrogates.Relaxed(surrogates.Scaled(surrogate))
    assert surrogates.Relaxed(Initialised(2.0)).surrogate_grad(0.0) == 2.0


def test_arrays_and_surrogates_in_a_collection_are_refused():
    class Mixed(Surrogate):
        parts: tuple = ()

    for part in (surrogates.Sigmoid(), np.ones(2)):
        with pytest.raises(TypeError, match=r"parts holds .* in a collection"):
            Mixed((part,))
    assert Mixed((1.0, 2.0)).parts == (1.0, 2.0)


class Unfinished(Surrogate):
    """A density whose primitive is NaN at infinity, and 0 at the threshold."""

    area = 1.0

    def derivative(self, xp, x):
        return 0.5 / (1 + xp.abs(x)) ** 2

    def primitive(self, xp, x):
        return 0.5 * x / (1 + xp.abs(x))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_primitive_that_is_nan_at_infinity_is_sampled_rightly():
    x = np.repeat([-1.0, 0.0, 1.0], 20_000).reshape(3, -1)
    rates = surrogates.sample(Unfinished(), x, np.random.default_rng(0)).mean(axis=1)
    np.testing.assert_allclose(rates, [0.25, 0.5, 0.75], atol=0.02)


class Bounded(Surrogate):
    below: float = parameter(2.0, high=3.0)
    between: float = parameter(0.25, low=-1.0, high=1.0)
    inner: Surrogate = surrogates.Sigmoid()
    inner_alpha: float = parameter(0.5, low=0.0)

    def primitive(self, xp, x):
        return self.inner.primitive(xp, x) + 0 * self.below * self.between * self.inner_alpha


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_learned_parameters_start_where_they_are(dtype, torch):
    names = ("below", "between", "inner_alpha", "inner.alpha")
    for values in ((2.2, 0.001), (2.999, -0.999), (-50.0, 0.999)):
        surrogate = Bounded(*values)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch, "get_default_dtype", lambda: getattr(torch, dtype))
            module = surrogates.learnable(surrogate, *names, framework="torch")
        now = module.surrogate
        tolerance = 1e-6 if dtype == "float32" else 1e-12
        found = [
            float(v.detach()) for v in (now.below, now.between, now.inner_alpha, now.inner.alpha)
        ]
        np.testing.assert_allclose(found, [*values, 0.5, 4.0], rtol=tolerance, atol=tolerance)
        assert len(module.raw) == 4
        for number in (-1e3, 1e3):
            module.raw["below"].data.fill_(number)
            assert module.surrogate.below.item() <= 3.0
