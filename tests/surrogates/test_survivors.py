"""One test for each mutation that a hunt planted and no test noticed."""

from __future__ import annotations

import itertools
from dataclasses import fields

import numpy as np
import pytest

import surrogates
from kinds import Kind, assert_like
from surrogates import MultiSpike, Scaled, Sigmoid, SlayerGrad, learnable
from surrogates.backends._compiler.graph import FUNCTIONS, Trace
from surrogates.definitions import SURROGATES

X = np.linspace(-1.3, 1.1, 12).reshape(3, 4)  # no axis is like another
AXES = (0, 1, -1, -2)
SHAPES = {
    "step": Sigmoid(2.0),
    "open step": Sigmoid(2.0, at_threshold=0.0),
    "several": MultiSpike(SlayerGrad(2.0), threshold=0.25),
    "signed": surrogates.Ternary(SlayerGrad(2.0), threshold=0.25),
    "half": surrogates.Compressed(Sigmoid(2.0), "bfloat16"),
    "8 bits": surrogates.Compressed(Sigmoid(2.0), "uint8"),
}


@pytest.mark.parametrize("out_axes", [0, 1, -1])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("surrogate", SHAPES.values(), ids=SHAPES.keys())
def test_vmap_over_each_axis_of_x(jax, surrogate, axis, out_axes):
    x, along = jax.numpy.asarray(X), X.shape[axis]
    for function in (surrogate, jax.grad(lambda x: (surrogate(x) * x).sum()), jax.jit(surrogate)):
        rows = [function(jax.numpy.take(x, i, axis=axis)) for i in range(along)]
        mapped = jax.vmap(function, in_axes=axis, out_axes=out_axes)(x)
        np.testing.assert_allclose(mapped, np.stack(rows, axis=out_axes), rtol=1e-12)


# Shapes and mapped axes of a parameter and of x; without those axes the parameter broadcasts to x.
PARAMETERS = [
    ((), (3, 4), None, 1),
    ((3,), (3, 4), None, -1),
    ((4,), (3, 4), 0, 1),
    ((4,), (3, 4), -1, -1),
    ((3, 4), (3, 4), 1, 1),
    ((4, 3), (3, 4), 0, -1),
    ((3, 4), (4, 3), -1, 0),
    ((1, 4), (4, 3), 1, -2),
    ((4, 5), (3, 4), 1, None),
    ((5, 4), (3, 4), -2, None),
]


