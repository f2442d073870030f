"""What PyTorch does to a spike: every way that it differentiates, eager and compiled."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest

import surrogates
from kinds import every_surrogate

torch = pytest.importorskip("torch")
func = torch.func

X = torch.tensor([-1.3, -0.4, 0.2, 0.9], dtype=torch.float64)
# PyTorch's own: its forward mode imports the deprecated torch.jit, its linearize builds a graph
# with an attribute that is not there, and Dynamo instantiates what must not be instantiated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node:UserWarning"),
]


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-15)


def second_derivative(surrogate, x=X):
    return func.vmap(func.grad(surrogate.surrogate_grad))(x)


def test_private_symbols_are_there():
    from torch._C._functorch import peek_interpreter_stack
    from torch.autograd import forward_ad

    from surrogates.backends._torch import _needs_arithmetic

    assert peek_interpreter_stack() is None
    assert forward_ad._current_level == -1
    assert not _needs_arithmetic()
    with forward_ad.dual_level():
        assert _needs_arithmetic()


@every_surrogate
def test_backward_twice(cls):
    surrogate = cls()
    x = X.clone().requires_grad_()
    (first,) = torch.autograd.grad(surrogate(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    close(first.detach(), surrogate.surrogate_grad(X))
    close(second, second_derivative(surrogate))


@every_surrogate
def test_torch_func(cls):
    surrogate = cls()
    first, second = surrogate.surrogate_grad(X), second_derivative(surrogate)

    def total(x):
        return surrogate(x).sum()

    ones = torch.ones_like(X)
    close(func.grad(total)(X), first)
    close(func.vmap(func.grad(surrogate))(X), first)
    close(func.jvp(surrogate, (X,), (ones,))[1], first)
    close(func.vjp(surrogate, X)[1](ones)[0], first)
    close(func.jacrev(surrogate)(X).diagonal(), first)
    close(func.jacfwd(surrogate)(X).diagonal(), first)
    close(func.linearize(surrogate, X)[1](ones), first)
    for outer in (func.jacfwd, func.jacrev):
        for inner in (func.jacfwd, func.jacrev):
            close(outer(inner(total))(X).diagonal(), second)
    close(func.hessian(total)(X).diagonal(), second)


@every_surrogate
def test_forward_mode(cls):
    surrogate = cls()
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(X, 2 * torch.ones_like(X))
        spikes, tangent = torch.autograd.forward_ad.unpack_dual(surrogate(dual))
    close(spikes, (X >= 0).double())
    close(tangent, 2 * surrogate.surrogate_grad(X))


def test_forward_mode_to_fourth_order():
    surrogate = surrogates.GaussianGrad()
    spike, derivative = surrogate, surrogate.surrogate_grad

    def along_one(function):
        return lambda x: func.jvp(function, (x,), (torch.ones_like(x),))[1]

    spike = along_one(spike)
    for _ in range(3):
        spike, derivative = along_one(spike), along_one(derivative)
        torch.testing.assert_close(spike(X), derivative(X), rtol=1e-10, atol=1e-10)


@every_surrogate
@pytest.mark.parametrize("way", ["jvp", "export", "compiled grad"])
def test_spikes_are_exact_at_nan_and_extremes_by_arithmetic(cls, way):
    if cls is surrogates.ExpEscape:
        pytest.skip("it is infinite at extremes")
    surrogate = cls()
    x = torch.tensor([-torch.inf, torch.inf, torch.nan, 1e18, -1e18], dtype=torch.float32)
    if way == "jvp":
        spikes, tangent = func.jvp(surrogate, (x,), (torch.ones_like(x),))
        # left out at infinities and NaN, right at finite extremes
        close(tangent, torch.where(torch.isfinite(x), surrogate.surrogate_grad(x), 0.0))
    elif way == "export":
        spikes = torch.export.export(_Spiking(surrogate), (x,)).module()(x)
    else:
        torch.compiler.reset()
        grad = func.grad(lambda x: surrogate(x).sum())
        gradient = torch.compile(grad, fullgraph=True, backend="aot_eager")(x)
        close(gradient, torch.where(torch.isfinite(x), surrogate.surrogate_grad(x), 0.0))
        return
    close(spikes, torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0]))


COMPILED = {
    "forward": lambda s: s,
    "grad": lambda s: func.grad(lambda x: s(x).sum()),
    "vmap of grad": lambda s: func.vmap(func.grad(s)),
    "jvp": lambda s: lambda x: func.jvp(s, (x,), (torch.ones_like(x),))[1],
    "hessian": lambda s: lambda x: func.hessian(lambda x: s(x).sum())(x).diagonal(),
    "vmap": lambda s: lambda x: func.vmap(s)(x),
    "function form": lambda s: lambda x: surrogates.slayer_grad(x, 2.0),
    "derivative": lambda s: s.surrogate_grad,
    "primitive": lambda s: s.surrogate_fun,
    "vjp by hand": lambda s: lambda x: surrogates.vjp(s, x)[1](torch.ones_like(x)),
}


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_without_a_graph_break(name):
    function = COMPILED[name](surrogates.SlayerGrad(2.0))
    torch.compiler.reset()
    close(torch.compile(function, fullgraph=True, backend="aot_eager")(X), function(X))


@every_surrogate
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiled_training_step(cls, backend):
    surrogate = cls()
    torch.compiler.reset()
    loss = torch.compile(lambda x: surrogate(2 * x).sum(), fullgraph=True, backend=backend)
    x = X.clone().requires_grad_()
    loss(x).backward()
    close(x.grad, 2 * surrogate.surrogate_grad(2 * X))


def test_compiled_once_for_equal_surrogates():
    torch.compiler.reset()
    counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    step = torch.compile(lambda s, x: s(x), fullgraph=True, backend=counter)
    for alpha in (2.0, 2.0, 2.0):
        step(surrogates.SlayerGrad(alpha), X.clone().requires_grad_())
    assert counter.frame_count == 1


def test_compiled_with_an_array_parameter():
    torch.compiler.reset()
    step = torch.compile(
        lambda x, alpha: surrogates.SlayerGrad(alpha)(x).sum(), fullgraph=True, backend="aot_eager"
    )
    x, alpha = X.clone().requires_grad_(), torch.linspace(1, 2, 4, dtype=torch.float64)
    step(x, alpha).backward()
    close(x.grad, surrogates.SlayerGrad(alpha).surrogate_grad(X))


def test_compiled_before_any_eager_call():
    code = """
