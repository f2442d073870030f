"""PyTorch: spikes and tangents at every edge, in every mode, and what another thread changes."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate
from surrogates import Arctan, Compressed, ExpEscape, Sigmoid
from surrogates._parameters import parameters
from surrogates.definitions import SURROGATES

torch = pytest.importorskip("torch")
func, forward_ad = torch.func, torch.autograd.forward_ad
from in_torch import DTYPES, WARNINGS, Each, by_dual, by_jvp, every_float  # noqa: E402

pytestmark = WARNINGS
# Around the threshold, where ExpEscape overflows in each dtype, and where squares do.
SIZES = (0.0, 1e-3, 0.3, 1.0, 3.0, 10.9, 12.3, 30.0, 88.0, 710.0, 6e4, 1e18, 1e38, 1e300)
EDGES = torch.tensor(
    [torch.nan, *(sign * size for size in (*SIZES, torch.inf) for sign in (1, -1))],
    dtype=torch.float64,
)


def check(surrogate, x, spikes, slope):
    """Assert that spikes are those of x, exactly, and that the derivative is the surrogate's."""
    assert spikes.dtype == slope.dtype == x.dtype
    assert torch.equal(spikes, surrogate(x))
    exact = surrogate.surrogate_grad(x)
    # x minus itself is NaN at infinity and NaN: left out
    exact = torch.where(torch.isfinite(x), exact, 0.0)
    torch.testing.assert_close(slope, exact, rtol=torch.finfo(x.dtype).eps, atol=0.0)


def by_dual_inside_vmap(surrogate, x):
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, torch.ones_like(x))
        out = forward_ad.unpack_dual(func.vmap(surrogate)(dual))
        return out.primal.clone(), out.tangent.clone()


FORWARD = {"jvp": by_jvp, "forward_ad": by_dual, "vmap in forward_ad": by_dual_inside_vmap}


@every_surrogate
@every_float
@pytest.mark.parametrize("way", FORWARD)
def test_forward_mode_at_every_edge(cls, dtype, way):
    x = EDGES.to(dtype)
    check(cls(), x, *FORWARD[way](cls(), x))


@every_surrogate
def test_exported_at_every_edge(cls):
    xs = tuple(EDGES.to(dtype).requires_grad_() for dtype in DTYPES)
    model = torch.export.export(Each(cls()), tuple(x.detach() for x in xs)).module()
    for x, spikes in zip(xs, model(*xs), strict=True):
        (slope,) = torch.autograd.grad(spikes.sum(), x)
        check(cls(), x.detach(), spikes.detach(), slope)


@pytest.mark.long
@every_float
@pytest.mark.parametrize("cls", [ExpEscape, Arctan, surrogates.CircGrad])
def test_compiled_grad_at_every_edge(cls, dtype):
    torch.compiler.reset()
    x = EDGES.to(dtype)

    def spikes_and_sum(x):
        spikes = cls()(x)
        return torch.where(torch.isfinite(x), spikes, 0.0).sum(), spikes

    gradient = func.grad(spikes_and_sum, has_aux=True)
    slope, spikes = torch.compile(gradient, fullgraph=True, backend="aot_eager")(x)
    check(cls(), x, spikes, slope)


@pytest.mark.parametrize("way", FORWARD)
@pytest.mark.parametrize("cls", SURROGATES.values(), ids=SURROGATES)
def test_peaks_beyond_half_of_float16(cls, way):
    surrogate = cls()
    if surrogate.peak in (0, torch.inf):
        pytest.skip("it has no peak to scale")
    x = torch.tensor([-1.0, -1e-3, 0.0, 1e-3, 1.0], dtype=torch.float16)
    for height in (4e4, 6e4, 1e5):  # the last is infinite there
        tall = surrogates.Scaled(surrogate, height / surrogate.peak)
        check(tall, x, *FORWARD[way](tall, x))


@pytest.mark.parametrize("value", [1e3, 1e8, 1e15])
@every_surrogate
def test_forward_mode_at_extreme_parameters(cls, value):
    for parameter in parameters(cls):
        try:
            surrogate = replace(cls(), **{parameter.name: value})
        except ValueError:  # a count
            continue
        for dtype in DTYPES:
            x = EDGES.to(dtype)
            if torch.isnan(surrogate.surrogate_grad(x[x.isfinite()])).any():
                continue  # accuracy is tested elsewhere
            spikes, _ = by_jvp(surrogate, x)
            assert torch.equal(spikes, surrogate(x))


def test_second_derivative_where_the_first_is_about_to_overflow_is_not_zero():
    surrogate, x = ExpEscape(), torch.tensor([9.0])
    assert 1e24 < surrogate.surrogate_grad(x) < 3e38
    second = func.jvp(lambda x: by_jvp(surrogate, x)[1], (x,), (torch.ones_like(x),))[1]
    assert not (second == 0).any()


