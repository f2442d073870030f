"""CuPy on a CUDA device: `pytest -m gpu`.

What runs on the device is read from a CUDA graph of the current stream. While that is captured,
CuPy refuses to wait for the stream or to copy to the host, and CUDA to work on the default stream.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

import surrogates
from compositions import COMPOSITIONS
from kinds import Kind, every_surrogate, required
from laws import DECIDING

cupy = pytest.importorskip("cupy")

S = surrogates.SlayerGrad()
pytestmark = pytest.mark.gpu
DERIVATIVE, PRODUCT = "surrogates_derivative", "cupy_multiply"


@pytest.fixture(autouse=True)
def _device():
    required(Kind.CUPY)


def numbers(*shape, seed=0, dtype="float32"):
    return cupy.asarray(np.random.default_rng(seed).normal(size=shape).astype(dtype))


def captured(function):
    """Return the result of a function, the graph of its work, and what that consists of."""
    stream = cupy.cuda.Stream()
    cupy.cuda.Device().synchronize()  # its arguments are there
    with stream:
        function()  # compiles
        stream.synchronize()
        stream.begin_capture()
        try:
            result = function()
        finally:
            graph = stream.end_capture()
    return result, graph, re.findall(r'label="\d+\n(.*)', graph.debug_dot_str())


def assert_work(work, *expected):
    """Assert that the parts of a graph, one for each kernel or copy, have these names."""
    assert len(work) == len(expected), work
    for name in expected:
        assert sum(name in one for one in work) == expected.count(name), work


def test_all_work_is_read_from_a_graph():
    x = numbers(5000)
    assert_work(captured(lambda: cupy.exp(x) * x)[2], "cupy_exp", PRODUCT)
    with pytest.raises(RuntimeError, match="capturing"):
        captured(lambda: (x * x).get())


def layouts(dtype):
    base = numbers(6, 10, 14, dtype=dtype)
    yield "a vector", base.ravel()
    yield "from the second element on", base.ravel()[1:]
    yield "every other element", base.ravel()[::2]
    yield "backwards", base.ravel()[::-1]
    yield "transposed", base.transpose(2, 0, 1)
    yield "sliced", base[::2, 1:, ::3]
    yield "in the order of Fortran", cupy.asfortranarray(base[0])
    yield "broadcast", cupy.broadcast_to(base[:, :1], (6, 5, 14))
    yield "of no axis", base[0, 0, 0]
    yield "empty", base[:0]


def assert_near(actual, exact):
    """Assert that an array is right to a few roundings of its dtype, or of float32."""
    own, wide = np.finfo(actual.dtype), np.finfo("float64" if actual.dtype == "float64" else "f4")
    largest = np.abs(exact).max(initial=0.0)
    np.testing.assert_allclose(
        actual.get(),
        exact,
        rtol=max(1024 * wide.eps, 2 * own.eps),
        atol=float(16 * wide.eps * largest + own.tiny),
    )


def assert_gradient(surrogate, x):
    """Assert that spikes and pullback are right, and `x` is as before."""
    before, dtype = x.get(), x.dtype
    cotangent = numbers(*x.shape, seed=1, dtype=dtype)
    spikes, pullback = surrogates.vjp(surrogate, x)
    grad = pullback(cotangent)
    for array in (spikes, grad):
        assert type(array) is type(x)
        assert (array.shape, array.dtype, array.device) == (x.shape, dtype, x.device)
    np.testing.assert_array_equal(spikes.get(), surrogate(before))
    np.testing.assert_array_equal(surrogate(x).get(), spikes.get())
    exact = surrogate.surrogate_grad(before.astype("float64"))
    assert_near(grad, cotangent.get().astype("float64") * exact)
    out = pullback(cotangent, out=cupy.empty(x.shape, dtype))
    np.testing.assert_array_equal(out.get(), grad.get())
    np.testing.assert_array_equal(x.get(), before)


@every_surrogate
def test_gradient_of_every_layout(cls):
    for _, x in layouts("float32"):
        assert_gradient(cls(), x)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_gradient_of_every_layout_in_another_dtype(dtype):
    for _, x in layouts(dtype):
        assert_gradient(S, x)


class Bump(surrogates.Surrogate):
    """A surrogate of a user's, declared to be traceable."""

    traceable = True
    beta: float = 2.0

    def derivative(self, xp, x):
        return xp.exp(-self.beta * x * x)


FUSED = {"a user's": Bump(), **COMPOSITIONS}


@every_surrogate
def test_one_kernel_forward_with_the_derivative_and_one_backward(cls):
    x, cotangent = numbers(5000), numbers(5000, seed=1)
    assert_one_kernel_each(cls(), x, cotangent)


