"""What a user reads who passes the wrong thing."""

from __future__ import annotations

import functools
import math
import typing

import numpy as np
import pytest

import surrogates
from surrogates._parameters import ABOVE_ONE, COUNT, NON_NEGATIVE, POSITIVE, parameters
from surrogates.definitions import SURROGATES

WRONG = [math.nan, math.inf, 10**400, True, "1", None, [1.0], 1j]
EVERY_PARAMETER = [
    pytest.param(cls, p, id=f"{cls.__name__}-{p.name}")
    for cls in SURROGATES.values()
    for p in parameters(cls)
]


@pytest.mark.parametrize(("cls", "parameter"), EVERY_PARAMETER)
def test_parameter_out_of_its_range(cls, parameter):
    interval = parameter.metadata["interval"]
    below = {POSITIVE: [0, 0.0, -1.0], NON_NEGATIVE: [-1.0], ABOVE_ONE: [1, 0.5], COUNT: [0, 1.5]}
    for value in WRONG + below.get(interval, []):
        with pytest.raises(ValueError, match=parameter.name) as error:
            cls(**{parameter.name: value})
        assert cls.__name__ in str(error.value)
        assert f"{parameter.name}={value!r}" in str(error.value)
        assert interval.description in str(error.value)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, "half"])
def test_spike_at_threshold_out_of_its_range(value):
    with pytest.raises(ValueError, match="Sigmoid: at_threshold must be a number from 0 to 1"):
        surrogates.Sigmoid(at_threshold=value)


def test_choice_that_is_none():
    with pytest.raises(ValueError, match="Boxcar: closed must be one of"):
        surrogates.Boxcar(closed="open")


def test_amplitude_may_be_any_finite_number():
    assert surrogates.GaussianGrad(alpha=-2).surrogate_grad(0.0) < 0
    assert surrogates.LeakyRelu(alpha=0).surrogate_grad(-1.0) == 0


@pytest.mark.parametrize("values", [[1.0, 0.0], [1.0, math.nan], [[-1.0]]])
def test_array_parameter_out_of_range(values):
    with pytest.raises(ValueError, match="ReluGrad: width must be"):
        surrogates.ReluGrad(width=np.asarray(values))


def test_integer_array_parameter():
    with pytest.raises(ValueError, match="floating-point dtype"):
        surrogates.ReluGrad(width=np.asarray([1, 2]))


CALLS = {
    "call": lambda x: surrogates.SlayerGrad()(x),
    "function": surrogates.slayer_grad,
    "primitive": lambda x: surrogates.SlayerGrad().surrogate_fun(x),
    "derivative": lambda x: surrogates.SlayerGrad().surrogate_grad(x),
    "vjp": lambda x: surrogates.vjp(surrogates.SlayerGrad(), x),
    "jvp": lambda x: surrogates.jvp(surrogates.SlayerGrad(), x, x),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("x", [[0.5], (0.5,), "0.5", 1, True, None, 1j], ids=repr)
def test_what_is_no_array(call, x):
    with pytest.raises(TypeError, match="convert it first") as error:
        CALLS[call](x)
    assert type(x).__name__ in str(error.value)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "complex128"])
def test_array_of_another_dtype(call, dtype, kind):
    x = kind.array(np.ones(3, dtype))
    remedy = "real part" if dtype == "complex128" else "float32"
    with pytest.raises(TypeError, match=remedy) as error:
        CALLS[call](x)
    assert dtype in str(error.value)
    assert "SlayerGrad" in str(error.value)


@pytest.mark.parametrize("call", ["call", "primitive", "derivative"])
def test_python_float_comes_back_as_a_numpy_scalar(call):
    assert type(CALLS[call](0.5)) is np.float64
    assert type(CALLS[call](np.float32(0.5))) is np.float32


def test_any_memory_layout():
    x = np.linspace(-2, 2, 24).reshape(4, 6)
    for view in (x.T, x[::2, ::-3], np.asfortranarray(x)):
        expected = surrogates.SlayerGrad().surrogate_grad(np.ascontiguousarray(view))
        np.testing.assert_array_equal(surrogates.SlayerGrad().surrogate_grad(view), expected)
        np.testing.assert_array_equal(surrogates.slayer_grad(view), view >= 0)


