"""Where a formula changes, a compiled gradient to a parameter is the eager one, to the side."""

from __future__ import annotations

import numpy as np
import pytest
from test_breakpoints import around_breakpoints, numbers

from surrogates import Boxcar, LeakyRelu, PiecewiseQuadratic, Relaxed, Scaled, Windowed

# of Dynamo's own tracing of a Function
pytestmark = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
SURROGATES = [
    Boxcar(closed="left"),
    LeakyRelu(),
    PiecewiseQuadratic(),
    Scaled(Boxcar(), -2.0, 0.5, 0.25),
    Windowed(Boxcar(), 1.0),
]


def of_parameters(surrogate):
    """Return a function of x and parameters, its spikes and derivative, and their values."""
    values = numbers(surrogate)

    def both(x, *parameters):
        made = surrogate
        for name, parameter in zip(values, parameters, strict=True):
            made = made.substituted(name, parameter)
        return Relaxed(made)(x) + 3 * made.surrogate_grad(x)

    return both, [*values.values()]


@pytest.mark.long
@pytest.mark.parametrize("surrogate", SURROGATES, ids=repr)
def test_compiled_by_torch_a_parameter_has_the_eager_slope_at_a_breakpoint(surrogate):
    torch = pytest.importorskip("torch")
    torch.compiler.reset()
    x = torch.from_numpy(around_breakpoints(surrogate))
    both, values = of_parameters(surrogate)
    compiled = torch.compile(both, fullgraph=True, backend="aot_eager")

    def slopes(function):
        parameters = [torch.full_like(x, value, requires_grad=True) for value in values]
        return torch.autograd.grad(function(x, *parameters).sum(), parameters)

    for found, expected in zip(slopes(compiled), slopes(both), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("surrogate", SURROGATES, ids=repr)
def test_compiled_by_jax_a_parameter_has_the_eager_slope_at_a_breakpoint(surrogate):
    jax = pytest.importorskip("jax")
    x = jax.numpy.asarray(around_breakpoints(surrogate))
    both, values = of_parameters(surrogate)
    parameters = [jax.numpy.full(x.shape, value) for value in values]
    slopes = jax.grad(lambda *p: both(x, *p).sum(), argnums=tuple(range(len(values))))
    for found, expected in zip(jax.jit(slopes)(*parameters), slopes(*parameters), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
