"""JAX: switches that hold for all that is computed change no result, and raise no false alarm."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import others_long
from surrogates import Compressed, MultiSpike, Relaxed, Scaled, Sigmoid, Ternary, Windowed

jax = pytest.importorskip("jax")

X = np.asarray([-2.0, -0.5, 0.0, 0.25, 1.0], "float32")
ALPHA = np.asarray([1.0, 2.0, 3.0, 4.0, 5.0], "float32")

MODES = {
    "disable_jit": jax.disable_jit,
    "debug_nans": lambda: jax.debug_nans(True),
    "strict promotion": lambda: jax.numpy_dtype_promotion("strict"),
    "ranks": lambda: jax.numpy_rank_promotion("raise"),
    "leaks": jax.checking_leaks,
}
FORMS = {
    "number": lambda alpha: Sigmoid(2.0),
    "array": Sigmoid,
    "relaxed": lambda alpha: Relaxed(Sigmoid(alpha)),
    "8 bits": lambda alpha: Compressed(Sigmoid(alpha), "uint8"),
    "float16": lambda alpha: Compressed(Sigmoid(alpha), "float16"),
    "counts": lambda alpha: MultiSpike(Sigmoid(alpha), 0.25),
    "signed": lambda alpha: Ternary(Sigmoid(alpha), alpha),
    "scaled": lambda alpha: Scaled(Sigmoid(2.0), amplitude=alpha, shift=alpha),
    "density": lambda alpha: Windowed(Sigmoid(alpha), alpha, normalise=True),
}


def results(make):
    x, alpha = jax.numpy.asarray(X), jax.numpy.asarray(ALPHA)

    def loss(x, alpha):
        return make(alpha)(x).sum()

    surrogate = make(alpha)
    found = [surrogate(x), surrogate.surrogate_grad(x), surrogate.surrogate_fun(x)]
    found += jax.grad(loss, argnums=(0, 1))(x, alpha)
    found += jax.jit(jax.grad(loss, argnums=(0, 1)))(x, alpha)
    spikes, pullback = surrogates.vjp(surrogate, x)
    return [*found, pullback(spikes), surrogates.jvp(surrogate, x, x)[1]]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", others_long(FORMS, "array"))
def test_a_switch_of_jax_changes_no_result(form, mode):
    expected = results(FORMS[form])
    with MODES[mode]():
        actual = results(FORMS[form])
    for one, other in zip(actual, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
