"""What is read and not run of other libraries, against the formulas in their sources.

These need a simulator, a device or TensorFlow, so nothing they computed is recorded.
"""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

import surrogates
from differences import logistic
from surrogates.libraries import LIBRARIES, names_of

X = np.asarray([-2.5, -1.0, -0.5, -0.25, -0.0625, 0.0, 0.0625, 0.25, 0.5, 1.0, 1.5, 3.75])


def height_and_width(shape):
    def formula(x, surrogate_gradient_height=0.3, surrogate_gradient_width=1.0):
        return surrogate_gradient_height * shape(abs(x) / surrogate_gradient_width)

    return formula


def damped(shape):
    return lambda x, dampening=1.0, sharpness=1.0: dampening * shape(x * sharpness)


def soft_lif_slope(x, sigma=1.0, tau_rc=0.02, tau_ref=0.002, amplitude=1.0):
    z = sigma * np.log1p(np.exp(x / sigma))
    rate = amplitude / (tau_ref + tau_rc * np.log1p(1 / z))
    return rate**2 / amplitude * tau_rc / (z + z**2) / (1 + np.exp(-x / sigma))


# Of the libraries that were read and not run: the formulas and defaults as their sources have them.
READ = {
    ("bmtk", "spike_function"): lambda x, dampening_factor=0.3: (
        dampening_factor * np.maximum(1 - abs(x), 0)
    ),
    ("bmtk", "spike_gauss"): lambda x, sigma=0.5, amplitude=0.3: (
        amplitude * np.exp(-(x**2) / sigma**2)
    ),
    ("ml_genn", "EPropCompiler"): lambda x, v_thresh=1.0: (
        1 / v_thresh * 0.3 * np.maximum(0, 1 - abs(x / v_thresh))
    ),
    ("nengo_dl", "SoftLIFRate"): soft_lif_slope,
    ("nest", "arctan_derivative"): height_and_width(lambda u: 1 / (1 + u**2)),
    ("nest", "exponential"): height_and_width(lambda u: np.exp(-u)),
    ("nest", "fast_sigmoid_derivative"): height_and_width(lambda u: (1 + u) ** -2),
    ("nest", "piecewise_linear"): height_and_width(lambda u: np.maximum(0, 1 - u)),
    ("pyaromatics", "ExpSpikeFunction"): damped(lambda u: np.exp(-abs(2 * u))),
    ("pyaromatics", "FastSigmoidSpikeFunction"): damped(lambda u: 1 / (1 + abs(2 * u)) ** 2),
    ("pyaromatics", "NTailSpikeFunction"): lambda x, dampening=1.0, sharpness=1.0, tail=1.56: (
        dampening / (1 + abs(x * sharpness) / ((tail - 1) / 2)) ** tail
    ),
    ("pyaromatics", "RectangularSpikeFunction"): damped(lambda u: np.where(abs(2 * u) < 1, 1, 0)),
    ("pyaromatics", "SpikeFunction"): damped(lambda u: np.maximum(1 - abs(u), 0)),
    ("pyaromatics", "SpikeFunctionCauchy"): damped(lambda u: 1 / (1 + (math.pi * u) ** 2)),
    ("pyaromatics", "SpikeFunctionGauss"): damped(lambda u: np.exp(-math.pi * u**2)),
    ("pyaromatics", "SpikeFunctionSigmoid"): damped(lambda u: logistic(4 * u, 1.0) * 4),
    ("slayerpytorch", "spikeLayer"): lambda x, tauRho=1.0, scaleRho=1.0, theta=10.0: (  # noqa: N803
        scaleRho / (tauRho * theta) * np.exp(-abs(x) / (tauRho * theta))
    ),
}


def test_every_name_that_was_read_has_a_formula():
    read = [library for library in LIBRARIES if not names_of(library).was_run]
    names = {(library, name) for library in read for name in names_of(library).makers}
    assert names == set(READ)


@pytest.mark.parametrize(("library", "name"), READ)
def test_gradient_is_that_of_the_formula_that_was_read(library, name):
    formula, entry = READ[library, name], names_of(library)
    declared = inspect.signature(formula).parameters.values()
    defaults = {p.name: p.default for p in declared if p.name != "x"}
    ours = inspect.signature(entry.makers[name]).parameters
    assert {p.name: p.default for p in ours.values()} == defaults
    changed = [{key: 0.75 * value} for key, value in defaults.items()]
    together = {key: 3.0 * value for key, value in defaults.items()}
    for given in [{}, *changed, together]:
        surrogate = surrogates.from_library(library, name, **given)
        found = surrogate.surrogate_grad(X)
        np.testing.assert_allclose(found, formula(X, **given), rtol=1e-13, atol=1e-16)
        assert surrogate(0.0) == entry.spikes[name]
        assert not given or np.any(formula(X, **given) != formula(X))
