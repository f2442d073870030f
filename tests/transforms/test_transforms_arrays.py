"""The rows of NumPy, CuPy, array-api-strict and Dask: libraries that record no tape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import surrogates
from kinds import Kind, assert_like, required
from matrix import FIRST, SECOND, rows
from strategies import potentials

KINDS = {
    "NumPy": Kind.NUMPY,
    "CuPy": Kind.CUPY,
    "array-api-strict": Kind.STRICT,
    "Dask": Kind.DASK,
}


def in_(*names):
    """Run a test in these frameworks."""
    params = [pytest.param(name, marks=KINDS[name].marks) for name in names]
    return pytest.mark.parametrize("framework", params)


@pytest.fixture
def kind(framework):
    return required(KINDS[framework])


def cotangent_like(values):
    return np.linspace(-2.0, 3.0, values.size).reshape(values.shape)


WITHOUT_TAPE = in_("NumPy", "CuPy", "array-api-strict", "Dask")


@WITHOUT_TAPE
@rows("surrogate(x)")
def test_call(cell, kind):
    x = kind.array(cell.x)
    spikes = cell.surrogate(x)
    assert_like(spikes, x, kind)
    np.testing.assert_array_equal(kind.numpy(spikes), cell.x >= 0)


@WITHOUT_TAPE
@rows("surrogate_fun", "surrogate_grad")
def test_maths(cell, kind, transform):
    x = kind.array(cell.x)
    result = getattr(cell.surrogate, transform)(x)
    assert_like(result, x, kind)
    # terms of a primitive may cancel
    bound = FIRST if transform == "surrogate_grad" else SECOND
    cell.check(kind.numpy(result), cell.exact(transform), bound)


@WITHOUT_TAPE
@rows("vjp")
def test_vjp(cell, kind):
    x, cotangent = kind.array(cell.x), cotangent_like(cell.x)
    spikes, pullback = surrogates.vjp(cell.surrogate, x)
    np.testing.assert_array_equal(kind.numpy(spikes), cell.x >= 0)
    exact = cotangent * cell.exact("surrogate_grad")
    cell.check(kind.numpy(pullback(kind.array(cotangent))), exact, FIRST)


@WITHOUT_TAPE
@rows("jvp")
def test_jvp(cell, kind):
    x, direction = kind.array(cell.x), cotangent_like(cell.x)
    spikes, tangent = surrogates.jvp(cell.surrogate, x, kind.array(direction))
    np.testing.assert_array_equal(kind.numpy(spikes), cell.x >= 0)
    cell.check(kind.numpy(tangent), direction * cell.exact("surrogate_grad"), FIRST)


@WITHOUT_TAPE
@rows("parameter: per-channel array")
def test_channel_parameter(cell, kind):
    alphas = cell.value * np.linspace(1.0, 1.5, 4)
    values = cell.x.reshape(2, 4)
    expected = np.stack(
        [cell.at(float(a)).surrogate_grad(values[:, i]) for i, a in enumerate(alphas)], axis=1
    )
    surrogate = cell.at(kind.array(alphas))
    _, pullback = surrogates.vjp(surrogate, kind.array(values))
    cell.check(kind.numpy(pullback(kind.array(np.ones((2, 4))))), expected, FIRST)


# Each makes an array of 2 x 4 that holds the given values, in another layout of memory.
LAYOUTS = {
    "C order": lambda xp, values: xp.asarray(values, order="C"),
    "Fortran order": lambda xp, values: xp.asarray(values, order="F"),
    "transposed": lambda xp, values: xp.asarray(values.T.copy()).T,
    "every other element": lambda xp, values: xp.asarray(np.repeat(values, 2, axis=1))[:, ::2],
    "negative strides": lambda xp, values: xp.asarray(values[::-1, ::-1].copy())[::-1, ::-1],
    "broadcast, stride 0": lambda xp, values: xp.broadcast_to(xp.asarray(values[0]), (2, 4)),
}


@in_("NumPy", "CuPy")
@rows(*(f"vjp, {layout}" for layout in LAYOUTS))
def test_layout(cell, kind, transform):
    import importlib

    xp = importlib.import_module(kind.library)
    x = LAYOUTS[transform.removeprefix("vjp, ")](xp, cell.x.reshape(2, 4))
    values = kind.numpy(x)
    spikes, pullback = surrogates.vjp(cell.surrogate, x)
    np.testing.assert_array_equal(kind.numpy(spikes), values >= 0)
    cotangent = cotangent_like(values)
    given_back = pullback(xp.asarray(cotangent.T.copy()).T)
    cell.check(kind.numpy(given_back), cotangent * cell.surrogate.surrogate_grad(values), FIRST)


@in_("NumPy")
@rows("vjp and jvp, inputs read-only and untouched")
def test_inputs_are_untouched(cell, kind):
    x, vector = cell.x.copy(), cotangent_like(cell.x)
    x.flags.writeable = vector.flags.writeable = False
    _, pullback = surrogates.vjp(cell.surrogate, x)
    cell.check(pullback(vector), vector * cell.derivative(), FIRST)
    surrogates.jvp(cell.surrogate, x, vector)
    np.testing.assert_array_equal(x, cell.x)
    np.testing.assert_array_equal(vector, cotangent_like(cell.x))


@in_("NumPy")
@rows("vjp, after x was overwritten")
def test_pullback_after_x_was_overwritten(cell, kind):
    x = cell.x.copy()
    spikes, pullback = surrogates.vjp(cell.surrogate, x)
    x[...] = np.nan
    cell.check(pullback(np.ones(8)), cell.derivative(), FIRST)
    np.testing.assert_array_equal(spikes, cell.x >= 0)


@in_("NumPy")
@rows("vjp is jvp transposed, on random inputs")
def test_random_inputs(cell, kind):
    @settings(max_examples=10)
    @given(potentials("float64"))
    def check(x):
        vector = np.ones_like(x)
        _, pullback = surrogates.vjp(cell.surrogate, x)
        spikes, tangent = surrogates.jvp(cell.surrogate, x, vector)
        np.testing.assert_array_equal(pullback(vector), tangent)
        np.testing.assert_array_equal(tangent, cell.surrogate.surrogate_grad(x))
        np.testing.assert_array_equal(spikes, x >= 0)

    check()


@in_("Dask")
@rows("lazy, in the chunks of x, each computed from its own")
def test_dask_is_lazy(cell, kind):
    import dask
    import dask.array as da

    loaded = []

    @dask.delayed
    def load(n):
        loaded.append(n)
        return cell.x[4 * n : 4 * n + 4]

    chunks = [da.from_delayed(load(n), (4,), np.float64) for n in range(2)]
    x = da.concatenate(chunks)
    spikes, pullback = surrogates.vjp(cell.surrogate, x)
    cotangent = pullback(da.ones(8, chunks=4))
    primitive = cell.surrogate.surrogate_fun(x)
    assert loaded == []
    for result in (spikes, cotangent, primitive):
        loaded.clear()
        assert type(result) is da.Array
        assert result.chunks == x.chunks
        first = result.blocks[0].compute(scheduler="synchronous")
        assert loaded == [0]
    np.testing.assert_array_equal(first, cell.surrogate.surrogate_fun(cell.x[:4]))
