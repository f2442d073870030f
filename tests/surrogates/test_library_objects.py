"""Objects of other libraries, translated; by objects that are built as theirs are."""

from __future__ import annotations

import functools
import types

import pytest

import surrogates
from surrogates import from_library


def package(name, source):
    """Return a module of this name with a library's code."""
    module = types.ModuleType(name)
    exec(compile(source, name, "exec"), vars(module))
    return module


SNNTORCH = package(
    "snntorch.surrogate",
    """
def atan(alpha=2.0):
    alpha = alpha
    def inner(x):
        return alpha * x
    return inner

def heaviside():
    def inner(x):
        return x
    return inner

def custom_surrogate(function):
    def inner(x):
        return function(x)
    return inner
""",
)
SPIKINGJELLY = package(
    "spikingjelly.activation_based.surrogate",
    """
class ATan:
    def __init__(self, alpha=2.0, spiking=True):
        self.alpha, self.spiking = alpha, spiking

class Erf:
    def __init__(self, alpha=2.0):
        self.scale = alpha

class Other:
    pass
""",
)
# As jax.custom_gradient and jax.jit wrap them.
SPYX = package(
    "spyx.axn",
    """
class Wrapped:
    def __init__(self, **inside):
        self.__dict__.update(inside)
    def __call__(self, x):
        return x

def custom(bwd=lambda x: x, fwd=lambda x: x):
    def f(x):
        return fwd(x), lambda g: g * bwd(x)
    return Wrapped(__wrapped__=Wrapped(fun=f))

def arctan(k=2):
    k_pi = k * 3.141592653589793
    def grad_arctan(x):
        return k_pi * x
    return custom(grad_arctan)

def boxcar(width=2, height=0.5):
    k, h = width / 2, height
    def grad_boxcar(x):
        return h * k
    return custom(grad_boxcar)
""",
)


def test_parameters_are_read_from_what_a_function_remembers():
    surrogate = from_library("snntorch", SNNTORCH.atan(3.0))
    assert surrogate == from_library("snntorch", "atan", alpha=3.0)
    assert from_library("snntorch", SNNTORCH.heaviside()) == from_library("snntorch", "heaviside")
    assert from_library("spyx", SPYX.arctan(3.0)) == from_library("spyx", "arctan", k=3.0)
    boxcar = from_library("spyx", SPYX.boxcar(3.0, 0.25), as_computed=True)
    assert boxcar == surrogates.Boxcar(3.0, 0.25, closed="neither", at_threshold=0.0)


def test_parameters_are_read_from_attributes():
    assert from_library("spikingjelly", SPIKINGJELLY.ATan(3.0)) == surrogates.Arctan(3.0)


def test_a_function_that_was_not_called_says_the_name_alone():
    assert from_library("spikingjelly", SPIKINGJELLY.ATan) == surrogates.Arctan(2.0)
    assert from_library("snntorch", SNNTORCH.atan, alpha=3.0).alpha == 3.0
    assert from_library("snntorch", functools.partial(SNNTORCH.atan, alpha=3.0)).alpha == 3.0


def test_an_object_may_warn_as_its_name_does():
    with pytest.warns(UserWarning, match=r"spyx 1\.0\.0 custom: by default the gradient is x"):
        surrogate = from_library("spyx", SPYX.custom)
    assert surrogate == surrogates.StraightThrough(at_threshold=0.0)


def test_a_parameter_that_cannot_be_told_is_named():
    with pytest.raises(TypeError, match=r"spikingjelly Erf: alpha could not be told .* alpha="):
        from_library("spikingjelly", SPIKINGJELLY.Erf(3.0))
    assert from_library("spikingjelly", SPIKINGJELLY.Erf(3.0), alpha=3.0) == surrogates.ERF(3.0)
    with pytest.raises(TypeError, match=r"alpha is 3.0 in the object, and 2.0 in the call"):
        from_library("spikingjelly", SPIKINGJELLY.ATan(3.0), alpha=2.0)


@pytest.mark.parametrize(
    "thing",
    [
        3,
        None,
        1.5,
        lambda x: x,
        SPIKINGJELLY.ATan(),
        SPIKINGJELLY.Other(),
        SNNTORCH.custom_surrogate(lambda x: x),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_what_is_no_object_of_the_library_is_refused(thing):
    with pytest.raises(
        TypeError, match=r"expected a name or an object of snntorch, got .*; known are LSO"
    ):
        from_library("snntorch", thing)


def test_other_errors_say_what_to_do():
    with pytest.raises(TypeError, match="is a surrogate already; to_library goes the other way"):
        from_library("snntorch", surrogates.Sigmoid())
    with pytest.raises(TypeError, match=r"spiking is False; .* put surrogates.Smooth around"):
        from_library("spikingjelly", SPIKINGJELLY.ATan(spiking=False))
    with pytest.raises(TypeError, match="library is a name such as 'snntorch', got 3"):
        from_library(3, "atan")
