"""Surrogates that keep less and learn: what is kept, and at which x their parameters learn."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from dtypes import rounded
from surrogates import Arctan, Compressed, Relaxed, Scaled, Sigmoid

BYTES = {"float16": 2, "bfloat16": 2, "uint8": 4}  # levels tell no parameter's slope: x is kept
X = np.linspace(-3, 3, 97).astype(np.float32)


@pytest.mark.parametrize("residual", BYTES)
@pytest.mark.parametrize("form", ["module", "tensor"])
def test_what_pytorch_saves_where_a_parameter_is_learned(form, residual, torch):
    if form == "module":
        surrogate = surrogates.learnable(
            Compressed(Sigmoid(), residual), "alpha", framework="torch"
        )
    else:
        alpha = torch.tensor(1.0, requires_grad=True)
        surrogate = Compressed(Relaxed(Sigmoid(alpha)), residual)
    saved = []
    x = torch.tensor(X, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(saved.append, lambda tensor: tensor):
        surrogate(x)
    large = {tensor.data_ptr(): tensor.nbytes for tensor in saved if tensor.numel() > 1}
    assert sum(large.values()) == BYTES[residual] * X.size


LEARNED = {
    "of the derivative alone": Sigmoid,
    "of the area": lambda alpha: Scaled(Arctan(2.0), rate=alpha, shift=0.5),
}


@pytest.mark.long("jax")
@pytest.mark.parametrize("residual", BYTES)
@pytest.mark.parametrize("form", LEARNED)
def test_a_parameter_is_learned_at_what_is_kept(form, residual, taped):
    make, alpha = LEARNED[form], taped.array(np.full(X.shape, 3.0, np.float32))
    x = taped.array(X)
    there = x if residual == "uint8" else taped.array(rounded(X, residual).astype(np.float32))

    def found(wrap, x):
        def emitted(alpha):
            return wrap(make(alpha))(x)

        gradients = [taped.gradient(emitted, alpha), taped.grad(taped.grad(emitted))(alpha)]
        if residual != "uint8":  # whose gradient to x has no derivative
            gradients.append(taped.grad(lambda alpha: taped.grad(wrap(make(alpha)))(x))(alpha))
        return [taped.numpy(gradient) for gradient in gradients]

    compressed = found(lambda surrogate: Compressed(Relaxed(surrogate), residual), x)
    np.testing.assert_allclose(compressed, found(Relaxed, there), rtol=1e-5, atol=1e-7)
