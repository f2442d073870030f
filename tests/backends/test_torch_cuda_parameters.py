"""PyTorch's gradients on CUDA where parameters are tensors, but for the launch.

Stand-ins take the place of jiterator's function; `test_torch_gpu_parameters.py` is about the real
one.
"""

from __future__ import annotations

import warnings
from functools import partial

import pytest

import cpp
import surrogates
from kinds import REAL_PARAMETERS, every_dtype, every_real_parameter
from surrogates import Relaxed
from surrogates.backends._compiler.graph import WORKING
from surrogates.backends._compiler.kernel import gradient_functor, slope_functor

torch = pytest.importorskip("torch")

from in_torch import (  # noqa: E402
    every_float,
    holding,
    launched_instead,
    nothing_launched,
)
from in_torch import sigmoid_gradients as gradients  # noqa: E402
from in_torch import sigmoid_slopes as slopes  # noqa: E402
from surrogates.backends._torch import cuda, program  # noqa: E402

WIDE = {"float32": torch.float32, "float64": torch.float64}
X, V = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
ALPHA = torch.tensor([0.5, 2.0, 4.0])
DEVICE = torch.device("cpu")
EXAMINED = len([*cuda._samples(torch.float32, DEVICE)])


@pytest.fixture(autouse=True)
def _device():
    with nothing_launched():
        yield


@pytest.fixture
def stand_in(monkeypatch):
    return partial(launched_instead, monkeypatch)


def of(alpha, relaxed=False):
    surrogate = surrogates.Sigmoid(alpha)
    return (Relaxed(surrogate) if relaxed else surrogate).partition()


def test_parameters_are_operands_and_another_value_is_not_examined_anew(stand_in):
    calls = stand_in(gradient=gradients)
    for uses, alpha in enumerate((ALPHA, 2 * ALPHA, ALPHA[:1]), start=1):
        definition, arrays = of(alpha)
        assert torch.equal(cuda.gradient(definition, X, V, arrays), gradients(X, V, alpha))
        assert len(calls) == EXAMINED + uses
        assert calls[-1] == ("gradient", (X, V, alpha))


def test_a_parameter_without_axes_gets_one(stand_in):
    """PyTorch would round it to half precision, as a number."""
    calls = stand_in(gradient=lambda x, v, alpha: gradients(x.float(), v.float(), alpha))
    definition, arrays = of(torch.tensor(0.1))
    grad = cuda.gradient(definition, X.half(), V.half(), arrays)
    assert grad.dtype == torch.float16
    assert calls[-1][1][2].shape == (1,)
    assert calls[-1][1][2].dtype == torch.float32
    assert cuda.gradient(definition, X[0, 0], V[0, 0], arrays).shape == ()
    assert calls[-1][1][2].shape == ()


def test_the_gradients_of_relaxed_are_summed_to_the_shape_of_a_parameter(stand_in):
    stand_in(gradient=gradients, slope=slopes)
    for alpha in (ALPHA, torch.tensor(2.0), torch.ones(4, 1)):
        definition, arrays = of(alpha, relaxed=True)
        of_x, of_alpha = cuda.relaxed_gradients(definition, X, V, arrays, [True])
        torch.testing.assert_close(of_x, gradients(X, V, alpha))
        torch.testing.assert_close(of_alpha, slopes(X, V, alpha).sum_to_size(alpha.shape))
    assert cuda.relaxed_gradients(definition, X, V, arrays, [False])[1] is None


@pytest.mark.parametrize("start", [2.0, 1e-14])
def test_the_gradient_of_a_number_is_that_on_the_cpu(stand_in, start):
    stand_in(gradient=gradients, slope=slopes)
    module = surrogates.learnable(surrogates.Sigmoid(start), "alpha", framework="torch")
    (number,) = module.parameters()
    for shift in (0.0, -100.0):  # where it is limited, it has no slope
        with torch.no_grad():
            number += shift
        expected = torch.autograd.grad(module(X), number, V)[0]
        bounds = module.plan.with_slopes(torch, torch.float32, [number.detach()])
        definition = module.plan.definition
        of_x, (actual,) = cuda.learned_gradients(definition, X, V, bounds, [True])
        torch.testing.assert_close(of_x, gradients(X, V, module.surrogate.alpha.detach()))
        torch.testing.assert_close(actual, expected)
        assert actual.shape == number.shape


