"""The laws by which wrappers compose, over generated nestings and in every kind of array."""

from __future__ import annotations

import copy
import dataclasses
import math
import pathlib
import pickle
import re
import sys
import types
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import laws
import surrogates
from kinds import HALVES, WITH_TAPE, Kind, assert_like, in_half
from laws import ASPECTS, COMPOSITIONS, DECIDING, EMITTING, LAWS, SHAPING, WRAPPERS
from laws.bases import MEMBERS
from surrogates import Relaxed, Scaled
from surrogates._parameters import parameters as declared
from surrogates._wrappers.wrapper import Wrapper

X = np.asarray([-3.0, -2.5, -2.0, -0.75, -0.1, 0.0, 0.3, 1.0, 2.25])
COMPOSED = [composed for cls in COMPOSITIONS for composed in LAWS[cls.__name__].examples()]

leaves = st.sampled_from(
    [
        surrogates.Sigmoid(4.0),
        surrogates.Sigmoid(2.0, at_threshold=0.0),
        surrogates.GaussianGrad(0.5, 1.0, at_threshold=0.5),
        surrogates.ReluGrad(0.5, 2.0),
        surrogates.InvSquareGrad(3.0),
        *COMPOSED,
    ]
)


def law_of(wrapper):
    return LAWS[type(wrapper).__name__]


def wrapped(inside):
    drawn = []
    for cls in WRAPPERS:
        values = LAWS[cls.__name__].arguments.items()
        arguments = {name: st.sampled_from(of) for name, of in values}
        drawn.append(st.builds(cls, inside, **arguments))
    return st.one_of(*drawn)


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


def sorted_by_aspect(leaf, wrappers):
    """Return the same wrappers around each other in another order, those of the shape innermost."""
    order, whole, result = list(ASPECTS), leaf, []
    for wrapper in sorted(wrappers, key=lambda wrapper: order.index(wrapper._aspect)):
        whole = dataclasses.replace(wrapper, surrogate=whole)
        result.append(whole)
    return result


def emitted(leaf, wrappers):
    """Return the spikes at `X` that the one wrapper that emits says, else the leaf."""
    for wrapper in sorted_by_aspect(leaf, wrappers):
        if type(wrapper) in EMITTING:
            return law_of(wrapper).spikes(wrapper, X, leaf.at_threshold)
    return np.heaviside(X, leaf.at_threshold)


def slope(leaf, wrappers):
    """Return the derivative at `X`, from the leaf's alone, and by how much it may differ."""
    derivative, room = leaf.surrogate_grad, 0.0
    for wrapper in sorted_by_aspect(leaf, wrappers):
        derivative = partial(law_of(wrapper).derivative, wrapper, derivative)
        room += law_of(wrapper).room(wrapper)
    return derivative(X), room


@pytest.mark.long("jax")
@given(nestings())
def test_spikes_and_derivative_of_a_nesting(kind, nesting):
    leaf, wrappers, surrogate = nesting
    assume(not (kind is Kind.STRICT and surrogate.residual_dtype == "float16"))  # it has none
    x = kind.array(X)
    spikes = surrogate(x)
    assert_like(spikes, x, kind)
    # a primitive, and a quotient, are rounded by each library in its own way
    is_rounded = any(law_of(w).is_rounded for w in wrappers if type(w) in EMITTING)
    rtol, atol = (1e-13, 1e-15) if is_rounded else (0, 0)
    expected = emitted(leaf, wrappers)
    np.testing.assert_allclose(kind.numpy(spikes), expected, rtol=rtol, atol=atol)
    derivative, room = slope(leaf, wrappers)
    for actual in (
        surrogate.surrogate_grad(x),
        surrogates.vjp(surrogate, x)[1](kind.array(np.ones(X.shape))),
        surrogates.jvp(surrogate, x, kind.array(np.ones(X.shape)))[1],
    ):
        assert_like(actual, x, kind)
        atol = 1.01 * room + 1e-15
        np.testing.assert_allclose(kind.numpy(actual), derivative, rtol=1e-12, atol=atol)


@pytest.mark.long("jax")
@given(nestings())
def test_gradient_of_a_nesting(taped, nesting):
    leaf, wrappers, surrogate = nesting
    derivative, room = slope(leaf, wrappers)
    gradient = taped.gradient(surrogate, taped.array(X))
    atol = 1.01 * room + 1e-15
    np.testing.assert_allclose(taped.numpy(gradient), derivative, rtol=1e-12, atol=atol)


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
    measures = leaf.peak, leaf.area, leaf.width
    for wrapper in wrappers:
        if type(wrapper) in SHAPING:
            measures = law_of(wrapper).measures(wrapper, *measures)
            assume(measures is not None)  # they are searched for
    expected = surrogate.peak, surrogate.area, surrogate.width
    assert all(map(math.isclose, expected, measures))


EXAMPLES = [s for cls in SHAPING for s in LAWS[cls.__name__].examples()] + COMPOSED


