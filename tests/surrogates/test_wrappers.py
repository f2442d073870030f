"""The laws by which wrappers compose, over generated nestings and in every kind of array."""

from __future__ import annotations

import copy
import dataclasses
import math
import pathlib
import pickle
import re
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import surrogates
from kinds import HALVES, WITH_TAPE, Kind, assert_like, in_half, parameters
from surrogates import Compressed, Graded, MultiSpike, Relaxed, Scaled, Smooth, Ternary, Windowed
from surrogates._wrappers.wrapper import Wrapper
from wrappers import DECIDING, EMITTING, SHAPING, WRAPPERS

X = np.asarray([-3.0, -2.5, -2.0, -0.75, -0.1, 0.0, 0.3, 1.0, 2.25])

leaves = st.sampled_from(
    [
        surrogates.Sigmoid(4.0),
        surrogates.Sigmoid(2.0, at_threshold=0.0),
        surrogates.GaussianGrad(0.5, 1.0, at_threshold=0.5),
        surrogates.ReluGrad(0.5, 2.0),
        surrogates.InvSquareGrad(3.0),
        surrogates.Mixture(
            (surrogates.Sigmoid(4.0), Scaled(surrogates.Arctan(2.0), rate=0.5)), (0.75, 0.5)
        ),
        surrogates.Spliced(surrogates.Sigmoid(4.0), surrogates.ReluGrad(0.5, 2.0), at_threshold=0),
    ]
)
numbers = st.sampled_from([0.25, 0.5, 1.5, 2.0])


# By wrapper: what it is drawn with, besides the surrogate inside.
ARGUMENTS = {
    Scaled: (numbers, numbers, st.sampled_from([-0.5, 0.0, 0.25])),
    Windowed: (numbers,),
    MultiSpike: (numbers,),
    Ternary: (numbers,),
    Smooth: (),
    Graded: (numbers, numbers),
    Compressed: (st.sampled_from(["float16", "uint8"]),),
    Relaxed: (),
}
# By wrapper that changes the emission: its spikes at `X`, of itself around the shape that all
# wrappers of the shape make, and of the step with its value at 0.
SPIKES = {
    MultiSpike: lambda w, at_zero: np.clip(np.floor(X / w.threshold) + 1, 0, None),
    Ternary: lambda w, at_zero: (
        np.heaviside(X, at_zero) - np.heaviside(-X - 2 * w.threshold, at_zero)
    ),
    Smooth: lambda w, at_zero: w.surrogate.surrogate_fun(X),
    Graded: lambda w, at_zero: (X + w.threshold) / w.scale * np.heaviside(X, at_zero),
}
# By wrapper that changes the shape: its derivative at `x`, of that of the surrogate inside.
DERIVATIVES = {
    Scaled: lambda w, inside, x: w.amplitude * inside(w.rate * (x - w.shift)),
    Windowed: lambda w, inside, x: np.where(np.abs(x) < w.band, inside(x), 0.0),
}


def wrapped(inside):
    return st.one_of(*(st.builds(cls, inside, *ARGUMENTS[cls]) for cls in WRAPPERS))


@st.composite
def nestings(draw):
    """Draw a surrogate in up to four wrappers, and the wrappers, the innermost first."""
    leaf = draw(leaves)
    surrogate, wrappers = leaf, []
    for _ in range(draw(st.integers(0, 4))):
        try:
            surrogate = draw(wrapped(st.just(surrogate)))
        except (TypeError, ValueError) as error:
            if not re.search("leave|take|choose", str(error)):  # what to do stands there
                raise
            continue
        wrappers.append(surrogate)
    return leaf, wrappers, surrogate


def emitted(leaf, wrappers):
    """Return the spikes at `X` that the one wrapper that emits says, else the leaf."""
    shape = leaf
    for wrapper in wrappers:
        if type(wrapper) in SHAPING:
            shape = dataclasses.replace(wrapper, surrogate=shape)
    for wrapper in wrappers:
        if type(wrapper) in EMITTING:
            around = dataclasses.replace(wrapper, surrogate=shape)
            return SPIKES[type(wrapper)](around, leaf.at_threshold)
    return np.heaviside(X, leaf.at_threshold)


