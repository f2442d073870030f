"""PyTorch on a CUDA device, where parameters are tensors or are learned: `pytest -m gpu`.

A kernel that is not used says so in a warning, and warnings are errors: so all of these tests are
about the fused kernels.
"""

from __future__ import annotations

import math

import pytest

import surrogates
from kinds import Kind, every_real_parameter, required
from surrogates import Relaxed, Sigmoid, learnable

torch = pytest.importorskip("torch")

from in_torch import every_float, holding  # noqa: E402
from on_gpu import (  # noqa: E402
    DEVICE,
    MARKS,
    assert_near,
    assert_sum_near,
    captured,
    gradients,
    in_double,
    kernels,
    leaf,
    numbers,
    warmed_up,
)

pytestmark = MARKS
FAR = [0.0, -0.0, torch.inf, -torch.inf, torch.nan, 3e38, -3e38]


@pytest.fixture(autouse=True)
def _device():
    required(Kind.TORCH_CUDA)


@every_real_parameter
@every_float
@pytest.mark.parametrize("shape", [(), (7,)], ids=["one", "per channel"])
def test_gradients_of_a_tensor_that_is_a_parameter(cls, name, dtype, shape):
    parameter = torch.float64 if dtype == torch.float64 else torch.float32
    surrogate = holding(cls, name, parameter, shape, DEVICE)
    x, cotangent = numbers(300, 7, dtype=dtype), numbers(300, 7, seed=1, dtype=dtype)
    x[0] = torch.tensor(FAR, dtype=dtype)
    if cls.__module__.endswith("periodic"):  # far out the phase of a large number has no digits
        x[0] = 1.0
    on_cpu = holding(cls, name, torch.float64, shape)
    spikes, (grad,) = gradients(surrogate, x, cotangent)
    assert torch.equal(spikes, (x >= 0).to(dtype))
    wide = (x.double().cpu(), cotangent.double().cpu())
    assert_near(grad, (wide[1] * on_cpu.surrogate_grad(wide[0])).to(dtype))


@every_real_parameter
@pytest.mark.parametrize("shape", [(), (7,)], ids=["one", "per channel"])
def test_gradients_of_relaxed(cls, name, shape):
    x, cotangent = numbers(300, 7), numbers(300, 7, seed=1)
    far = len(FAR) if math.isfinite(cls().area) else 5
    x[0, :far] = torch.tensor(FAR[:far])
    if cls.__module__.endswith("periodic"):
        x[0] = 1.0
    alpha = leaf(getattr(holding(cls, name, torch.float32, shape, DEVICE), name))
    _, (grad, of_alpha) = gradients(Relaxed(cls(**{name: alpha})), x, cotangent, alpha)

    def made(value):
        return cls(**{name: value})

    expected, of_alpha_expected = in_double(made, x, cotangent, alpha)
    assert_near(grad, expected.float())
    if of_alpha_expected is not None:  # S2NN.epsilon has none
        assert_sum_near(of_alpha, of_alpha_expected, 300)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_with_a_parameter_in_single_is_rounded_once(dtype):
    alpha = torch.tensor(0.1, device=DEVICE, requires_grad=True)
    x, cotangent = numbers(5000, dtype=dtype), numbers(5000, seed=1, dtype=dtype)
    _, (grad, of_alpha) = gradients(Relaxed(Sigmoid(alpha)), x, cotangent, alpha)
    expected, of_alpha_expected = in_double(Sigmoid, x, cotangent, alpha)
    assert grad.dtype == dtype
    assert_near(grad, expected.to(dtype))
    assert_sum_near(of_alpha, of_alpha_expected, 5000)


def test_one_kernel_forward_and_one_backward_for_each_channel(tmp_path):
    x, cotangent = numbers(300, 7), numbers(300, 7, seed=1)
    surrogate = Sigmoid(torch.full((7,), 2.0, device=DEVICE))
    forward, backward = kernels(surrogate, x, cotangent, (), tmp_path)
    assert len(forward) == len(backward) == 1


def test_relaxed_takes_a_kernel_for_each_gradient_and_a_sum(tmp_path):
    x, cotangent = numbers(300, 7), numbers(300, 7, seed=1)
    alpha = torch.full((7,), 2.0, device=DEVICE, requires_grad=True)
    forward, backward = kernels(Relaxed(Sigmoid(alpha)), x, cotangent, (alpha,), tmp_path)
    assert len(forward) == 1
    assert len(backward) == 3
    module = learnable(Sigmoid(), "alpha", framework="torch").to(DEVICE)
    forward, backward = kernels(module, x, cotangent, tuple(module.parameters()), tmp_path)
    assert len(forward) + len(backward) <= 24, (forward, backward)  # of one number, mostly


