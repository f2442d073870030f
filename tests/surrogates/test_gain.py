"""What a derivative amounts to over membrane potentials, against mpmath and over samples."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate
from surrogates import gain
from surrogates._quadrature import Normal, Uniform
from surrogates.definitions import SURROGATES

LAWS = [Normal(-1.0, 1.0), Normal(0.25, 0.125), Uniform(-1.75, 0.875)]


def over(surrogate, law):
    return gain(surrogate, **law._asdict())


def edges(surrogate, law):
    """Where to split the line for a reference that knows nothing of `_quadrature`'s panels."""
    center, spread = (sum(law) / 2, law.high - law.low) if isinstance(law, Uniform) else law
    low, high = (law.low, law.high) if isinstance(law, Uniform) else (center - 24, center + 24)
    if isinstance(law, Normal):
        low, high = center - 24 * spread, center + 24 * spread
    places = [place for place in surrogate.breakpoints if low < place < high]
    around = [place + s * 4.0**-k for place in places for s in (-1, 1) for k in range(-2, 6)]
    inside = [center + spread * k for k in np.arange(-24, 25, 2.0)]
    return sorted({low, *(e for e in [*around, *places, *inside] if low < e < high), high})


@pytest.mark.parametrize("law", LAWS, ids=repr)
@every_surrogate
def test_gain_is_that_of_the_stated_formula_in_many_digits(cls, law):
    mpmath = pytest.importorskip("mpmath")
    formulas = pytest.importorskip("surrogates._check.formulas")
    surrogate = cls()
    if cls.__name__ == "ExpEscape" and isinstance(law, Normal):
        pytest.skip("most of it may lie far out; see the closed forms")
    assert_exact(mpmath, formulas, surrogate, law)


def assert_exact(mpmath, formulas, surrogate, law):
    """Compare the gain of `surrogate` with the integral of what its docstring states."""
    with mpmath.workdps(20):
        formula = formulas.compiled(surrogate, "g'(x)")
        first = second = mpmath.mpf(0)
        ends = edges(surrogate, law)
        nodes, weights = np.polynomial.legendre.leggauss(16)
        for left, right in pairwise(ends):
            half = (mpmath.mpf(right) - left) / 2
            for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
                x = left + half * (1 + node)
                if isinstance(law, Normal):
                    density = mpmath.npdf(x, *law)
                else:
                    density = 1 / mpmath.mpf(law.high - law.low)
                value = formula(x)
                first += weight * half * density * value
                second += weight * half * density * value**2
        found = over(surrogate, law)
        assert float(first) == pytest.approx(found.mean, rel=3e-13, abs=3e-13 * found.rms)
        assert float(mpmath.sqrt(second)) == pytest.approx(found.rms, rel=3e-13)


@pytest.mark.long
@every_surrogate
def test_gain_is_exact_at_other_parameters(cls):
    mpmath = pytest.importorskip("mpmath")
    formulas = pytest.importorskip("surrogates._check.formulas")
    variants = pytest.importorskip("surrogates._check.variants")
    for surrogate in variants.main(cls):
        # of the length at which the reference, which knows only the nearest kinks, is exact
        length = getattr(surrogate, "threshold", getattr(surrogate, "delta_u", 1.0))
        assert_exact(mpmath, formulas, surrogate, Normal(-length, length))


@pytest.mark.parametrize("rate", [1e-6, 1.0, 1e9])
@every_surrogate
def test_scaled_sees_other_potentials(cls, rate):
    surrogate = surrogates.Scaled(cls(), amplitude=-2.0, rate=rate)
    for law in (Normal(-1.0, 1.0), Uniform(-2.0, 1.0)):
        found = over(surrogate, law.seen(1 / rate, 0.0))
        inside = over(cls(), law)
        assert found.mean == pytest.approx(-2 * inside.mean, rel=1e-13, abs=1e-13 * inside.rms)
        assert found.rms == pytest.approx(2 * inside.rms, rel=1e-13)
        assert found.share == pytest.approx(inside.share, rel=1e-13)


