"""The conditions on a recurrent layer, as the authors' program has them."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

import kinds
from surrogates import Sigmoid, fitted, gain, stable_gain, stable_peak

W = np.random.default_rng(0).normal(0.02, 0.1, (50, 50))


def dampening(w, decay, threshold):
    """``optimize_dampening_a`` of https://github.com/LuCeHe/lif_stability, for a first layer."""
    n = w.shape[0]
    return w.min() / (w.max() * ((n - 1) * w.min() - threshold)) * (1 - decay)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.95])
def test_condition_iii(decay):
    assert stable_peak(W, decay=decay) == pytest.approx(dampening(W, decay, 1.0), rel=1e-14)
    wide = stable_peak(W, decay=decay, threshold=0.3)
    assert wide == pytest.approx(dampening(W, decay, 0.3), rel=1e-14)
    for reset in ("to zero", "to zero before input"):
        found = stable_peak(W, decay=decay, reset=reset)
        assert found == pytest.approx(dampening(W, decay, 0.0), rel=1e-14)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.95])
def test_condition_iv(decay):
    square = 49 * (W**2).mean()

    # what equation_IV_sub_reset, _mult_reset1 and _mult_reset2 of that program return is 0
    found = stable_gain(W, decay=decay, threshold=0.7) ** 2
    assert -1 + decay**2 + (square + 0.7**2) * found == pytest.approx(0, abs=1e-13)
    found = stable_gain(W, decay=decay, reset="to zero") ** 2
    assert -2 + decay**2 + square * found == pytest.approx(0, abs=1e-13)
    found = stable_gain(W, decay=decay, reset="to zero before input") ** 2
    assert -1 + decay**2 / 2 + square * found == pytest.approx(0, abs=1e-13)


class Gradients:
    """Gradients on their way back through a recurrent layer, whose neurons are independent."""

    n, steps = 400, 200

    def __init__(self, decay, reset, detached, rate, threshold=0.7):
        self.decay, self.reset, self.threshold = decay, reset, 0.0 if detached else threshold
        self.random = np.random.default_rng(0)
        self.weights = self.drawn()
        self.mean = statistics.NormalDist().inv_cdf(rate)  # a share of `rate` is above 0
        to = stable_gain(
            self.weights,
            decay=decay,
            threshold=threshold,
            reset=reset,
            detached=detached,
            rate=rate,
        )
        self.surrogate = fitted(Sigmoid(), mean=self.mean, std=1.0, to=to)

    def drawn(self):
        weights = self.random.normal(0.0, 1.0 / math.sqrt(self.n), (self.n, self.n))
        np.fill_diagonal(weights, 0.0)
        return weights

    def earlier(self, gradient, weights):
        """Return the gradient one step earlier, by the chain rule, at other potentials."""
        x = self.random.normal(self.mean, 1.0, self.n)
        derivative, silent = self.surrogate.surrogate_grad(x), 1.0 * (x < 0)
        if self.reset == "subtract":
            through_spikes = weights.T @ gradient - self.threshold * gradient
            return self.decay * gradient + derivative * through_spikes
        through_spikes = weights.T @ (gradient * (silent if self.reset == "to zero" else 1.0))
        return self.decay * silent * gradient + derivative * through_spikes

    def factor(self, is_fixed=False):
        """Return by how much the variance changes in each step."""
        gradient, total = self.random.normal(size=self.n), 0.0
        for _ in range(self.steps):
            gradient = self.earlier(gradient, self.weights if is_fixed else self.drawn())
            size = np.linalg.norm(gradient)
            total += math.log(size)
            gradient /= size
        return math.exp(2 * (total - math.log(math.sqrt(self.n))) / self.steps)


@pytest.mark.long
@pytest.mark.parametrize("decay", [0.5, 0.9])
@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("reset", ["subtract", "to zero", "to zero before input"])
def test_at_the_stable_gain_the_variance_of_simulated_gradients_is_kept(reset, rate, decay):
    simulated = Gradients(decay, reset, detached=True, rate=rate)
    assert simulated.factor() == pytest.approx(1.0, abs=0.03)


@pytest.mark.long
@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_a_gradient_through_the_reset_changes_the_variance_as_the_docstring_says(decay):
    simulated = Gradients(decay, "subtract", detached=False, rate=0.5)
    mean = gain(simulated.surrogate, mean=simulated.mean, std=1.0).mean
    lower = 2 * decay * simulated.threshold * mean
    assert lower > 0.2
    assert simulated.factor() == pytest.approx(1.0 - lower, abs=0.03)


@pytest.mark.long
def test_through_the_same_weights_gradients_grow_as_the_docstring_says():
    simulated = Gradients(0.9, "subtract", detached=True, rate=0.5)
    mean = gain(simulated.surrogate, mean=simulated.mean, std=1.0).mean
    square = (simulated.n - 1) * (simulated.weights**2).mean()
    grown = (0.9 + mean * math.sqrt(square)) ** 2
    assert grown > 1.2
    assert simulated.factor(is_fixed=True) == pytest.approx(grown, rel=0.05)


@pytest.mark.parametrize("reset", ["subtract", "to zero before input"])
def test_at_the_stable_peak_the_largest_gradient_does_not_grow(reset):
    random = np.random.default_rng(0)
    weights = random.choice([-0.1, 0.1], (30, 30))
    threshold = 0.7 if reset == "subtract" else 0.0
    peak = stable_peak(weights, decay=0.8, threshold=0.7, reset=reset)

    def earlier(gradient, weights):
        others = weights.T @ gradient - np.diag(weights) * gradient
        return 0.8 * gradient + peak * (others - threshold * gradient)

    for _ in range(100):
        assert np.abs(earlier(random.choice([-1.0, 1.0], 30), weights)).max() <= 1.0 + 1e-12
    worst = np.abs(earlier(np.ones(30), np.abs(weights))).max()
    if reset == "subtract":  # what the threshold takes away is counted as if it were added
        assert worst == pytest.approx(1.0 - 2 * peak * threshold)
    else:
        assert worst == pytest.approx(1.0)