TAKE_A_SURROGATE = {
    "vjp": lambda s: surrogates.vjp(s, np.ones(3)),
    "jvp": lambda s: surrogates.jvp(s, np.ones(3), np.ones(3)),
    "gain": lambda s: surrogates.gain(s, np.ones(3)),
    "fitted": lambda s: surrogates.fitted(s, np.ones(3)),
    "anneal": lambda s: surrogates.anneal(s, alpha=float),
    "learnable": lambda s: surrogates.learnable(s, "alpha", framework="torch"),
    "rescaled": lambda s: surrogates.rescaled(s, peak=1.0),
    "matched": lambda s: surrogates.matched(surrogates.ERF(), s, by="width"),
    "sample": lambda s: surrogates.sample(s, np.ones(3), np.random.default_rng(0)),
    "probability": lambda s: surrogates.sample(surrogates.ERF(), np.ones(3), None, probability=s),
    "wrapper": surrogates.Relaxed,
    "mixture": lambda s: surrogates.Mixture((surrogates.ERF(), s), (0.5, 0.5)),
    "spliced": lambda s: surrogates.Spliced(surrogates.ERF(), s),
}


@pytest.mark.parametrize("call", TAKE_A_SURROGATE.values(), ids=TAKE_A_SURROGATE)
def test_class_or_function_instead_of_an_object(call):
    with pytest.raises(
        TypeError, match=r"got (probability=)?the class Sigmoid; .*Sigmoid\(\)\(x\)"
    ):
        call(surrogates.Sigmoid)
    with pytest.raises(TypeError, match=r"the function sigmoid; give .* Sigmoid\(\)"):
        call(surrogates.sigmoid)
    with pytest.raises(
        TypeError, match=r"got (probability=)?'Sigmoid'; surrogates\.find\(name\)\(\)"
    ):
        call("Sigmoid")


def test_a_module_instead_of_its_surrogate(torch):
    spike = surrogates.module(surrogates.Sigmoid(), "torch")
    for call in (surrogates.Relaxed, lambda s: surrogates.learnable(s, "alpha")):
        with pytest.raises(
            TypeError, match=r"got SurrogateModule.*; give .* attribute `surrogate`"
        ):
            call(spike)
    assert surrogates.Relaxed(spike.surrogate).surrogate == surrogates.Sigmoid()


@pytest.mark.parametrize("x", [np.asarray([-1.0, 0.5]), np.asarray([1, 2]), [0.5, 1.5]], ids=str)
def test_array_that_can_be_no_parameter_may_be_meant_as_x(x):
    with pytest.raises(ValueError, match=r"membrane potential, write Sigmoid\(\)\(x\)"):
        surrogates.Sigmoid(x)
    for call in (
        lambda: surrogates.ReluGrad(1.0, x),  # the second parameter
        lambda: surrogates.MultiSpike(surrogates.Sigmoid(), -np.ones(3)),
        lambda: surrogates.StraightThrough(at_threshold=x),
    ):
        with pytest.raises(ValueError, match="must be") as error:
            call()
        assert "membrane" not in str(error.value)
    assert surrogates.Sigmoid(np.asarray([1.0, 2.0])).array_fields == ("alpha",)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (surrogates.Sigmoid, "alpha"),
        (lambda array: surrogates.Scaled(surrogates.Sigmoid(array), 2.0), "surrogate.alpha"),
        (lambda array: surrogates.Scaled(surrogates.Sigmoid(np.ones(3)), array), "amplitude"),
        (
            lambda a: surrogates.Mixture((surrogates.ERF(), surrogates.ERF(a)), (1.0, 1.0)),
            "1.alpha",
        ),
        (lambda a: surrogates.Mixture((surrogates.ERF(), surrogates.ERF()), (1.0, a)), "weights.1"),
    ],
)
def test_the_parameter_that_does_not_fit_x_is_named(make, name):
    for call in (make(np.ones(2)), make(np.ones(2)).surrogate_grad):
        with pytest.raises(ValueError, match=rf"{name} of shape \(2,\) does not broadcast"):
            call(np.ones(3))


