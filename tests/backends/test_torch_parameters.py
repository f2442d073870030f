"""Eager PyTorch with parameters that are tensors: in place, and equal to what PyTorch records."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate
from surrogates._parameters import COUNT
from surrogates._parameters import parameters as declared

torch = pytest.importorskip("torch")

from surrogates import Relaxed, Scaled, Sigmoid, Ternary  # noqa: E402
from surrogates._modules import _torch as of_modules  # noqa: E402
from surrogates.backends._compiler import program as compiler  # noqa: E402
from surrogates.backends._torch import hook, program, relaxed  # noqa: E402
from surrogates.backends._torch.program import TorchDialect  # noqa: E402

SHAPES = {"number": (), "channel": (5,), "row": (7, 1), "each": (7, 5)}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(TorchDialect, "block_bytes", 4 * 8)


@pytest.fixture
def recorded(monkeypatch):
    """Let nothing be computed in place."""
    monkeypatch.setattr(hook, "gradient", lambda *arguments: None)
    monkeypatch.setattr(relaxed, "relaxed_gradients", lambda *arguments: None)


def potentials(dtype, shape=(7, 5)):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return x.to(dtype)


def with_tensors(cls, shape, dtype=torch.float64):
    """Return a surrogate whose real-valued parameters are tensors, and these."""
    values = {}
    for p in declared(cls):
        if p.metadata["interval"] is not COUNT and "without_gradient" not in p.metadata:
            number = getattr(cls(), p.name)
            spread = 1 + 0.1 * torch.linspace(-1, 1, max(1, int(np.prod(shape)))).double()
            values[p.name] = (number * spread).reshape(shape).to(dtype).requires_grad_()
    return cls(**values), tuple(values.values())


def gradients(surrogate, x, tensors):
    x = x.detach().clone().requires_grad_()
    cotangent = torch.linspace(0.5, 1.5, 3)[torch.arange(x.numel()) % 3]  # exact in any dtype
    cotangent = cotangent.reshape(x.shape).to(x.dtype)
    return torch.autograd.grad(surrogate(x), (x, *tensors), cotangent, allow_unused=True)


@every_surrogate
@every_shape
@pytest.mark.parametrize("wrap", [lambda s: s, Relaxed], ids=["plain", "relaxed"])
def test_gradients_are_those_that_pytorch_records(cls, shape, wrap, small_blocks, request):
    surrogate, tensors = with_tensors(cls, shape)
    x = potentials(torch.float64)
    in_place = gradients(wrap(surrogate), x, tensors)
    request.getfixturevalue("recorded")
    expected = gradients(wrap(surrogate), x, tensors)
    for one, other in zip(in_place, expected, strict=True):
        if other is None:  # PyTorch's word for the zero gradient of what nothing depends on
            assert one is None or not one.any()
        else:
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
@every_shape
def test_narrow_dtypes_are_computed_in_single_precision(dtype, shape):
    surrogate, tensors = with_tensors(Sigmoid, shape, torch.float32)
    x = potentials(dtype)
    grad, of_alpha = gradients(Relaxed(surrogate), x, tensors)
    wide, of_alpha_wide = gradients(Relaxed(surrogate), x.float(), tensors)
    assert grad.dtype is dtype
    torch.testing.assert_close(grad.float(), wide, rtol=2 * torch.finfo(dtype).eps, atol=1e-6)
    torch.testing.assert_close(of_alpha, of_alpha_wide, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layout", ["transposed", "strided", "expanded"])
@every_shape
def test_layouts(layout, shape, small_blocks, request):
    surrogate, tensors = with_tensors(surrogates.Arctan, shape)
    x = {
        "transposed": potentials(torch.float64, (5, 7)).T,
        "strided": potentials(torch.float64, (14, 10))[::2, ::2],
        "expanded": potentials(torch.float64, (7, 1)).expand(7, 5),
    }[layout]
    leaf = x.detach().requires_grad_()  # without a copy, which would be contiguous
    cotangent = torch.ones(()).double().expand(7, 5)
    actual = torch.autograd.grad(Relaxed(surrogate)(leaf), (leaf, *tensors), cotangent)
    request.getfixturevalue("recorded")
    leaf = x.detach().requires_grad_()
    expected = torch.autograd.grad(Relaxed(surrogate)(leaf), (leaf, *tensors), cotangent)
    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("far", [torch.inf, -torch.inf, torch.nan, 1e25, 1e200])
@every_surrogate
def test_far_out_the_recorded_form_decides(cls, far, request):
    surrogate, tensors = with_tensors(cls, ())
    x = potentials(torch.float64)
    x[2, 3] = far
    in_place = gradients(Relaxed(surrogate), x, tensors)
    request.getfixturevalue("recorded")
    expected = gradients(Relaxed(surrogate), x, tensors)
    for one, other in zip(in_place[1:], expected[1:], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12, equal_nan=True)


def test_no_elements():
    alpha = torch.tensor(2.0, requires_grad=True)
    grad, of_alpha = gradients(Relaxed(Sigmoid(alpha)), torch.zeros(0, 5), (alpha,))
    assert grad.shape == (0, 5)
    assert of_alpha == 0


@pytest.mark.parametrize("wrap", [lambda s: s, Relaxed], ids=["plain", "relaxed"])
def test_x_and_the_parameters_alone_are_kept(wrap):
    x = potentials(torch.float32).requires_grad_()
    alpha = torch.full((5,), 2.0, requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda tensor: tensor):
        wrap(Sigmoid(alpha))(x)
    assert {tensor.data_ptr() for tensor in kept} == {x.data_ptr(), alpha.data_ptr()}


@pytest.mark.parametrize("is_recorded", [False, True])
def test_no_area_is_computed_where_nobody_asks_for_the_gradient_of_a_parameter(is_recorded):
    class Counting(surrogates.Surrogate):
        alpha: float = surrogates.parameter(1.0)

        def derivative(self, xp, x):
            return self.alpha + 0 * x

        def primitive(self, xp, x):
            raise AssertionError("the area was computed")

    x = potentials(torch.float32).requires_grad_()
    alpha = torch.tensor(2.0, requires_grad=not is_recorded)
    with torch.set_grad_enabled(is_recorded):
        spikes = Relaxed(Counting(alpha))(x)
    torch.testing.assert_close(spikes.detach(), (x >= 0).float())
    if is_recorded:
        spikes.sum().backward()
        assert (x.grad == 2).all()


def test_a_second_derivative_goes_through_the_recorded_form():
    alpha = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    x = potentials(torch.float64).requires_grad_()

    def of_both(x, alpha):
        grads = torch.autograd.grad(Relaxed(Sigmoid(alpha))(x).sum(), (x, alpha), create_graph=True)
        return torch.stack([grads[0].square().sum(), grads[1]])

    by_primitive = torch.sigmoid(alpha * x)
    grads = torch.autograd.grad(by_primitive.sum(), (x, alpha), create_graph=True)
    expected = torch.stack([grads[0].square().sum(), grads[1]])
    for number in (0, 1):
        actual = torch.autograd.grad(of_both(x, alpha)[number], (x, alpha), retain_graph=True)
        wanted = torch.autograd.grad(expected[number], (x, alpha), retain_graph=True)
        for one, other in zip(actual, wanted, strict=True):
            torch.testing.assert_close(one, other)


def test_of_plain_tensors_nothing_is_recorded(monkeypatch):
    monkeypatch.setattr(relaxed, "_recorded_gradients", None)  # would fail
    alpha = torch.tensor(2.0, requires_grad=True)
    _, of_alpha = gradients(Relaxed(Sigmoid(alpha)), potentials(torch.float32), (alpha,))
    assert of_alpha != 0


@pytest.mark.parametrize("of_x", [False, True])
def test_a_parameter_without_effect_has_gradient_0_where_it_is_recorded_too(of_x):
    epsilon = torch.tensor(1e-8, requires_grad=True)
    x = potentials(torch.float32).requires_grad_(of_x)
    spikes = Relaxed(surrogates.S2NN(epsilon=epsilon))(x)
    for is_recorded in (False, True):
        grad = torch.autograd.grad(
            spikes.sum(),
            epsilon,
            retain_graph=True,
            create_graph=is_recorded,
            materialize_grads=True,
        )
        assert grad[0] == 0


def of_one_source(number):
    """Return spikes whose potentials and whose parameters are all made of one number."""
    hidden = Relaxed(Sigmoid(number))(number * potentials(torch.float64))
    return Relaxed(surrogates.TwoSidedBox(number, number, number, 1.5 * number))(hidden - number)


def of_one_module(number):
    module = surrogates.learnable(Sigmoid(2.0), "alpha", framework="torch").double()
    (name,) = (name for name, _ in module.named_parameters())
    called = torch.func.functional_call
    hidden = called(module, {name: number}, (number * potentials(torch.float64),))
    return called(module, {name: number}, (hidden - number,))


@pytest.mark.parametrize("spikes", [of_one_source, of_one_module])
def test_what_depends_on_a_parameter_is_not_counted_twice_where_it_is_recorded(spikes):
    number = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(spikes(number).sum(), number)
    (actual,) = torch.autograd.grad(spikes(number).sum(), number, create_graph=True)
    assert actual.requires_grad
    torch.testing.assert_close(actual, expected)


@pytest.fixture
def modules():
    """Return a learnable module of each parameter of a class that can be one, and of them all."""

    def make(cls, dtype):
        for names in (*([p.name] for p in learned_ones(cls)), [p.name for p in learned_ones(cls)]):
            if names:
                yield surrogates.learnable(cls(), *names, framework="torch").to(dtype)

    return make


def learned_ones(cls):
    """Return the parameters that can be learned from where they start."""
    for p in declared(cls):
        interval = p.metadata["interval"]
        inside = interval is not COUNT and interval.low < getattr(cls(), p.name) < interval.high
        if inside and "without_gradient" not in p.metadata:
            yield p


@every_surrogate
def test_what_a_module_learns_is_what_pytorch_records(cls, modules, monkeypatch):
    for module in modules(cls, torch.float64):
        x, numbers = potentials(torch.float64), tuple(module.parameters())
        in_place = gradients(module, x, numbers)
        with monkeypatch.context() as patch:
            patch.setattr(of_modules, "learned", lambda *arguments: None)
            patch.setattr(relaxed, "relaxed_gradients", lambda *arguments: None)
            expected = gradients(module, x, numbers)
        for one, other in zip(in_place, expected, strict=True):
            other = torch.zeros_like(one) if other is None else other
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("raw", [-1e4, 1e4])
def test_a_number_that_was_cut_off_is_not_learned(raw):
    module = surrogates.learnable(Sigmoid(), "alpha", framework="torch")
    torch.nn.init.constant_(module.raw["alpha"], raw)
    (of_raw,) = gradients(module, 1e-3 * potentials(torch.float32), tuple(module.parameters()))[1:]
    assert of_raw.item() == 0.0


def test_a_module_keeps_x_and_its_numbers_alone():
    module = surrogates.learnable(Sigmoid(), "alpha", framework="torch")
    x = potentials(torch.float32).requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda tensor: tensor):
        module(x)
    assert {t.data_ptr() for t in kept} == {x.data_ptr(), module.raw["alpha"].data_ptr()}


def test_a_second_derivative_of_what_a_module_learns():
    module = surrogates.learnable(Sigmoid(2.0), "alpha", framework="torch").double()
    x, raw = potentials(torch.float64).requires_grad_(), module.raw["alpha"]
    found = []
    for spikes in (module(x), torch.sigmoid(raw.exp() * x)):
        first = torch.autograd.grad(spikes.sum(), (x, raw), create_graph=True)
        total = first[0].square().sum() + first[1].sum()
        found += [torch.autograd.grad(total, (x, raw))]
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("name", ["Sigmoid", "GaussianGrad", "InvSquareGrad", "QPseudoSpike"])
@pytest.mark.parametrize("shape", [(), (5,)], ids=["number", "channel"])
def test_a_compiler_gets_the_gradients_of_the_recorded_form(name, shape, request):
    surrogate, tensors = with_tensors(getattr(surrogates, name), shape)
    x = potentials(torch.float64)
    x[0, :4] = torch.tensor([torch.inf, -torch.inf, torch.nan, 1e200])
    torch.compiler.reset()
    compiled = torch.compile(Relaxed(surrogate), fullgraph=True, backend="aot_eager")
    actual = gradients(compiled, x, tensors)
    request.getfixturevalue("recorded")
    expected = gradients(Relaxed(surrogate), x, tensors)
    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12, equal_nan=True)


def test_parameters_that_change_compile_nothing_anew():
    x = potentials(torch.float32)
    spike = surrogates.learnable(Sigmoid(4.0), "alpha", framework="torch")

    def step(number):
        alpha = torch.tensor(number, requires_grad=True)
        gradients(Sigmoid(alpha.detach()), x, ())
        gradients(Relaxed(Scaled(Sigmoid(alpha), rate=alpha)), x, (alpha,))
        gradients(Relaxed(Ternary(Sigmoid(alpha))), x, (alpha,))
        torch.nn.init.constant_(spike.raw["alpha"], number)
        spike(x.requires_grad_()).sum().backward()

    step(1.0)
    caches = (compiler._program, compiler._parameter_program)
    before = [cache.cache_info().misses for cache in caches]
    for number in np.linspace(0.5, 3.0, 20).tolist():
        step(number)
    assert [cache.cache_info().misses for cache in caches] == before


@pytest.mark.parametrize("wrap", [lambda s: s, Relaxed], ids=["plain", "relaxed"])
def test_a_parameter_that_was_moved_to_another_device_is_left_to_pytorch(wrap, monkeypatch):
    """As hooks of saved tensors may do: a program would write zeros of it, or worse."""
    x, alpha = potentials(torch.float32).requires_grad_(), torch.tensor(2.0, requires_grad=True)
    hooks = (
        lambda tensor: tensor,
        lambda tensor: tensor.to("meta") if tensor.ndim == 0 else tensor,
    )
    with torch.autograd.graph.saved_tensors_hooks(*hooks):
        spikes = wrap(Sigmoid(alpha))(x)
    monkeypatch.setattr(program.TorchDialect, "evaluate", None)  # would fail
    with pytest.raises(RuntimeError, match="device"):
        torch.autograd.grad(spikes.sum(), x)
