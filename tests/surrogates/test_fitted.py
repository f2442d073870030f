"""A surrogate at the scale that membrane potentials ask for, and the laws of the literature."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest

import kinds
import surrogates
from kinds import Kind, every_surrogate, required
from surrogates import Boxcar, Scaled, Sigmoid, fitted, gain, matched
from surrogates._quadrature import Normal, Uniform
from surrogates.definitions import SURROGATES

X = np.random.default_rng(0).normal(-0.7, 1.3, (40, 3))
NORMAL = {"mean": -1.0, "std": 1.0}
UNIFORM = {"low": -2.0, "high": 1.0}
GAUSSIAN = surrogates.GaussianGrad(sigma=1.0, alpha=1.0)


@pytest.mark.parametrize("potentials", [{"x": X}, NORMAL, UNIFORM], ids=["x", "normal", "uniform"])
@every_surrogate
def test_by_gain_a_layer_keeps_the_size_of_gradients(cls, potentials):
    if cls.__name__ == "ExpEscape" and potentials is NORMAL:
        with pytest.raises(ValueError, match=r"ExpEscape.* has a gain of .*no height"):
            fitted(cls(delta_u=0.01), **potentials)
        return
    for to in (1.0, 0.3):
        found = fitted(cls(), **potentials, to=to)
        assert gain(found, **potentials).rms == pytest.approx(to, rel=1e-12)
        assert found.rate == 1.0


@pytest.mark.parametrize(
    ("vary", "potentials"),
    [("width", {"x": X[:, 0]}), ("width", NORMAL), ("sharpness", NORMAL)],
    ids=["x-width", "normal-width", "normal-sharpness"],
)
def test_by_gain_the_width_is_searched(vary, potentials):
    for surrogate in (Sigmoid(), GAUSSIAN, surrogates.ReluGrad(1.0, 2.0)):
        to = 0.5 * surrogate.peak
        if vary == "sharpness":
            to = 0.2
        found = fitted(surrogate, **potentials, to=to, vary=vary)
        assert gain(found, **potentials).rms == pytest.approx(to, rel=1e-9)
        kept = "peak" if vary == "width" else "area"
        assert getattr(found, kept) == pytest.approx(getattr(surrogate, kept))


def test_a_gain_that_no_width_reaches_is_refused():
    message = r"no width of Sigmoid\(alpha=4.0\) has a gain of 1.5: .* from .* to 1; take another"
    with pytest.raises(ValueError, match=message):
        fitted(Sigmoid(), **NORMAL, to=1.5, vary="width")
    with pytest.raises(ValueError, match="no width"):  # it is the limit of ever wider ones
        fitted(Sigmoid(), **NORMAL, to=1.0, vary="width")
    with pytest.raises(ValueError, match="no width"):  # two neurons: half, or all
        fitted(Boxcar(), np.asarray([-1.0, 3.0]), to=0.9, vary="width")


def test_a_gain_that_two_widths_reach_names_both():
    far = {"mean": -5.0, "std": 0.5}
    message = r"2 widths of .* have a gain of 0.03: rate=(.*) and rate=(.*); choose one by Scaled"
    with pytest.raises(ValueError, match=message) as caught:
        fitted(GAUSSIAN, **far, to=0.03, vary="sharpness")
    words = str(caught.value).split("rate=")
    for rate in (float(words[1].split(" ")[0]), float(words[2].split(";")[0])):
        found = gain(Scaled(GAUSSIAN, rate, rate), **far).rms
        assert found == pytest.approx(0.03, rel=1e-4)


def test_two_widths_on_both_sides_of_the_largest_gain_are_found_however_near():
    far = {"mean": -5.0, "std": 0.5}
    rates = np.exp2(np.linspace(-4, 2, 400)).tolist()
    for surrogate in (GAUSSIAN, Boxcar()):
        most = max(gain(Scaled(surrogate, rate, rate), **far).rms for rate in rates)
        with pytest.raises(ValueError, match=r"2 widths of .* have a gain"):
            fitted(surrogate, **far, to=0.999 * most, vary="sharpness")


@pytest.mark.long
@pytest.mark.parametrize("potentials", [NORMAL, UNIFORM], ids=["normal", "uniform"])
@pytest.mark.parametrize("name", ["MultiSpikeSuper", "PeriodicExponential"])
def test_the_width_of_a_periodic_derivative_is_searched_as_far_as_it_is_integrated(
    name, potentials, monkeypatch
):
    evaluated = []
    plain = surrogates.Surrogate.exact_grad

    def counting(surrogate, x):
        evaluated.append(math.prod(x.shape))  # also of what records conditions
        return plain(surrogate, x)

    monkeypatch.setattr(surrogates.Surrogate, "exact_grad", counting)
    surrogate = SURROGATES[name]()
    found = fitted(surrogate, **potentials, to=0.5, vary="sharpness")
    assert gain(found, **potentials).rms == pytest.approx(0.5, rel=1e-12)
    assert sum(evaluated) < 4e7  # two seconds
    with pytest.raises(
        ValueError, match=r"no width .* has a gain of 3\.0: .* searched up to rate="
    ):
        fitted(surrogate, **potentials, to=3.0, vary="width")


def test_a_derivative_that_is_integrated_at_no_width_is_named():
    nowhere = surrogates.Custom(lambda x: x / np.zeros_like(x))
    message = r"^fitted: no width can be searched; Custom\(.*is NaN or infinite within Normal"
    with pytest.raises(ArithmeticError, match=message):
        fitted(nowhere, **NORMAL, vary="width")


@pytest.mark.parametrize("vary", ["width", "sharpness"])
@pytest.mark.parametrize("by", ["spread", "distance"])
def test_the_width_follows_the_potentials(by, vary):
    def size(x, axis=None):
        return x.std(axis) if by == "spread" else np.abs(x).mean(axis)

    for surrogate in (Sigmoid(), Boxcar(2.0, 3.0)):
        one = fitted(surrogate, X, by=by, to=1.5, vary=vary)
        assert one.width == pytest.approx(1.5 * size(X))
        each = fitted(surrogate, X, axis=0, by=by, to=1.5, vary=vary)
        assert each.width.shape == (1, 3)
        np.testing.assert_allclose(each.width[0], 1.5 * size(X, 0))
        kept = "area" if vary == "sharpness" else "peak"
        assert getattr(one, kept) == pytest.approx(getattr(surrogate, kept))


@pytest.mark.parametrize(
    "law", [Normal(-1.0, 1.0), Normal(0.3, 2.0), Uniform(-2, 1), Uniform(1, 3)]
)
def test_spread_and_distance_of_a_distribution(law):
    n = 400_000
    q = (np.arange(n) + 0.5) / n
    if isinstance(law, Normal):
        z = np.linspace(-12, 12, n)
        weights = np.exp(-z * z / 2)
        x, weights = law.mean + law.std * z, weights / weights.sum()
    else:
        x, weights = law.low + (law.high - law.low) * q, 1 / n
    mean = (weights * x).sum()
    assert law.spread() == pytest.approx(math.sqrt((weights * (x - mean) ** 2).sum()), rel=1e-9)
    assert law.distance() == pytest.approx((weights * np.abs(x)).sum(), rel=1e-9)
    for by, size in (("spread", law.spread()), ("distance", law.distance())):
        assert fitted(Sigmoid(), **law._asdict(), by=by, to=2.0).width == pytest.approx(2 * size)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("surrogate", [Boxcar(), Scaled(surrogates.ReluGrad(), shift=0.3)], ids=str)
def test_by_share_so_many_neurons_have_a_gradient(surrogate, share):
    for potentials in (NORMAL, UNIFORM):
        found = fitted(surrogate, **potentials, by="share", to=share)
        assert gain(found, **potentials).share == pytest.approx(share, rel=1e-12)
        assert found.peak == surrogate.peak
    found = fitted(surrogate, X, by="share", to=share)
    assert gain(found, X).share == math.ceil(share * X.size) / X.size
    each = fitted(surrogate, X, axis=0, by="share", to=share)
    np.testing.assert_allclose(gain(each, X, axis=0).share, math.ceil(share * 40) / 40)


def test_by_share_of_all_there_is():
    for surrogate in (Boxcar(), surrogates.ReluGrad()):
        assert gain(fitted(surrogate, X, by="share"), X).share == 1.0
        assert gain(fitted(surrogate, **UNIFORM, by="share"), **UNIFORM).share == 1.0
        assert gain(fitted(surrogate, **NORMAL, by="share"), **NORMAL).share == 1.0


@pytest.mark.long("jax")
@pytest.mark.parametrize(
    ("by", "axis"), [("gain", 1), ("spread", None), ("distance", -1), ("share", (0, 2))]
)
@pytest.mark.parametrize("kind", kinds.parameters(kinds.PRECISE))
def test_of_arrays_of_every_library(kind, by, axis):
    required(kind)
    if kind is Kind.DASK and by == "share":
        pytest.skip("Dask does not sort")
    x = np.random.default_rng(1).normal(-0.5, 1.0, (4, 3, 5)).astype(np.float32)
    expected = fitted(Boxcar(3.0), x, axis=axis, by=by, to=0.5)
    found = fitted(Boxcar(3.0), kind.array(x), axis=axis, by=by, to=0.5)
    for name in ("amplitude", "rate"):
        value, exact = getattr(found, name), np.asarray(getattr(expected, name))
        if not isinstance(value, float):
            value = kind.numpy(value)
            assert value.shape == exact.shape
        np.testing.assert_allclose(value, exact, rtol=2e-6)
    derivative = found.surrogate_grad(kind.array(x))
    np.testing.assert_allclose(kind.numpy(derivative), expected.surrogate_grad(x), rtol=2e-6)


@pytest.mark.parametrize("by", ["gain", "spread", "share"])
def test_statistics_are_constants_in_pytorch(by):
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(X.copy()).requires_grad_()
    found = fitted(surrogates.ReluGrad(), x, by=by, to=0.5)
    for value in (found.amplitude, found.rate):
        assert isinstance(value, float) or not value.requires_grad
    fair = matched(surrogates.ReluGrad(), Sigmoid(), "gain", x)
    assert not fair.amplitude.requires_grad


@pytest.mark.parametrize("by", ["gain", "spread", "share"])
def test_in_jax_it_is_traced_and_its_statistics_are_constants(by):
    jax = pytest.importorskip("jax")
    x = jax.numpy.asarray(X, dtype="float32")

    def loss(x):
        return (fitted(surrogates.ReluGrad(), x, by=by, to=0.5)(x) * x).sum()

    def plain(x):
        return (frozen(x) * x).sum()

    frozen = fitted(surrogates.ReluGrad(), x, by=by, to=0.5)
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(x), jax.grad(plain)(x), rtol=1e-5)


def test_pdsg_is_reproduced():
    """The surrogate of https://github.com/ryime/PDSG-SDA, as its utils/attack.py has it."""
    x = np.linspace(-2, 2, 101)
    sigma = X.std(ddof=1)
    published = np.exp(-(((x - 0.5 * sigma) / (np.sqrt(2) * sigma)) ** 2))
    published /= np.sqrt(2 * np.pi) * sigma
    shape = Scaled(GAUSSIAN, shift=0.5)
    to = 2 * math.sqrt(2 * math.log(2))
    found = fitted(shape, mean=0.0, std=sigma, by="spread", to=to, vary="sharpness")
    np.testing.assert_allclose(found.surrogate_grad(x), published, rtol=1e-12)