WRONG = {
    "a factor": lambda x, v, alpha: 1.001 * slopes(x, v, alpha),
    "the sign": lambda x, v, alpha: -slopes(x, v, alpha),
    "the cotangent left out": lambda x, v, alpha: slopes(x, torch.ones_like(v), alpha),
    "infinity": lambda x, v, alpha: torch.where(x.isinf(), 1.0, slopes(x, v, alpha)),
    "NaN": lambda x, v, alpha: torch.where(x.isnan(), x, slopes(x, v, alpha)),
    "the gradient of x": gradients,
    "strided": lambda x, v, alpha: slopes(x, v, alpha) * x.is_contiguous(),
    "the dtype": lambda x, v, alpha: slopes(x, v, alpha).double(),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_what_differs_is_not_used_and_said_once(stand_in, wrong):
    stand_in(gradient=gradients, slope=wrong)
    definition, arrays = of(ALPHA, relaxed=True)
    with pytest.warns(RuntimeWarning, match="gradient of a parameter of .*Sigmoid") as warned:
        assert cuda.relaxed_gradients(definition, X, V, arrays, [True]) is None
    assert len(warned) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cuda.relaxed_gradients(definition, X, V, arrays, [True]) is None
        assert cuda.gradient(definition, X, V, arrays) is not None


def test_what_no_kernel_reaches_is_not_launched(stand_in, monkeypatch):
    calls = stand_in(gradient=gradients)
    definition, arrays = of(ALPHA)
    assert cuda.gradient(definition, X, V, (ALPHA.to("meta"),)) is None
    assert cuda.gradient(definition, X[0, :1], V[0, :1], arrays) is None  # the result is larger
    assert cuda.gradient(definition, X[:, :0], V[:, :0], (ALPHA[:0],)) is None  # without a value
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    assert cuda.gradient(definition, X, V, arrays) is None
    mixture = surrogates.Mixture([surrogates.Sigmoid(ALPHA) for _ in range(7)], weights=[1.0] * 7)
    definition, arrays = mixture.partition()
    assert cuda._kernel(definition, torch.float32, len(arrays)) is None  # nine operands
    assert not calls


def test_tensors_on_cuda_are_sent_to_the_kernels(monkeypatch):
    class OnCuda:
        is_cuda = True

    given = (of(ALPHA, relaxed=True)[0], OnCuda(), V, (ALPHA,))
    monkeypatch.setattr(program.cuda, "gradient", lambda *given: given)
    monkeypatch.setattr(program.cuda, "relaxed_gradients", lambda *given: given)
    assert program.gradient(*given) == given
    assert program.relaxed_gradients(*given, [True]) == (*given, [True])
    monkeypatch.setattr(program.cuda, "learned_gradients", lambda *given: given)
    assert program.learned_gradients(*given, [True]) == (*given, [True])


WAYS = {"apart": cpp.APART, "contracted": cpp.CONTRACTED}
MADE = (gradient_functor, lambda *given: slope_functor(*given, 0))


@every_real_parameter
@every_dtype
def test_pytorch_reads_the_texts(cls, name, dtype):
    from torch.cuda.jiterator import _CodeParser

    definition, _ = Relaxed(holding(cls, name, WIDE[dtype])).partition()
    for make, function in zip(MADE, ("surrogates_gradient", "surrogates_slope"), strict=True):
        functor = make(definition, dtype, 1)
        parsed = _CodeParser(functor.text)
        assert parsed.function_name == function
        assert (parsed.template_params, parsed.return_type) == ("<typename T>", "T")
        names = ", ".join(f"T {name}" for name in ("x", "v", "p0", *functor.numbers))
        assert parsed.function_params == f"({names})"


@pytest.fixture(scope="module", params=WAYS)
def by_cpp(request, tmp_path_factory):
    if request.param == "contracted" and not cpp.can_contract():
        pytest.skip("this processor has no fused multiply-add")
    functors = [
        make(Relaxed(holding(cls, name)).partition()[0], dtype, 1)
        for cls, name in REAL_PARAMETERS
        for dtype in ("float32", "float64")
        for make in MADE
    ]
    return cpp.compiled(functors, tmp_path_factory.mktemp("cpp"), WAYS[request.param])


def launching(kernel, compute, wide):
    """Return a kernel that launches a function of C++ in a dtype."""

    def launch(*operands):
        return torch.from_numpy(compute(*(o.to(wide).numpy() for o in operands)))

    vars(kernel)["launch"] = launch
    return kernel


@every_real_parameter
@every_float
@pytest.mark.long
def test_what_each_text_computes_passes(cls, name, dtype, by_cpp):
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    definition, arrays = Relaxed(holding(cls, name, wide)).partition()
    for index in (None, 0):
        kernel = cuda._kernel(definition, dtype, 1, index)
        launching(kernel, by_cpp(kernel.source), wide)
        assert cuda._fault(definition, kernel, dtype, DEVICE, arrays) is None
    assert WORKING[str(dtype)[6:]] == str(wide)[6:]


SIZES = {"float32": (1e18, 1e26, 3e38), "float64": (1e18, 1e26, 1e160, 1e250)}


@every_real_parameter
@every_dtype
@pytest.mark.long
def test_far_out_a_text_computes_what_double_does(cls, name, dtype, by_cpp):
    """There the square of a float is infinite; and of an infinite area the slope may grow."""
    x = torch.tensor([s * size for size in SIZES[dtype] for s in (1, -1)], dtype=WIDE[dtype])
    v = torch.full_like(x, 0.7)
    definition, (array,) = Relaxed(holding(cls, name, WIDE[dtype])).partition()
    for index in (None, 0):
        kernel = cuda._kernel(definition, WIDE[dtype], 1, index)
        launching(kernel, by_cpp(kernel.source), WIDE[dtype])
        actual = kernel.launch(x, v, array.expand(x.shape)).double()
        expected = kernel.plainly(
            definition, x.double(), v.double(), (array.double().expand(x.shape),)
        )
        torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-19)


