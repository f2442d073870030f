"""PyTorch on a CUDA device, surrogates of the user's own and wrappers: `pytest -m gpu`.

A kernel that is not used says so in a warning, and warnings are errors: so all of these tests are
about the fused kernels.
"""

from __future__ import annotations

import pytest

import surrogates
from compositions import COMPOSITIONS
from kinds import Kind, required
from laws import DECIDING
from surrogates import Mixture, Relaxed, Scaled, Sigmoid, Spliced, Windowed

torch = pytest.importorskip("torch")

from in_torch import every_float  # noqa: E402
from on_gpu import (  # noqa: E402
    DEVICE,
    MARKS,
    assert_near,
    assert_one_kernel_each,
    assert_sum_near,
    captured,
    exactly,
    gradient,
    gradients,
    in_double,
    kernels,
    leaf,
    numbers,
    warmed_up,
)

pytestmark = MARKS


@pytest.fixture(autouse=True)
def _device():
    required(Kind.TORCH_CUDA)


class Bump(surrogates.Surrogate):
    """A surrogate of a user's, declared to be traceable."""

    traceable = True
    beta: float = surrogates.parameter(2.0, low=0.0)

    def primitive(self, xp, x):
        return 0.5 + xp.atan(self.beta * x) / self.beta

    def derivative(self, xp, x):
        return 1 / (1 + self.beta * self.beta * x * x)


# The shape alone differs: a kernel forward and one backward.
SHAPES = {"a user's": Bump(), "scaled": Scaled(Bump(), rate=0.5, shift=0.3), **COMPOSITIONS}
# What is emitted or kept takes kernels of its own.
OTHERS = {
    **{cls.__name__: cls(COMPOSITIONS["all"]) for cls in DECIDING},
    "bfloat16": surrogates.Compressed(COMPOSITIONS["Scaled"], "bfloat16"),
    "MultiSpike of a window": surrogates.MultiSpike(COMPOSITIONS["Windowed"], 0.5, max_spikes=3),
    "Relaxed Ternary": Relaxed(surrogates.Ternary(COMPOSITIONS["Mixture"], threshold=0.25)),
}


@pytest.mark.parametrize("name", [*SHAPES, *OTHERS])
@every_float
def test_spikes_and_gradient_are_those_of_the_cpu_in_double(name, dtype):
    surrogate = (SHAPES | OTHERS)[name]
    whole, of_whole = numbers(300, 7, dtype=dtype), numbers(300, 7, seed=1, dtype=dtype)
    for x, cotangent in ((whole, of_whole), (whole.T, of_whole.T), (whole[::2], of_whole[::2])):
        assert_near(surrogate(x), surrogate(x.double().cpu()).to(dtype))
        assert_near(gradient(surrogate, x, cotangent), exactly(surrogate, x, cotangent))


@pytest.mark.parametrize("name", SHAPES)
@every_float
def test_one_kernel_forward_and_one_backward(name, dtype, tmp_path):
    x, cotangent = numbers(5000, dtype=dtype), numbers(5000, seed=1, dtype=dtype)
    assert_one_kernel_each(SHAPES[name], x, cotangent, tmp_path)
    assert_one_kernel_each(SHAPES[name], x[::2], cotangent[::2], tmp_path)


@pytest.mark.parametrize("name", OTHERS)
def test_backward_is_one_kernel_whatever_is_emitted(name, tmp_path):
    x, cotangent = numbers(5000), numbers(5000, seed=1)
    _, backward = kernels(OTHERS[name], x, cotangent, (), tmp_path)
    fused = [kernel for kernel in backward if "surrogates_gradient" in kernel]
    assert len(fused) == 1, backward
    # what was kept in half precision is widened before, to a finite number
    assert len(backward) <= (3 if OTHERS[name].residual_dtype else 1), backward


# Around a tensor, which is an operand of the kernel.
AROUND = {
    "a user's": Bump,
    "Scaled": lambda alpha: Scaled(Sigmoid(alpha), amplitude=0.75, rate=1.5, shift=0.25),
    "Scaled by it": lambda alpha: Scaled(Bump(), rate=alpha),
    "Mixture": lambda alpha: Mixture((Sigmoid(alpha), Bump()), (0.75, 0.5)),
    "Spliced": lambda alpha: Spliced(Sigmoid(alpha), Bump()),
    "Windowed": lambda alpha: Windowed(Bump(alpha), 1.5),
}
every_shape = pytest.mark.parametrize("shape", [(), (7,)], ids=["one", "per channel"])