@pytest.mark.parametrize("first_step", [True, False])
def test_mpd_agl_is_reproduced(first_step):
    """The surrogate of https://github.com/jqjiang1999/MPD-AGL, as its surrogate.py has it."""
    x = np.linspace(-2, 2, 1001)
    gamma, threshold, tau = 0.8, 0.5, 0.2
    width = 2.0 * gamma * threshold * (1.0 if first_step else math.sqrt(1.0 + tau**2))
    published = 1.0 / width * (np.abs(x) < width / 2.0)
    std = gamma * threshold * (1.0 if first_step else math.sqrt(1.0 + tau**2))
    box = Boxcar(closed="neither")
    found = fitted(box, mean=0.0, std=std, by="spread", to=2.0, vary="sharpness")
    np.testing.assert_allclose(found.surrogate_grad(x), published, rtol=1e-12)


def test_assg_is_reproduced():
    """Of arXiv:2512.22522: the arctangent whose alpha is ``omega / E[abs(u)]``."""
    x = np.linspace(-2, 2, 101)
    omega = 2 * math.tan(0.4 * math.pi) / math.pi
    alpha = omega / np.abs(X).mean()
    published = alpha / 2 / (1 + (alpha * math.pi / 2 * x) ** 2)
    to = 4 / (math.pi * omega)
    found = fitted(surrogates.Arctan(), X, by="distance", to=to, vary="sharpness")
    np.testing.assert_allclose(found.surrogate_grad(x), published, rtol=1e-12)