@pytest.mark.parametrize("kind", kinds.parameters(kinds.PRECISE))
def test_weights_of_every_library(kind):
    kinds.required(kind)
    weights = kind.array(W.astype(np.float32))
    for condition in (stable_gain, stable_peak):
        expected = condition(W.astype(np.float32), decay=0.5)
        assert condition(weights, decay=0.5) == pytest.approx(expected, rel=1e-5)


def test_weights_that_are_learned():
    torch = pytest.importorskip("torch")
    for dtype in (torch.float64, torch.bfloat16):
        weights = torch.nn.Parameter(torch.tensor(W).to(dtype))
        found = stable_gain(weights, decay=torch.tensor(0.5))
        assert found == pytest.approx(stable_gain(W, decay=0.5), rel=1e-2)
        assert isinstance(found, float)


ODD = ["0.5", None, True, 0.5j, [0.5], np.asarray([0.5]), np.asarray("0.5"), {}, math.nan]


@pytest.mark.parametrize("condition", [stable_peak, stable_gain])
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_what_is_no_number_is_refused(condition, odd):
    name = condition.__name__
    with pytest.raises(
        ValueError, match=f"^{name}: decay must be a number from 0 to 1, got decay="
    ):
        condition(W, decay=odd)
    with pytest.raises(ValueError, match=f"^{name}: threshold must be a positive number, got thre"):
        condition(W, decay=0.5, threshold=odd)
    with pytest.raises(ValueError, match=f"^{name}: reset must be one of .*, got reset="):
        condition(W, decay=0.5, reset=odd)
    if odd is not True:
        with pytest.raises((TypeError, ValueError), match=f"^{name}: weights must be "):
            condition(odd, decay=0.5)
    if condition is stable_gain:
        with pytest.raises(ValueError, match=r"^stable_gain: rate must be a number from 0 to bel"):
            stable_gain(W, decay=0.5, rate=odd)


@pytest.mark.parametrize("dtype", [complex, bool, str, object, "M8[s]"])
def test_weights_that_are_no_real_numbers_are_refused(dtype):
    weights = np.ones((3, 3)).astype(dtype)
    with pytest.raises(
        TypeError, match=r"weights must be an array of a real.*got an array of dtyp"
    ):
        stable_gain(weights, decay=0.5)
    with pytest.raises(
        TypeError, match=r"weights must be an array of a real.*got \[\[1, 2\], \[3\]\]"
    ):
        stable_gain([[1, 2], [3]], decay=0.5)


def test_whole_numbers_and_lists_are_weights():
    whole = [[0, 1], [-1, 0]]
    assert stable_gain(whole, decay=0.5) == stable_gain(np.asarray(whole) * 1.0, decay=0.5)


def test_the_ends_of_the_ranges():
    assert stable_gain(W, decay=1.0, reset="to zero") > 0
    none = stable_gain(W, decay=0.5, reset="to zero", rate=0.0)
    assert none == stable_gain(W, decay=0.5, detached=True)
    assert stable_gain(W, decay=np.asarray(0.5)) == stable_gain(W, decay=0.5)
    with pytest.raises(ValueError, match=r"rate must be a number from 0 to below 1, got rate=1\.0"):
        stable_gain(W, decay=0.5, rate=1.0)
    with pytest.raises(ValueError, match=r"got decay=.*; one number for the whole layer"):
        stable_gain(W, decay=np.ones(2))
    with pytest.raises(ValueError, match=r"^stable_peak: no positive .*would be -?0\.0"):
        stable_peak(W, decay=1.0)
    with pytest.raises(ValueError, match=r"^stable_peak: no positive .*would be inf"):
        stable_peak(np.full((3, 3), 1e-320), decay=0.5, reset="to zero")


def test_detached_is_true_or_false():
    with pytest.raises(TypeError, match="detached must be True or False, got detached='no'"):
        stable_gain(W, decay=0.5, detached="no")


@pytest.mark.parametrize("condition", [stable_peak, stable_gain])
@pytest.mark.parametrize(
    ("weights", "arguments", "message"),
    [
        (np.ones((2, 3)), {"decay": 0.5}, r"of shape \(n, n\).*got shape \(2, 3\)"),
        (np.full((2, 2), math.nan), {"decay": 0.5}, "weights must be finite"),
        (W, {"decay": 1.5}, "decay must be a number from 0 to 1, got decay=1.5"),
        (
            W,
            {"decay": 0.5, "threshold": 0.0},
            "threshold must be a positive number, got threshold=0.0",
        ),
        (W, {"decay": 0.5, "reset": "none"}, "reset must be one of .*got reset='none'"),
        (0 * W, {"decay": 0.5, "reset": "to zero"}, "no positive value fulfils the condition"),
    ],
)
def test_bad_input_is_refused(condition, weights, arguments, message):
    with pytest.raises(ValueError, match=message):
        condition(weights, **arguments)


def test_weights_that_excite_alone_may_have_no_stable_peak():
    with pytest.raises(ValueError, match="stable_peak: no positive value"):
        stable_peak(np.full((3, 3), 0.1), decay=0.5)
