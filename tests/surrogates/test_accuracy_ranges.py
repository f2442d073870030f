"""The stated accuracy, over the whole declared range of every parameter.

A few parameter sets by default. More, and other ones, on demand::

    export SURROGATES_ACCURACY_SETS=1000 SURROGATES_ACCURACY_SEED=7
    pytest tests/surrogates/test_accuracy_ranges.py
"""

from __future__ import annotations

import math
import os
import zlib
from unittest.mock import patch

import numpy as np

from kinds import every_dtype, every_surrogate
from surrogates import Accuracy
from surrogates._check import accuracy
from surrogates._check.accuracy import FUNCTIONS, points, ulps
from surrogates._check.frameworks import installed
from surrogates._parameters import COUNT, parameters

SETS = int(os.environ.get("SURROGATES_ACCURACY_SETS", "3"))
SEED = int(os.environ.get("SURROGATES_ACCURACY_SEED", "0"))
POINTS = 64  # of each parameter set; one number for all, since JAX compiles anew for each shape


def value(rng, parameter, dtype):
    """Draw a value of the declared range, as `dtype` holds it, the ends of the range among them."""
    low, high, *_ = parameter.metadata["interval"]
    if parameter.metadata["interval"] is COUNT:
        return int(rng.choice([1, 2, 1000, round(10 ** rng.uniform(0, 3))]))
    if rng.random() < 0.1:
        return float(parameter.default)
    least = max(low, 1e-15)
    base = 1.0 if least > 1 else 0.0  # an exponent above one: its distance from one
    smallest, largest = math.log10(least - base), math.log10(high)
    reach = min(3.0, largest) if rng.random() < 0.3 else largest
    exponent = rng.choice(
        [smallest, largest, rng.uniform(max(smallest, -reach), reach)], p=[0.12, 0.12, 0.76]
    )
    drawn = base + 10.0**exponent
    if low <= 0 and rng.random() < 0.1:
        drawn = 0.0
    if low < 0 and rng.random() < 0.5:
        drawn = -drawn
    held = np.asarray(min(max(drawn, low), high), dtype)
    while not low <= float(held) <= high:  # rounded out of the range
        held = np.nextafter(held, np.asarray(1.0 if held > high else np.inf, dtype))
    return float(held)


def drawn(cls, dtype, rng):
    """Draw a surrogate of class `cls`, and the points to try it at."""
    surrogate = cls(**{p.name: value(rng, p, dtype) for p in parameters(cls)})
    few = 24 if getattr(surrogate, "n", 0) > 30 else POINTS  # a sum of many terms takes long
    x = points(surrogate, dtype, 2 * POINTS, seed=int(rng.integers(2**31)))
    return surrogate, np.resize(rng.permutation(x)[:few], POINTS)


def excused(surrogate, name, computed, exact):
    """Return where a result is as exact as accuracy.md says besides the bound in ulp."""
    info = np.finfo(computed.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(computed.astype(np.float64) - exact)
        if name == "derivative":  # what underflows, times the amplitude
            amplitude = surrogate._largest_slope
            if not math.isfinite(amplitude):
                amplitude = float(surrogate.surrogate_grad(0.0))
            return error <= info.tiny * max(1.0, amplitude)
        if type(surrogate).__name__ == "ExpEscape":  # counts from p0, its value at the threshold
            efolds = np.log1p(np.abs(exact - 0.5) / surrogate.p0)
            return error <= (6 + 2 * efolds) * info.eps * np.abs(exact)
    return np.zeros(exact.shape, bool)


def errors(surrogate, x, frameworks):
    """Yield (framework, function, x, computed, exact, part of the bound, ulp) of each worst."""
    for name, (method, _) in FUNCTIONS.items():
        # parameters may lie 30 orders of magnitude apart, and 1 - exp(-x) loses as many digits
        with patch.object(accuracy, "DIGITS", 130):
            truth = accuracy.reference(surrogate, name, x)
        for framework in frameworks:
            computed = framework.evaluate(getattr(surrogate, method), x, dtype=x.dtype.name)
            of_bound, error = ulps(surrogate, name, computed, truth, framework.flushes)
            of_bound = of_bound / framework.allowance
            of_bound[excused(surrogate, name, computed, truth.exact)] = 0.0
            if framework.flushes:
                of_bound[(x != 0) & (np.abs(x) < np.finfo(x.dtype).tiny)] = 0.0
            i = int(of_bound.argmax())
            yield framework.name, name, x[i], computed[i], truth.exact[i], of_bound[i], error[i]


@every_surrogate
@every_dtype
def test_stated_accuracy_over_the_whole_range_of_parameters(cls, dtype):
    rng = np.random.default_rng([SEED, zlib.crc32(f"{cls.__name__} {dtype}".encode())])
    frameworks = installed()
    for _ in range(SETS if parameters(cls) else 1):
        surrogate, x = drawn(cls, dtype, rng)
        for framework, name, at, computed, exact, of_bound, error in errors(
            surrogate, x, frameworks
        ):
            assert of_bound <= 1, (
                f"{framework} {dtype}: {name} of {surrogate!r} at {at!s} is {computed!s}, "
                f"exactly {exact!s} ({error:.3g} ulp, {of_bound:.3g} of the bound)"
            )


def test_what_is_stated_where_nothing_is_said():
    assert Accuracy() == (4.0, 0.0, False)