@pytest.mark.parametrize("potentials", [{"x": X}, NORMAL, UNIFORM], ids=["x", "normal", "uniform"])
def test_matched_by_gain(potentials):
    one, other = Sigmoid(), Boxcar(0.5)
    found = matched(one, other, "gain", **potentials)
    expected = gain(other, **potentials).rms
    assert gain(found, **potentials).rms == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match=r"has a gain of 0\.0 over these potentials"):
        matched(Boxcar(), other, "gain", low=3.0, high=4.0)
    with pytest.raises(TypeError, match="matched: give one of a sample x"):
        matched(one, other, "gain")
    name = next(iter(potentials))
    with pytest.raises(TypeError, match=f"matched: {name} is for by=\"gain\", got by='peak'"):
        matched(one, other, "peak", **potentials)


@pytest.mark.parametrize(
    ("surrogate", "arguments", "message"),
    [
        (Sigmoid(), {**NORMAL, "by": "rms"}, 'by must be one of "gain", "spread".*got by=\'rms\''),
        (Sigmoid(), {**NORMAL, "vary": "peak"}, 'for by="gain", vary must be "height" or "width"'),
        (Sigmoid(), {**NORMAL, "by": "spread", "vary": "height"}, 'must be "width" or "sharpness"'),
        (Sigmoid(), {**NORMAL, "to": 0.0}, "to must be a positive number, got to=0.0"),
        (Boxcar(), {**NORMAL, "by": "share", "to": 1.5}, "a share from 1e-15 to 1, got to=1.5"),
        (Sigmoid(), {**NORMAL, "by": "share"}, r"support \(-inf, inf\); a share"),
        (Scaled(Boxcar(), shift=2.0), {**NORMAL, "by": "share"}, "contains the threshold"),
        (Scaled(Boxcar(), shift=-0.5), {**NORMAL, "by": "share"}, "contains the threshold"),
        (surrogates.Ternary(Boxcar()), {**NORMAL, "by": "share"}, "has two thresholds"),
        (surrogates.StraightThrough(), {**NORMAL, "by": "spread"}, "has width inf, which cannot"),
        (Boxcar(), {"low": 3.0, "high": 4.0}, "has a gain of 0.0, which no height"),
        (Boxcar(), {"x": X + 99}, "no neuron of the sample has a gradient by Boxcar"),
        (Boxcar(), {"x": np.ones(4), "by": "spread"}, "a sample without spread has no width"),
        (Boxcar(), {"x": np.zeros(4), "by": "share"}, "all potentials of the sample are at the"),
        (Boxcar(), {"x": np.zeros(4), "vary": "width"}, "all potentials of the sample are at the"),
        (Boxcar(), {"x": np.ones((0,)), "by": "spread"}, "the sample x is empty"),
    ],
)
def test_what_cannot_be_fitted_is_refused(surrogate, arguments, message):
    with pytest.raises(ValueError, match=message):
        fitted(surrogate, **arguments)