def test_a_narrow_bump_far_away_is_not_missed():
    bump = surrogates.Scaled(surrogates.GaussianGrad(sigma=1.0, alpha=1.0), rate=1e9, shift=3.0)
    density = math.exp(-(3.0**2) / 2) / math.sqrt(2 * math.pi)
    assert over(bump, Normal(0.0, 1.0)).mean == pytest.approx(1e-9 * density, rel=1e-12)
    # within another wrapper, whose derivative is its own
    pair = surrogates.Ternary(bump, threshold=1.0)
    second = math.exp(-(5.0**2) / 2) / math.sqrt(2 * math.pi)
    found = over(pair, Normal(0.0, 1.0)).mean
    assert found == pytest.approx(1e-9 * (density + second), rel=1e-5)  # ulp(3) of width 1e-9


WRAPPED = {
    "Compressed": lambda inside: surrogates.Compressed(inside, "float16"),
    "MultiSpike": surrogates.MultiSpike,
    "Relaxed": surrogates.Relaxed,
}


@pytest.mark.parametrize("wrapper", WRAPPED)
@every_surrogate
def test_a_wrapper_of_another_aspect_has_the_same_gain(cls, wrapper):
    found, inside = (over(s, LAWS[0]) for s in (WRAPPED[wrapper](cls()), cls()))
    assert found[:3] == inside[:3]
    assert (found.rate == inside.rate) == (wrapper != "MultiSpike")


def test_the_rate_is_the_probability_to_be_at_the_threshold_or_above():
    assert over(surrogates.Sigmoid(), Uniform(-2.0, 1.0)).rate == pytest.approx(1 / 3, rel=1e-14)
    normal = over(surrogates.Sigmoid(), Normal(-1.0, 1.0)).rate
    assert normal == pytest.approx(math.erfc(math.sqrt(0.5)) / 2, rel=1e-14)


def test_multi_spike_has_the_rate_of_all_its_spikes():
    law = Normal(-1.0, 1.5)
    for most in (1, 2, math.inf):
        found = over(surrogates.MultiSpike(surrogates.Sigmoid(), max_spikes=most), law).rate
        counts = range(int(min(most, 60)))
        expected = sum(law.within(float(count), math.inf) for count in counts)
        assert found == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("threshold", [0.0, 0.4, 2.0])
def test_ternary_has_both_bumps_and_both_spikes(threshold):
    law, surrogate = Normal(-1.0, 1.0), surrogates.Boxcar()
    found = over(surrogates.Ternary(surrogate, threshold), law)
    bumps = law.within(-0.5, 0.5), law.within(-2 * threshold - 0.5, -2 * threshold + 0.5)
    both = law.within(-0.5, -2 * threshold + 0.5) if threshold <= 0.5 else 0.0
    assert found.mean == pytest.approx(sum(bumps), rel=1e-13)
    assert found.rms == pytest.approx(math.sqrt(sum(bumps) + 2 * both), rel=1e-13)
    assert found.share == pytest.approx(sum(bumps) - both, rel=1e-13)
    fires = law.within(0.0, math.inf) + law.within(-math.inf, -2 * threshold)
    assert found.rate == pytest.approx(fires, rel=1e-13)


