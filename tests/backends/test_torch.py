"""What is PyTorch's alone, besides the rows of the matrix of transforms."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import pytest

import surrogates
from kinds import every_surrogate

torch = pytest.importorskip("torch")
func = torch.func
from array_api_compat import torch as compat  # noqa: E402

from in_torch import counted, guards  # noqa: E402
from surrogates.backends._torch.namespaces import double  # noqa: E402

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


def test_private_symbols_are_there():
    from torch._C._functorch import peek_interpreter_stack
    from torch.autograd import forward_ad

    from surrogates.backends._torch.state import needs_arithmetic

    assert peek_interpreter_stack() is None
    assert forward_ad._current_level == -1
    assert not needs_arithmetic(X)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(X, X)
        assert needs_arithmetic(dual)
        assert not needs_arithmetic(X)
        func.vmap(lambda x: _asserted(needs_arithmetic(x)))(dual)
        func.grad(lambda x: _asserted(needs_arithmetic(x)).sum())(dual)
        func.vmap(func.grad(lambda x: _asserted(needs_arithmetic(x))))(dual)


def _asserted(condition):
    assert condition
    return torch.ones((), requires_grad=True)


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


def test_compiled_with_an_array_parameter():
    torch.compiler.reset()
    step = torch.compile(
        lambda x, alpha: surrogates.SlayerGrad(alpha)(x).sum(), fullgraph=True, backend="aot_eager"
    )
    x, alpha = X.clone().requires_grad_(), torch.linspace(1, 2, 4, dtype=torch.float64)
    step(x, alpha).backward()
    close(x.grad, surrogates.SlayerGrad(alpha).surrogate_grad(X))


class ByHand(torch.autograd.Function):
    @staticmethod
    def forward(x, alpha):
        return (x >= 0).to(x.dtype)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.alpha = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, cotangent):
        (x,) = ctx.saved_tensors
        tail = torch.sigmoid(-ctx.alpha * torch.abs(x))
        return cotangent * ctx.alpha * (tail - tail * tail), None


# Each is checked at each call, in some 50 nanoseconds; Dynamo adds one for each name that is read.
FEW_GUARDS = 60
MORE_GUARDS = {"Dspike": 63, "SoftLIF": 62, "SquarewaveFourierSeries": 72}


@cache
def guards_by_hand():
    return len(guards(lambda x: ByHand.apply(x, 2.0), X.clone().requires_grad_()))


def assert_guards(surrogate, most):
    found = guards(lambda x: surrogate(x), X.clone().requires_grad_())
    number = 21 + len(found) - guards_by_hand()  # of which PyTorch 2.13 has 21
    listed = "\n".join(found)
    assert number <= most, f"{number} guards:\n{listed}"
    return number


@every_surrogate
def test_compiled_guards_are_few(cls):
    number = assert_guards(cls(), MORE_GUARDS.get(cls.__name__, FEW_GUARDS))
    assert number > FEW_GUARDS or cls.__name__ not in MORE_GUARDS, "take it from MORE_GUARDS"


LIMIT = torch.ones((), dtype=X.dtype)
OF_FEW_NAMES = {
    "astype": lambda xp: xp.astype(X, torch.float64),
    "astype another": lambda xp: xp.astype(X, torch.float32, copy=False, device="cpu"),
    "clip": lambda xp: xp.clip(X, -1, 0.5),
    "clip, no bound": lambda xp: xp.clip(X),
    "clip, tensors": lambda xp: xp.clip(X, -LIMIT, LIMIT),
    "clip, both": lambda xp: xp.clip(X, LIMIT - 2, 0.5),
    "clip, of a tensor": lambda xp: xp.clip(X, max=LIMIT / 2),
    "remainder": lambda xp: xp.remainder(X, LIMIT / 2),
    "remainder, promoted": lambda xp: xp.remainder(X.float(), LIMIT / 2),
    "round": lambda xp: xp.round(X),
    "where": lambda xp: xp.where(X > 0, X, torch.nn.Parameter(LIMIT)),
    "where, promoted": lambda xp: xp.where(X > 0, X.float(), LIMIT),
    "where, numbers": lambda xp: xp.where(X > 0, X.float(), 0.1),
}


@pytest.mark.parametrize("name", OF_FEW_NAMES)
def test_functions_of_few_names_are_those_of_array_api_compat(name):
    expected, actual = OF_FEW_NAMES[name](compat), OF_FEW_NAMES[name](double)
    assert actual.dtype == expected.dtype
    assert torch.equal(actual, expected)
    assert actual.data_ptr() != X.data_ptr()
    assert double.astype(X, X.dtype, copy=False) is X


def test_compiled_guards_of_a_wrapper_are_few():
    assert_guards(surrogates.Scaled(surrogates.Sigmoid(2.0)), FEW_GUARDS)


@pytest.mark.parametrize(
    "make",
    [surrogates.Sigmoid, lambda alpha: surrogates.Scaled(surrogates.Sigmoid(alpha))],
    ids=["Sigmoid", "Scaled"],
)
@pytest.mark.parametrize("is_made_inside", [False, True])
def test_compiled_twice_for_an_annealed_number(make, is_made_inside):
    step, counter = counted(lambda s, x: (make(s) if is_made_inside else s)(x))
    for alpha in (1.0 + 0.25 * i for i in range(20)):
        x = X.clone().requires_grad_()
        step(alpha if is_made_inside else make(alpha), x).sum().backward()
        close(x.grad, make(alpha).surrogate_grad(X))
    assert counter.frame_count == 2  # the second makes the number an argument


@pytest.mark.long
def test_compiled_before_any_eager_call():
    code = """
