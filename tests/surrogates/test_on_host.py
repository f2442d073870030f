"""What looks at numbers takes arrays of every library, on every device, in every precision."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates as sg
from kinds import HALVES, Kind, in_half, parameters, required
from surrogates._arrays import on_host

EVERY = pytest.mark.parametrize("kind", parameters(Kind))
INSTALLED = pytest.mark.usefixtures("installed")
X = np.linspace(-3.0, 1.0, 9)


@pytest.fixture
def installed(kind):
    required(kind)


@INSTALLED
@EVERY
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_array_comes_to_the_host(kind, dtype):
    for values in (X.astype(dtype), np.asarray(0.5, dtype)):
        found = on_host(kind.array(values))
        assert type(found) is np.ndarray
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, values)


@pytest.mark.long("jax")
@INSTALLED
@pytest.mark.parametrize(("kind", "half"), [*HALVES, (Kind.MLX, "bfloat16")])
def test_an_array_of_half_precision_comes_to_the_host(kind, half):
    x = in_half([0.5, -2.0], half, kind)
    np.testing.assert_array_equal(on_host(x), [0.5, -2.0])
    (layer,) = sg.diagnose(sg.Sigmoid(), x).layers
    assert layer["potential"]["low"] == -2.0


def test_numbers_come_to_the_host():
    for given in ([1, 2.0], (1.0, 2.0), np.asarray([1, 2])):
        np.testing.assert_array_equal(on_host(given), [1.0, 2.0])


@pytest.mark.long("jax")
@INSTALLED
@EVERY
def test_a_diagnosis_is_that_of_numpy(kind):
    """The peak, too, of an array that converts to none of NumPy: the share is of what is above."""
    alpha = np.linspace(0.05, 30.0, 9)
    (expected,) = sg.diagnose(sg.Sigmoid(alpha), X).layers
    (found,) = sg.diagnose(sg.Sigmoid(kind.array(alpha)), kind.array(X)).layers
    assert 0 < expected["share"] < 1
    for name in ("calls", "rate", "gain", "share"):
        assert found[name] == pytest.approx(expected[name], rel=1e-6)
    assert found["potential"] == pytest.approx(expected["potential"], rel=1e-6)


class Leaky:
    """A neuron that changes its state in place, as neurons of NumPy and CuPy do."""

    def __init__(self, v):
        self.v = v

    def __call__(self, x):
        self.v[...] = 0.5 * self.v + x
        spikes = sg.Sigmoid()(self.v)
        self.v[...] = 0.0
        return spikes


@INSTALLED
@EVERY
def test_a_state_that_is_changed_in_place_is_seen_and_stays_as_it_is(kind):
    if not kind.is_mutable:
        pytest.skip("its arrays do not change")
    network = Leaky(kind.array(X))
    (layer,) = sg.diagnose(network, kind.array(X)).layers
    assert (layer["potential"]["low"], layer["potential"]["high"]) == (-4.5, 1.5)
    np.testing.assert_array_equal(kind.numpy(network.v), X)
