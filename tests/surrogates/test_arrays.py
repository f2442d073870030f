"""What a call asks of an array: the rank, the dtype and the library of the parameters."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from kinds import HALVES, Kind, in_half, required
from surrogates import Mixture, Relaxed, Sigmoid, backends, jvp, vjp
from surrogates._arrays import broadcasts_to, operands, working_dtype

SHAPES = [(), (1,), (2,), (3,), (2, 1), (1, 3), (2, 3), (1, 1), (1, 2, 3), (4, 1, 3)]


def test_a_shape_broadcasts_to_another_where_numpy_says_so():
    for shape, target in itertools.product(SHAPES, SHAPES):
        try:
            fits = np.broadcast_shapes(shape, target) == target
        except ValueError:
            fits = False
        assert broadcasts_to(shape, target) is fits, (shape, target)


def test_a_length_that_is_not_known_yet_fits_any():
    assert broadcasts_to((math.nan,), (2, 3))
    assert broadcasts_to((3,), (2, math.nan))
    assert not broadcasts_to((2, math.nan), (3, math.nan))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_have_the_rank_and_the_precision_of_x(kind, dtype):
    x = kind.array(np.ones((2, 3), dtype))
    backend = backends.of(x)
    xp = backend.namespace(x)
    for shape in ((), (3,), (2, 1), (2, 3)):
        for given in ("float32", "float64"):
            values = np.full(shape, 1.2, given)
            (found,) = operands(Sigmoid(kind.array(values)), backend, x, (kind.array(values),))
            assert found.dtype == x.dtype == working_dtype(xp, x.dtype)
            assert tuple(found.shape) == (() if shape == () else (1,) * (2 - len(shape)) + shape)
            np.testing.assert_array_equal(kind.numpy(found).ravel(), values.astype(dtype).ravel())


@pytest.mark.parametrize(("half_kind", "half"), HALVES)
def test_half_precision_is_computed_in_single(half_kind, half):
    x = in_half(np.ones(3), half, half_kind)
    xp = backends.of(x).namespace(x)
    assert working_dtype(xp, x.dtype) == xp.float32


@pytest.mark.parametrize("library", ["jax", "dask", "torch"])
def test_numpys_arrays_are_converted_where_the_library_does_it_itself(library):
    kind = Kind(library)
    required(kind)
    values = np.asarray([-1.0, 0.0, 0.5])
    mine = kind.array(values + 2)
    if library == "torch":
        for surrogate, x in ((Sigmoid(mine), values), (Sigmoid(values + 2), mine)):
            with pytest.raises(TypeError, match="convert one of them"):
                surrogate.surrogate_grad(x)
        return
    expected = Sigmoid(values + 2).surrogate_grad(values)
    for surrogate, x in ((Sigmoid(mine), values), (Sigmoid(values + 2), kind.array(values))):
        found = surrogate.surrogate_grad(x)
        assert type(found) is type(mine)
        np.testing.assert_allclose(kind.numpy(found), expected, rtol=1e-12)


WAYS = {
    "call": lambda surrogate, x: surrogate(x),
    "surrogate_fun": lambda surrogate, x: surrogate.surrogate_fun(x),
    "surrogate_grad": lambda surrogate, x: surrogate.surrogate_grad(x),
    "vjp": lambda surrogate, x: vjp(surrogate, x)[1](x),
    "jvp": lambda surrogate, x: jvp(surrogate, x, x),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("library", ["numpy", "dask", "jax", "torch"])  # no `emit`, for a step
def test_a_backend_is_looked_up_once(library, way, monkeypatch):
    kind = Kind(library)
    required(kind)
    x, alpha = kind.array(np.ones(3)), kind.array(np.full(3, 2.0))
    look_up, found = backends.of, []

    def counted(array):
        found.append(type(array))
        return look_up(array)

    several = Mixture([Sigmoid(alpha), Sigmoid(2.0)], [0.5, alpha])
    with monkeypatch.context() as patch:
        patch.setattr(backends, "of", counted)
        for surrogate in (Sigmoid(2.0), Sigmoid(alpha), Relaxed(Sigmoid(alpha)), several):
            found.clear()
            WAYS[way](surrogate, x)
            # a call with a tensor of PyTorch takes `of_tensor`
            assert found.count(type(x)) <= 1, surrogate
