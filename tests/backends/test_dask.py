"""What is Dask's alone: chunks, lengths that are not known yet, random numbers in blocks."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from surrogates import Arctan, Compressed, MultiSpike, Scaled, Sigmoid, Ternary, vjp

da = pytest.importorskip("dask.array")

VALUES = np.linspace(-1.3, 1.2, 24).reshape(6, 4)


def unknown(values=VALUES, chunks=(2, 2)):
    """Return an array whose length Dask does not know before it computes it."""
    x = da.from_array(values, chunks=chunks)
    return x[da.from_array(np.ones(len(values), bool), chunks=chunks[0])]


def arrays():
    return {"known": da.from_array(VALUES, chunks=(2, 2)), "unknown": unknown()}


each_array = pytest.mark.parametrize("x", arrays().values(), ids=arrays().keys())


@each_array
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_every_block_is_drawn_anew_and_a_seed_again(x, dtype):
    x = x.astype(dtype)
    uniform = lambda generator: backend.uniform(generator, x)  # noqa: E731
    from surrogates import backends

    backend = backends.of(x)
    generator = da.random.default_rng(3)
    first, second = uniform(generator), uniform(generator)
    again = uniform(da.random.default_rng(3))
    assert first.dtype == ("float64" if dtype == "float64" else "float32")
    assert first.chunks == x.chunks or np.isnan(x.shape[0])
    draws = np.stack([first.compute(), second.compute()])
    assert draws.dtype == first.dtype
    assert len(np.unique(draws)) == draws.size
    np.testing.assert_array_equal(first.compute(), draws[0])
    np.testing.assert_array_equal(again.compute(), draws[0])


def test_draws_are_uniform_and_below_one():
    from surrogates import backends

    x = da.zeros(200_000, chunks=10_000, dtype="float16")
    draws = backends.of(x).uniform(da.random.default_rng(0), x).compute()
    assert 0 <= draws.min() < 1e-4
    assert 1 - 1e-4 < draws.max() < 1
    assert abs(draws.mean() - 0.5) < 0.005


@each_array
def test_samples(x):
    steep, flat = Sigmoid(1e3), Sigmoid(np.full((1, 4), 1e-3))
    generator = da.random.default_rng(0)
    np.testing.assert_array_equal(surrogates.sample(steep, x, generator).compute(), VALUES >= 0)
    spikes = surrogates.sample(flat, x, generator)
    assert spikes.dtype == x.dtype
    assert 0 < spikes.compute().mean() < 1


@each_array
@pytest.mark.parametrize("shape", [(), (1,), (4,), (1, 4), (1, 1)], ids=str)
@pytest.mark.parametrize("cut", [True, False], ids=["dask", "numpy"])
def test_parameters_of_any_shape(x, shape, cut):
    alpha = np.linspace(1, 2, int(np.prod(shape))).reshape(shape)
    given = da.from_array(alpha, chunks=1) if cut else alpha
    for make in (Arctan, lambda a: MultiSpike(Arctan(a), a), lambda a: Ternary(Arctan(a), a)):
        surrogate, expected = make(given), make(alpha)
        np.testing.assert_array_equal(surrogate(x).compute(), expected(VALUES))
        slope, spikes = expected.surrogate_grad(VALUES), surrogate(x)
        np.testing.assert_allclose(surrogate.surrogate_grad(x).compute(), slope, rtol=1e-12)
        _, pullback = vjp(surrogate, x)
        np.testing.assert_allclose(pullback(spikes * 0 + 2).compute(), 2 * slope, rtol=1e-12)


def test_a_parameter_along_a_length_that_is_not_known():
    alpha = np.linspace(1, 2, 6)[:, None]
    x = unknown()
    expected = Arctan(alpha).surrogate_grad(VALUES)
    of_same_length = unknown(alpha, chunks=(2, 1))
    np.testing.assert_allclose(Arctan(of_same_length).surrogate_grad(x).compute(), expected)
    with pytest.raises(ValueError, match=r"call x\.compute_chunk_sizes\(\)"):
        Arctan(alpha).surrogate_grad(x)
    x.compute_chunk_sizes()
    np.testing.assert_allclose(Arctan(alpha).surrogate_grad(x).compute(), expected)


@each_array
def test_half_precision_is_kept(x):
    spikes, pullback = vjp(Compressed(Arctan(), "float16"), x)
    slope = pullback(spikes * 0 + 1).compute()
    rounded = VALUES.astype("float16").astype("float64")
    np.testing.assert_allclose(slope, Arctan().surrogate_grad(rounded), rtol=1e-12)


def test_no_block_is_larger_than_that_of_x():
    x = da.zeros((64, 64), chunks=(8, 8), dtype="float32")
    spikes = surrogates.sample(Sigmoid(), x, da.random.default_rng(0))
    assert spikes.chunks == x.chunks
    assert len(spikes.__dask_graph__()) < 8 * x.npartitions


@pytest.mark.parametrize("shape", [(), (1,), (4,), (1, 1), (1, 4), (6, 1), (6, 4)])
@pytest.mark.parametrize("chunks", [(2, 2), (6, 4), (1, 3), ((1, 5), (3, 1))])
@pytest.mark.parametrize("of_dask", [False, True])
def test_dask_parameters_of_each_shape_are_cut_where_x_is(shape, chunks, of_dask):
    da = pytest.importorskip("dask.array")
    values = np.linspace(-1.0, 1.0, 24).reshape(6, 4)
    alpha = np.linspace(1.0, 3.0, int(np.prod(shape))).reshape(shape)
    held = da.from_array(alpha, chunks=2) if of_dask else alpha
    x = da.from_array(values, chunks=chunks)
    for surrogate, exact in (
        (Sigmoid(held), Sigmoid(alpha)),
        (Scaled(Sigmoid(held), amplitude=held), Scaled(Sigmoid(alpha), amplitude=alpha)),
    ):
        for name in ("__call__", "surrogate_grad", "surrogate_fun"):
            actual = getattr(surrogate, name)(x)
            assert actual.chunks == x.chunks
            np.testing.assert_array_equal(actual.compute(), getattr(exact, name)(values))


@pytest.mark.parametrize("chunks", [(2, 2), (2, 4)], ids=["cut", "whole"])
def test_an_edit_of_a_parameter_does_not_change_what_is_not_computed_yet(chunks):
    x, alpha = da.from_array(VALUES, chunks=chunks), np.linspace(1.0, 3.0, 4)
    expected = Sigmoid(alpha).surrogate_grad(VALUES)
    lazy = Sigmoid(alpha).surrogate_grad(x), vjp(Sigmoid(alpha), x)[1](da.ones_like(x))
    alpha[...] = 7.0
    for actual in lazy:
        np.testing.assert_array_equal(actual.compute(), expected)


def test_a_parameter_that_no_chunk_cuts_has_no_graph_of_its_own():
    x = da.from_array(VALUES, chunks=(2, 4))
    one, many = (Sigmoid(alpha).surrogate_grad(x) for alpha in (3.0, np.full(4, 3.0)))
    assert len(many.__dask_graph__().layers) == len(one.__dask_graph__().layers)


def test_an_edit_of_the_result_leaves_the_other_alone():
    x = da.from_array(VALUES, chunks=(2, 4))
    _, pullback = vjp(Sigmoid(np.full(4, 3.0)), x)
    gradient = pullback(da.ones_like(x))
    x[0, 0] = 1.0
    np.testing.assert_array_equal(gradient.compute(), Sigmoid(3.0).surrogate_grad(VALUES))


def test_a_cotangent_of_known_length_does_not_fit_an_unknown_one():
    x = da.from_array(np.linspace(-1, 1, 6), chunks=3)
    unknown = x[x > -0.5]
    _, pullback = surrogates.vjp(surrogates.Sigmoid(), unknown)
    with pytest.raises(ValueError, match="broadcast the cotangent"):
        pullback(da.ones(4))
    np.testing.assert_allclose(
        pullback(da.ones_like(unknown)).compute(),
        surrogates.Sigmoid().surrogate_grad(unknown.compute()),
    )


def test_a_parameter_of_another_library_than_numpy_is_refused():
    torch = pytest.importorskip("torch")
    x = da.ones(3)
    with pytest.raises(TypeError, match="convert one of them"):
        surrogates.Sigmoid(torch.ones(3))(x)


def test_a_parameter_beyond_the_range_of_x_is_cast_without_a_warning():
    x = da.from_array(np.zeros(3, np.float32), chunks=2)
    amplitude = da.from_array(np.full(3, 1e300), chunks=2)
    np.testing.assert_array_equal(Scaled(Sigmoid(), amplitude)(x), [1.0, 1.0, 1.0])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("residual", ["float16", "uint8"])
def test_the_type_of_a_number_is_told_without_converting_what_happens_to_be_in_it(residual):
    """The array that tells Dask the type has a value where it has no axes."""
    x = da.from_array(np.asarray(0.5))
    x._meta = np.asarray(3.4e300)
    slope = Compressed(Sigmoid(), residual).surrogate_grad(x)
    assert slope.dtype == np.float64
    assert abs(float(slope.compute()) - float(Sigmoid().surrogate_grad(0.5))) < 0.01
    spikes = surrogates.sample(Sigmoid(), x, da.random.default_rng(0))
    assert float(spikes.compute()) in (0.0, 1.0)


class Initialised(surrogates.Surrogate):
    def __init__(self, height):
        super().__init__()
        self.height = height

    def derivative(self, xp, x):
        return self.height * xp.exp(-x * x)


def _alike_but_for_one_thing():
    """Return surrogates that differ from the next one in something that may not be a field."""
    first, second = Sigmoid(1.0), Sigmoid(4.0)
    return [
        *(cls() for cls in surrogates.definitions.SURROGATES.values()),
        *(surrogates.Mixture(parts, (0.5, 0.5)) for parts in ((first, second), (second, first))),
        surrogates.Mixture((first, second), (0.9, 0.1)),
        Scaled(surrogates.Mixture((first, second), (0.9, 0.1))),
        *(surrogates.Spliced(below, Arctan()) for below in (first, second)),
        *(surrogates.Windowed(first, 0.5, normalise=normal) for normal in (True, False)),
        *(surrogates.Custom(lambda x, c=c: c * x * x) for c in (1.0, 2.0)),
        *(Initialised(height) for height in (1.0, 2.0)),
        *(Scaled(Initialised(height)) for height in (1.0, 2.0)),
    ]


def test_results_of_two_surrogates_that_are_computed_together_are_not_mixed_up():
    """Dask computes what has the same name once, whatever it was made of."""
    x = da.from_array(VALUES, chunks=(2, 2))
    several = _alike_but_for_one_thing()
    for lazily in (lambda s: s.surrogate_grad(x), lambda s: x.map_blocks(s.surrogate_grad)):
        results = [lazily(surrogate) for surrogate in several]
        assert len({result.name for result in results}) == len(several)
        for surrogate, result in zip(several, da.compute(*results), strict=True):
            np.testing.assert_array_equal(result, surrogate.surrogate_grad(VALUES))
    again = zip(several, _alike_but_for_one_thing(), strict=True)
    named = [s.surrogate_grad(x).name == t.surrogate_grad(x).name for s, t in again if s == t]
    assert len(named) > len(surrogates.definitions.SURROGATES)
    assert all(named)
