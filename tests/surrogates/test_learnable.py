"""Surrogates as modules whose parameters are trained."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

import surrogates
from networks import LIBRARIES
from surrogates import (
    Compressed,
    Scaled,
    Sigmoid,
    Surrogate,
    learnable,
    parameter,
)
from surrogates._modules import FRAMEWORKS


def test_onnx_of_a_learnable_model_is_one_comparison_too(torch):
    pytest.importorskip("onnxscript")
    spike = learnable(Sigmoid(), "alpha", framework="torch").eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(spike, (torch.zeros(3),), dynamo=True, verbose=False)
    assert [node.op_type for node in program.model_proto.graph.node] == ["GreaterOrEqual", "Cast"]


@pytest.mark.parametrize(
    ("surrogate", "names", "message"),
    [
        (Sigmoid(), (), "no parameter is named; name one or more of its .* parameters: alpha"),
        (Sigmoid(), ("beta",), "no parameter 'beta' to learn; name .*: alpha"),
        (Sigmoid(), ("alpha", "torch"), "got 'torch'; the library is given as framework='torch'"),
        (surrogates.StraightThrough(), ("alpha",), "no parameter of it can be learned"),
        (surrogates.SquarewaveFourierSeries(), ("n",), "no parameter 'n' to learn"),
        (Sigmoid(), ("at_threshold",), "no parameter 'at_threshold' to learn"),
    ],
    ids=["no name", "no such name", "a library", "no parameter", "a count", "the emission"],
)
def test_what_cannot_be_learned(surrogate, names, message):
    with pytest.raises(ValueError, match=message):
        learnable(surrogate, *names, framework="torch")


def test_learnable_takes_a_surrogate_and_a_known_framework():
    with pytest.raises(TypeError, match="expected a surrogate"):
        learnable("sigmoid", "alpha")
    with pytest.raises(ValueError, match=r"learnable: framework must be .* got 'keras'"):
        learnable(Sigmoid(), "alpha", framework="keras")


@pytest.mark.parametrize("wrong", [None, False, 2.0, surrogates])
def test_what_is_no_name_of_a_parameter_is_given_by_name(wrong):
    for names in ((wrong,), ("alpha", wrong), (["alpha", wrong],)):
        with pytest.raises(TypeError, match=r"such as 'alpha', got .*by name: framework"):
            learnable(Sigmoid(), *names)


def test_a_number_at_the_end_of_its_range_cannot_be_learned(torch):
    with pytest.raises(ValueError, match=r"window=0\.0 cannot be learned"):
        learnable(surrogates.HeavisideGrad(), "window", framework="torch")


def test_a_tensor_at_the_end_of_its_range_cannot_be_learned(torch):
    surrogate = surrogates.HeavisideGrad(torch.tensor([1.0, 0.0]))
    with pytest.raises(ValueError, match="start inside of its range"):
        learnable(surrogate, "window", framework="torch")


@pytest.mark.parametrize("framework", ["flax", "equinox"])
def test_learnable_arrays_in_jax(jax, framework):
    pytest.importorskip(framework)
    alphas = jax.numpy.asarray([1.0, 2.0, 3.0])
    module = learnable(Sigmoid(alphas), "alpha", framework=framework)
    np.testing.assert_allclose(module.surrogate.alpha, alphas, rtol=1e-12)
    shape = Scaled(Sigmoid(), amplitude=alphas)
    half = learnable(Sigmoid(alphas.astype("float16")), "alpha", framework=framework)
    assert half.surrogate.alpha.dtype == alphas.dtype  # half precision would stop at small steps
    module = learnable(shape, "rate", framework=framework)
    x = jax.numpy.asarray([0.1, 0.2, -0.3])
    np.testing.assert_array_equal(module(x), [1, 1, 0])
    np.testing.assert_allclose(jax.grad(lambda x: module(x).sum())(x), shape.surrogate_grad(x))


def test_learnable_holds_its_other_tensors(torch):
    amplitude = torch.tensor([1.0, 2.0])
    module = learnable(Scaled(Sigmoid(), amplitude=amplitude), "rate", framework="torch")
    assert set(module.state_dict()) == {"raw.rate", "array_amplitude"}
    assert module.double().surrogate.amplitude.dtype == torch.float64
    shared = torch.nn.Parameter(amplitude)
    module = learnable(Scaled(Sigmoid(), amplitude=shared), "rate", framework="torch")
    assert shared in set(module.parameters())
    copied = pickle.loads(pickle.dumps(module))
    torch.testing.assert_close(copied.surrogate.amplitude, amplitude)


@pytest.mark.parametrize("cls", [Sigmoid, surrogates.QPseudoSpikeUnit])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_learnable_stays_in_range_in_half_precision(torch, cls, dtype):
    module = learnable(cls(), "alpha", framework="torch").to(getattr(torch, dtype))
    for raw in (-1e4, 1e4):
        torch.nn.init.constant_(module.raw["alpha"], raw)
        alpha = module.surrogate.alpha.item()
        assert (1.0 if cls is surrogates.QPseudoSpikeUnit else 0.0) < alpha < float("inf")
        x = torch.tensor([-0.5, 0.5], dtype=getattr(torch, dtype))
        assert module(x).tolist() == [0.0, 1.0]


def test_learnable_several_per_channel(torch):
    shape = Scaled(Sigmoid(), amplitude=torch.tensor([-1.0, 2.0]), rate=3.0)
    module = learnable(shape, "amplitude", "rate", framework="torch")
    assert {name for name, _ in module.named_parameters()} == {"raw.amplitude", "raw.rate"}
    torch.testing.assert_close(module.surrogate.amplitude, torch.tensor([-1.0, 2.0]))
    torch.testing.assert_close(module.surrogate.rate, torch.tensor(3.0))
    module(torch.tensor([[0.1, -0.2]])).sum().backward()
    assert module.raw["amplitude"].grad.shape == (2,)


def test_learnable_module_saves_and_moves_with_its_network(torch, tmp_path):
    network = torch.nn.Sequential(
        torch.nn.Linear(2, 2), learnable(Sigmoid(), "alpha", framework="torch")
    )
    torch.save(network.state_dict(), tmp_path / "network.pt")
    other = torch.nn.Sequential(
        torch.nn.Linear(2, 2), learnable(Sigmoid(1.0), "alpha", framework="torch")
    )
    other.load_state_dict(torch.load(tmp_path / "network.pt"))
    torch.testing.assert_close(other[1].surrogate.alpha, torch.tensor(4.0))
    assert network.double()[1].surrogate.alpha.dtype == torch.float64


def test_a_network_learns_its_surrogate(torch):
    torch.manual_seed(0)
    spike = learnable(Sigmoid(1.0), "alpha", framework="torch")
    x = torch.linspace(0.1, 1.0, 16)
    optimiser = torch.optim.Adam(spike.parameters(), lr=0.1)
    for _ in range(20):
        optimiser.zero_grad()
        (-spike(x)).sum().backward()  # larger where the primitive is steeper
        optimiser.step()
    assert spike.surrogate.alpha > 2.0


def test_learnable_takes_a_list_of_names(torch):
    module = learnable(surrogates.GaussianGrad(0.5), ["sigma", "alpha"], framework="torch")
    assert set(module.raw) == {"sigma", "alpha"}


def test_learnable_refuses_what_has_no_gradient_and_says_what_to_do():
    with pytest.raises(ValueError, match=r"threshold has no gradient: .*v / threshold - 1"):
        learnable(surrogates.MultiSpike(Sigmoid()), "threshold", framework="torch")


def test_learnable_reaches_into_what_is_translated(torch):
    module = learnable(surrogates.from_library("spyx", "arctan"), "alpha", framework="torch")
    module(torch.tensor([0.5])).sum().backward()
    (raw,) = module.parameters()
    assert raw.grad.abs() > 0


@pytest.mark.parametrize("learned", ["rate", "amplitude"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_learnable_holds_arrays_of_its_own(framework, learned):
    library = LIBRARIES[framework]()
    amplitude = _aligned(np.asarray([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]))
    values, held = amplitude.copy(), library.sharing(amplitude)
    module = learnable(Scaled(Sigmoid(), amplitude=held), learned, framework=framework)
    amplitude[...] = 100.0
    now = module.surrogate.amplitude
    np.testing.assert_allclose(library.read(now), values, rtol=1e-6)


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


class Shared(Surrogate):
    part: float = parameter(0.5, low=0.0, high=1.0)

    def primitive(self, xp, x):
        return 0.5 + self.part * xp.tanh(x)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_starts_in_the_middle_of_its_range_is_learned(framework):
    library, x = LIBRARIES[framework](), np.asarray([-0.25, 0.5, 1.5])
    module = learnable(Shared(), "part", framework=framework)
    slope = library.slope(module, library.array(x, "float64"))
    # of the area to the left of x, times that of the logistic function at 0
    np.testing.assert_allclose(float(slope), (1 + np.tanh(x)).sum() / 4, rtol=1e-6)


class Both(Surrogate):
    traceable = True
    part: float = parameter(0.3, low=0.0, high=1.0)
    alpha: float = parameter(2.0, low=0.0)

    def primitive(self, xp, x):
        return 0.5 + self.part * xp.tanh(self.alpha * x)


@pytest.mark.parametrize("held", [False, True])
def test_a_range_with_two_ends_is_learned_beside_one_with_one_end(torch, held):
    x, amplitude = np.asarray([-0.25, 0.5, 1.5]), np.asarray([1.0, 2.0, 3.0])
    factor = amplitude if held else np.ones(3)
    surrogate = Scaled(Both(), amplitude=torch.from_numpy(amplitude)) if held else Both()
    module = learnable(surrogate, "part", "alpha", framework="torch").double()
    module(torch.from_numpy(x)).sum().backward()
    found = {name.rpartition("/")[2]: raw.grad.item() for name, raw in module.raw.items()}
    rising = np.tanh(2.0 * x)
    expected = {
        "part": (factor * (1 + rising)).sum() * 0.3 * 0.7,
        "alpha": (factor * 0.3 * x * (1 - rising**2)).sum() * 2.0,
    }
    assert found == pytest.approx(expected, rel=1e-6)


def _aligned(values):
    # JAX on CPU takes NumPy's memory as it is where it is aligned to 64 bytes.
    memory = np.empty(values.size + 8)
    start = -memory.ctypes.data // 8 % 8
    aligned = memory[start : start + values.size].reshape(values.shape)
    aligned[...] = values
    return aligned


class Hanging(surrogates.Surrogate):
    """Which 8 bits do not hold at its default: there it is negative."""

    peak_: float = parameter(-1.0)

    def primitive(self, xp, x):
        return 0.5 + self.peak_ * xp.tanh(x)

    def derivative(self, xp, x):
        return self.peak_ * (1 - xp.tanh(x) ** 2)

    @property
    def peak(self):
        return self.peak_


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("value", [2.0, np.asarray(2.0), np.asarray([2.0, 2.0])], ids=np.shape)
def test_what_would_be_refused_at_its_default_is_learned(framework, value):
    library = LIBRARIES[framework]()
    value = value if isinstance(value, float) else library.array(value, "float64")
    module = learnable(Compressed(Hanging(value), "uint8"), "peak_", framework=framework)
    now = module.surrogate.surrogate.peak_
    np.testing.assert_array_equal(library.read(now), value)
    np.testing.assert_array_equal(library.read(module(library.array([-0.5, 0.5]))), [0.0, 1.0])


def test_a_name_that_modules_of_pytorch_have_is_refused_with_the_remedy(torch):
    class Half(surrogates.Surrogate):
        half: float = surrogates.parameter(1.0, low=0.0)

        def primitive(self, xp, x):
            return xp.tanh(self.half * x)

    with pytest.raises(ValueError, match=r"'half' cannot be learned in PyTorch.* call it half_"):
        surrogates.learnable(Half(), "half", framework="torch")
