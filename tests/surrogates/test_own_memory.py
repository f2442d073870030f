"""What a formula returns may be what it was given; what comes back is memory of its own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import surrogates
from kinds import Kind, parameters, required
from surrogates import Surrogate
from surrogates.definitions import SURROGATES

GIVEN = {
    "x": lambda xp, x, height: x,
    "a view of x": lambda xp, x, height: x[...],
    "x, reshaped": lambda xp, x, height: xp.reshape(x, x.shape),
    "x, broadcast": lambda xp, x, height: xp.broadcast_to(x, x.shape),
    "x, by asarray": lambda xp, x, height: xp.asarray(x),
    "a parameter": lambda xp, x, height: x if isinstance(height, float) else height,
    "a view of it": lambda xp, x, height: x if isinstance(height, float) else height[...],
}
WRAPPERS = [
    lambda surrogate: surrogate,
    surrogates.Smooth,
    surrogates.Scaled,
    surrogates.Relaxed,
    surrogates.MultiSpike,
    lambda surrogate: surrogates.Mixture((surrogate,), (1.0,)),
    lambda surrogate: surrogates.Spliced(surrogate, surrogate),
]
# Dask's arrays are graphs, of chunks of NumPy's.
MUTABLE = parameters(kind for kind in Kind if kind.is_mutable and kind is not Kind.DASK)


def of(formula, *, is_traceable):
    """Return a user's class whose formulas are this one."""

    class Own(Surrogate):
        height: float = surrogates.parameter(1.0)
        traceable = is_traceable

        def derivative(self, xp, x):
            return formula(xp, x, self.height)

        def primitive(self, xp, x):
            return formula(xp, x, self.height)

    return Own


def results(surrogate, x, ones):
    """Return all that comes back of a surrogate, each a function that gives it."""
    spikes, pullback = surrogates.vjp(surrogate, x)
    arrays = [spikes, surrogate(x), surrogate.emit(x)]
    arrays += [surrogate.surrogate_grad(x), surrogate.surrogate_fun(x)]
    arrays += surrogates.jvp(surrogate, x, ones)
    return [*(lambda array=array: array for array in arrays), lambda: pullback(ones)]


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("is_traceable", [True, False], ids=["traceable", "as written"])
@pytest.mark.parametrize("kind", MUTABLE)
def test_what_comes_back_is_no_memory_of_what_was_given(kind, is_traceable, given):
    required(kind)
    cls = of(GIVEN[given], is_traceable=is_traceable)
    values = np.asarray([-1.0, 2.0], np.float32)
    for wrap, is_array in itertools.product(WRAPPERS, (False, True)):
        x, ones = kind.array(values), kind.array(np.ones_like(values))
        height = kind.array(values) if is_array else 1.0
        found = results(wrap(cls(height)), x, ones)
        before = [kind.numpy(result()).copy() for result in found]
        for changed in (x, height) if is_array else (x,):
            changed[...] = 99.0
        for result, expected in zip(found, before, strict=True):
            np.testing.assert_array_equal(kind.numpy(result()), expected)


class Analog(Surrogate):
    """Which emits what it is given: a parameter if that is an array."""

    height: float = surrogates.parameter(1.0)

    def derivative(self, xp, x):
        return 1 / (1 + x * x)

    def emit(self, x):
        return x[...] if isinstance(self.height, float) else self.height


@pytest.mark.parametrize("kind", MUTABLE)
def test_what_is_emitted_is_no_memory_of_what_was_given(kind):
    required(kind)
    values = np.asarray([-1.0, 2.0], np.float32)
    for height in (1.0, kind.array(values.copy())):
        made = [Analog(height)]
        if "float16" in kind.dtypes:
            made.append(surrogates.Compressed(Analog(height), "float16"))
        for surrogate in made:
            x = kind.array(values.copy())
            found = [surrogate(x), surrogates.vjp(surrogate, x)[0]]
            for changed in (x,) if isinstance(height, float) else (x, height):
                before = changed[...] + 0
                changed[...] = 99.0
                for result in found:
                    np.testing.assert_array_equal(kind.numpy(result), values)
                changed[...] = before


@pytest.mark.parametrize("kind", MUTABLE)
def test_formulas_of_the_package_return_new_memory_without_a_copy(kind):
    required(kind)
    values = np.asarray([-0.3, 0.2], np.float32)
    for cls in SURROGATES.values():
        assert cls().returns_new
        names = [f.name for f in cls._fields if type(getattr(cls(), f.name)) is float]
        for name in (n for n in names if n != "at_threshold"):
            x = kind.array(values)
            array = kind.array(np.full(2, getattr(cls(), name), np.float32))
            surrogate = cls(**{name: array})
            found = [surrogate.surrogate_grad(x), surrogate.surrogate_fun(x)]
            before = [kind.numpy(result).copy() for result in found]
            x[...] = array[...] = 99.0
            for result, expected in zip(found, before, strict=True):
                np.testing.assert_array_equal(kind.numpy(result), expected)
                result[...] = 99.0  # no element is another's


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_whose_formulas_those_are_is_known_through_wrappers(wrap):
    assert wrap(surrogates.Sigmoid()).returns_new
    assert not wrap(of(GIVEN["x"], is_traceable=True)()).returns_new
    assert not wrap(surrogates.Custom(abs, abs)).returns_new


@pytest.mark.parametrize("is_traceable", [True, False], ids=["traceable", "as written"])
@pytest.mark.parametrize("x", [0.5, np.float32(0.5), np.float64(0.5), np.asarray(0.5)], ids=type)
def test_a_number_comes_back_as_one(x, is_traceable):
    kind = np.float64 if type(x) is float else type(x)
    for formula in (GIVEN["x"], lambda xp, x, height: 1 / (1 + x * x)):
        own = of(formula, is_traceable=is_traceable)()
        for surrogate in (own, surrogates.Smooth(own), surrogates.Scaled(own)):
            for result in (surrogate.surrogate_grad(x), surrogate.surrogate_fun(x), surrogate(x)):
                assert type(result) is kind