@pytest.mark.parametrize("learned", [True, False])
def test_nothing_waits_for_the_device(learned):
    x, cotangent = numbers(300, 7), numbers(300, 7, seed=1)
    module = learnable(Sigmoid(), "alpha", framework="torch").to(DEVICE)
    alpha = torch.full((7,), 2.0, device=DEVICE, requires_grad=True)
    surrogate = module if learned else Relaxed(Sigmoid(alpha))
    parameters = tuple(module.parameters()) if learned else (alpha,)
    gradients(surrogate, x, cotangent, *parameters)
    torch.cuda.set_sync_debug_mode("error")
    try:
        gradients(surrogate, x, cotangent, *parameters)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_what_is_kept_for_backward_is_x_and_the_parameter():
    x = leaf(numbers(2**20))
    alpha = torch.tensor(2.0, device=DEVICE, requires_grad=True)
    surrogate = Relaxed(Sigmoid(alpha))
    gradients(surrogate, x, torch.ones_like(x), alpha)
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    spikes = surrogate(x)
    assert torch.cuda.memory_allocated() - before <= 1.01 * spikes.nbytes


def test_cuda_graph_of_a_learned_parameter():
    x, cotangent = leaf(numbers(5000)), numbers(5000, seed=1)
    module = learnable(Sigmoid(2.0), "alpha", framework="torch").to(DEVICE)
    warmed_up(module, x, cotangent)
    graph, spikes, grad = captured(module, x, cotangent)
    with torch.no_grad():
        x.copy_(numbers(5000, seed=2))
        next(module.parameters()).fill_(0.5)
    graph.replay()
    torch.cuda.synchronize()
    assert torch.equal(spikes, (x >= 0).float())
    now = module.surrogate.alpha.detach().double().cpu()
    wide = x.detach().double().cpu()
    assert_near(grad, (cotangent.double().cpu() * Sigmoid(now).surrogate_grad(wide)).float())


def test_a_learned_parameter_moves_as_on_the_cpu():
    losses = {}
    for device in ("cpu", DEVICE):
        module = learnable(Sigmoid(2.0), "alpha", framework="torch").to(device)
        optimiser = torch.optim.SGD(module.parameters(), lr=0.5)
        x = numbers(5000).to(device)
        for _ in range(5):
            optimiser.zero_grad()
            (module(x) * x).mean().backward()
            optimiser.step()
        losses[device] = module.surrogate.alpha.item()
    assert losses["cpu"] != pytest.approx(2.0, rel=1e-3)
    assert losses[DEVICE] == pytest.approx(losses["cpu"], rel=1e-4)


def test_gradients_of_gradients_are_those_of_the_recorded_form():
    def second(device):
        alpha = torch.tensor(2.0, device=device, dtype=torch.float64, requires_grad=True)
        x = leaf(numbers(50, dtype=torch.float64).to(device))
        (grad,) = torch.autograd.grad(Relaxed(Sigmoid(alpha))(x).sum(), x, create_graph=True)
        return torch.autograd.grad((grad**2).sum(), (x, alpha))

    for actual, expected in zip(second(DEVICE), second("cpu"), strict=True):
        torch.testing.assert_close(actual.cpu(), expected, rtol=1e-10, atol=1e-12)


def test_transforms_of_torch_func_on_a_device():
    x = numbers(6, 5, dtype=torch.float64)
    grad = torch.func.grad(lambda x: surrogates.Arctan()(x).sum())
    expected = surrogates.Arctan().surrogate_grad(x)
    torch.testing.assert_close(grad(x), expected)
    torch.testing.assert_close(torch.func.vmap(grad)(x), expected)
    _, tangent = torch.func.jvp(surrogates.Arctan(), (x,), (torch.ones_like(x),))
    torch.testing.assert_close(tangent, expected)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Inductor recommends this and that
def test_a_learned_parameter_compiled():
    torch.compiler.reset()
    module = learnable(Sigmoid(2.0), "alpha", framework="torch").to(DEVICE)
    x, cotangent = numbers(5000), numbers(5000, seed=1)
    parameters = tuple(module.parameters())
    # PyTorch 2.11 breaks the graph where a surrogate is copied
    compiled = torch.compile(module, fullgraph=not torch.__version__.startswith("2.11"))
    _, (grad, of_raw) = gradients(compiled, x, cotangent, *parameters)
    _, (expected, of_raw_expected) = gradients(module, x, cotangent, *parameters)
    assert_near(grad, expected.cpu())
    torch.testing.assert_close(of_raw, of_raw_expected, rtol=1e-4, atol=1e-4)


def test_a_parameter_on_the_cpu_is_taken_as_pytorch_takes_it():
    alpha = torch.tensor(2.0)
    x = numbers(100)
    _, (grad,) = gradients(Sigmoid(alpha), x, torch.ones_like(x))
    assert_near(grad, Sigmoid(2.0).surrogate_grad(x).cpu())
    _, (grad,) = gradients(Sigmoid(torch.full((100,), 2.0, device=DEVICE)), x, torch.ones_like(x))
    assert_near(grad, Sigmoid(2.0).surrogate_grad(x).cpu())


def test_every_float_dtype_of_a_parameter():
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        alpha = torch.full((7,), 2.0, dtype=dtype, device=DEVICE)
        x = numbers(300, 7)
        _, (grad,) = gradients(Sigmoid(alpha), x, torch.ones_like(x))
        assert_near(grad, Sigmoid(2.0).surrogate_grad(x.double()).float().cpu())
