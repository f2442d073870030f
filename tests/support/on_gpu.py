"""What the tests of PyTorch on a CUDA device share. It imports PyTorch: skip before the import."""

from __future__ import annotations

import json

import pytest
import torch

from in_torch import WARNINGS
from surrogates import Relaxed

DEVICE = "cuda"
MARKS = [
    pytest.mark.gpu,
    *WARNINGS,
    # PyTorch's own, of tools that the tests use
    pytest.mark.filterwarnings("ignore:Synchronization debug mode:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*[Pp]rofiler:UserWarning"),
]


def numbers(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype).to(DEVICE)


def leaf(x):
    return x.detach().requires_grad_()


def gradient(surrogate, x, cotangent):
    x = leaf(x)
    return torch.autograd.grad(surrogate(x), x, cotangent)[0]


def exactly(surrogate, x, cotangent):
    """Return the gradient in float64, rounded to the dtype of `x`."""
    x_, v_ = x.detach().double().cpu(), cotangent.double().cpu()
    return (v_ * surrogate.surrogate_grad(x_)).to(x.dtype)


def assert_near(actual, expected):
    """Assert that a gradient is right to a few roundings of its dtype, or of float32."""
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    wide = torch.float64 if expected.dtype == torch.float64 else torch.float32
    own, working = torch.finfo(expected.dtype), torch.finfo(wide)
    expected = expected.double()
    largest = float(expected.nan_to_num(0.0, 0.0, 0.0).abs().max()) if expected.numel() else 0.0
    torch.testing.assert_close(
        actual.double().cpu(),
        expected,
        rtol=max(1024 * working.eps, 2 * own.eps),
        atol=16 * working.eps * largest + own.smallest_normal * own.eps,
        equal_nan=True,
    )


def work(function, folder):
    """Return what a device does in a function: kernels, copies and fillings, by their names."""
    torch.cuda.synchronize()
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        result = function()
        torch.cuda.synchronize()
    profile.export_chrome_trace(str(folder / "trace.json"))
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    kinds = {"kernel", "gpu_memcpy", "gpu_memset"}
    return [event["name"] for event in events if event.get("cat") in kinds], result


def assert_one_kernel_each(surrogate, x, cotangent, folder):
    """Assert that spikes take one kernel, and their gradient one, at the second use."""
    gradient(surrogate, x, cotangent)  # the first one compiles
    x = leaf(x)
    forward, spikes = work(lambda: surrogate(x), folder)
    assert len(forward) == 1, forward
    backward, _ = work(lambda: torch.autograd.grad(spikes, x, cotangent), folder)
    assert len(backward) == 1, backward
    assert "surrogates_gradient" in backward[0]


def gradients(surrogate, x, cotangent, *parameters):
    """Return the spikes, and the gradients of `x` and of parameters."""
    x = leaf(x)
    spikes = surrogate(x)
    return spikes, torch.autograd.grad(spikes, (x, *parameters), cotangent, allow_unused=True)


def kernels(surrogate, x, cotangent, parameters, folder):
    """Return the kernels of forward and of backward, at the second call."""
    gradients(surrogate, x, cotangent, *parameters)
    x = leaf(x)
    forward, spikes = work(lambda: surrogate(x), folder)
    backward, _ = work(lambda: torch.autograd.grad(spikes, (x, *parameters), cotangent), folder)
    return forward, backward


def in_double(make, x, cotangent, alpha):
    """Return the gradients of ``Relaxed(make(alpha))`` in float64, computed on the CPU."""
    alpha = leaf(alpha.double().cpu())
    x, cotangent = x.double().cpu(), cotangent.double().cpu()
    return gradients(Relaxed(make(alpha)), x, cotangent, alpha)[1]


def assert_sum_near(actual, expected, terms):
    """Assert that a sum is right to a few roundings of as many terms."""
    assert actual.dtype == torch.float32
    assert actual.shape == expected.shape
    difference = (actual.double().cpu() - expected).abs()
    assert bool((difference <= 1e-5 * expected.abs() + 1e-5 * terms**0.5).all()), difference


def captured(surrogate, x, cotangent):
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        spikes = surrogate(x)
        (grad,) = torch.autograd.grad(spikes, x, cotangent)
    return graph, spikes, grad


def warmed_up(surrogate, x, cotangent):
    """Run what is to be captured on another stream first, as PyTorch asks for."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            torch.autograd.grad(surrogate(x), x, cotangent)
    torch.cuda.current_stream().wait_stream(stream)
