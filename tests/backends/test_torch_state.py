"""What PyTorch is doing with a tensor: a gradient is in place only where nothing can observe it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import surrogates

torch = pytest.importorskip("torch")
func, forward_ad = torch.func, torch.autograd.forward_ad

from surrogates.backends._torch import hook, state  # noqa: E402

X = torch.tensor([-1.3, -0.4, 0.2, 0.9])
pytestmark = [
    pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]


@pytest.fixture
def refused(monkeypatch):
    def refuse(*arguments):
        raise AssertionError("the gradient was computed in place")

    monkeypatch.setattr(hook, "gradient", refuse)


def test_an_ordinary_backward_is_in_place(refused):
    with pytest.raises(AssertionError, match="in place"):
        backward(surrogates.Sigmoid(), X)


class Mine(torch.Tensor):
    pass


def backward(surrogate, x, **options):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(surrogate(x).sum(), x, **options)[0]


def twice(surrogate):
    x = X.clone().requires_grad_()
    (first,) = torch.autograd.grad(surrogate(x).sum(), x, create_graph=True)
    return torch.autograd.grad(first.sum(), x)[0]


def batched(surrogate):
    x = X.clone().requires_grad_()
    rows = torch.eye(4)
    return torch.autograd.grad(surrogate(x), x, rows, is_grads_batched=True)[0].diagonal()


def sparse(surrogate):
    x = X.clone().requires_grad_()
    return torch.autograd.grad(surrogate(x), x, torch.ones(4).to_sparse())[0]


def observed(surrogate):
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False):
        return backward(surrogate, X)


def compiled(surrogate):
    torch.compiler.reset()
    step = torch.compile(lambda x: surrogate(x).sum(), fullgraph=True, backend="aot_eager")
    return backward(step, X)


def dual_cotangent(surrogate):
    x = X.clone().requires_grad_()
    spikes = surrogate(x)
    with forward_ad.dual_level():
        cotangent = forward_ad.make_dual(torch.ones(4), torch.full((4,), 3.0))
        (found,) = torch.autograd.grad(spikes, x, cotangent)
        return forward_ad.unpack_dual(found).tangent / 3


OBSERVED = {
    "twice": twice,
    "dual cotangent": dual_cotangent,
    "batched": batched,
    "observed": observed,
    "compiled": compiled,
    "subclass": lambda s: backward(s, X.as_subclass(Mine)).as_subclass(torch.Tensor),
    "func.grad": lambda s: func.grad(lambda x: s(x).sum())(X),
    "func.vmap": lambda s: func.vmap(func.grad(s))(X),
    "func.jacrev": lambda s: func.jacrev(s)(X).diagonal(),
}


@pytest.mark.parametrize("way", OBSERVED)
def test_a_backward_that_is_looked_at_is_not_in_place(way, refused):
    surrogate = surrogates.Sigmoid(2.0)
    if way == "twice":
        expected = func.vmap(func.grad(surrogate.surrogate_grad))(X)
    else:
        expected = surrogate.surrogate_grad(X)
    torch.testing.assert_close(OBSERVED[way](surrogate), expected)


def test_private_symbols_are_there():
    # what tells an ordinary tensor from one that is wrapped
    assert state.is_plain(X, torch.nn.Parameter(X))
    with torch.inference_mode():
        assert state.is_plain(torch.zeros(3))
    for other in (X.to_sparse(), X.to("meta"), torch.view_as_real(X + 1j).new_zeros(2)._neg_view()):
        assert not state.is_plain(other)
    assert not state.is_plain(X.as_subclass(Mine))


def test_a_tensor_that_is_traced_is_not_plain():
    seen = []

    def see(x):
        seen.append(state.is_plain(x))
        return x + 1

    torch.jit.trace(see, X, check_trace=False)
    assert seen == [False]


def test_apply_of_plain_arguments_is_that_of_the_function():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            return factor * x

        @staticmethod
        def backward(ctx, cotangent):
            return ctx.factor * cotangent, None

    x = X.clone().requires_grad_()
    for apply in (Double.apply, state.apply_of(Double)):
        (gradient,) = torch.autograd.grad(apply(x, 2.0).sum(), x)
        assert gradient.tolist() == [2.0] * 4


FIRST_USES = {
    "under func.grad": "torch.func.grad(surrogates.Sigmoid())(torch.tensor(0.3))",
    "in inference mode": """
with torch.inference_mode():
    surrogates.Sigmoid()(torch.zeros(3))""",
    "with fake tensors": """
from torch._subclasses import FakeTensorMode
with FakeTensorMode():
    surrogates.Sigmoid()(torch.zeros(3))""",
    "on another device": """
with torch.device("meta"):
    surrogates.Sigmoid()(torch.zeros(3))""",
}


@pytest.mark.long
@pytest.mark.parametrize("name", FIRST_USES)
def test_first_use_does_not_decide_what_is_plain(name):
    code = f"""
import torch, surrogates
{FIRST_USES[name]}
from surrogates.backends._torch.state import is_plain
x = torch.tensor([-1.0, 1.0], requires_grad=True)
assert is_plain(x)
spikes = surrogates.ReluGrad()(x / 2)
assert spikes.tolist() == [0.0, 1.0]
spikes.sum().backward()
assert abs(x.grad - 0.075).max() < 1e-7
"""
    path = f"import sys; sys.path[:0] = {sys.path!r}"
    subprocess.run([sys.executable, "-W", "ignore", "-c", f"{path}\n{code}"], check=True)