@every_surrogate
def test_the_mean_over_uniform_potentials_is_the_rise_of_the_primitive(cls):
    surrogate, law = cls(), Uniform(-1.5, 0.75)
    rise = surrogate.surrogate_fun(law.high) - surrogate.surrogate_fun(law.low)
    found = over(surrogate, law)
    assert found.mean == pytest.approx(float(rise) / (law.high - law.low), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("law", [Uniform(-1.5, 0.75), Uniform(-30.0, -29.0), Uniform(-2.0, 90.0)])
@every_surrogate
def test_the_mean_over_uniform_potentials_has_all_digits_of_the_primitive(cls, law):
    mpmath = pytest.importorskip("mpmath")
    formulas = pytest.importorskip("surrogates._check.formulas")
    surrogate = cls()
    if cls.__name__ == "ExpEscape" and law.high == 90.0:
        pytest.skip("a float knows the logarithm of its mean to 13 digits")
    with mpmath.workdps(400):
        primitive = formulas.compiled(surrogate, "g(x)")
        rise = primitive(mpmath.mpf(law.high)) - primitive(mpmath.mpf(law.low))
        exact = float(rise / (law.high - law.low))
    found = over(surrogate, law)
    rel = {Uniform(-30.0, -29.0): 3e-13}.get(law, 1e-14)
    assert found.mean == pytest.approx(exact, rel=rel, abs=1e-16 * found.rms)


def test_the_mean_over_uniform_potentials_is_not_integrated_where_the_primitive_says_it():
    law = Uniform(-1.5, 0.75)
    for cls in (surrogates.Sigmoid, surrogates.Arctan, surrogates.PeriodicExponential):
        low, high = cls().formula("area", np, np.asarray([law.low, law.high]))
        assert over(cls(), law).mean == (high - low) / (law.high - law.low)
    # of a density that is nearly all there is, no digits would be left
    assert over(surrogates.SlayerGrad(), Uniform(40.0, 41.0)).mean == pytest.approx(
        math.exp(-40.0) * -math.expm1(-1.0), rel=1e-12
    )


def test_over_a_distribution_small_derivatives_do_not_vanish():
    found = over(surrogates.SlayerGrad(alpha=100.0), Uniform(-5.0, -4.0))
    assert found.rms == pytest.approx(math.exp(-400) / math.sqrt(200), rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, TypeError, "give one of a sample x, mean= and std=, or low= and high="),
        ({"x": np.ones(2), "mean": 0.0, "std": 1.0}, TypeError, "got x=a sample, mean=0.0"),
        ({"mean": 0.0}, TypeError, "std=None"),
        ({"std": 1.0}, TypeError, "mean=None"),
        ({"mean": 0.0, "std": 1.0, "low": 0.0}, TypeError, "high=None"),
        ({"mean": 0.0, "std": 1.0, "axis": 0}, TypeError, "axis=0 is for a sample x"),
        ({"mean": 0.0, "std": 0.0}, ValueError, "std must be a positive number.*got std=0.0"),
        ({"mean": math.nan, "std": 1.0}, ValueError, "mean must be a number.*got mean=nan"),
        ({"mean": True, "std": 1.0}, ValueError, "mean must be a number"),
        ({"low": 1.0, "high": 1.0}, ValueError, "low must be below high, got low=1.0, high=1.0"),
        ({"low": np.ones(2), "high": 1.0}, ValueError, "a sample is given as x"),
        ({"x": np.ones((0, 3))}, ValueError, r"the sample x is empty, of shape \(0, 3\)"),
        ({"x": np.ones(3, int)}, TypeError, "int64"),
    ],
)
def test_what_describes_no_potentials_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        gain(surrogates.Sigmoid(), **arguments)


def test_a_distribution_needs_numbers():
    with pytest.raises(TypeError, match=r"Sigmoid: gain over a distribution needs.*alpha holds an"):
        gain(surrogates.Sigmoid(np.ones(2)), mean=0.0, std=1.0)
    with pytest.raises(TypeError, match="expected a surrogate"):
        gain(surrogates.Sigmoid, mean=0.0, std=1.0)


def test_what_cannot_be_integrated_is_refused():
    with pytest.raises(
        ArithmeticError, match=r"Custom\(.*: its derivative is NaN or infinite with"
    ):
        gain(surrogates.Custom(lambda x: 1 / np.zeros_like(x)), low=-1.0, high=1.0)
    with pytest.raises(ArithmeticError, match=r"PeriodicExp.*: its derivative varies too oft"):
        gain(surrogates.PeriodicExponential(threshold=1e-9), mean=0.0, std=1.0)


def test_a_jump_that_nobody_named_costs_no_digits():
    step = surrogates.Custom(lambda x: 1.0 * (np.asarray(x) > 0.1234567))
    assert step.breakpoints == (0.0,)
    for law in LAWS:
        found = over(step, law)
        assert found.mean == pytest.approx(law.within(0.1234567, math.inf), rel=1e-13)
    ripple = surrogates.Custom(lambda x: np.cos(50 * x) ** 2)
    assert over(ripple, Normal(-1.0, 1.0)).mean == pytest.approx(0.5, rel=1e-13)