@pytest.mark.parametrize("odd", [["gain"], np.asarray("gain"), 1, 1j, True, {}], ids=repr)
def test_what_is_no_name_is_refused(odd):
    with pytest.raises(ValueError, match=r"^fitted: by must be one of .*, got by="):
        fitted(Sigmoid(), X, by=odd)
    with pytest.raises(ValueError, match=r'^fitted: for by="gain", vary must be .*, got vary='):
        fitted(Sigmoid(), X, vary=odd)
    if odd != 1:
        with pytest.raises(
            ValueError, match=r'^fitted: for by="gain", to must be a positive number'
        ):
            fitted(Sigmoid(), X, to=odd)


NOTHING = {
    "gain": (Boxcar(), [7.0, 8.0], "no neuron of the sample has a gradient"),
    "spread": (Sigmoid(), [1.0, 1.0], "a sample without spread has no width"),
    "distance": (Sigmoid(), [0.0, 0.0], "a sample without spread has no width"),
    "share": (Boxcar(), [0.0, 0.0], "all potentials of the sample are at the threshold"),
}
KNOWN = [Kind.NUMPY, Kind.TORCH, Kind.JAX]


@pytest.mark.long("jax")
@pytest.mark.parametrize("kind", KNOWN)
@pytest.mark.parametrize("by", NOTHING)
def test_a_sample_without_spread_is_an_error_where_its_values_are_known(kind, by):
    required(kind)
    shape, values, message = NOTHING[by]
    with pytest.raises(ValueError, match=f"^fitted: {message}"):
        fitted(shape, kind.array(np.float32(values)), by=by)
    channels = kind.array(np.float32([values, [0.1, -0.2]]))
    with pytest.raises(ValueError, match=f"^fitted: {message}"):
        fitted(shape, channels, by=by, axis=1)
    with pytest.raises(ValueError, match=r"^fitted: the sample x has NaN or infinite values"):
        fitted(shape, kind.array(np.float32([np.nan, 0.1])), by=by)


