"""Schedules, and surrogates whose parameters follow them."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import surrogates as sg
from kinds import Kind, parameters, required
from surrogates.schedules import cosine, geometric, linear, steps

SMOOTH = [linear, cosine, geometric]
NUMBERS = st.floats(1e-3, 1e3)
every_smooth = pytest.mark.parametrize("schedule", SMOOTH, ids=lambda f: f.__name__)


@every_smooth
@given(start=NUMBERS, end=NUMBERS, progress=st.floats(0, 1))
def test_a_schedule_begins_and_ends_as_stated_and_stays_between(schedule, start, end, progress):
    value = schedule(start, end)
    assert [value(p) for p in (0, -3.0, 1, math.inf)] == [start, start, end, end]
    low, high = sorted((start, end))
    assert low * (1 - 1e-15) <= value(progress) <= high * (1 + 1e-15)


def test_a_schedule_goes_by_its_formula():
    assert linear(2.0, 10.0)(0.25) == 4.0
    assert cosine(2.0, 10.0)(1 / 3) == pytest.approx(4.0)
    assert geometric(2.0, 32.0)(0.25) == pytest.approx(4.0)
    np.testing.assert_allclose(geometric(np.asarray([1.0, 4.0]), 16.0)(0.5), [4.0, 8.0])
    jumping = steps([1.0, 2.0, 8.0], at=[0.5, 0.75])
    assert [jumping(p) for p in (0, 0.49, 0.5, 0.75, 1)] == [1.0, 1.0, 2.0, 8.0, 8.0]


@pytest.mark.parametrize("kind", parameters([Kind.NUMPY, Kind.TORCH, Kind.JAX]))
@pytest.mark.parametrize(
    "schedule", [*(f(2.0, 10.0) for f in SMOOTH), steps([2.0, 5.0, 7.0], at=[0.25, 0.5])]
)
def test_a_progress_may_be_an_array(schedule, kind):
    required(kind)
    progress = np.asarray([-1.0, 0.0, 0.25, 0.3, 0.5, 1.0, 2.0])
    values = kind.numpy(schedule(kind.array(progress)))
    np.testing.assert_allclose(values, [schedule(float(p)) for p in progress], rtol=1e-14)


@pytest.mark.parametrize("name", ["alpha", "surrogate.alpha"])
def test_a_parameter_at_any_depth_follows_its_schedule(name):
    wrapped = sg.MultiSpike(sg.Scaled(sg.Sigmoid(), 2.0))
    annealed = sg.anneal(
        wrapped.surrogate if name == "surrogate.alpha" else wrapped, **{name: geometric(1.0, 16.0)}
    )
    inside = annealed(0.5)
    while not isinstance(inside, sg.Sigmoid):
        inside = inside.surrogate
    assert inside.alpha == pytest.approx(4.0)


def test_one_of_several_parts_follows_its_schedule():
    mixture = sg.Mixture((sg.Sigmoid(1.0), sg.Sigmoid(2.0)), (0.5, 0.5))
    annealed = sg.anneal(mixture, **{"surrogates.1.alpha": linear(2.0, 4.0)})
    assert annealed(1.0) == sg.Mixture((sg.Sigmoid(1.0), sg.Sigmoid(4.0)), (0.5, 0.5))


def test_several_parameters_and_any_function():
    annealed = sg.anneal(sg.ReluGrad(), alpha=linear(0.1, 0.5), width=lambda p: 2 - p)
    assert annealed(1.0) == sg.ReluGrad(0.5, 1.0)
    assert annealed(0.0) == sg.ReluGrad(0.1, 2.0)
    assert annealed(0.0) == annealed(0.0)  # no state
    assert repr(annealed) == "anneal(ReluGrad(alpha=0.3, width=1.0), alpha, width)"


def test_what_is_annealed_is_stored_and_read_again():
    annealed = sg.anneal(sg.Sigmoid(), alpha=cosine(1.0, 9.0))
    assert pickle.loads(pickle.dumps(annealed))(0.3) == annealed(0.3)


def test_a_value_out_of_range_is_refused_by_the_surrogate():
    with pytest.raises(ValueError, match=r"Sigmoid: alpha must be a positive .* got alpha=-2.0"):
        sg.anneal(sg.Sigmoid(), alpha=lambda p: 1 - 3 * p)(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sg.anneal(sg.Sigmoid(), beta=linear(1, 2)), "no real-valued parameter 'beta'.*al"),
        (
            lambda: sg.anneal(sg.Spliced(sg.Sigmoid(), sg.Sigmoid()), alpha=linear(1, 2)),
            r"^anneal: Spliced.* 2 parameters 'alpha'; .*'below.alpha'.*: below.alpha, above.alpha",
        ),
        (lambda: sg.anneal(sg.StraightThrough(), beta=linear(1, 2)), "it has none"),
        (lambda: sg.anneal(sg.Sigmoid(), alpha=2.0), r"alpha must be a function .* alpha=2\.0"),
        (lambda: sg.anneal(sg.Sigmoid, alpha=linear(1, 2)), "surrogate"),
        (
            lambda: sg.anneal(sg.Sigmoid(), alpha=linear(1, 2))(math.nan),
            "from 0 to 1, or an array of a real dtype, got nan",
        ),
        (lambda: geometric(0.0, 2.0), r"start must be a positive finite number, got start=0\.0"),
        (lambda: geometric(1.0, -2.0), "end must be a positive"),
        (lambda: linear(math.inf, 1.0), "linear: values must be finite numbers or arrays, got inf"),
        (lambda: cosine("a", 1.0), "cosine: values must be finite numbers or arrays, got 'a'"),
        (lambda: steps([1.0, math.nan], at=[0.5]), "steps: values must be a sequence of finite"),
        (lambda: sg.anneal(sg.Sigmoid()), "anneal: name one or more parameters"),
        (lambda: steps([1.0, 2.0], at=[]), "2 values and 0 places"),
        (lambda: steps([1.0, 2.0, 3.0], at=[0.5, 0.5]), r"increase, from 0 to 1, got at=\[0\.5, 0"),
        (lambda: steps([1.0, 2.0], at=[1.5]), "from 0 to 1"),
        (lambda: steps([1.0, 2.0, 3.0], at=[0.5, 1.5]), "from 0 to 1"),
    ],
)
def test_what_cannot_be_annealed_is_refused(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_jit_compiles_once_for_all_of_the_training(jax):
    annealed = sg.anneal(sg.Scaled(sg.Sigmoid(), 2.0), alpha=geometric(1.0, 16.0))
    x = jax.numpy.linspace(-1.0, 1.0, 9)
    compilations = []

    @jax.jit
    def gradient(progress, x):
        compilations.append(progress)
        return jax.grad(lambda x: annealed(progress)(x).sum())(x)

    for progress in np.linspace(0, 1, 7):
        expected = annealed(float(progress)).surrogate_grad(np.asarray(x))
        np.testing.assert_allclose(gradient(float(progress), x), expected, rtol=1e-6)
    assert len(compilations) == 1


@pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")
def test_torch_compile_compiles_once_for_all_of_the_training(torch):
    annealed = sg.anneal(sg.Scaled(sg.Sigmoid(), 2.0), alpha=geometric(1.0, 16.0))
    x = torch.linspace(-1.0, 1.0, 9, dtype=torch.float64, requires_grad=True)
    compilations = []

    def backend(graph, inputs):
        compilations.append(graph)
        return graph

    @torch.compile(backend=backend, fullgraph=True)
    def spikes(progress, x):
        return annealed(progress)(x).sum()

    for progress in np.linspace(0, 1, 7):
        (gradient,) = torch.autograd.grad(spikes(torch.tensor(progress), x), x)
        expected = annealed(float(progress)).surrogate_grad(x.detach())
        torch.testing.assert_close(gradient, expected)
    assert len(compilations) == 1


ODD = ["0.5", b"1", None, True, 0.5j, [0.5], {}, np.asarray("0.5"), np.asarray(0.5j)]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_what_is_no_number_is_refused(odd):
    for schedule in (linear, cosine, geometric):
        with pytest.raises(
            ValueError, match=rf"^{schedule.__name__}: values must be finite numbers"
        ):
            schedule(odd, 1.0)
        with pytest.raises(
            ValueError, match=r"^anneal: progress must be a number from 0 to 1, or an"
        ):
            schedule(0.5, 1.0)(odd)
    with pytest.raises(ValueError, match=r"^steps: values must be a sequence of finite numbers"):
        steps([1.0, odd], [0.5])
    with pytest.raises(
        ValueError, match=r"^steps: at must be a sequence of finite numbers, got at="
    ):
        steps([1.0, 2.0], [odd])
    with pytest.raises(
        ValueError, match=r"^anneal: progress must be a number from 0 to 1, or an arra"
    ):
        sg.anneal(sg.Sigmoid(), alpha=linear(1.0, 2.0))(odd)


def test_what_is_no_sequence_of_steps_is_refused():
    for odd in (None, 1.0, "12", {"a": 1}, np.asarray(1.0)):
        with pytest.raises(
            ValueError, match=r"^steps: values must be a sequence of finite numbers"
        ):
            steps(odd, [0.5])
        with pytest.raises(ValueError, match=r"^steps: at must be a sequence of finite numbers"):
            steps([1.0, 2.0], odd)
    assert steps(np.asarray([1.0, 2.0]), at=range(1))(0.5) == 2.0


@pytest.mark.parametrize("schedule", [linear(1, -2), cosine(-1.0, 2.0), steps([1, 0, 2], [0.1, 1])])
@pytest.mark.parametrize("surrogate", [sg.Sigmoid(), sg.Scaled(sg.Sigmoid())])
def test_a_schedule_that_leaves_the_range_of_its_parameter(schedule, surrogate):
    with pytest.raises(ValueError, match=r"^anneal: alpha must be a positive .*, got alpha=(-|0)"):
        sg.anneal(surrogate, alpha=schedule)
    sg.anneal(sg.GaussianGrad(), alpha=schedule)  # any finite number will do
