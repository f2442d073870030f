"""`Relaxed` and `learnable` in PyTorch's hook for CUDA, but for the launch.

All tensors say that they are on CUDA, so the hook takes the path of a device from the call to the
gradients. Stand-ins take the place of jiterator's functions.
"""

from __future__ import annotations

import re
import warnings

import pytest

from surrogates import Relaxed, Sigmoid, learnable

torch = pytest.importorskip("torch")

from in_torch import launched_instead, nothing_launched  # noqa: E402
from in_torch import sigmoid_gradients as gradients  # noqa: E402
from in_torch import sigmoid_slopes as slopes  # noqa: E402
from surrogates.backends._torch import cuda  # noqa: E402

X, V = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
ONE, CHANNELS = torch.tensor(2.0), torch.tensor([0.5, 2.0, 4.0])
EXAMINED = len([*cuda._samples(torch.float32, torch.device("cpu"))])


def relaxed(alpha):
    alpha = alpha.clone().requires_grad_()
    return Relaxed(Sigmoid(alpha)), (alpha,)


def learned(alpha):
    module = learnable(Sigmoid(alpha), "alpha", framework="torch")
    return module, tuple(module.parameters())


TRAINED = {
    "Relaxed": lambda: relaxed(ONE),
    "Relaxed, per channel": lambda: relaxed(CHANNELS),
    "learnable": lambda: learned(2.0),
    "learnable, per channel": lambda: learned(CHANNELS),
}


def backward(trained):
    """Return the spikes, the gradients of x and of the parameters, and the warnings."""
    surrogate, parameters = trained
    x = X.clone().requires_grad_()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        spikes = surrogate(x)
        grads = torch.autograd.grad(spikes, (x, *parameters), V)
    return (spikes.detach(), *grads), warned


@pytest.fixture
def on_cuda(monkeypatch):
    """Let tensors say that they are on CUDA, and jiterator return functions of ours."""

    def install(gradient, slope):
        monkeypatch.setattr(torch.Tensor, "is_cuda", property(lambda x: True))
        return launched_instead(monkeypatch, gradient=gradient, slope=slope)

    with nothing_launched():
        yield install


def failing(x, v, alpha):
    raise RuntimeError("CUDA driver error: invalid device image")


def too_large(function):
    return lambda *operands: 1.001 * function(*operands)


every_trained = pytest.mark.parametrize("name", TRAINED)


def assert_same(actual, expected):
    for a, b in zip(actual, expected, strict=True):
        assert a.shape == b.shape
        torch.testing.assert_close(a, b)


@every_trained
def test_two_launches_backward_where_both_kernels_are_right(name, on_cuda):
    trained = TRAINED[name]()
    expected, _ = backward(trained)
    launched = on_cuda(gradients, slopes)
    for uses in (1, 2):
        actual, warned = backward(trained)
        assert not warned
        assert_same(actual, expected)
        assert len(launched) == 2 * (EXAMINED + uses)
    assert [name for name, _ in launched[-2:]] == ["gradient", "slope"]


# The two kernels, and what is said of them.
FAULTS = {
    "both raise": (failing, failing, "gradient of Relaxed.* fails: RuntimeError: .* device image"),
    "that of x raises": (failing, slopes, "gradient of Relaxed.* fails"),
    "that of x differs": (too_large(gradients), slopes, "gradient of Relaxed.* differs"),
    "that of alpha raises": (gradients, failing, "gradient of a parameter of Relaxed.* fails"),
    "that of alpha differs": (
        gradients,
        too_large(slopes),
        "gradient of a parameter of Relaxed.* differs",
    ),
    "both differ": (
        too_large(gradients),
        too_large(slopes),
        "gradient of Relaxed.* differs",
    ),
}


@every_trained
@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_kernel_is_said_once_and_the_plain_expression_taken(name, fault, on_cuda):
    trained = TRAINED[name]()
    expected, _ = backward(trained)
    gradient, slope, reason = FAULTS[fault]
    launched = on_cuda(gradient, slope)
    actual, (warned,) = backward(trained)
    assert warned.category is RuntimeWarning
    assert re.match(f"the {reason}", str(warned.message))
    assert_same(actual, expected)
    launched.clear()
    actual, warned = backward(trained)
    assert not warned
    assert_same(actual, expected)
    assert {kernel for kernel, _ in launched} <= {"gradient"}
    assert bool(launched) == (gradient is gradients)


@every_trained
def test_while_a_graph_is_captured_only_what_was_examined_is_launched(name, on_cuda, monkeypatch):
    trained = TRAINED[name]()
    expected, _ = backward(trained)
    launched = on_cuda(gradients, slopes)
    for capturing, examined in ((True, 0), (False, 2 * EXAMINED + 2), (True, 2 * EXAMINED + 4)):
        monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda c=capturing: c)
        actual, warned = backward(trained)
        assert not warned
        assert_same(actual, expected)
        assert len(launched) == examined