def test_the_parameter_of_another_library_is_named():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="x is an array of torch and alpha is one of numpy"):
        surrogates.Sigmoid(np.ones(3))(torch.ones(3))
    jax = pytest.importorskip("jax")
    with pytest.raises(TypeError, match="x is an array of jax and alpha is one of torch"):
        surrogates.Sigmoid(torch.ones(3))(jax.numpy.ones(3))


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_numpy_matrix_is_refused():
    with pytest.raises(TypeError, match=r"numpy.matrix redefines \*"):
        surrogates.SlayerGrad().surrogate_grad(np.asmatrix(np.ones(3)))


def test_bfloat16_of_ml_dtypes_in_numpy():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with pytest.raises(TypeError, match="bfloat16; convert it"):
        surrogates.slayer_grad(np.ones(3, ml_dtypes.bfloat16))
    with pytest.raises(ValueError, match="floating-point dtype"):
        surrogates.SlayerGrad(np.ones(3, ml_dtypes.bfloat16))


def test_objects_of_a_framework_that_are_no_arrays():
    torch = pytest.importorskip("torch")
    for thing in (torch.nn.Linear(1, 1), torch.float32, np.random.default_rng()):
        with pytest.raises(TypeError, match="SlayerGrad"):
            surrogates.slayer_grad(thing)


def test_no_warning_even_where_all_are_errors(kind):
    x = kind.array(np.asarray([1e300, -1e300, 1e-300, 40.0, -800.0]))
    with np.errstate(all="raise"):
        for cls in SURROGATES.values():
            cls().surrogate_grad(x)
            cls().surrogate_fun(x)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_no_warning_of_a_parameter_in_little_precision(dtype):
    with np.errstate(all="raise"):
        surrogate = surrogates.Sigmoid(np.asarray([1.0, 2.0], dtype))
        surrogate.surrogate_grad(np.zeros(2, dtype))


def test_masked_and_8_bit_parameters():
    with pytest.raises(ValueError, match="a masked array would lose its mask"):
        surrogates.Sigmoid(np.ma.masked_array([1.0, 2.0], [True, False]))
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="alpha must be"):
        surrogates.Sigmoid(torch.ones(2).to(torch.float8_e4m3fn))
    with pytest.raises(TypeError, match="float8_e4m3fn; convert it"):
        surrogates.Sigmoid()(torch.ones(2).to(torch.float8_e4m3fn))


@pytest.mark.parametrize("value", [True, 0, 1.5])
def test_the_most_spikes_are_a_number(value):
    with pytest.raises(ValueError, match="max_spikes must be a positive whole number"):
        surrogates.MultiSpike(surrogates.Sigmoid(), max_spikes=value)


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (surrogates.Sigmoid, "Sigmoid has no parameter 'slope'; it takes alpha, at_threshold"),
        (lambda **k: surrogates.sigmoid(np.ones(3), **k), "Sigmoid has no .* it takes alpha, "),
        (lambda **k: surrogates.Windowed(surrogates.ERF(), **k), "takes surrogate, band, norm"),
    ],
)
def test_an_unknown_parameter_is_told_which_there_are(make, names):
    with pytest.raises(TypeError, match=names):
        make(slope=25.0)


@pytest.mark.parametrize("number", [2.0, 2, np.float32(2.0)])
def test_a_number_without_an_annotation_is_refused_when_the_class_is_made(number):
    hint = "write beta: float = .*; a constant is written beta: ClassVar.* or in capitals$"
    with pytest.raises(TypeError, match=f"Mine: beta = .* has no annotation, .*: {hint}"):

        class Mine(surrogates.Surrogate):
            beta = number


