"""What a user's type checker must accept and infer; checked by ``nox -s types``, not run."""

from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import surrogates

x: NDArray[np.float32] = np.zeros(3, np.float32)
surrogate = surrogates.InvSquareGrad(alpha=25.0)

assert_type(surrogate(x), NDArray[np.float32])
assert_type(surrogate(0.5), np.float64)
assert_type(surrogate.surrogate_grad(x), NDArray[np.float32])
assert_type(surrogates.inv_square_grad(x, alpha=25.0), NDArray[np.float32])
assert_type(surrogates.gaussian_grad(x, 0.5, alpha=1.0), NDArray[np.float32])
assert_type(surrogates.vjp(surrogate, x)[0], NDArray[np.float32])
assert_type(surrogates.vjp(surrogate, x)[1](x, out=x), NDArray[np.float32])

surrogates.inv_square_grad(x, beta=25.0)  # type: ignore[call-overload] # pyright: ignore
surrogates.ReluGrad(wide=2.0)  # type: ignore[call-arg] # pyright: ignore


class Bump(surrogates.Surrogate):
    """A surrogate of one's own."""

    beta: float = surrogates.parameter(2.0, low=0.0)


assert_type(Bump(beta=0.5)(x), NDArray[np.float32])
assert_type(Bump(0.5, at_threshold=0.0).beta, float)

Bump(gamma=1.0)  # type: ignore[call-arg] # pyright: ignore