def test_forward_mode_between_other_transforms():
    x, surrogate = torch.tensor([-0.4, 0.1, 0.9]), Sigmoid()
    expected = surrogate.surrogate_grad(x)
    in_vmap = func.vmap(lambda x: by_jvp(surrogate, x)[1])
    around_vmap = by_jvp(func.vmap(surrogate), x)[1]
    in_grad = func.grad(lambda x: (by_jvp(surrogate, x)[1] * x.detach()).sum())
    for found in (in_vmap(x), around_vmap, func.jacfwd(surrogate)(x).diagonal()):
        torch.testing.assert_close(found, expected)
    second = func.vmap(func.grad(surrogate.surrogate_grad))(x)
    torch.testing.assert_close(in_grad(x), second * x)


def test_without_forward_mode_the_gradient_at_infinity_is_exact():
    x = torch.tensor([-torch.inf, 0.0, torch.inf])
    found = func.vmap(func.grad(surrogates.StraightThrough()))(x)
    assert found.tolist() == [1.0] * 3


@pytest.mark.parametrize("dual", ["x", "parameter"])
def test_forward_mode_of_one_of_several_tensors(dual):
    x, alpha = EDGES[EDGES.abs() < 4], torch.tensor(2.0, dtype=torch.float64)
    surrogate = surrogates.Relaxed(Sigmoid(alpha))
    if dual == "x":
        expected = surrogate.surrogate_grad(x)
    else:
        expected = func.jvp(lambda a: Sigmoid(a).surrogate_fun(x), (alpha,), (alpha / alpha,))[1]
    at = {"x": x, "parameter": alpha}
    with forward_ad.dual_level():
        at[dual] = forward_ad.make_dual(at[dual], torch.ones_like(at[dual]))
        spikes = surrogates.Relaxed(Sigmoid(at["parameter"]))(at["x"])
        torch.testing.assert_close(forward_ad.unpack_dual(spikes).tangent, expected)


class Crossing(surrogates.Surrogate):
    """Whose derivative is 0 at -2 and 2, and nowhere next to them."""

    zero: float = surrogates.parameter(2.0)

    def derivative(self, xp, x):
        return (self.zero - xp.abs(x)) * xp.exp(-xp.abs(x))


def test_where_the_derivative_crosses_zero_is_no_tail():
    x, zero = torch.tensor([-2.0, -1.5, 2.0, 1e3]), torch.tensor(2.0)

    def slope(x, zero):
        return by_jvp(Crossing(zero), x)[1]

    _, second = func.jvp(lambda x: slope(x, zero), (x,), (torch.ones_like(x),))
    size = x.abs()
    torch.testing.assert_close(second, -x.sign() * (1 + zero - size) * torch.exp(-size))
    _, to_zero = func.jvp(lambda z: slope(x, z), (zero,), (torch.ones(()),))
    torch.testing.assert_close(to_zero, torch.exp(-size))


# One thread's modes must not change another's.


class Elsewhere:
    """Another thread that stays inside of `entered` while the body runs."""

    def __init__(self, entered):
        self.entered, self.inside, self.done = entered, threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        def stay():
            self.inside.set()
            self.done.wait(60)

        self.entered(stay)

    def __enter__(self):
        self.thread.start()
        assert self.inside.wait(60)

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def in_dual_level(stay):
    with forward_ad.dual_level():
        stay()


def in_jvp(stay):
    func.jvp(lambda x: (stay(), x)[1], (torch.ones(1),), (torch.ones(1),))


class Staying(torch.nn.Module):
    def __init__(self, stay):
        super().__init__()
        self.stay = stay

    def forward(self, x):
        self.stay()
        return x + 1


def in_export(stay):
    torch.export.export(Staying(stay), (torch.ones(1),), strict=False)


def in_compile(stay):
    def backend(graph, _):
        stay()
        return graph

    torch.compile(lambda x: x + 1, backend=backend)(torch.ones(1))


def in_onnx_export(stay):
    # the flag alone: the exporter writes to the console, and patches PyTorch for all threads
    from torch.onnx._internal.exporter import _flags

    @_flags.set_onnx_exporting_flag
    def exporting():
        stay()

    exporting()


ELSEWHERE = [in_dual_level, in_jvp, in_export, in_compile, in_onnx_export]


@pytest.mark.parametrize("entered", ELSEWHERE)
@pytest.mark.parametrize("kind", ["plain", "compressed", "array", "vmap", "grad of vmap"])
def test_what_another_thread_is_in_changes_nothing_here(entered, kind):
    surrogate = surrogates.LeakyRelu()  # its derivative is not 0 at infinity
    x = torch.tensor([-torch.inf, -1.0, 0.0, 2.0, torch.inf])
    if kind == "compressed":
        surrogate = Compressed(Arctan(), "uint8")
    if kind == "array":
        surrogate = surrogates.LeakyRelu(torch.full((5,), 0.25))

    def gradient():
        if kind == "vmap":
            return func.vmap(func.grad(surrogate))(x)
        if kind == "grad of vmap":
            return func.grad(lambda x: func.vmap(surrogate)(x).sum())(x)
        leaf = x.clone().requires_grad_()
        spikes = surrogate(leaf)
        assert torch.equal(spikes.detach(), (x >= 0).float())
        return torch.autograd.grad(spikes.sum(), leaf)[0]

    alone = gradient()
    with Elsewhere(entered):
        beside = gradient()
    torch.testing.assert_close(beside, alone, rtol=1e-6, atol=0.0)
    assert kind == "compressed" or alone[-1] != 0