@pytest.mark.parametrize("name", AROUND)
@every_shape
def test_one_kernel_each_with_a_tensor_inside(name, shape, tmp_path):
    x, cotangent = numbers(300, 7), numbers(300, 7, seed=1)
    surrogate = AROUND[name](torch.full(shape, 1.3, device=DEVICE))
    assert_one_kernel_each(surrogate, x, cotangent, tmp_path)
    assert_near(gradient(surrogate, x, cotangent), exactly(AROUND[name](1.3), x, cotangent))


@pytest.mark.parametrize("name", AROUND)
@every_shape
def test_relaxed_takes_a_kernel_for_each_gradient_and_a_sum(name, shape, tmp_path):
    x, cotangent = numbers(300, 7), numbers(300, 7, seed=1)
    alpha = torch.full(shape, 1.3, device=DEVICE, requires_grad=True)
    surrogate = Relaxed(AROUND[name](alpha))
    forward, backward = kernels(surrogate, x, cotangent, (alpha,), tmp_path)
    assert len(forward) == 1, forward
    assert len(backward) == 3, backward
    spikes, (grad, of_alpha) = gradients(surrogate, x, cotangent, alpha)
    assert torch.equal(spikes, (x >= 0).float())
    expected, of_alpha_expected = in_double(AROUND[name], x, cotangent, alpha)
    assert_near(grad, expected.float())
    assert_sum_near(of_alpha, of_alpha_expected, x.numel())


@pytest.mark.parametrize("name", [*SHAPES, *OTHERS])
def test_nothing_waits_for_the_device(name):
    surrogate = (SHAPES | OTHERS)[name]
    x, cotangent = numbers(5000), numbers(5000, seed=1)
    gradient(surrogate, x, cotangent)
    torch.cuda.set_sync_debug_mode("error")
    try:
        gradient(surrogate, x, cotangent)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", [*SHAPES, *OTHERS])
def test_cuda_graph(name):
    surrogate = (SHAPES | OTHERS)[name]
    x, cotangent = leaf(numbers(5000)), numbers(5000, seed=1)
    gradient(surrogate, x, cotangent)  # examines the kernel
    warmed_up(surrogate, x, cotangent)
    graph, spikes, grad = captured(surrogate, x, cotangent)
    with torch.no_grad():
        x.copy_(numbers(5000, seed=2))
    graph.replay()
    torch.cuda.synchronize()
    assert_near(spikes, surrogate(x.detach().double().cpu()).float())
    assert_near(grad, exactly(surrogate, x, cotangent))


@pytest.mark.parametrize("name", ["a user's", "all", "MultiSpike", "Ternary", "Compressed"])
@pytest.mark.filterwarnings("ignore::UserWarning")  # Inductor recommends this and that
def test_compiled(name):
    torch.compiler.reset()
    surrogate = (SHAPES | OTHERS)[name]
    x, cotangent = leaf(numbers(5000)), numbers(5000, seed=1)
    spikes = torch.compile(surrogate, fullgraph=True)(x)
    assert torch.equal(spikes, surrogate(x))
    (grad,) = torch.autograd.grad(spikes, x, cotangent)
    if name == "Compressed" and torch.__version__ < "2.13":
        surrogate = COMPOSITIONS["all"]  # their compiler leaves out that x is rounded
    assert_near(grad, exactly(surrogate, x, cotangent))


@pytest.mark.parametrize("name", ["Sigmoid", "Arctan", "ReluGrad", "ERF"])
@pytest.mark.filterwarnings("ignore::UserWarning")  # Inductor recommends this and that
def test_spikes_of_the_arithmetic_form_are_zeros_and_ones(name):
    """Compiled in forward mode: a product and a difference may become one operation."""
    torch.compiler.reset()
    surrogate = getattr(surrogates, name)()

    @torch.compile(fullgraph=True)
    def compiled(a, b):
        return torch.func.jvp(lambda a: surrogate(a * b), (a,), (torch.ones_like(a),))

    a, b = numbers(5000), numbers(5000, seed=1)
    spikes, tangent = compiled(a, b)
    assert torch.equal(spikes, (a * b >= 0).float())
    assert_near(tangent, exactly(surrogate, a * b, b))
