"""PyTorch on a CUDA device: `pytest -m gpu`.

A kernel that is not used says so in a warning, and warnings are errors: so all of these tests are
about the fused kernel, except where they say otherwise.
"""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import Kind, every_dtype, every_surrogate, required
from stated import assert_as_stated
from surrogates.definitions import SURROGATES

torch = pytest.importorskip("torch")

from in_torch import every_float  # noqa: E402
from on_gpu import (  # noqa: E402
    DEVICE,
    MARKS,
    assert_near,
    assert_one_kernel_each,
    captured,
    exactly,
    gradient,
    leaf,
    numbers,
    warmed_up,
)
from surrogates.backends._torch import cuda, state  # noqa: E402

S = surrogates.SlayerGrad()
EXTREMES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 0.5, -0.5, 1, -1]
pytestmark = MARKS


@pytest.fixture(autouse=True)
def _device():
    required(Kind.TORCH_CUDA)


@pytest.fixture
def unused(monkeypatch):
    """Nothing was examined yet."""
    monkeypatch.setattr(cuda, "_verdicts", {})


@every_surrogate
@every_dtype
def test_gradient_has_the_stated_accuracy(cls, dtype):
    x = np.random.default_rng(0).normal(size=5000)
    x[: len(EXTREMES)] = EXTREMES
    if cls.__module__.endswith("periodic"):  # at infinity what they are at the largest number
        x[np.isinf(x)] = 1.0
    x = x.astype(dtype)
    on_device = torch.from_numpy(x).to(DEVICE)
    actual = gradient(cls(), on_device, torch.ones_like(on_device))
    exact = cls().surrogate_grad(x.astype(np.float64))
    assert_as_stated(cls(), "derivative", actual.cpu().numpy(), exact, Kind.TORCH_CUDA)


def layouts(dtype):
    base = numbers(6, 10, 14, dtype=dtype)
    long = numbers(5003, dtype=dtype)
    yield "a vector", long
    for start in (1, 2, 4):
        yield f"from element {start} on", long[start:]
    yield "every other element", long[::2]
    yield "transposed", base.transpose(0, 2)
    yield "sliced", base[::2, 1:, ::3]
    yield "channels last", numbers(2, 3, 4, 5, dtype=dtype).to(memory_format=torch.channels_last)
    yield "expanded", numbers(5, 1, dtype=dtype).expand(5, 7)
    yield "of no axis", numbers(dtype=dtype)
    yield "empty", numbers(0, 3, dtype=dtype)


@every_surrogate
@every_float
def test_gradient_of_every_layout(cls, dtype):
    for name, x in layouts(dtype):
        cotangents = {
            "alike": torch.randn_like(x),
            "of a sum": numbers(dtype=dtype).expand(x.shape),
            "contiguous": numbers(*x.shape, seed=1, dtype=dtype),
        }
        for way, cotangent in cotangents.items():
            actual = gradient(cls(), x, cotangent)
            assert actual.device == x.device, (name, way)
            assert_near(actual, exactly(cls(), x, cotangent))
            if name != "expanded":
                assert actual.stride() == torch.empty_like(x).stride(), (name, way)


@every_surrogate
@every_float
def test_spikes_are_exact(cls, dtype):
    for name, x in layouts(dtype):
        spikes = cls()(x)
        assert spikes.dtype == dtype
        assert torch.equal(spikes, (x >= 0).to(dtype)), name


@every_surrogate
def test_one_kernel_forward_and_one_backward(cls, tmp_path):
    x = numbers(5000)
    assert_one_kernel_each(cls(), x, torch.ones_like(x), tmp_path)


@every_float
def test_one_kernel_each_for_every_layout(dtype, tmp_path):
    for name, x in layouts(dtype):
        if name != "empty":
            assert_one_kernel_each(S, x, numbers(dtype=dtype).expand(x.shape), tmp_path)