@pytest.mark.parametrize("by", NOTHING)
def test_a_sample_without_spread_gives_nan_where_values_are_traced(by):
    shape, values, _ = NOTHING[by]
    for name, kind in (("torch.func", Kind.TORCH), ("jax", Kind.JAX), ("dask.array", Kind.DASK)):
        try:
            library = importlib.import_module(name)
        except ImportError:
            continue
        x = kind.array(np.float32([values]))

        def gradient(x):
            return fitted(shape, x, by=by).surrogate_grad(x)

        found = library.vmap(gradient)(x) if kind is not Kind.DASK else gradient(x)
        assert np.isnan(kind.numpy(found)).all(), kind


def test_a_sample_of_jax_is_checked_under_eager_differentiation():
    jax = pytest.importorskip("jax")

    def loss(x):
        return fitted(Sigmoid(), x, by="spread")(x).sum()

    with pytest.raises(ValueError, match="a sample without spread"):
        jax.grad(loss)(jax.numpy.ones(3))
    assert jax.numpy.isnan(jax.jit(jax.grad(loss))(jax.numpy.ones(3))).all()


def test_a_sample_of_pytorch_is_traced_when_compiled():
    torch = pytest.importorskip("torch")

    def gradient(x):
        return fitted(Sigmoid(), x, by="spread").surrogate_grad(x)

    for function in (gradient, torch.compile(gradient, backend="eager", fullgraph=True)):
        x = torch.asarray([0.1, -0.2, 0.4])
        torch.testing.assert_close(function(x), gradient(x))
    assert torch.isnan(function(torch.ones(3))).all()


def test_a_search_has_no_axis():
    with pytest.raises(TypeError, match="leave out axis=0"):
        fitted(Sigmoid(), X, axis=0, vary="width")


def test_a_support_with_a_gap_has_no_share_to_fit():
    boxes = [surrogates.Scaled(surrogates.Boxcar(), shift=shift) for shift in (-3.0, 3.0)]
    mixture = surrogates.Mixture(boxes, (0.5, 0.5))
    for potentials in ({"low": -4.0, "high": 4.0}, {"x": np.linspace(-4.0, 4.0, 9)}):
        with pytest.raises(ValueError, match="zero in a part of its support"):
            surrogates.fitted(mixture, by="share", to=0.5, **potentials)


@pytest.mark.parametrize("by", ["gain", "spread", "distance", "share"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_sample_that_is_not_finite_is_refused(by, bad):
    to = 0.5 if by == "share" else 1.0
    with pytest.raises(ValueError, match="x has NaN or infinite values"):
        surrogates.fitted(surrogates.Boxcar(), np.asarray([bad, 1.0, 0.1]), by=by, to=to)