@pytest.mark.parametrize("surrogate", EXAMPLES, ids=lambda surrogate: type(surrogate).__name__)
def test_measures_of_an_example_are_those_of_its_formula(surrogate):
    x = np.linspace(-300, 300, 600_001)
    y = surrogate.surrogate_grad(x)
    low, high = surrogate.support
    assert not y[(x < low) | (x > high)].any()
    assert not y[~np.any([(a <= x) & (x <= b) for a, b in surrogate._pieces], axis=0)].any()
    close = partial(np.testing.assert_allclose, rtol=0.01, atol=0.001)
    close(surrogate.peak, y.max())
    close(surrogate._lowest, min(y.min(), 0.0))
    assert surrogate._negative == (y.min() < 0)
    close(surrogate.width, np.ptp(x[y >= y.max() / 2]), atol=0.003)
    step, below, area = x[1] - x[0], x <= 0, surrogate.area_to(np, x)
    close(surrogate.area_below, np.sum(y[below]) * step)
    close(surrogate.area, np.sum(y) * step)
    close(area, surrogate.area_below + np.cumsum(y) * step - np.sum(y[below]) * step)
    assert surrogate.has_area_below(np, x)


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


@pytest.mark.long("jax")
@pytest.mark.parametrize(("half_kind", "half"), HALVES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_wider_parameter_does_not_widen_the_spikes(half_kind, half, dtype):
    x = in_half([-0.5, 0.5], half, half_kind)
    p = half_kind.array(np.asarray([1.0, 2.0], dtype))
    inside = surrogates.Sigmoid(p)
    found = [inside, surrogates.Mixture((inside, surrogates.Arctan(p)), (p, 1.0))]
    for cls in COMPOSITIONS:
        found += LAWS[cls.__name__].around(Scaled(inside))
    for cls in WRAPPERS:
        given = {parameter.name: p for parameter in declared(cls)}
        found += [cls(inside), cls(inside, **given), cls(surrogates.Sigmoid(), **given)]
    for surrogate in found:
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
    expected |= {cls.__name__: "shape" for cls in COMPOSITIONS}
    assert named == expected | {"sample": "emission"}  # a function


def test_an_aspect_that_there_is_not():
    with pytest.raises(TypeError, match=r"Odd: _aspect must be 'emission', .* got 'emision'"):
        type("Odd", (Wrapper,), {"_aspect": "emision"})


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_every_wrapper_is_traceable_around_what_is(wrapper):
    assert wrapper(surrogates.Sigmoid()).is_traceable
    assert wrapper(surrogates.Mixture((surrogates.Sigmoid(),), (1.0,))).is_traceable
    assert not wrapper(surrogates.Custom(lambda x: 1 / (1 + x * x), abs)).is_traceable


TALL = Scaled(surrogates.SquarewaveFourierSeries(), 4.0)
NEARLY = [s for cls in (*SHAPING, *COMPOSITIONS) for s in LAWS[cls.__name__].around(TALL)]
NEARLY.append(Relaxed(TALL))


@pytest.mark.parametrize("surrogate", NEARLY, ids=lambda surrogate: type(surrogate).__name__)
def test_the_primitive_stays_near_its_largest_term(surrogate):
    """By it `check` measures its error."""
    size = np.max(np.abs(surrogate.surrogate_fun(np.linspace(-20, 20, 2001))))
    assert 0.6 * surrogate._largest_term < size < 1.25 * surrogate._largest_term


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (type("Odd", (Wrapper,), {}), "write a class OddLaw there, derived from ShapeLaw"),
        (type("Odd", (Wrapper,), {"_aspect": "emission"}), "derived from EmissionLaw"),
    ],
)
def test_a_wrapper_without_laws_is_told_where_they_belong(cls, message):
    with pytest.raises(LookupError, match=rf"Odd: .* tests/support/laws/odd.py; .*{message}"):
        laws.law_of(cls)


def test_all_that_a_wrapper_passes_on_of_a_shape_is_among_the_members():
    """A new measure would be passed on by all shapes, and no law would have to name it."""
    others = {"emit", "formula", "is_smooth", "mirrored", "unsigned", "relaxes", "replaced"}
    others |= {"area_powers", "_moments", "_has_derivative_inside"}  # which look for another shape
    others |= {"_around", "_decides", "_has_primitive", "_require_shape", "_residual"}
    own = {n for n, m in vars(Wrapper).items() if callable(m) or isinstance(m, property)}
    assert {n for n in own if not n.startswith("__")} - {*MEMBERS} == others


def test_laws_of_a_shape_that_leave_something_open_are_refused(monkeypatch):
    """Else the fuzzer would take it, or one of its measures, for that of the surrogate inside."""
    odd = type("Odd", (Wrapper,), {})
    module = types.ModuleType("laws.odd")
    module.OddLaw = type("OddLaw", (laws.ShapeLaw,), {"derivative": None})
    monkeypatch.setitem(sys.modules, "laws.odd", module)
    with pytest.raises(TypeError, match=r"odd.py: OddLaw must define derivative_interval, .*"):
        laws.law_of(odd)
    complete = dict.fromkeys(laws.ShapeLaw.__abstractmethods__)
    module.OddLaw = type("OddLaw", (laws.ShapeLaw,), {**complete, "defaults": {"rate": 1.0}})
    with pytest.raises(TypeError, match=r"defaults must name the parameters of Odd .*\['rate'\]"):
        laws.law_of(odd)
    module.OddLaw = type("OddLaw", (laws.ShapeLaw,), complete)
    with pytest.raises(TypeError, match=r"odd.py: Odd takes \['_largest.* and name in passes_on"):
        laws.law_of(odd)
    module.OddLaw = type("OddLaw", (laws.ShapeLaw,), {**complete, "passes_on": {*MEMBERS}})
    assert isinstance(laws.law_of(odd), laws.ShapeLaw)
    module.OddLaw = type("OddLaw", (laws.ParameterLaw,), {})
    with pytest.raises(LookupError, match=r"odd.py has no law of Odd; .* from ShapeLaw"):
        laws.law_of(odd)