@pytest.mark.parametrize(
    ("base", "name", "value"),
    [
        (surrogates.Sigmoid, "alpha", 2.0),
        (surrogates.Sigmoid, "at_threshold", 0),
        (surrogates.Boxcar, "closed", "left"),
        (surrogates.MultiSpike, "max_spikes", 3),
    ],
)
def test_another_default_without_an_annotation_which_would_not_be_taken(base, name, value):
    with pytest.raises(TypeError, match=f"Mine: {name} = .* has no annotation, .* write {name}: "):
        type("Mine", (base,), {name: value})
    mine = type("Mine", (base,), {name: value, "__annotations__": {name: type(value)}})
    inside = [surrogates.Sigmoid()] if base is surrogates.MultiSpike else []
    assert getattr(mine(*inside), name) == value


def test_constants_without_an_annotation_are_taken():
    class Mine(surrogates.Surrogate):
        ORDER = 3
        _half = 0.5
        gamma: typing.ClassVar[float] = 3.0
        peak = area = 1.0
        traceable = True
        name = "mine"
        odd = (1.0, 3.0)

        def derivative(self, xp, x):
            return xp.exp(-self._half * self.gamma * x * x)

    class Other(Mine):
        gamma = 4.0

    assert Mine().gamma == 3.0
    assert Other().gamma == 4.0
    with pytest.raises(TypeError, match=r"no parameter 'delta'; it takes at_threshold$"):
        Mine(delta=3.0)


@pytest.mark.parametrize(
    "give",
    [
        lambda x: surrogates.Sigmoid(4.0, x),
        lambda x: surrogates.sigmoid(x, 4.0, x),
        lambda x: surrogates.Scaled(surrogates.Sigmoid(), 1.0, 1.0, 0.0, x),
    ],
)
def test_the_membrane_potential_as_one_more_parameter(give):
    with pytest.raises(TypeError, match=r"(\w+\(.*\)) takes no more .* in a second call: \1\(x\)"):
        give(np.ones(3))


def test_an_array_in_the_place_of_the_surrogate():
    for function in (surrogates.vjp, surrogates.gain, surrogates.fitted):
        with pytest.raises(TypeError, match=r"an array of shape \(3,\); the surrogate comes first"):
            function(np.ones(3), surrogates.Sigmoid())
    with pytest.raises(TypeError, match="the name of the library comes first"):
        surrogates.to_library(surrogates.Sigmoid(), "snntorch")


def test_a_module_in_the_place_of_the_surrogate_of_a_neuron():
    pytest.importorskip("torch")
    learned = surrogates.learnable(surrogates.Sigmoid(), "alpha", framework="torch")
    for library, told in {
        "snntorch": "hand the module itself to spike_grad",
        "norse": r"make the context anew of Relaxed\(module.surrogate\)",
        "sinabs": "a torch.nn.Parameter that the optimiser gets",
        "slax": "no such module is known to work",
    }.items():
        with pytest.raises(TypeError, match=f"got the module SurrogateModule.*;.* {told}"):
            surrogates.to_library(library, learned)


def test_a_batch_in_the_place_of_the_network(kind):
    batch = kind.array(np.ones((20, 3)))
    with pytest.raises(TypeError, match=r"array of shape \(20, 3\); .* diagnose\(network, x\)$"):
        surrogates.diagnose(batch, surrogates.Sigmoid())


def test_a_network_without_its_batch():
    with pytest.raises(TypeError, match="diagnose: Sigmoid is called with the batch, of 0 arg"):
        surrogates.diagnose(surrogates.Sigmoid())


def test_a_network_in_a_decorator_that_gives_arguments_of_its_own():
    def scaled(x, scale):
        return surrogates.Sigmoid()(scale * x)

    @functools.wraps(scaled)
    def network(x):
        return scaled(x, 2.0)

    assert len(surrogates.diagnose(network, np.ones((2, 3))).layers) == 1


def test_a_class_with_an_init_of_its_own_takes_what_that_takes():
    class Own(surrogates.Surrogate):
        def __init__(self, slope):
            self.alpha = slope

    class Further(Own):
        beta: float = surrogates.parameter(1.0)

    assert Own(slope=25.0).alpha == 25.0
    with pytest.raises(TypeError, match="Further has no parameter 'slope'; it takes beta, at_"):
        Further(slope=25.0)