def test_backward_needs_memory_for_its_result_alone():
    x = leaf(numbers(2**20))
    cotangent = torch.ones((), device=DEVICE).expand(x.shape)
    gradient(S, x, cotangent)
    spikes = S(x)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    torch.autograd.grad(spikes, x, cotangent)
    assert torch.cuda.max_memory_allocated() - before <= 1.01 * x.nbytes


@every_surrogate
@pytest.mark.parametrize("used", [True, False], ids=["used before", "not used before"])
def test_cuda_graph(cls, used, unused):
    """A surrogate that was not used before is captured as the plain expression."""
    x, cotangent = leaf(numbers(5000)), numbers(5000, seed=1)
    warmed_up(cls() if used else surrogates.Arctan(alpha=7.0), x, cotangent)
    verdicts = dict(cuda._verdicts)
    graph, spikes, grad = captured(cls(), x, cotangent)
    assert cuda._verdicts == verdicts
    with torch.no_grad():
        x.copy_(numbers(5000, seed=2))
        cotangent.copy_(numbers(5000, seed=3))
    graph.replay()
    torch.cuda.synchronize()
    assert torch.equal(spikes, (x >= 0).float())
    assert_near(grad, exactly(cls(), x, cotangent))
    assert_near(gradient(cls(), x, cotangent), exactly(cls(), x, cotangent))


def test_once_examined_any_layout_may_be_captured(unused):
    first = numbers(5000)
    gradient(S, first, torch.ones_like(first))
    for name, x in layouts(torch.float32):
        if name == "empty":
            continue
        x, cotangent = leaf(x), numbers(*x.shape, seed=1)
        warmed_up(surrogates.Arctan(alpha=7.0), x, cotangent)
        graph, _, grad = captured(S, x, cotangent)
        graph.replay()
        torch.cuda.synchronize()
        assert_near(grad, exactly(S, x, cotangent))


def test_two_streams(unused):
    """Both use a surrogate for the first time, on numbers that are computed on their streams."""
    streams = [torch.cuda.Stream(), torch.cuda.Stream()]
    inputs = [numbers(2**20, seed=seed) for seed in (0, 1)]
    cotangent = numbers(2**20, seed=2)
    torch.cuda.synchronize()
    results = []
    for _ in range(5):
        for stream, x in zip(streams, inputs, strict=True):
            with torch.cuda.stream(stream):
                doubled = x
                for _ in range(20):  # keeps the stream busy
                    doubled = doubled * 2
                results.append((x, gradient(S, doubled / 2**20, cotangent)))
    torch.cuda.synchronize()
    for x, grad in results:
        assert_near(grad, exactly(S, x, cotangent))


@pytest.fixture
def never_waiting():
    torch.cuda.set_sync_debug_mode("error")
    yield
    torch.cuda.set_sync_debug_mode("default")


@every_surrogate
@every_float
def test_nothing_waits_for_the_device(cls, dtype, request):
    x, cotangent = numbers(5000, dtype=dtype), numbers(5000, dtype=dtype, seed=1)
    gradient(cls(), x, cotangent)
    request.getfixturevalue("never_waiting")
    gradient(cls(), x, cotangent)
    x.requires_grad_()
    cls()(x).backward(cotangent)


def test_the_first_use_may_wait_where_waiting_is_an_error(unused, request):
    x, cotangent = numbers(5000), numbers(5000, seed=1)
    request.getfixturevalue("never_waiting")
    gradient(S, x, cotangent)
    assert torch.cuda.get_sync_debug_mode() == 2
    assert [*cuda._verdicts.values()] == [True]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast(dtype):
    layer = torch.nn.Linear(32, 64, device=DEVICE)
    with torch.autocast("cuda", dtype=dtype):
        x = layer(numbers(100, 32))
        x.retain_grad()
        spikes = S(x)
        spikes.sum().backward()  # inside, so that backward is in autocast too
    assert x.dtype == spikes.dtype == x.grad.dtype == dtype
    assert_near(x.grad, exactly(S, x, torch.ones_like(x)))
    assert layer.weight.grad.dtype == torch.float32


