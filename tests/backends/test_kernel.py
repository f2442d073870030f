"""The text of a kernel, compiled as C++: what PyTorch's jiterator is given."""

from __future__ import annotations

import math

import numpy as np
import pytest

import cpp
import surrogates
from kinds import Kind, every_dtype, every_surrogate
from stated import assert_as_stated
from surrogates._parameters import COUNT, parameters
from surrogates.backends._compiler.graph import Trace
from surrogates.backends._compiler.kernel import functor, gradient_functor
from surrogates.definitions import SURROGATES

WAYS = {"apart": cpp.APART, "contracted": cpp.CONTRACTED}
EXTREMES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 0.5, -0.5, 1, -1]


class Corner(surrogates.Surrogate):
    """A user's: NaN as the second operand of a maximum, infinity as a constant."""

    traceable = True

    def derivative(self, xp, x):
        return xp.maximum(0.5 * xp.ones_like(x), xp.minimum(math.inf * xp.ones_like(x), x))


@pytest.fixture(scope="module", params=WAYS)
def run(request, tmp_path_factory):
    if request.param == "contracted" and not cpp.can_contract():
        pytest.skip("this processor has no fused multiply-add")
    functors = [
        gradient_functor(cls(), dtype)
        for cls in (*SURROGATES.values(), Corner)
        for dtype in ("float32", "float64")
    ]
    function = cpp.compiled(functors, tmp_path_factory.mktemp("cpp"), WAYS[request.param])
    return lambda surrogate, x, v: function(gradient_functor(surrogate, x.dtype.name))(x, v)


@every_surrogate
@every_dtype
def test_functor_has_the_stated_accuracy(cls, dtype, run):
    x = np.random.default_rng(0).normal(size=500)
    x[: len(EXTREMES)] = EXTREMES
    if cls.__module__.endswith("periodic"):  # at infinity what they are at the largest number
        x[np.isinf(x)] = 1.0
    x = x.astype(dtype)
    exact = cls().surrogate_grad(x.astype(np.float64))
    assert_as_stated(cls(), "derivative", run(cls(), x, np.ones_like(x)), exact, Kind.CUPY)


@every_surrogate
@every_dtype
def test_functor_multiplies_by_the_second_operand(cls, dtype, run):
    x, v = np.random.default_rng(1).normal(size=(2, 100)).astype(dtype)
    expected = run(cls(), x, np.ones_like(x)) * v
    np.testing.assert_allclose(run(cls(), x, v), expected, rtol=4 * np.finfo(dtype).eps)


@every_dtype
def test_nan_and_infinity_are_kept(dtype, run):
    x = np.asarray([np.nan, np.inf, -np.inf, 0.0, 7.0], dtype)
    np.testing.assert_array_equal(
        run(Corner(), x, np.ones_like(x)), [np.nan, np.inf, 0.5, 0.5, 7.0]
    )


@every_surrogate
@every_dtype
def test_parameters_are_arguments(cls, dtype):
    """A surrogate at another parameter takes the kernel that is compiled already."""
    names = [p.name for p in parameters(cls) if p.metadata["interval"] is not COUNT]
    texts = set()
    for factor in (1.37, 1.61, 1.73):
        surrogate = cls(**{name: factor * (getattr(cls(), name) or 1.1) for name in names})
        texts.add(gradient_functor(surrogate, dtype).text)
    assert len(texts) == 1


def test_other_inputs_are_operands():
    namespace = Trace("float32")
    product = namespace.input("alpha") * namespace.input("x") + 3.0
    text, numbers = functor(product, "f", ("x", "alpha"))
    assert text.startswith("template <typename T> T f(T x, T alpha, T c")
    assert [*numbers.values()] == [3.0]
