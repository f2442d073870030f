"""The complete example of a backend, docs/examples/tensorflow_surrogates.py, keeps the contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import surrogates
from surrogates import backends
from surrogates.testing import check_backend

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
X = np.asarray([-0.5, 0.2, 1.0])

pytestmark = pytest.mark.filterwarnings("ignore:::tensorflow", "ignore:::keras")


@pytest.fixture
def tf(monkeypatch):
    pytest.importorskip("mpmath")
    tensorflow = pytest.importorskip("tensorflow")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import tensorflow_surrogates

    backends.register("tensorflow", tensorflow_surrogates.BACKEND)
    return tensorflow


def grad_of(tf):
    def grad(function):
        def gradient(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = function(x)
            return tape.gradient(y, x)

        return gradient

    return grad


def test_contract(tf):
    def jvp(function, x, tangent):
        with tf.autodiff.ForwardAccumulator(x, tangent) as accumulator:
            y = function(x)
        return accumulator.jvp(y)

    generator = tf.random.Generator.from_seed(0)
    check_backend(
        tf.constant,
        asnumpy=lambda a: a.numpy(),
        grad=grad_of(tf),
        jvp=jvp,
        generator=generator,
        dtypes=["float16", "float32", "float64"],
    )


# Of one surrogate: TensorFlow traces a function anew for each.
def test_contract_in_graphs(tf):
    check_backend(
        tf.constant,
        asnumpy=lambda a: a.numpy(),
        grad=grad_of(tf),
        vmap=lambda f: lambda *arrays: tf.vectorized_map(lambda parts: f(*parts), arrays),
        compile=tf.function,
        dtypes=["float64"],
        surrogates=[surrogates.Sigmoid()],
    )


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_rare_random_spikes_in_half_precision(tf, half):
    p, count = 3.35e-4, 400_000  # the probability of Sigmoid(4) at -2
    x = tf.cast(tf.fill([count], -2.0), half)
    spikes = surrogates.sample(surrogates.Sigmoid(4.0), x, tf.random.Generator.from_seed(0))
    assert spikes.dtype == x.dtype
    assert abs(np.sum(spikes.numpy() == 1) - p * count) < 5 * np.sqrt(p * count)


def test_what_vectorized_map_drops_is_not_0_in_silence(tf):
    surrogate = surrogates.MultiSpike(surrogates.Sigmoid())
    gradient = grad_of(tf)(lambda x: tf.vectorized_map(surrogate, x))(tf.constant(X))
    np.testing.assert_allclose(gradient, surrogates.Sigmoid().surrogate_grad(X), rtol=1e-12)

    def of_threshold(threshold):
        return surrogates.MultiSpike(surrogates.Sigmoid(), threshold=threshold)(tf.constant(X))

    gradient, threshold = grad_of(tf), tf.ones(3, tf.float64)
    with pytest.raises(LookupError, match="threshold has no gradient"):
        gradient(of_threshold)(threshold)
    assert gradient(tf.function(of_threshold))(threshold) is None  # "not connected"
