"""PyTorch's gradient in place: the plain expression's values, whatever the layout."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

import surrogates
from compositions import COMPOSITIONS
from kinds import Kind, every_surrogate
from stated import assert_as_stated
from surrogates._parameters import ABOVE_ONE, COUNT, parameters

torch = pytest.importorskip("torch")

from surrogates.backends._compiler.text import Program  # noqa: E402
from surrogates.backends._torch import program  # noqa: E402

BLOCK = 64  # elements, in these tests
X = torch.tensor([-1.3, -0.4, 0.2, 0.9])
EXTREMES = [0.0, -0.0, torch.inf, -torch.inf, torch.nan, 1e30, -1e30, 0.5, -0.5, 1, -1]
pytestmark = [
    pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(program.TorchDialect, "block_bytes", 4 * BLOCK)
    monkeypatch.setattr(program, "_FEW_TO_CHOOSE", BLOCK // 2)


def potentials(size, dtype=torch.float32):
    values = torch.randn(size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    extremes = torch.tensor(EXTREMES, dtype=torch.float64)[:size]
    values[: len(extremes)] = extremes
    return values.to(dtype)


def gradient(surrogate, x, cotangent):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(surrogate(x), x, cotangent)[0]


@every_surrogate
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK // 2])
def test_gradient_has_the_stated_accuracy(cls, dtype, size, small_blocks):
    x = potentials(size, getattr(torch, dtype))
    if cls.__module__.endswith("periodic"):  # at infinity what they are at the largest number
        x = torch.where(x.isinf(), 1.0, x)
    actual = gradient(cls(), x, torch.ones_like(x))
    assert actual.dtype == x.dtype
    exact = cls().surrogate_grad(x.numpy().astype(np.float64))
    assert_as_stated(cls(), "derivative", actual.numpy(), exact, Kind.TORCH)


@every_surrogate
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("factor", [0.01, 1.0, 30.0, 1e4])
def test_gradient_is_the_plain_expression_far_out_too(cls, dtype, factor):
    def scaled(parameter):
        many = parameter.metadata["interval"] in (COUNT, ABOVE_ONE)
        return parameter.default if many else parameter.default * factor

    surrogate = cls(**{p.name: scaled(p) for p in parameters(cls)})
    rng = np.random.default_rng(0)
    # far out a period magnifies any rounding
    least, most = (-6, 1) if cls.__module__.endswith("periodic") else (-30, 30)
    x = 10 ** rng.uniform(least, most, 3000) * rng.choice([-1, 1], 3000)
    x = torch.tensor(x, dtype=dtype)
    cotangent = torch.tensor(10 ** rng.uniform(-10, 10, 3000), dtype=dtype)
    expected = cotangent * surrogate.surrogate_grad(x)
    actual = gradient(surrogate, x, cotangent)
    # an exponential magnifies the rounding of its argument, up to 90 or 700, by that; at a jump or
    # near a zero of the derivative there is no relative accuracy
    limits = torch.finfo(dtype)
    rtol = 3e3 * limits.eps
    atol = cotangent * (
        64 * limits.eps * surrogate._largest_slope if surrogate.accuracy.of_peak else 0
    )
    bound = rtol * expected.abs() + atol + 1e5 * cotangent.clamp(min=1) * limits.tiny
    finite = expected.isfinite()
    assert torch.equal(actual.isfinite(), finite)
    assert ((actual - expected).abs() <= bound)[finite].all()


LARGE = surrogates.Scaled(surrogates.Sigmoid(1e13), amplitude=1e13)


@pytest.mark.parametrize(
    ("surrogate", "x"),
    [
        (surrogates.Scaled(surrogates.ExpEscape(p0=1e12, delta_u=1e-12), amplitude=1e15), -2e-11),
        (surrogates.Scaled(LARGE, amplitude=1e13), 1e-12),
        (surrogates.SuperSpikeRescaled(1e15), 1e-14),
        (surrogates.SoftSign(1e15), 1e5),
        (surrogates.InvSquareGrad(1e15), 3e38),
    ],
)
def test_united_constants_stay_in_the_range_of_the_dtype(surrogate, x):
    x = torch.tensor([x])
    for cotangent in (1e-20, 1e-3, 3e9):
        expected = cotangent * surrogate.surrogate_grad(x)
        actual = gradient(surrogate, x, torch.tensor([cotangent]))
        torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-37)


@every_surrogate
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_once(cls, dtype, small_blocks):
    x, cotangent = potentials(300, dtype), torch.linspace(-2, 2, 300).to(dtype)
    single = gradient(cls(), x.float(), cotangent.float())
    actual = gradient(cls(), x, cotangent)
    assert actual.dtype == dtype
    torch.testing.assert_close(actual, single.to(dtype), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_the_gradient_of_a_composition_is_one_program(name, small_blocks, monkeypatch):
    ran, run_program = [], program.TorchDialect.evaluate

    def recorded(self, made, *given):
        ran.append(made)
        return run_program(self, made, *given)

    x, cotangent = potentials(3 * BLOCK), torch.linspace(-2, 2, 3 * BLOCK)
    expected = cotangent * COMPOSITIONS[name].surrogate_grad(x)
    monkeypatch.setattr(program.TorchDialect, "evaluate", recorded)
    actual = gradient(COMPOSITIONS[name], x, cotangent)
    assert len(ran) == 1
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-37, equal_nan=True)


@every_surrogate
def test_another_value_of_a_parameter_has_the_same_text(cls):
    names = [p.name for p in parameters(cls) if p.metadata["interval"] is not COUNT]
    texts = set()
    for factor in (1.013, 1.027):  # a 1 is left out
        surrogate = cls(**{name: factor * (getattr(cls(), name) or 0.4) for name in names})
        made = program._DIALECT.program(surrogate, "derivative", "float32", product=True)
        texts.add(made and made.text)
    assert len(texts) == 1


LAYOUTS = {
    "fortran": lambda x: x.reshape(8, 5, 6).permute(2, 1, 0),
    "transposed": lambda x: x.reshape(6, 5, 8).permute(1, 2, 0),
    "channels last": lambda x: x.reshape(2, 3, 5, 8).to(memory_format=torch.channels_last),
    "stepped": lambda x: x[::3],
    "inner axis stepped": lambda x: x.reshape(30, 8)[:, ::2],
    "long rows": lambda x: x.reshape(2, 120),
    "expanded": lambda x: x[:80].expand(3, 80),
    "one number": lambda x: x[20].expand(150),
    "no axis": lambda x: x[20],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("cotangents", ["alike", "contiguous", "stepped", "expanded"])
def test_gradient_of_any_layout(layout, cotangents, small_blocks):
    x = LAYOUTS[layout](potentials(240))
    cotangent = {
        "alike": lambda: LAYOUTS[layout](torch.linspace(-2, 2, 240)),
        "contiguous": lambda: torch.linspace(-2, 2, x.numel()).reshape(x.shape),
        "stepped": lambda: torch.linspace(-2, 2, 3 * x.numel())[::3].reshape(x.shape),
        "expanded": lambda: torch.tensor(1.5).expand(x.shape),
    }[cotangents]()
    expected = cotangent * surrogates.Sigmoid().surrogate_grad(x)
    actual = gradient(surrogates.Sigmoid(), x, cotangent)
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-37, equal_nan=True)


def test_gradcheck_of_the_gradient():
    # the step has no derivative to check, its gradient has
    x = X.double().requires_grad_()

    def first(x):
        return torch.autograd.grad(surrogates.Sigmoid()(x).sum(), x, create_graph=True)[0]

    assert torch.autograd.gradcheck(first, x)


def test_backward_can_run_again_and_in_other_threads():
    surrogate = surrogates.Sigmoid()
    x = potentials(400_000).nan_to_num(0).requires_grad_()
    expected = surrogate.surrogate_grad(x.detach())
    gradients = []

    def run():
        spikes = surrogate(x)
        for _ in range(2):
            gradients.append(torch.autograd.grad(spikes.sum(), x, retain_graph=True)[0])

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(gradients) == 8
    for actual in gradients:
        torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-37)


@pytest.mark.parametrize("cls", [surrogates.Sigmoid, surrogates.ReluGrad, surrogates.QPseudoSpike])
def test_scratch_memory_is_one_block_at_most(cls):
    x, cotangent = torch.zeros(2_000_000), torch.ones(2_000_000)
    program.gradient(cls(), x, cotangent)
    with torch.profiler.profile(profile_memory=True) as profile:
        grad = program.gradient(cls(), x, cotangent)
    events = [
        e.nbytes() for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"
    ]
    peak = np.cumsum(events).max()
    block = program.TorchDialect.block_bytes * torch.get_num_threads()
    assert grad.nbytes <= peak <= grad.nbytes + block + 1024


def test_a_block_has_a_part_for_each_thread(small_blocks, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    sizes = []
    made = Program(lambda x, v, out: sizes.append(x.numel()), tuple, (), torch.float32, (), "")
    program._DIALECT.evaluate(made, *torch.zeros(3, 7 * BLOCK))
    assert sizes == [3 * BLOCK, 3 * BLOCK, BLOCK]


@pytest.mark.parametrize("size", [1_000_000, 10_000_000])
def test_large_results_are_ordinary_tensors(size):
    spikes = surrogates.Sigmoid()(torch.ones(size))
    assert spikes.sum() == size
    assert spikes.resize_(size + 1).numel() == size + 1


@pytest.mark.parametrize(("at", "at_zero"), [(1.0, 1.0), (0.0, 0.0), (0.5, 0.5)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("requires_grad", [False, True])
def test_step(at, at_zero, dtype, requires_grad):
    x = torch.tensor([-1, 0, 1, torch.nan, -torch.inf, torch.inf, -0.0], dtype=dtype)
    spikes = surrogates.Sigmoid(at_threshold=at)(x.requires_grad_(requires_grad))
    assert spikes.dtype == dtype
    assert spikes.requires_grad == requires_grad
    assert spikes.tolist() == [0, at_zero, 1, 0, 0, 1, at_zero]


def test_constant_derivative_of_a_large_sum():
    x = torch.zeros(600_000, requires_grad=True)
    surrogates.Scaled(surrogates.StraightThrough(), amplitude=2.0)(x).sum().backward()
    assert torch.all(x.grad == 2.0)


def test_unhashable_attributes_do_not_matter():
    class Mine(surrogates.Surrogate):
        def __init__(self):
            object.__setattr__(self, "coefficients", [1.0, 2.0])

        def surrogate_grad(self, x):
            return self.coefficients[1] * x

    x = torch.ones(2, requires_grad=True)
    Mine()(x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_a_function_of_constants_is_a_constant_of_the_program(dtype, small_blocks):
    # PyTorch would make `out` one number, with a warning, where it writes one number into it.
    density = surrogates.Mixture((surrogates.ERF(),), torch.tensor([0.5]))
    surrogate = surrogates.Windowed(density, normalise=True)
    x = potentials(3 * BLOCK, dtype)
    expected = surrogates.Windowed(surrogates.ERF(), normalise=True).surrogate_grad(x)
    actual = gradient(surrogate, x, torch.ones_like(x))
    torch.testing.assert_close(actual, expected, equal_nan=True)


@pytest.mark.parametrize("shapes", [((), ()), ((8, 10), ()), ((), (10,)), ((8, 1), (8, 10))])
def test_a_choice_by_bits_is_that_of_where(shapes, monkeypatch):
    monkeypatch.setattr(program, "_FEW_TO_CHOOSE", 0)
    x, y = (potentials(math.prod(shape)).reshape(shape) for shape in shapes)
    y = 7 - y.flip(-1) if y.ndim else y + 7
    out, condition = torch.empty(8, 10), potentials(80).reshape(8, 10) < 0
    expected = torch.where(condition, x, y)
    program._where(condition, x, y, out)
    assert torch.equal(out.isnan(), expected.isnan())
    assert torch.equal(out.nan_to_num(), expected.nan_to_num())
    assert torch.equal(out.signbit(), expected.signbit())
