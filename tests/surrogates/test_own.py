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
from kinds import WITH_TAPE, assert_like
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
        with pytest.raises(TypeError, match=r"int32.*; convert it"):
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


@every_own
def test_its_parameters_may_be_arrays(cls, taped):
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
    with pytest.raises(TypeError, match="cannot inherit non-frozen"):  # by Python itself

        @dataclass(slots=True, eq=False)
        class Thawed(Surrogate):
            beta: float = 2.0

    with pytest.raises(TypeError, match="Slots: leave out @dataclass"):

        @dataclass(frozen=True, slots=True, eq=False)
        class Slots(Surrogate):
            beta: float = 2.0


@pytest.mark.parametrize(
    "name", ["derivative", "surrogate_grad", "array_fields", "emit", "combine", "support"]
)
def test_a_name_that_is_taken(name):
    with pytest.raises(TypeError, match=f"a parameter cannot be called '{name}'"):
        type("Taken", (Surrogate,), {"__annotations__": {name: float}, name: 1.0})


def test_another_default_of_the_spike_at_the_threshold_is_a_number():
    with pytest.raises(TypeError, match="Ranged: at_threshold is a parameter of every surrogate"):

        class Ranged(Surrogate):
            at_threshold: float = surrogates.parameter(1.0)


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


def test_a_default_may_be_at_the_end_of_its_range():
    for number in (-1.0, 1.0):

        class Own(Surrogate):
            p: float = parameter(number, low=-1.0, high=1.0)

        assert Own().p == number


def test_its_class_may_be_pickled_by_value():
    """As Dask, Ray and joblib do with a class of a notebook, in the same process, too."""
    cloudpickle = pytest.importorskip("cloudpickle")

    class Local(Surrogate):
        beta: float = parameter(2.0, low=0.0)

        def derivative(self, xp, x):
            return xp.exp(-self.beta * x * x)

    class ByKeyword(Local):  # which the decorator makes
        gamma: float = dataclasses.field(default=1.0, kw_only=True)

    for cls in (Local, ByKeyword):
        assert pickle.loads(cloudpickle.dumps(cls(3.0))) == cls(3.0)
        assert surrogates.Scaled(cls(beta=4.0)).surrogate_grad(0.0) == 1.0


def test_a_word_without_an_annotation():
    class Labelled(Surrogate):
        label = "of a user"

    assert "label" not in Labelled.__dataclass_fields__
    with pytest.raises(TypeError, match="closed"):

        class Half(surrogates.Boxcar):
            closed = "left"