@pytest.mark.parametrize(("shape", "x_shape", "axis", "x_axis"), PARAMETERS)
@pytest.mark.parametrize("form", [lambda s: s, surrogates.Relaxed], ids=["plain", "relaxed"])
def test_vmap_over_each_axis_of_a_parameter(jax, form, shape, x_shape, axis, x_axis):
    alpha = jax.numpy.linspace(1.0, 3.0, int(np.prod(shape))).reshape(shape)
    x = jax.numpy.asarray(X.reshape(x_shape))

    def spikes(alpha, x):
        return form(Sigmoid(alpha))(x)

    def slopes(alpha, x):
        return jax.grad(lambda a, x: (spikes(a, x) * x).sum(), argnums=(0, 1))(alpha, x)

    def hypergradient(alpha, x):
        return jax.grad(lambda a: (slopes(a, x)[1] * x).sum())(alpha)

    def one(v, axis, i):
        return v if axis is None else jax.numpy.take(v, i, axis=axis)

    (size,) = {v.shape[a] for v, a in ((alpha, axis), (x, x_axis)) if a is not None}
    for function in (spikes, slopes, hypergradient):
        rows = [function(one(alpha, axis, i), one(x, x_axis, i)) for i in range(size)]
        mapped = jax.vmap(function, in_axes=(axis, x_axis), out_axes=-1)(alpha, x)
        expected = jax.tree.map(lambda *row: np.stack(row, axis=-1), *rows)
        for actual, exact in zip(jax.tree.leaves(mapped), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(actual, exact, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("shift", [-0.7, 0.0, 0.4])
@pytest.mark.parametrize("inner", [Sigmoid(4.0), surrogates.SpikeRateEscape(1.0, 0.5, 1.0)])
def test_primitive_of_scaled_is_shifted_as_its_derivative(inner, shift, kind):
    surrogate = Scaled(inner, amplitude=2.0, rate=3.0, shift=shift)
    x, step = np.asarray([-0.61, -0.2, 0.1, 0.3, 0.55]), 1e-4
    above, below = (kind.numpy(surrogate.surrogate_fun(kind.array(x + h))) for h in (step, -step))
    slope = (above - below) / (2 * step)
    np.testing.assert_allclose(slope, surrogate.surrogate_grad(x), rtol=1e-6)
    expected = 2.0 * inner.surrogate_grad(3.0 * (x - shift))
    np.testing.assert_allclose(surrogate.surrogate_grad(x), expected, rtol=1e-13)
    area = surrogate.surrogate_fun(x) - surrogate.surrogate_fun(x[:1])
    inside = inner.surrogate_fun(3.0 * (x - shift)) - inner.surrogate_fun(3.0 * (x[:1] - shift))
    np.testing.assert_allclose(area, 2.0 / 3.0 * inside, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("at_threshold", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("by", ["peak", "width", "area"])
def test_matched_and_scaled_spike_as_the_surrogate_at_threshold(by, at_threshold, kind):
    surrogate = Sigmoid(at_threshold=at_threshold)
    x = kind.array(np.asarray([-0.1, 0.0, 0.1]))
    for changed in (
        surrogates.matched(surrogate, SlayerGrad(), by),
        surrogates.rescaled(surrogate, peak=2.0),
        surrogates.rescaled(surrogate, width=2.0),
    ):
        np.testing.assert_array_equal(kind.numpy(changed(x)), [0.0, at_threshold, 1.0])


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


def _aligned(values):
    # JAX on CPU takes NumPy's memory as it is where it is aligned to 64 bytes.
    memory = np.empty(values.size + 8)
    start = -memory.ctypes.data // 8 % 8
    aligned = memory[start : start + values.size].reshape(values.shape)
    aligned[...] = values
    return aligned


@pytest.mark.parametrize("learned", ["rate", "amplitude"])
@pytest.mark.parametrize("framework", ["torch", "flax", "equinox"])
def test_learnable_holds_arrays_of_its_own(framework, learned):
    pytest.importorskip(framework)
    amplitude = _aligned(np.asarray([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]))
    values = amplitude.copy()
    if framework == "torch":
        import torch

        held = torch.from_numpy(amplitude)
    else:
        held = amplitude
    module = learnable(Scaled(Sigmoid(), amplitude=held), learned, framework=framework)
    amplitude[...] = 100.0
    now = module.surrogate.amplitude
    np.testing.assert_allclose(now.detach() if framework == "torch" else now, values, rtol=1e-6)


def test_surrogates_of_different_classes_are_different():
    def names(cls):
        return [f.name for f in fields(cls)]

    pairs = [
        (one(), other())
        for one, other in itertools.permutations(SURROGATES.values(), 2)
        if names(one) == names(other)
    ]
    pairs = [
        (type(a)(**dict.fromkeys(p, 2.0)), type(b)(**dict.fromkeys(p, 2.0)))
        for a, b in pairs
        if set(p := [n for n in names(type(a)) if n not in ("at_threshold", "closed", "n")])
    ]
    assert len(pairs) > 20
    for one, other in pairs:
        assert one != other
        assert not one == other  # noqa: SIM201 (it is __eq__ that is tested)
        assert len({one, other}) == 2
    assert Sigmoid(2.0) != 2.0
    assert surrogates.Relaxed(Sigmoid()) != surrogates.Compressed(Sigmoid())


def test_zeros_of_either_sign_are_two_constants_of_a_graph():
    trace = Trace("float64")
    positive, negative = trace.asarray(0.0), trace.asarray(-0.0)
    assert positive is not negative
    assert positive is trace.asarray(0.0)
    assert np.signbit(negative.value)
    assert not np.signbit(positive.value)
    x = trace.input("x")
    above, below = trace.atan2(x, positive), trace.atan2(x, negative)
    assert above is not below
    values = [FUNCTIONS["atan2"](0.0, node.operands[1].value) for node in (above, below)]
    assert values == [0.0, np.pi]


@pytest.fixture
def drawing(monkeypatch):
    """Let the generators of a kind of array draw one number only."""

    def draw(kind, x, number):
        backend = type(surrogates.backends.of(x))

        def uniform(self, generator, x):
            return kind.array(np.full(x.shape, number, kind.numpy(x).dtype))

        monkeypatch.setattr(backend, "uniform", uniform)

    return draw


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "surrogate",
    [surrogates.PiecewiseQuadratic(), surrogates.Boxcar(), Sigmoid(4.0)],
    ids=lambda s: type(s).__name__,
)
def test_sample_of_a_sure_spike_and_of_none(surrogate, dtype, kind, drawing):
    if kind is Kind.DASK:
        pytest.skip("its backend draws by chunks, and NumPy's compares")
    x = kind.array(np.asarray([-1e4, -2e3, 0.0, 2e3, 1e4], dtype))
    drawing(kind, x, 0.0)
    spikes = surrogates.sample(surrogate, x, None)
    assert_like(spikes, x, kind)
    np.testing.assert_array_equal(kind.numpy(spikes), [0, 0, 1, 1, 1])
    drawing(kind, x, 1 - np.finfo(dtype).epsneg)  # the largest number that may be drawn
    np.testing.assert_array_equal(
        kind.numpy(surrogates.sample(surrogate, x, None)), [0, 0, 0, 1, 1]
    )
    drawing(kind, x, 0.5)  # a number from [0, 1) is below 1/2 in half of all draws
    np.testing.assert_array_equal(
        kind.numpy(surrogates.sample(surrogate, x, None)), [0, 0, 0, 1, 1]
    )


HALVES = [("float16", kind) for kind in (Kind.NUMPY, Kind.TORCH, Kind.JAX, Kind.DASK)]
HALVES += [("bfloat16", kind) for kind in (Kind.TORCH, Kind.JAX)]


@pytest.mark.parametrize(
    "multi",
    [
        MultiSpike(Sigmoid(), threshold=0.5),
        MultiSpike(Sigmoid(), threshold=1e-10),
        MultiSpike(Sigmoid(), threshold=1e-15, rounding="nearest"),
        MultiSpike(Sigmoid(), max_spikes=1e300),
    ],
    ids=["0.5", "1e-10", "1e-15", "most"],
)
@pytest.mark.parametrize(
    ("dtype", "half"), HALVES, ids=[f"{dtype}-{kind.name.lower()}" for dtype, kind in HALVES]
)
def test_several_spikes_are_a_finite_number_in_half_precision(multi, dtype, half):
    if half.missing():
        pytest.skip(half.missing())
    single = half.array(np.asarray([-np.inf, -2.0, 2.0, 6e4, np.inf, np.nan], np.float32))
    if half is Kind.TORCH:
        import torch

        x = single.to(getattr(torch, dtype))
    else:
        x = single.astype(dtype)
    spikes = multi(x)
    assert_like(spikes, x, half)
    counts = np.asarray(half.numpy(spikes.float() if half is Kind.TORCH else spikes), np.float64)
    largest = 65504.0 if dtype == "float16" else 3.3895313892515355e38
    np.testing.assert_array_equal(counts[[0, 1, 4, 5]], [0.0, 0.0, largest, 0.0])
    exact = np.floor(np.asarray([2.0, 6e4]) / multi.threshold + multi.offset)
    np.testing.assert_allclose(counts[2:4], np.minimum(exact, largest), rtol=2**-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_several_spikes_are_a_finite_number(dtype, kind):
    x = kind.array(np.asarray([-np.inf, np.finfo(dtype).max, np.inf, np.nan], dtype))
    for threshold in (1.0, 1e-10):
        spikes = MultiSpike(Sigmoid(), threshold=threshold)(x)
        assert_like(spikes, x, kind)
        largest = np.finfo(dtype).max
        np.testing.assert_array_equal(kind.numpy(spikes), [0, largest, largest, 0])


@pytest.mark.parametrize("taking", [Kind.JAX, Kind.DASK])
def test_numpy_parameters_are_taken_where_the_library_takes_numpy(taking):
    if taking.missing():
        pytest.skip(taking.missing())
    alpha = np.asarray([1.0, 2.0, 3.0, 4.0])
    x = taking.array(X)
    for surrogate in (Sigmoid(alpha), Scaled(Sigmoid(2.0), amplitude=alpha)):
        np.testing.assert_array_equal(taking.numpy(surrogate(x)), X >= 0)
        derivative = taking.numpy(surrogate.surrogate_grad(x))
        np.testing.assert_allclose(derivative, surrogate.surrogate_grad(X), rtol=1e-12)


def test_all_public_names_exist():
    for module in (surrogates, surrogates.backends):
        assert len(set(module.__all__)) == len(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)
    assert repr(surrogates.backends.of(np.zeros(1))) == "NumpyBackend()"


def test_a_wrong_generator_is_named():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"expected a torch\.Generator, got 42"):
        surrogates.sample(Sigmoid(), torch.ones(3), 42)


def test_signs_move_outwards_in_a_graph():
    trace = Trace("float64")
    x, y = trace.input("x"), trace.input("y")
    for op in ("mul", "div"):
        for a, b in ((x, -y), (-x, y)):
            node = trace.apply(op, a, b)
            assert node is -trace.apply(op, x, y)
            assert node.operands[0].operands == (x, y)
        assert trace.apply(op, -x, -y) is trace.apply(op, x, y)
        assert trace.apply(op, 2.0, -y) is trace.apply(op, -2.0, y)
        assert trace.apply(op, -x, 2.0) is trace.apply(op, x, -2.0)
