"""PyTorch: spikes and gradients have the dtype of x, whatever that of a parameter."""

from __future__ import annotations

import pytest

import surrogates
from kinds import others_long
from surrogates import Compressed, Sigmoid

torch = pytest.importorskip("torch")
func, forward_ad = torch.func, torch.autograd.forward_ad
from array_api_compat import torch as compat  # noqa: E402

from in_torch import WARNINGS, Each, by_dual, by_jvp, compiled, every_float, leaf  # noqa: E402
from surrogates.backends._torch import namespaces  # noqa: E402

pytestmark = WARNINGS

WIDER = torch.tensor([1.0, 2.0, 4.0])


SPIKES = {
    "no gradient": lambda f: f,
    "leaf": lambda f: lambda x: f(leaf(x)),
    "vmap": lambda f: func.vmap(f),
    "vmap of a leaf": lambda f: lambda x: func.vmap(f)(leaf(x)),
    "grad": lambda f: lambda x: func.grad(lambda x: (f(x).sum(), f(x)), has_aux=True)(x)[1],
    "jvp": lambda f: lambda x: by_jvp(f, x)[0],
    "tangent": lambda f: lambda x: by_jvp(f, x)[1],
    "forward_ad": lambda f: lambda x: by_dual(f, x)[0],
    "compiled": lambda f: compiled(f, "aot_eager"),
    "compiled, leaf": lambda f: lambda x: compiled(f, "aot_eager")(leaf(x)),
    "compiled jvp": lambda f: compiled(lambda x: by_jvp(f, x)[0], "aot_eager"),
    "exported": lambda f: lambda x: torch.export.export(Each(f), (x,)).module()(x)[0],
    "inference_mode": torch.inference_mode(),
}

WRAPPED = {
    "plain": lambda alpha: Sigmoid(alpha),
    "float16 kept": lambda alpha: Compressed(Sigmoid(alpha), "float16"),
    "uint8 kept": lambda alpha: Compressed(Sigmoid(alpha), "uint8"),
}


LONG = {"compiled jvp", "exported"}


@pytest.mark.parametrize("wrapped", WRAPPED)
@pytest.mark.parametrize("way", others_long(SPIKES, *(SPIKES.keys() - LONG)))
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


class OfTwoNumbers(surrogates.Surrogate):
    def derivative(self, xp, x):
        return xp.where(x > 0.5, 0.1, 0.3)


@pytest.mark.parametrize("default", ["bfloat16", "float16", "float32", "float64"])
@every_float
def test_a_choice_of_two_numbers_does_not_take_the_default_dtype(default, dtype):
    x = torch.tensor([0.0, 1.0], dtype=dtype)
    expected = torch.tensor([0.3, 0.1], dtype=dtype)

    def spikes(x):
        return OfTwoNumbers()(x).sum()

    usual = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, default))
    try:
        found = [OfTwoNumbers().surrogate_grad(x), func.grad(spikes)(x)]
        found.append(torch.autograd.grad(spikes(held := leaf(x)), held)[0])
        found.append(by_jvp(OfTwoNumbers(), x)[1])
    finally:
        torch.set_default_dtype(usual)
    *exact, tangent = found
    assert all(torch.equal(gradient, expected) for gradient in exact)
    torch.testing.assert_close(tangent, expected)


LOW, HIGH = torch.tensor([-1.0, 0.0, 1.0]), torch.tensor(1.5)


@pytest.mark.parametrize("low", [None, -0.5, LOW], ids=["open", "number", "tensor"])
@pytest.mark.parametrize("high", [None, 1, 0.5, HIGH], ids=["open", "integer", "number", "tensor"])
@pytest.mark.parametrize("namespace", [namespaces.single, namespaces.double])
def test_clip_is_that_of_the_standard(low, high, namespace):
    x = torch.tensor([[-2.0, 0.25, 3.0], [torch.nan, torch.inf, -torch.inf]])
    bounds = {"min": low, "max": high}
    torch.testing.assert_close(
        namespace.clip(x, **bounds), compat.clip(x, **bounds), rtol=0, atol=0, equal_nan=True
    )


def test_clip_is_compiled_without_a_graph_break():
    def clipped(x):
        return namespaces.single.clip(x, -0.5, 1.0) + namespaces.single.clip(x, LOW, 1.0)

    x = torch.tensor([-2.0, 0.25, 3.0])
    torch.testing.assert_close(compiled(clipped, "aot_eager")(x), clipped(x))


@pytest.mark.parametrize("namespace", [namespaces.single, namespaces.double])
def test_abs_is_that_of_the_standard_but_has_slope_1_at_0(namespace):
    x = torch.tensor([-2.0, -0.0, 0.0, 3.0, torch.nan, -torch.inf])
    size = namespace.abs(x)
    torch.testing.assert_close(size, torch.abs(x), rtol=0, atol=0, equal_nan=True)
    assert not torch.signbit(size[:4]).any()  # 1 / size would be -inf
    assert namespace.abs(torch.tensor([-2])).dtype == torch.int64
    slopes = torch.func.vmap(torch.func.grad(namespace.abs))(x[:4])
    assert slopes.tolist() == [-1.0, 1.0, 1.0, 1.0]