def test_a_narrow_jump_in_numpys_functions_is_not_missed():
    box = surrogates.Custom(lambda x: np.where(np.abs(x - 0.3) < 1e-4, 1.0, 0.0))
    for law in LAWS:
        assert over(box, law).mean == pytest.approx(law.within(0.2999, 0.3001), rel=1e-12)


def test_formulas_of_a_user_have_a_gain():
    class Bump(surrogates.Surrogate):
        alpha: float = surrogates.parameter(1.0, low=0.0)

        def derivative(self, xp, x):
            return xp.where(xp.abs(x - 0.3) < 0.05, xp.full_like(x, self.alpha), 0 * x)

    law = Normal(-1.0, 1.0)
    assert Bump().breakpoints == pytest.approx((0.0, 0.25, 0.3, 0.35))
    assert over(Bump(2.0), law).mean == pytest.approx(2 * law.within(0.25, 0.35), rel=1e-13)
    plain = surrogates.Custom(lambda x: np.cos(x) ** 2)
    expected = (1 + math.cos(2) * math.exp(-2)) / 2
    assert over(plain, law).mean == pytest.approx(expected, rel=1e-13)


def box(shift):
    return surrogates.Scaled(surrogates.Boxcar(), shift=shift)


@pytest.mark.parametrize(
    ("composed", "expected"),
    [
        (lambda: surrogates.Mixture((box(-3.0), box(3.0)), (0.5, 0.5)), 2 / 8),
        (lambda: surrogates.Mixture((box(-0.25), box(0.25), box(3.0)), (0.5, 0.5, 0.0)), 1.5 / 8),
        (lambda: surrogates.Spliced(below=box(-3.0), above=box(0.25)), 1.75 / 8),
        (lambda: surrogates.Windowed(surrogates.Spliced(box(-1.0), box(1.0)), band=1.0), 1 / 8),
        (lambda: surrogates.Ternary(surrogates.Spliced(box(-3.0), box(3.0)), 0.25), 3 / 8),
        (lambda: surrogates.Scaled(surrogates.Boxcar(), amplitude=0.0), 0.0),
    ],
)
def test_gaps_in_the_support_have_no_share(composed, expected):
    surrogate = composed()
    x = np.linspace(-4.0, 4.0, 80_001)
    assert gain(surrogate, low=-4.0, high=4.0).share == pytest.approx(expected, rel=1e-13)
    assert gain(surrogate, x).share == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("sigma", [1e-4, 1e-9])
def test_a_narrow_part_of_a_composition_is_not_missed(sigma):
    wide = surrogates.Sigmoid()
    bump = surrogates.Scaled(surrogates.GaussianGrad(sigma=sigma, alpha=1.0), shift=3.1)
    law = Normal(0.0, 1.0)
    mixed = over(surrogates.Mixture((bump, wide), (0.5, 0.5)), law)
    expected = (over(bump, law).mean + over(wide, law).mean) / 2
    assert mixed.mean == pytest.approx(expected, rel=1e-9)
    assert over(surrogates.Spliced(wide, bump), law).mean == pytest.approx(
        over(wide, law).mean / 2 + over(bump, law).mean, rel=1e-9
    )


@pytest.mark.parametrize("name", ["ExpEscape", "SquarewaveFourierSeries"])
def test_a_derivative_of_ones_own_has_not_the_moments_of_its_base(name):
    base = SURROGATES[name]

    class Own(base):
        traceable = True

        def derivative(self, xp, x):
            return xp.exp(-x * x)

    assert over(Own(), Normal(0.0, 1.0)).mean == pytest.approx(1 / math.sqrt(3), rel=1e-13)
    uniform = math.sqrt(math.pi) / 2 * math.erf(1.0)
    mixed = surrogates.Mixture((Own(), surrogates.Boxcar()), (1.0, 0.0))
    for surrogate in (Own(), surrogates.Scaled(Own()), mixed):
        assert over(surrogate, Uniform(-1.0, 1.0)).mean == pytest.approx(uniform, rel=1e-13)