import torch, surrogates
alpha = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
x = torch.ones(3, requires_grad=True)
torch.compile(lambda x: surrogates.Sigmoid(alpha)(x).sum(), fullgraph=True, backend="aot_eager")(x)
"""
    path = f"import sys; sys.path[:0] = {sys.path!r}"
    subprocess.run([sys.executable, "-c", f"{path}\n{code}"], check=True)


class _Spiking(torch.nn.Module):
    def __init__(self, surrogate):
        super().__init__()
        self.surrogate = surrogate

    def forward(self, x):
        return self.surrogate(x)


@pytest.mark.long
def test_compiled_before_any_surrogate_is_made_with_jax_imported():
    pytest.importorskip("jax")
    code = """
import jax, torch, surrogates
x = torch.ones(3, requires_grad=True)
torch.compile(lambda x: surrogates.sigmoid(x).sum(), fullgraph=True, backend="aot_eager")(x)
"""
    path = f"import sys; sys.path[:0] = {sys.path!r}"
    subprocess.run([sys.executable, "-c", f"{path}\n{code}"], check=True)


def test_in_place_edit_of_x_before_backward_raises():
    x = X.clone().requires_grad_()
    y = 1 * x
    loss = surrogates.slayer_grad(y).sum()
    y += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_parameter_finds_its_backend():
    assert isinstance(surrogates.slayer_grad(torch.nn.Parameter(X)), torch.Tensor)


def test_a_registered_backend_takes_the_place_of_the_built_in_one():
    class Mine(surrogates.backends.Backend):
        def spike(self, definition, x, arrays):
            return x + 5

    surrogate, built_in = surrogates.slayer_grad, surrogates.backends.of(X)
    surrogates.backends.register("torch", Mine())
    try:
        close(surrogate(X), X + 5)
    finally:
        surrogates.backends.register("torch", built_in)
    close(surrogate(X), (X >= 0).double())


@pytest.mark.parametrize("dtype", [torch.int32, torch.bool, torch.complex64, torch.float8_e4m3fn])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(TypeError, match=f"got one of dtype {dtype}"):
        surrogates.slayer_grad(X.to(dtype))


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
