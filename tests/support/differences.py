"""Where a library's code is not what it documents: both as formulas, for test_libraries.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Difference:
    """A name whose code is not what it documents: both as functions of x and the arguments.

    `theirs` is what their code computes, None where it always raises, and `ours` what is
    documented, or meant by the name, and returned here. `error` is what their code raises for the
    records that have an error in the place of values.
    """

    ours: Callable[..., Any]
    theirs: Callable[..., Any] | None
    error: str = ""


def fast_sigmoid(x: Any, slope: float) -> Any:
    return 1 / (1 + slope * abs(x)) ** 2


def gaussian(x: Any, sigma: float, constant: type = float) -> Any:
    """Return the normal density, with its constant factor in float or in np.float32."""
    factor = float(constant(sigma) * np.sqrt(constant(2) * constant(math.pi)))
    return np.exp(-((x / sigma) ** 2) / 2) / factor


def logistic(x: Any, slope: float) -> Any:
    tail = np.exp(-slope * abs(x))
    return slope * tail / (1 + tail) ** 2


def multi_gaussian(x, mu, sigma, h, s, grad_scale, side=None, constant=float):
    """Return the sum of three Gaussians; the outer two are centred at `side`, by default `mu`."""
    side = mu if side is None else side
    outer = [gaussian(x - side - d, s * sigma, constant) for d in (-sigma, sigma)]
    return grad_scale * ((1 + h) * gaussian(x - mu, sigma, constant) - h * sum(outer))


def periodic(x, threshold, window, max_spikes_per_dt):
    """Return an exponential peak at every multiple of the threshold, up to the most spikes."""
    nearest = np.clip(np.floor(x / threshold + 0.5), 0, max_spikes_per_dt - 1)
    return np.exp(-abs(x - nearest * threshold) / window) / threshold


def with_rounded_pi(x, alpha):
    """Return the gradient of `Arctan`, as it is where alpha is a float32 tensor."""
    rounded = float(np.float32(alpha) * np.float32(math.pi) / np.float32(2))
    return alpha / 2 / (1 + (rounded * x) ** 2)


ROUNDED_PI = Difference(
    ours=lambda x, alpha: alpha / 2 / (1 + (math.pi / 2 * alpha * x) ** 2), theirs=with_rounded_pi
)
# exp(-x / a) is infinite, and divided by its own square
OVERFLOWS = Difference(
    ours=lambda x, a: logistic(x, 1 / a),
    theirs=lambda x, a: np.where(
        -x / a > math.log(np.finfo(float).max), math.nan, logistic(x, 1 / a)
    ),
)


DIFFERENCES = {
    ("braincog", "AtanGrad"): ROUNDED_PI,
    ("jaxpike", "Boxcar"): Difference(
        ours=lambda x, width: np.where(abs(x) <= width / 2, 1 / width, 0.0),
        theirs=lambda x, width: ((abs(x) < width / 2) + 0.0 + (abs(x) <= width / 2)) / 2 / width,
    ),
    ("matterhorn", "Sigmoid"): OVERFLOWS,
    ("matterhorn", "heaviside_sigmoid"): OVERFLOWS,
    ("snngrow", "ATan"): Difference(
        ours=lambda x, alpha: alpha / 2 / (1 + (math.pi / 2 * alpha * x) ** 2),
        theirs=None,
        error="RuntimeError: function atanBackward returned an incorrect number of gradients",
    ),
    ("spaic", "AtanGrad"): ROUNDED_PI,
    ("spikede", "gaussian_surrogate"): Difference(
        ours=lambda x, sigma: gaussian(x, sigma),
        theirs=lambda x, sigma: (
            np.exp(-((x / sigma) ** 2) / 2) / (sigma * float(np.sqrt(np.float32(2 * math.pi))))
        ),
    ),
    ("norse", "super"): Difference(
        ours=lambda x, alpha: fast_sigmoid(x, alpha),
        theirs=lambda x, alpha: fast_sigmoid(x, 1.0),
    ),
    ("norse", "heavi_erfc"): Difference(
        ours=lambda x, k: 2 * np.exp(-((k * x) ** 2)) / math.sqrt(math.pi),
        theirs=lambda x, k: 2 * np.exp(-((k * x) ** 2)) / float(np.sqrt(np.float32(math.pi))),
    ),
    ("rockpool", "PeriodicExponential"): Difference(
        ours=lambda x, threshold, window, max_spikes_per_dt: periodic(
            x, threshold, window, math.inf
        ),
        theirs=periodic,
        error="RuntimeError: function PeriodicExponentialBackward returned a gradient different",
    ),
    ("sinabs", "Gaussian"): Difference(
        ours=lambda x, mu, sigma, grad_scale, spike_threshold: grad_scale * gaussian(x - mu, sigma),
        theirs=lambda x, mu, sigma, grad_scale, spike_threshold: (
            grad_scale * gaussian(x - mu, sigma, np.float32)
        ),
    ),
    ("sinabs", "MultiGaussian"): Difference(
        ours=lambda x, spike_threshold, **given: multi_gaussian(x, **given),
        theirs=lambda x, spike_threshold, **given: multi_gaussian(
            x, **given, side=0.0, constant=np.float32
        ),
    ),
    ("snnax", "superspike_surrogate"): Difference(
        ours=lambda x, beta: fast_sigmoid(x, beta),
        theirs=lambda x, beta: 1 / (1 + beta * abs(x)),
    ),
    ("snnax", "sigmoid_surrogate"): Difference(
        ours=lambda x, beta: logistic(x, beta),
        theirs=None,
        error="TypeError: sigmoid() takes 1 positional argument but 2 were given",
    ),
    ("snntorch", "sigmoid"): Difference(
        ours=lambda x, slope: logistic(x, slope),
        theirs=lambda x, slope: np.where(
            -slope * x > math.log(np.finfo(float).max), math.nan, logistic(x, slope)
        ),
    ),
    ("snntorch", "triangular"): Difference(
        ours=lambda x, threshold: threshold * np.maximum(0, 1 - abs(x)),
        theirs=lambda x, threshold: np.where(x < 0, threshold, -threshold),
    ),
    ("snntorch", "LSO"): Difference(
        ours=lambda x, slope: np.where(x < 0, slope, 1.0),
        theirs=None,
        error="TypeError: StochasticSpikeOperator.forward() missing 1 required positional argument",
    ),
    ("snntorch", "spike_rate_escape"): Difference(
        ours=lambda x, beta, slope: slope * np.exp(-beta * abs(x)),
        theirs=lambda x, beta, slope: slope * np.exp(-beta * abs(x - 1)),
    ),
    ("snntorch", "SFS"): Difference(
        ours=lambda x, slope, **b: np.where(abs(x) < b["B"], fast_sigmoid(x, slope), 0.0),
        theirs=lambda x, slope, **b: np.where(x > b["B"], fast_sigmoid(x, slope), 0.0),
    ),
    ("spikingjelly", "PiecewiseLeakyReLU"): Difference(
        ours=lambda x, w, c: np.where(abs(x) <= w, 1 / (2 * w), c),
        theirs=lambda x, w, c: np.where(abs(x) < w, 1 / (2 * w), c),
    ),
    ("spikingjelly", "FakeNumericalGradient"): Difference(
        ours=lambda x, alpha: np.minimum(alpha, 1 / np.maximum(abs(x), 1e-9)),
        theirs=lambda x, alpha: np.where(
            (x == 0) & np.signbit(x), -math.inf, np.minimum(alpha, 1 / np.maximum(abs(x), 1e-9))
        ),
    ),
    ("spyx", "boxcar"): Difference(
        ours=lambda x, width, height: np.where(abs(x) <= width / 2, height, 0.0),
        theirs=lambda x, width, height: np.where(abs(x) < width / 2, height, 0.0),
    ),
    ("spyx", "custom"): Difference(ours=lambda x: np.ones_like(x), theirs=lambda x: x),
    ("stork", "CustomSpike"): Difference(
        ours=lambda x, **given: custom_spike(x, **given),
        theirs=lambda x, surrogate_type, **given: (
            x if surrogate_type == "MultilayerSpiker" else custom_spike(x, surrogate_type, **given)
        ),
    ),
}


def custom_spike(x, surrogate_type, beta, p0, delta_u):
    return {
        "SuperSpike": fast_sigmoid(x, beta),
        "sigmoid": logistic(x, beta),
        "exponential": p0 / delta_u * np.exp(x / delta_u),
        "MultilayerSpiker": np.where(x > 0, 1.0, 0.0),
    }[surrogate_type]