class Own(surrogates.Surrogate):
    def derivative(self, xp, x):
        return 1 / (1 + x * x)

    def primitive(self, xp, x):
        return 0.5 + xp.atan(x)


@pytest.mark.parametrize("entered", ELSEWHERE)
def test_what_is_made_and_measured_beside_another_thread_is_what_it_is_alone(entered):
    def everything():
        window = surrogates.Windowed(Arctan(2.0), 0.75, normalise=True)
        mixed = surrogates.Mixture((Own(), Sigmoid(2.0)), (0.5, 2.0))
        moved = surrogates.Scaled(Own(), shift=0.5)
        values = window.surrogate_fun(np.asarray([0.25]))
        measures = (window._known_area, window.area_below, window.peak, window.width)
        return *measures, window.is_distribution, moved.area_below, mixed.area_below, values

    alone = everything()
    with Elsewhere(entered):
        beside = everything()
    assert [type(found) for found in beside] == [type(found) for found in alone]
    assert beside == alone


@pytest.mark.parametrize("entered", ELSEWHERE)
def test_what_is_made_beside_another_thread_is_a_pytree(entered):
    jax = pytest.importorskip("jax")
    with Elsewhere(entered):

        class New(Own):
            beta: float = 1.0

        array = jax.numpy.ones(2)
        assert jax.tree.leaves(New(array)) == [array]


COMPILED = {
    "number": lambda: Own(),
    "array": lambda: surrogates.LeakyRelu(torch.full((5,), 0.25)),
    "Relaxed": lambda: surrogates.Relaxed(Sigmoid(torch.full((5,), 2.0, requires_grad=True))),
    "Compressed": lambda: Compressed(Arctan(), "uint8"),
}


@pytest.mark.long
@pytest.mark.parametrize("entered", ELSEWHERE[:3])
@pytest.mark.parametrize("make", COMPILED.values(), ids=COMPILED)
def test_what_is_compiled_beside_another_thread_is_differentiated(entered, make):
    surrogate, x = make(), torch.tensor([-30.0, -1.0, 0.0, 2.0, 1e4])

    def gradient(function):
        leaf = x.clone().requires_grad_()
        return torch.autograd.grad(function(leaf).sum(), leaf)[0]

    torch._dynamo.reset()
    compiled = torch.compile(lambda x: surrogate(x), fullgraph=True, backend="aot_eager")
    with Elsewhere(entered):
        beside = gradient(compiled)
    level = surrogate.peak / 508 if surrogate.residual_dtype else 0.0  # or it is exact
    for found in (beside, gradient(compiled)):
        torch.testing.assert_close(found, gradient(surrogate), rtol=1e-6, atol=level)


MADE_INSIDE = {
    "Sigmoid": lambda: Sigmoid(2.0),
    "rescaled": lambda: surrogates.rescaled(Sigmoid(2.0), peak=0.5, width=2.0),
    "matched": lambda: surrogates.matched(Sigmoid(2.0), surrogates.ERF(), by="area"),
    "float16": lambda: Compressed(Sigmoid(2.0)),
    "uint8": lambda: Compressed(Sigmoid(2.0), "uint8"),
    "Relaxed": lambda: surrogates.Relaxed(Sigmoid(2.0)),
    "MultiSpike": lambda: surrogates.MultiSpike(Sigmoid(2.0)),
    "Ternary": lambda: surrogates.Ternary(Sigmoid(2.0)),
    "Scaled": lambda: surrogates.Scaled(Sigmoid(2.0), amplitude=2.0),
    "from_library": lambda: surrogates.from_library("snntorch", "atan"),
    "is_distribution": lambda: Sigmoid(2.0 if Sigmoid(2.0).is_distribution else 3.0),
}


@pytest.mark.parametrize("make", MADE_INSIDE.values(), ids=MADE_INSIDE.keys())
def test_a_surrogate_may_be_made_inside_of_what_is_compiled(make):
    def gradient(function):
        x = torch.linspace(-1.3, 1.2, 6, dtype=torch.float64, requires_grad=True)
        function(x).sum().backward()
        return x.grad

    torch._dynamo.reset()
    make()  # which imports the names of a library
    compiled = torch.compile(lambda x: make()(x), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(gradient(compiled), gradient(make()), rtol=1e-13, atol=0)
