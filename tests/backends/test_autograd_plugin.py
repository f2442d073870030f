"""A plug-in for HIPS autograd, as docs/howto/backends.md describes one, keeps the contract.

Its arrays are NumPy's, except those that it traces.
"""

from __future__ import annotations

import types

import numpy as np
import pytest

import surrogates
from surrogates import backends
from surrogates.testing import check_backend

pytest.importorskip("mpmath")
autograd = pytest.importorskip("autograd")
anp, extend = autograd.numpy, pytest.importorskip("autograd.extend")


class Namespace(types.ModuleType):
    """autograd.numpy, where that does not differentiate a function as the standard spells it."""

    isdtype, finfo = staticmethod(np.isdtype), staticmethod(np.finfo)

    def __getattr__(self, name):
        return getattr(anp, name)

    @staticmethod
    def abs(x, /):
        return anp.where(x >= 0, x, -x)

    @staticmethod
    def asarray(x, *, dtype=None, copy=None):
        return anp.array(x, dtype=dtype)

    @staticmethod
    def astype(x, dtype, /, *, copy=True):
        return x.astype(dtype)

    @staticmethod
    def atan2(y, x, /):
        return anp.arctan2(y, x)

    @staticmethod
    def clip(x, /, min=None, max=None):
        x = x if min is None else anp.maximum(x, min)
        return x if max is None else anp.minimum(x, max)


NAMESPACE = Namespace("autograd_namespace")


@extend.primitive
def spike(definition, x, *arrays):
    return definition.combine(arrays).emit(x)


def pullback(numbers, spikes, arguments, _):
    definition, x, *arrays = arguments

    def of(cotangent):
        derivative = definition.combine(arrays).surrogate_grad(x)
        return [cotangent * derivative if n == 1 else anp.zeros_like(arguments[n]) for n in numbers]

    return of


def push(numbers, tangents, spikes, arguments, _):
    definition, x, *arrays = arguments
    if 1 not in numbers:
        return anp.zeros_like(spikes)
    return tangents[numbers.index(1)] * definition.combine(arrays).surrogate_grad(x)


extend.defvjp_argnums(spike, pullback)
extend.defjvp_argnums(spike, push)


def refusing(array, message):
    @extend.primitive
    def same(array):
        return array * 1

    def refuse(*_):
        raise NotImplementedError(message)

    extend.defvjp_argnums(same, refuse)
    extend.defjvp_argnums(same, refuse)
    return same(array)


class AutogradBackend(backends.Backend):
    differentiates = True
    converts_numpy = True

    def namespace(self, x):
        return NAMESPACE

    def spike(self, definition, x, arrays):
        arrays = list(arrays)
        for index, message in definition.undifferentiated:
            arrays[index] = refusing(arrays[index], message)
        return spike(definition, x, *arrays)

    def constant(self, x):
        while hasattr(x, "_value"):
            x = x._value
        return x

    def nondifferentiable(self, function, *arrays):
        return function(*(refusing(array, "8 bits have no derivative") for array in arrays))


def check(backend, **given):
    backends.register("autograd", backend)
    check_backend(
        np.copy,
        grad=lambda f: autograd.grad(lambda x: anp.sum(f(x))),
        jvp=lambda f, x, t: autograd.make_jvp(f)(x)(t)[1],
        generator=np.random.default_rng(0),
        dtypes=["float64"],  # it makes float64 of others
        **given,
    )


@pytest.mark.filterwarnings("ignore:Output seems independent of input")
def test_contract():
    check(AutogradBackend())


@pytest.mark.filterwarnings("ignore:Output seems independent of input")
def test_a_step_without_a_rule_is_named():
    class Bare(AutogradBackend):
        def spike(self, definition, x, arrays):
            return anp.where(x >= 0, 1.0, 0.0)

    with pytest.raises(AssertionError, match=r"float64, the gradient: Sigmoid.*0 everywhere, in s"):
        check(Bare(), surrogates=[surrogates.Sigmoid()])
