"""Gains over normal potentials, where they have a closed form."""

from __future__ import annotations

import math

import pytest

from surrogates import gain
from surrogates.definitions import SURROGATES


def closed_forms(mp, mean, std):
    """Return pairs: a surrogate's parameters, and its mean and mean square over normal potentials.

    Each is a function of a length that its width is set to.
    """
    mean, std = mp.mpf(mean), mp.mpf(std)

    def phi(x):
        return mp.ncdf((x - mean) / std)

    def laplace(rate):
        grown = mp.exp((rate * std) ** 2 / 2)
        below = mp.exp(rate * mean) * mp.ncdf(-mean / std - rate * std)
        return grown * (below + mp.exp(-rate * mean) * mp.ncdf(mean / std - rate * std))

    def gaussian(width):  # the mean of exp(-(x / width)^2 / 2)
        total = mp.sqrt(std**2 + width**2)
        return width / total * mp.exp(-((mean / total) ** 2) / 2)

    def partial(power, low, high):  # the integral of x**power, by parts
        if power == 0:
            return phi(high) - phi(low)
        edge = std**2 * (low ** (power - 1) * mp.npdf(low, mean, std))
        edge -= std**2 * (high ** (power - 1) * mp.npdf(high, mean, std))
        rest = (power - 1) * std**2 * partial(power - 2, low, high) if power > 1 else 0
        return edge + mean * partial(power - 1, low, high) + rest

    def triangle(width, power):  # of (1 - |x| / width)^power
        total = mp.mpf(0)
        for k in range(power + 1):
            part = mp.binomial(power, k) * (-1) ** k / width**k
            total += part * (partial(k, 0, width) + (-1) ** k * partial(k, -width, 0))
        return total

    def voigt(width):  # the mean of 1 / (x^2 + width^2)
        z = (mean + 1j * width) / (std * mp.sqrt(2))
        faddeeva = mp.exp(-(z**2)) * mp.erfc(-1j * z)
        return mp.sqrt(mp.pi / 2) / (width * std) * faddeeva.real

    def arctan(width):
        square = -mp.diff(voigt, width) / (2 * width)
        return voigt(width) * width / mp.pi, square * (width / mp.pi) ** 2

    root = mp.sqrt(2 * mp.pi)
    return {
        "Boxcar": (lambda w: {"width": w}, lambda w: (phi(w / 2) - phi(-w / 2),) * 2),
        "SlayerGrad": (lambda w: {"alpha": 1 / w}, lambda w: (laplace(1 / w), laplace(2 / w))),
        "ReluGrad": (
            lambda w: {"alpha": 1 / w, "width": w},
            lambda w: (triangle(w, 1), triangle(w, 2)),
        ),
        "GaussianGrad": (
            lambda w: {"sigma": w, "alpha": 1.0},
            lambda w: (gaussian(w) / (root * w), gaussian(w / mp.sqrt(2)) / (root * w) ** 2),
        ),
        "Arctan": (lambda w: {"alpha": 2 / (math.pi * w)}, arctan),
        "ExpEscape": (
            lambda w: {"delta_u": w, "p0": w},
            lambda w: (
                mp.exp(mean / w + (std / w) ** 2 / 2),
                mp.exp(2 * mean / w + 2 * (std / w) ** 2),
            ),
        ),
        "SquarewaveFourierSeries": (
            lambda w: {"n": 1, "t_period": 2 * math.pi * w},
            lambda w: (
                2 / (mp.pi * w) * mp.cos(mean / w) * mp.exp(-((std / w) ** 2) / 2),
                2 / (mp.pi * w) ** 2 * (1 + mp.cos(2 * mean / w) * mp.exp(-2 * (std / w) ** 2)),
            ),
        ),
    }


@pytest.mark.long
@pytest.mark.parametrize("law", [(-1.0, 1.0), (0.0, 0.001), (-20.0, 1.0), (3.0, 250.0)], ids=str)
@pytest.mark.parametrize("width", [1e-12, 1e-3, 0.25, 4.0, 1e5])
@pytest.mark.parametrize(
    "name",
    [
        "Boxcar",
        "SlayerGrad",
        "ReluGrad",
        "GaussianGrad",
        "Arctan",
        "ExpEscape",
        "SquarewaveFourierSeries",
    ],
)
def test_gain_over_normal_potentials_is_the_closed_form(name, width, law):
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(200):
        parameters, formulas = closed_forms(mpmath, *law)[name]
        surrogate = SURROGATES[name](**parameters(width))
        if law[1] / width > 1e3 and name in ("ExpEscape", "SquarewaveFourierSeries"):
            pytest.skip("out of range, or a cosine of a number too large to be known")
        first, second = formulas(mpmath.mpf(width))
        found = gain(surrogate, mean=law[0], std=law[1])
        for value, exact in ((found.mean, first), (found.rms, mpmath.sqrt(second))):
            if exact > 1e308:
                assert value == math.inf
            elif exact > 1e-140:
                assert value == pytest.approx(float(exact), rel=1e-12, abs=1e-14 * found.rms)
