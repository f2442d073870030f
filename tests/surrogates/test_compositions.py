"""What composes or changes what is emitted, differentiated in JAX and PyTorch against NumPy.

For each: a parameter of each channel, and potentials at, near and far from the threshold.
"""

from __future__ import annotations

import numpy as np
import pytest

import surrogates as sg

X = np.asarray([-1e30, -3.1, -1.3, -0.81, -0.45, 0.0, 0.13, 0.4, 1.31, 2.7, 1e30])
A = np.linspace(0.7, 1.9, X.size)
C = np.random.default_rng(0).normal(size=X.shape)
STEP = 1e-6

COMPOSED = {
    "mixture": lambda a: sg.Mixture((sg.Sigmoid(a), sg.Boxcar(2.0)), (0.3, 0.7)),
    "weights": lambda a: sg.Mixture((sg.Sigmoid(2.0), sg.Arctan(1.0)), (a, -0.2)),
    "below": lambda a: sg.Spliced(sg.Sigmoid(a), sg.SlayerGrad(2.0)),
    "above": lambda a: sg.Spliced(sg.Boxcar(1.0), sg.Arctan(a)),
    "windowed": lambda a: sg.Windowed(sg.Sigmoid(a), 0.8),
    "band": lambda a: sg.Windowed(sg.Arctan(1.0), 0.77 * a, normalise=True),
    "smooth": lambda a: sg.Smooth(sg.Spliced(sg.Sigmoid(a), sg.Arctan(1.0))),
    "graded": lambda a: sg.Graded(sg.Sigmoid(a), threshold=0.7, scale=1.3),
    "nested": lambda a: sg.Mixture(
        (sg.Spliced(sg.Sigmoid(a), sg.Arctan(2.0)), sg.Windowed(sg.SlayerGrad(1.0), 0.5)),
        (0.4, 0.6),
    ),
    "ternary": lambda a: sg.Ternary(sg.Mixture((sg.Sigmoid(a), sg.Arctan(1.0)), (0.4, 0.6)), 0.6),
}


def close(found, expected, rtol=1e-9, atol=1e-11):
    np.testing.assert_allclose(np.asarray(found), expected, rtol=rtol, atol=atol)


def slope(function, at):
    return (function(at + STEP) - function(at - STEP)) / (2 * STEP)


def expected_of(make):
    """Return by NumPy: spikes, their gradient, and the slopes of both in x and in a."""
    in_x = slope(make(A).surrogate_grad, X)
    in_a = slope(lambda a: make(a).surrogate_grad(X), A)
    emitted = slope(lambda a: make(a)(X), A)  # 0 but where the primitive is emitted
    return make(A)(X), make(A).surrogate_grad(X), in_x, in_a, emitted


@pytest.mark.long
@pytest.mark.parametrize("name", COMPOSED)
def test_in_jax(jax, name):
    make = COMPOSED[name]
    spikes, gradient, in_x, in_a, emitted = expected_of(make)
    smooth = X != 0.0  # at a kink a difference is the mean of both sides
    with jax.enable_x64(True):
        a, x, c = map(jax.numpy.asarray, (A, X, C))

        def loss(a, x):
            return (make(a)(x) * c).sum()

        def of_gradient(a, x):
            return jax.grad(loss, 1)(a, x).sum()

        close(make(a)(x), spikes)
        close(jax.jit(jax.grad(loss, 1))(a, x), gradient * C)
        close(jax.vmap(jax.grad(lambda a, x: make(a)(x), 1))(a, x), gradient)
        close(jax.jvp(lambda x: make(a)(x), (x,), (c,))[1], gradient * C)
        close(jax.grad(loss)(a, x), emitted * C, 1e-5, 1e-8)
        close(jax.grad(of_gradient)(a, x), in_a * C, 1e-5, 1e-8)
        close(jax.grad(of_gradient, 1)(a, x)[smooth], (in_x * C)[smooth], 1e-5, 1e-8)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", COMPOSED)
def test_in_pytorch(torch, name):
    make = COMPOSED[name]
    spikes, gradient, in_x, in_a, emitted = expected_of(make)
    smooth = X != 0.0
    x, a = (torch.tensor(array, requires_grad=True) for array in (X, A))
    c = torch.tensor(C)
    out = make(a)(x)
    close(out.detach(), spikes)
    first = torch.autograd.grad(
        (out * c).sum(), (x, a), create_graph=True, allow_unused=True, materialize_grads=True
    )
    close(first[0].detach(), gradient * C)
    close(first[1].detach(), emitted * C, 1e-5, 1e-8)
    second = torch.autograd.grad(first[0].sum(), (x, a))
    close(second[0][smooth], (in_x * C)[smooth], 1e-5, 1e-8)
    close(second[1], in_a * C, 1e-5, 1e-8)
    x, a = x.detach(), a.detach()
    each = torch.func.vmap(torch.func.grad(lambda x, a: make(a)(x)))(x, a)
    close(each, gradient)
    close(torch.func.jvp(lambda x: make(a)(x), (x,), (c,))[1], gradient * C)