import torch, surrogates
alpha = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
x = torch.ones(3, requires_grad=True)
torch.compile(lambda x: surrogates.Sigmoid(alpha)(x).sum(), fullgraph=True, backend="aot_eager")(x)
"""
    path = f"import sys; sys.path[:0] = {sys.path!r}"
    subprocess.run([sys.executable, "-c", f"{path}\n{code}"], check=True)


def test_export():
    module = _Spiking(surrogates.SlayerGrad())
    exported = torch.export.export(module, (X,)).module()
    close(exported(X), module(X))
    x = X.clone().requires_grad_()
    exported(x).sum().backward()
    close(x.grad, surrogates.SlayerGrad().surrogate_grad(X))


@pytest.mark.xfail(strict=True, raises=RuntimeError, reason="AOTAutograd refuses double backward")
def test_double_backward_through_a_compiled_graph():
    torch.compiler.reset()
    surrogate = surrogates.SlayerGrad()
    x = X.clone().requires_grad_()
    loss = torch.compile(lambda x: surrogate(x).sum(), fullgraph=True, backend="aot_eager")(x)
    (first,) = torch.autograd.grad(loss, x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    close(second, second_derivative(surrogate))


class _Spiking(torch.nn.Module):
    def __init__(self, surrogate):
        super().__init__()
        self.surrogate = surrogate

    def forward(self, x):
        return self.surrogate(x)


def test_module_copies_and_saves(tmp_path):
    module = copy.deepcopy(_Spiking(surrogates.SlayerGrad(3.0)))
    torch.save(module, tmp_path / "module.pt")
    loaded = torch.load(tmp_path / "module.pt", weights_only=False)
    assert loaded.surrogate == surrogates.SlayerGrad(3.0)


def test_in_place_edit_of_x_before_backward_raises():
    x = X.clone().requires_grad_()
    y = 1 * x
    loss = surrogates.slayer_grad(y).sum()
    y += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_step_does_not_depend_on_the_parameter():
    alpha = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    x = X.clone().requires_grad_()
    loss = surrogates.SlayerGrad(alpha)(x).sum()
    assert torch.autograd.grad(loss, alpha, allow_unused=True, retain_graph=True)[0] is None


def test_hypergradient_of_the_parameter():
    alpha = torch.tensor(2.0, dtype=torch.float64)

    def gradient_norm(alpha):
        return func.grad(lambda x: surrogates.SlayerGrad(alpha)(x).sum())(X).square().sum()

    size = X.abs()
    expected = (-2 * size * torch.exp(-2 * alpha * size)).sum()
    close(func.grad(gradient_norm)(alpha), expected)


def test_gradient_over_vmap_over_the_parameter_is_no_multiple():
    alphas = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)

    def loss(x):
        return func.vmap(lambda alpha: surrogates.SlayerGrad(alpha)(x))(alphas).sum()

    expected = sum(surrogates.SlayerGrad(float(alpha)).surrogate_grad(X) for alpha in alphas)
    close(func.grad(loss)(X), expected)


def test_tensor_subclass_finds_its_backend():
    class Mine(torch.Tensor):
        pass

    x = X.clone().as_subclass(Mine)
    assert isinstance(surrogates.slayer_grad(x), Mine)
    assert isinstance(surrogates.slayer_grad(torch.nn.Parameter(X)), torch.Tensor)


@pytest.mark.gpu
@pytest.mark.parametrize("way", ["compiled jvp", "export", "compiled"])
def test_spikes_on_cuda_are_exact_where_x_is_a_product(way):
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no CUDA device")
    surrogate = surrogates.SlayerGrad()
    a, b = torch.randn(2, 100_000, device="cuda")

    def spikes(a, b):
        return surrogate(a * b)

    if way == "compiled jvp":
        ones = torch.ones_like(a)
        forward = torch.compile(lambda a, b: func.jvp(spikes, (a, b), (ones, ones))[0])
    elif way == "export":

        class Product(torch.nn.Module):
            def forward(self, a, b):
                return spikes(a, b)

        forward = torch.compile(torch.export.export(Product(), (a, b)).module())
    else:
        forward = torch.compile(spikes)
    # a fused multiply-add would leave a residue of the order of 1e-8
    assert torch.equal(forward(a, b), (a * b >= 0).float())