def slope(leaf, wrappers):
    """Return the derivative at `X`, from the leaf's alone."""
    bump, threshold, residual = leaf.surrogate_grad, None, None
    for wrapper in wrappers:
        if type(wrapper) in SHAPING:
            bump = partial(DERIVATIVES[type(wrapper)], wrapper, bump)
        threshold = wrapper.threshold if isinstance(wrapper, Ternary) else threshold
        residual = wrapper.residual if isinstance(wrapper, Compressed) else residual

    x = X.astype(np.float16).astype(np.float64) if residual == "float16" else X
    total = bump(x) if threshold is None else bump(x) + bump(-x - 2 * threshold)
    if residual == "uint8":
        step = wrappers[-1].peak * (1 if threshold is None else 2) / 254
        return np.round(total / step) * step, step
    return total, 0.0


@given(nestings())
def test_spikes_and_derivative_of_a_nesting(kind, nesting):
    leaf, wrappers, surrogate = nesting
    assume(not (kind is Kind.STRICT and surrogate.residual_dtype == "float16"))  # it has none
    x = kind.array(X)
    spikes = surrogate(x)
    assert_like(spikes, x, kind)
    # a primitive, and a quotient, are rounded by each library in its own way
    is_rounded = any(isinstance(wrapper, (Smooth, Graded)) for wrapper in wrappers)
    rtol, atol = (1e-13, 1e-15) if is_rounded else (0, 0)
    expected = emitted(leaf, wrappers)
    np.testing.assert_allclose(kind.numpy(spikes), expected, rtol=rtol, atol=atol)
    derivative, step = slope(leaf, wrappers)
    for actual in (
        surrogate.surrogate_grad(x),
        surrogates.vjp(surrogate, x)[1](kind.array(np.ones(X.shape))),
        surrogates.jvp(surrogate, x, kind.array(np.ones(X.shape)))[1],
    ):
        assert_like(actual, x, kind)
        # a level of an 8-bit residual may be rounded to either side
        np.testing.assert_allclose(
            kind.numpy(actual), derivative, rtol=1e-12, atol=1.01 * step + 1e-15
        )


@pytest.mark.parametrize("taped", parameters(WITH_TAPE))
@given(nestings())
def test_gradient_of_a_nesting(taped, nesting):
    if taped.missing():
        pytest.skip(taped.missing())
    leaf, wrappers, surrogate = nesting
    derivative, step = slope(leaf, wrappers)
    gradient = taped.gradient(surrogate, taped.array(X))
    np.testing.assert_allclose(
        taped.numpy(gradient), derivative, rtol=1e-12, atol=1.01 * step + 1e-15
    )


@given(nestings())
def test_a_nesting_survives_the_round_trips(nesting):
    _, _, surrogate = nesting
    scope = vars(surrogates)
    for other in (
        pickle.loads(pickle.dumps(surrogate)),
        copy.deepcopy(surrogate),
        eval(repr(surrogate), scope),
        surrogate.combine(surrogate.partition()[1]),
    ):
        assert other == surrogate
        assert hash(other) == hash(surrogate)


@given(nestings())
def test_a_nesting_is_a_pytree(nesting):
    jax = pytest.importorskip("jax")
    _, _, surrogate = nesting
    leaves, structure = jax.tree_util.tree_flatten(surrogate)
    assert jax.tree_util.tree_unflatten(structure, leaves) == surrogate


@given(nestings())
def test_measures_of_a_nesting_are_those_of_its_bump(nesting):
    leaf, wrappers, surrogate = nesting
    assume(not any(isinstance(w, Windowed) for w in wrappers))
    scales = [w for w in wrappers if isinstance(w, Scaled)]
    amplitude = math.prod(w.amplitude for w in scales)
    rate = math.prod(w.rate for w in scales)
    assert math.isclose(surrogate.peak, amplitude * leaf.peak)
    assert math.isclose(surrogate.area, amplitude / rate * leaf.area)
    assert math.isclose(surrogate.width, leaf.width / rate)


CLAIMS = [(a, b, a._aspect) for a in DECIDING for b in DECIDING if a._aspect == b._aspect]


@pytest.mark.parametrize(("outer", "inner", "aspect"), CLAIMS)
def test_two_that_decide_one_aspect(outer, inner, aspect):
    for inside in (inner(surrogates.Sigmoid()), Scaled(inner(surrogates.Sigmoid()))):
        with pytest.raises(
            TypeError, match=f"{inner.__name__} inside decides the {aspect} already"
        ):
            outer(inside)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_at_threshold_belongs_inside(wrapper):
    with pytest.raises(
        TypeError, match=f"{wrapper.__name__}: at_threshold .* got at_threshold=0.25"
    ):
        wrapper(surrogates.Sigmoid(), at_threshold=0.25)