def by_gcc(surrogate, dtype, folder):
    """Return the kernel of the gradient of the one array that a surrogate holds."""
    kernel = cuda._kernel(Relaxed(surrogate).partition()[0], dtype, 1, 0)
    return launching(kernel, cpp.compiled([kernel.source], folder, cpp.APART)(kernel.source), dtype)


def test_a_slope_that_grows_beyond_the_range_is_no_number(tmp_path):
    threshold = torch.full((2,), 1e-3)
    kernel = by_gcc(surrogates.PeriodicExponential(threshold=threshold), torch.float32, tmp_path)
    near, far = kernel.launch(torch.tensor([1e25, 3e38]), torch.ones(2), threshold)
    assert near.isfinite()
    assert not far.isfinite()


class Unstated(surrogates.Surrogate):
    """An area that its primitive alone tells, whose slope at minus infinity is inf * 0."""

    traceable = True
    beta: float = 2.0

    def primitive(self, xp, x):
        return 0.5 + xp.atan(self.beta * x) / self.beta

    def derivative(self, xp, x):
        return 1 / (1 + self.beta * self.beta * x * x)


def test_the_slope_of_an_area_that_is_not_stated_is_that_far_below(tmp_path):
    beta = torch.tensor(1.3)
    definition, arrays = Relaxed(Unstated(beta)).partition()
    kernel = by_gcc(Unstated(beta), torch.float32, tmp_path)
    assert cuda._fault(definition, kernel, torch.float32, DEVICE, arrays) is None
    slope = X / (beta * (1 + (beta * X) ** 2)) - (torch.atan(beta * X) + torch.pi / 2) / beta**2
    _, actual = program.relaxed_gradients(definition, X, V, arrays, [True])
    torch.testing.assert_close(actual, (V * slope).sum())


class Pole(surrogates.Surrogate):
    """A derivative that is infinite at 1, where the area is finite."""

    traceable = True
    height: float = 2.0

    def derivative(self, xp, x):
        return self.height * abs(x - 1) ** -0.5 / 2

    def primitive(self, xp, x):
        root = xp.sqrt(abs(x - 1))
        return self.height * (1 + xp.where(x < 1, -root, root))


def test_where_the_derivative_is_infinite_a_parameter_has_no_gradient(tmp_path):
    x, height = torch.tensor([0.0, 1.0, 2.0]), torch.ones(3, requires_grad=True)
    kernel = by_gcc(Pole(height.detach()), torch.float32, tmp_path)
    expected = [0.0, 0.0, 2.0]
    assert kernel.launch(x, torch.ones(3), height.detach()).tolist() == expected
    Relaxed(Pole(height))(x).sum().backward()
    assert height.grad.tolist() == expected
