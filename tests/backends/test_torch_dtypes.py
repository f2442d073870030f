"""PyTorch: spikes and gradients have the dtype of x, whatever that of a parameter."""

from __future__ import annotations

import pytest

import surrogates
from surrogates import Compressed, Sigmoid

torch = pytest.importorskip("torch")
func, forward_ad = torch.func, torch.autograd.forward_ad


pytestmark = [  # of PyTorch's own
    pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    # Dynamo looks at the .grad of what functorch wraps
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning"),
]

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

every_float = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: str(dtype)[6:])


def by_jvp(surrogate, x):
    return func.jvp(surrogate, (x,), (torch.ones_like(x),))


def by_dual(surrogate, x):
    with forward_ad.dual_level():
        out = forward_ad.unpack_dual(surrogate(forward_ad.make_dual(x, torch.ones_like(x))))
        return out.primal.clone(), out.tangent.clone()


class Each(torch.nn.Module):
    """A surrogate at several inputs: one export for all dtypes."""

    def __init__(self, surrogate):
        super().__init__()
        self.surrogate = surrogate

    def forward(self, *xs):
        return tuple(self.surrogate(x) for x in xs)


WIDER = torch.tensor([1.0, 2.0, 4.0])


def leaf(x):
    return x.clone().requires_grad_()


def compiled(f):
    torch.compiler.reset()
    return torch.compile(lambda x: f(x), fullgraph=True, backend="aot_eager")


SPIKES = {
    "no gradient": lambda f: f,
    "leaf": lambda f: lambda x: f(leaf(x)),
    "vmap": lambda f: func.vmap(f),
    "vmap of a leaf": lambda f: lambda x: func.vmap(f)(leaf(x)),
    "grad": lambda f: lambda x: func.grad(lambda x: (f(x).sum(), f(x)), has_aux=True)(x)[1],
    "jvp": lambda f: lambda x: by_jvp(f, x)[0],
    "tangent": lambda f: lambda x: by_jvp(f, x)[1],
    "forward_ad": lambda f: lambda x: by_dual(f, x)[0],
    "compiled": compiled,
    "compiled, leaf": lambda f: lambda x: compiled(f)(leaf(x)),
    "compiled jvp": lambda f: compiled(lambda x: by_jvp(f, x)[0]),
    "exported": lambda f: lambda x: torch.export.export(Each(f), (x,)).module()(x)[0],
    "inference_mode": torch.inference_mode(),
}

WRAPPED = {
    "plain": lambda alpha: Sigmoid(alpha),
    "float16 kept": lambda alpha: Compressed(Sigmoid(alpha), "float16"),
    "uint8 kept": lambda alpha: Compressed(Sigmoid(alpha), "uint8"),
}


@pytest.mark.parametrize("wrapped", WRAPPED)
@pytest.mark.parametrize("way", SPIKES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_spikes_have_the_dtype_of_x(way, wrapped, dtype):
    wider = WIDER.double() if dtype == torch.float32 else WIDER
    x = torch.tensor([[-0.5, 0.0, 0.5], [0.1, -0.1, 1.0]], dtype=dtype)
    surrogate = WRAPPED[wrapped](wider)
    spikes = SPIKES[way](surrogate)(x)
    assert spikes.dtype == dtype
    if way != "tangent":
        assert torch.equal(spikes.detach(), (x >= 0).to(dtype))


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_gradients_have_the_dtype_of_x(wrapped):
    x = leaf(torch.tensor([-0.5, 0.0, 0.5], dtype=torch.bfloat16))
    surrogate = WRAPPED[wrapped](WIDER)
    (surrogate(x) * torch.ones((), dtype=torch.bfloat16)).sum().backward()
    assert x.grad.dtype == torch.bfloat16
    torch.testing.assert_close(x.grad, surrogate.surrogate_grad(x.detach()))


@every_float
def test_uniform_is_drawn_wide_and_stays_below_one(dtype):
    from surrogates.backends._torch import BACKEND

    numbers = BACKEND.uniform(torch.Generator().manual_seed(0), torch.zeros(10**6, dtype=dtype))
    assert numbers.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert 0 <= numbers.min() < 1e-5
    assert 1 - 1e-5 < numbers.max() < 1


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_tangent_of_a_single_number_has_its_dtype(dtype, torch):
    x = torch.tensor(0.5, dtype=getattr(torch, dtype))
    spike, tangent = torch.func.jvp(surrogates.Sigmoid(), (x,), (torch.ones_like(x),))
    assert spike.dtype == tangent.dtype == x.dtype
    assert spike.shape == tangent.shape == ()