@pytest.mark.parametrize("wrapper", EMITTING)
def test_what_decides_the_emission_is_not_sampled(wrapper):
    for surrogate in (wrapper(surrogates.Sigmoid()), Scaled(wrapper(surrogates.Sigmoid()))):
        with pytest.raises(TypeError, match=f"{wrapper.__name__} decides the emission"):
            surrogates.sample(surrogate, np.zeros(3), np.random.default_rng(0))


@pytest.mark.parametrize("wrapper", [Scaled, *(w for w in DECIDING if w not in EMITTING)])
def test_other_wrappers_are_sampled(wrapper):
    surrogate, x = wrapper(surrogates.Sigmoid()), np.linspace(-1, 1, 101)
    spikes = surrogates.sample(surrogate, x, np.random.default_rng(0))
    expected = surrogates.sample(surrogates.Sigmoid(), x, np.random.default_rng(0))
    np.testing.assert_array_equal(spikes, expected)


@pytest.mark.parametrize(("half_kind", "half"), HALVES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_wider_parameter_does_not_widen_the_spikes(half_kind, half, dtype):
    x = in_half([-0.5, 0.5], half, half_kind)
    p = half_kind.array(np.asarray([1.0, 2.0], dtype))
    for surrogate in (
        surrogates.Sigmoid(p),
        Compressed(surrogates.Sigmoid(p)),
        Relaxed(surrogates.Sigmoid(p)),
        Scaled(surrogates.Sigmoid(), amplitude=p),
        Windowed(surrogates.Sigmoid(), p),
        surrogates.Mixture((surrogates.Sigmoid(), surrogates.Arctan(p)), (p, 1.0)),
        surrogates.Spliced(surrogates.Sigmoid(p), surrogates.Arctan()),
        Ternary(surrogates.Sigmoid(), p),
        MultiSpike(surrogates.Sigmoid(), p),
        Smooth(surrogates.Sigmoid(p)),
        Graded(surrogates.Sigmoid(), p, p),
    ):
        results = [surrogate(x), surrogate.surrogate_grad(x), surrogate.surrogate_fun(x)]
        results.append(surrogates.vjp(surrogate, x)[1](x))
        if half_kind in WITH_TAPE:
            results.append(half_kind.gradient(surrogate, x))
        for result in results:
            assert result.dtype == x.dtype


def test_the_page_on_aspects_says_which_each_wrapper_changes():
    explained = pathlib.Path(__file__).parents[2] / "docs" / "explanation"
    page = (explained / "architecture.md").read_text("utf-8")
    rows = re.findall(
        r"^\| (shape|emission|residual|gradient to the par.*?)\b.*\| (.*) \|$", page, re.M
    )
    named = {name: aspect for aspect, names in rows for name in re.findall(r"`(\w+)`", names)}
    aspects = {None: "shape", "gradient of parameters": "gradient to the parameters"}
    expected = {cls.__name__: aspects.get(cls._aspect, cls._aspect) for cls in WRAPPERS}
    others = {"Mixture": "shape", "Spliced": "shape", "sample": "emission"}  # no wrappers
    assert named == expected | others


def test_an_aspect_that_there_is_not():
    with pytest.raises(TypeError, match=r"Odd: _aspect must be 'emission', .* got 'emision'"):
        type("Odd", (Wrapper,), {"_aspect": "emision"})


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_every_wrapper_is_traceable_around_what_is(wrapper):
    assert wrapper(surrogates.Sigmoid()).is_traceable
    assert wrapper(surrogates.Mixture((surrogates.Sigmoid(),), (1.0,))).is_traceable
    assert not wrapper(surrogates.Custom(lambda x: 1 / (1 + x * x), abs)).is_traceable


TALL = Scaled(surrogates.SquarewaveFourierSeries(), 4.0)
NEARLY = [
    surrogates.Mixture((TALL, surrogates.Sigmoid()), (0.5, -3.0)),
    surrogates.Mixture((TALL, TALL), (2.0, 1.5)),
    surrogates.Spliced(surrogates.SquarewaveFourierSeries(), TALL),
    Windowed(TALL, 1.5),
    Windowed(TALL, 0.3, normalise=True),
    Relaxed(TALL),
]


@pytest.mark.parametrize("surrogate", NEARLY, ids=lambda surrogate: type(surrogate).__name__)
def test_the_primitive_stays_near_its_largest_term(surrogate):
    """By it `check` measures its error."""
    size = np.max(np.abs(surrogate.surrogate_fun(np.linspace(-20, 20, 2001))))
    assert 0.6 * surrogate._largest_term < size < 1.25 * surrogate._largest_term