@pytest.mark.parametrize("name", FUSED)
def test_one_kernel_each_for_what_is_composed_or_a_user_s(name):
    x, cotangent = numbers(5000), numbers(5000, seed=1)
    assert_one_kernel_each(FUSED[name], x, cotangent)
    assert_gradient(FUSED[name], x)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_one_kernel_each_for_every_layout(dtype):
    for name, x in layouts(dtype):
        if name != "empty":
            assert_one_kernel_each(S, x, numbers(*x.shape, seed=1, dtype=dtype))


def assert_one_kernel_each(surrogate, x, cotangent):
    out = cupy.empty(x.shape, x.dtype)
    (_, pullback), _, work = captured(lambda: surrogates.vjp(surrogate, x))
    assert_work(work, DERIVATIVE)
    assert_work(captured(lambda: pullback(cotangent))[2], PRODUCT)
    assert_work(captured(lambda: pullback(cotangent, out=out))[2], PRODUCT)
    assert_work(captured(lambda: surrogate(x))[2], "surrogates_step")
    assert_work(captured(lambda: surrogate.surrogate_grad(x))[2], DERIVATIVE)


def differentiated(surrogate, x, cotangent):
    spikes, pullback = surrogates.vjp(surrogate, x)
    return spikes, pullback(cotangent)


PER_CHANNEL = {
    "per channel": lambda alpha: surrogates.Sigmoid(alpha),
    "per channel, relaxed": lambda alpha: surrogates.Relaxed(surrogates.Sigmoid(alpha)),
}
WAITING = {
    **{cls.__name__: lambda alpha, cls=cls: cls(surrogates.Sigmoid(4.0)) for cls in DECIDING},
    "uint8": lambda alpha: surrogates.Compressed(surrogates.Sigmoid(4.0), "uint8"),
    **PER_CHANNEL,
}


@every_surrogate
def test_nothing_waits_for_the_device(cls):
    x, cotangent = numbers(5000), numbers(5000, seed=1)
    _, _, work = captured(lambda: differentiated(cls(), x, cotangent))
    assert_work(work, DERIVATIVE, PRODUCT)


@pytest.mark.parametrize("name", WAITING)
def test_nothing_waits_for_the_device_whatever_is_emitted_or_held(name):
    x, cotangent = numbers(500, 7), numbers(500, 7, seed=1)
    alpha = cupy.asarray(np.linspace(1, 3, 7, dtype=np.float32))
    surrogate = WAITING[name]
    results, graph, _ = captured(lambda: differentiated(surrogate(alpha), x, cotangent))
    graph.launch()
    cupy.cuda.Device().synchronize()
    expected = differentiated(surrogate(alpha.get()), x.get(), cotangent.get())
    for actual, exact in zip(results, expected, strict=True):
        room = 0.02 if name == "uint8" else 1e-5  # a level more or less
        np.testing.assert_allclose(actual.get(), exact, rtol=1e-4, atol=room)


@every_surrogate
def test_a_cuda_graph_computes_anew_from_its_arrays(cls):
    x, cotangent = numbers(5000), numbers(5000, seed=1)
    (spikes, grad), graph, _ = captured(lambda: differentiated(cls(), x, cotangent))
    x[...] = numbers(5000, seed=2)
    graph.launch()
    cupy.cuda.Device().synchronize()
    np.testing.assert_array_equal(spikes.get(), (x.get() >= 0).astype("float32"))
    exact = cls().surrogate_grad(x.get().astype("float64"))
    assert_near(grad, cotangent.get().astype("float64") * exact)


def test_two_streams():
    """On each the potentials are computed so slowly that another stream would find none."""
    streams = [cupy.cuda.Stream(non_blocking=True) for _ in range(2)]
    inputs = [numbers(2**24, seed=seed) for seed in (0, 1)]
    cotangent = numbers(2**24, seed=2)
    differentiated(S, inputs[0], cotangent)  # compiles
    cupy.cuda.Device().synchronize()
    results = []
    for _ in range(3):
        for stream, x in zip(streams, inputs, strict=True):
            with stream:
                doubled = x
                for _ in range(100):
                    doubled = doubled * 2
                for _ in range(100):
                    doubled = doubled / 2
                results.append((x, differentiated(S, doubled, cotangent)))
    cupy.cuda.Device().synchronize()
    for x, (spikes, grad) in results:
        expected = differentiated(S, x, cotangent)
        assert bool((spikes == expected[0]).all())
        assert bool((grad == expected[1]).all())


def test_the_first_use_on_another_stream_is_right():
    surrogate = surrogates.SlayerGrad(alpha=1.37)  # whose kernel nothing has compiled
    x, cotangent = numbers(5000), numbers(5000, seed=1)
    cupy.cuda.Device().synchronize()
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        _, grad = differentiated(surrogate, x, cotangent)
    stream.synchronize()
    exact = surrogate.surrogate_grad(x.get().astype("float64"))
    assert_near(grad, cotangent.get().astype("float64") * exact)