def test_second_derivative():
    x = leaf(numbers(100, dtype=torch.float64))
    (grad,) = torch.autograd.grad(S(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(grad.sum(), x)
    on_cpu = leaf(x.cpu())
    (expected,) = torch.autograd.grad(S.surrogate_grad(on_cpu).sum(), on_cpu)
    torch.testing.assert_close(second.cpu(), expected, rtol=1e-10, atol=1e-12)


def test_checkpoint_and_tensors_saved_on_the_cpu():
    x = numbers(1000)
    expected = exactly(S, x, torch.ones_like(x))
    with torch.autograd.graph.save_on_cpu():
        assert_near(gradient(S, x, torch.ones_like(x)), expected)
    from torch.utils.checkpoint import checkpoint

    way = gradient(lambda x: checkpoint(S, x, use_reentrant=False), x, torch.ones_like(x))
    assert_near(way, expected)


@pytest.mark.parametrize("residual", ["float16", "bfloat16", "uint8"])
def test_compressed(residual):
    surrogate = surrogates.Compressed(S, residual)
    x, cotangent = numbers(5000), numbers(5000, seed=1)
    expected = cotangent.cpu() * surrogate.surrogate_grad(x.cpu())
    torch.testing.assert_close(gradient(surrogate, x, cotangent).cpu(), expected)


@every_surrogate
@pytest.mark.filterwarnings("ignore::UserWarning")  # Inductor recommends this and that
def test_compiled(cls):
    torch.compiler.reset()
    compiled = torch.compile(cls(), fullgraph=True)
    a, b = numbers(5000), numbers(5000, seed=1)
    x = leaf(a * b)
    spikes = compiled(x)
    assert torch.equal(spikes, (x >= 0).float())
    assert_near(torch.autograd.grad(spikes, x, a)[0], exactly(cls(), x, a))


def test_out_of_memory_leaves_a_usable_process(unused):
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 2**28) / total, 0)
    try:
        x = torch.zeros(45 * 2**20, device="cuda:0", requires_grad=True)  # 180 MiB
        with pytest.raises(torch.OutOfMemoryError):
            S(x)
        del x
    finally:
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(1.0, 0)
    x = numbers(1000)
    assert_near(gradient(S, x, torch.ones_like(x)), exactly(S, x, torch.ones_like(x)))


def test_two_devices(unused):
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one device")
    for index in (1, 0):  # the current one is 0
        x, cotangent = (numbers(5000, seed=seed).to(f"cuda:{index}") for seed in (0, 1))
        actual = gradient(S, x, cotangent)
        assert actual.device == x.device
        assert_near(actual, exactly(S, x, cotangent))
    assert {device.index: usable for (_, _, device), usable in cuda._verdicts.items()} == {
        0: True,
        1: True,
    }


def test_tensors_are_plain():
    x = numbers(3)
    assert state.is_plain(x, leaf(x), torch.nn.Parameter(x))
    with torch.inference_mode():
        assert state.is_plain(numbers(3))
    assert not torch.func.vmap(lambda x: _told(state.is_plain(x)))(x).any()
    assert not state.is_plain(x.to_sparse())


def _told(answer):
    return torch.full((), answer, device=DEVICE)


@every_float
def test_another_parameter_compiles_nothing(dtype, unused):
    x, cotangent = numbers(5000, dtype=dtype), numbers(5000, dtype=dtype, seed=1)
    for alpha in (1.37, 1.61, 1.73):
        surrogate = surrogates.SlayerGrad(alpha=alpha)
        assert_near(gradient(surrogate, x, cotangent), exactly(surrogate, x, cotangent))
    assert [*cuda._verdicts.values()] == [True]


def test_all_surrogates_have_kernels(unused):
    x = numbers(100)
    for cls in SURROGATES.values():
        gradient(cls(), x, torch.ones_like(x))
    assert len(cuda._verdicts) == len(SURROGATES)
    assert all(cuda._verdicts.values())
