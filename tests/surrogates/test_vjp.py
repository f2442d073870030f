"""vjp and jvp: the pullback, and what it takes."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import FIRST, Kind, parameters, required


def test_python_floats_in_vjp_and_jvp():
    spike, pullback = surrogates.vjp(surrogates.ReluGrad(), 0.5)
    assert (spike, pullback(2.0)) == (1.0, 0.3)
    assert surrogates.jvp(surrogates.ReluGrad(), 0.5, 2.0) == (1.0, 0.3)


def test_cotangent_of_another_shape(kind):
    x = kind.array(np.ones((2, 3)))
    _, pullback = surrogates.vjp(surrogates.SlayerGrad(), x)
    with pytest.raises(ValueError, match=r"shape \(3,\).* shape \(2, 3\)"):
        pullback(kind.array(np.ones(3)))
    with pytest.raises(ValueError, match=r"the cotangent has shape \(2,\)"):
        pullback(kind.array(np.ones(2)))  # as long as x, with an axis less
    with pytest.raises(ValueError, match="the tangent has shape"):
        surrogates.jvp(surrogates.SlayerGrad(), x, kind.array(np.ones(3)))


def test_pullback_does_not_see_later_edits_of_x():
    x = np.asarray([0.0, 0.5])
    _, pullback = surrogates.vjp(surrogates.ReluGrad(), x)
    x += 10
    np.testing.assert_allclose(pullback(np.ones(2)), [0.3, 0.15])


@pytest.mark.parametrize("vector", [[1, 2, 3], 1, None, "1", 1j * np.ones(3), np.ones(3, int)])
def test_cotangent_that_is_no_floating_point_array(vector):
    surrogate, x = surrogates.SlayerGrad(), np.ones(3)
    with pytest.raises(TypeError, match="the cotangent must be a real floating-point array"):
        surrogates.vjp(surrogate, x)[1](vector)
    with pytest.raises(TypeError, match="the tangent must be a real floating-point array"):
        surrogates.jvp(surrogate, x, vector)


def test_a_masked_cotangent_is_refused_and_its_mask_not_lost():
    masked = np.ma.masked_array(np.ones(3), mask=[True, False, False])
    with pytest.raises(TypeError, match=r"numpy\.ma\.getdata"):
        surrogates.vjp(surrogates.Sigmoid(), np.ones(3))[1](masked)


def test_cotangent_of_another_precision_gives_the_dtype_of_x(kind):
    x = kind.array(np.ones(3, np.float32))
    _, pullback = surrogates.vjp(surrogates.SlayerGrad(), x)
    assert pullback(kind.array(np.ones(3))).dtype == x.dtype


def test_a_cotangent_in_float8_is_refused():
    torch = pytest.importorskip("torch")
    x = torch.zeros(3)
    with pytest.raises(TypeError, match="the cotangent must be a real floating-point array"):
        surrogates.vjp(surrogates.Sigmoid(), x)[1](x.to(torch.float8_e5m2))


class Returning(surrogates.Surrogate):
    """A user's, whose derivative is its argument."""

    def derivative(self, xp, x):
        return x


class OfHeight(surrogates.Surrogate):
    """A user's, whose derivative is its parameter."""

    traceable = True
    height: float = 1.0

    def derivative(self, xp, x):
        return self.height


TWICE = {
    "plain": lambda kind: surrogates.Sigmoid(4.0),
    "constant": lambda kind: surrogates.StraightThrough(),
    "with an array": lambda kind: surrogates.Sigmoid(kind.array(np.linspace(1.0, 2.0, 6))),
    "its parameter": lambda kind: OfHeight(kind.array(np.linspace(1.0, 2.0, 6))),
    "scaled": lambda kind: surrogates.Scaled(surrogates.ERF(), 2.0, 3.0, 0.1),
    "signed": lambda kind: surrogates.Ternary(surrogates.Arctan()),
    "float16": lambda kind: surrogates.Compressed(surrogates.Arctan()),
    "uint8": lambda kind: surrogates.Compressed(surrogates.Arctan(), "uint8"),
    "a user's": lambda kind: Returning(),
    "two functions": lambda kind: surrogates.Custom(lambda x: x),
}


@pytest.mark.parametrize("name", TWICE)
def test_a_pullback_gives_the_same_when_it_is_called_twice(name, kind):
    if name == "float16" and kind is Kind.STRICT:
        pytest.skip("array-api-strict has no float16")
    x = kind.array(np.linspace(-1.2, 1.3, 6))
    surrogate = TWICE[name](kind)
    _, pullback = surrogates.vjp(surrogate, x)
    cotangents = [kind.array(np.full(6, c)) for c in (1.0, -2.0, 1.0)]
    first, second, third = (kind.numpy(pullback(c)).copy() for c in cotangents)
    np.testing.assert_array_equal(third, first)
    np.testing.assert_array_equal(second, -2.0 * first)
    assert [kind.numpy(c)[0] for c in cotangents] == [1.0, -2.0, 1.0]
    if kind in WRITABLE:
        out = kind.array(np.empty(6))
        for cotangent, expected in zip(cotangents, (first, second, third), strict=True):
            assert pullback(cotangent, out=out) is out
            np.testing.assert_array_equal(kind.numpy(out), expected)
        assert pullback(cotangents[0], out=cotangents[0]) is cotangents[0]
        np.testing.assert_array_equal(kind.numpy(cotangents[0]), first)
        np.testing.assert_array_equal(kind.numpy(pullback(cotangents[2])), first)


HELD = {
    "a parameter": surrogates.Sigmoid,
    "what a formula returns": OfHeight,
    "x, which a formula returns": lambda height: Returning(),
    "float16": lambda alpha: surrogates.Compressed(surrogates.Sigmoid(alpha)),
    "uint8": lambda alpha: surrogates.Compressed(surrogates.Sigmoid(alpha), "uint8"),
    "signed": lambda alpha: surrogates.Ternary(surrogates.Sigmoid(alpha), alpha),
}


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("edited", parameters([kind for kind in FIRST if kind.is_mutable]))
def test_a_pullback_does_not_see_later_edits(name, edited):
    if edited.missing() or (name == "float16" and edited is Kind.STRICT):
        pytest.skip(edited.missing() or "array-api-strict has no float16")
    for size in (1, 4):
        values = [np.full(size, value, np.float32) for value in (2.0, 0.25, 1.0)]
        alpha, x, cotangent = (edited.array(array.copy()) for array in values)
        _, pullback = surrogates.vjp(HELD[name](alpha), x)
        expected = edited.numpy(pullback(edited.array(values[2]))).copy()
        lazy = pullback(cotangent)
        for array in (alpha, x, cotangent):
            array[...] = 7.0
        np.testing.assert_array_equal(edited.numpy(lazy), expected)
        np.testing.assert_array_equal(edited.numpy(pullback(edited.array(values[2]))), expected)


@pytest.mark.long("jax")
@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("place", ["alpha", "x", "cotangent"])
@pytest.mark.parametrize("other", parameters([Kind("jax"), Kind("dask")]))
def test_an_edit_of_numpys_arrays_among_those_of_another_library_is_not_seen(place, other, name):
    """JAX returns before it has read the memory of NumPy."""
    required(other)
    if place == "x" and name == "x, which a formula returns":
        pytest.skip("nothing here is of the other library")
    values = {"alpha": 2.0, "x": 0.25, "cotangent": 1.0}
    large = {key: np.full(2**20, value, np.float32) for key, value in values.items()}
    arrays = {key: a if key == place else other.array(a) for key, a in large.items()}
    spikes, pullback = surrogates.vjp(HELD[name](arrays["alpha"]), arrays["x"])
    if place != "cotangent":
        arrays[place][...] = 7.0
    gradient = pullback(arrays["cotangent"])
    arrays[place][...] = 7.0
    few = {key: np.full(1, value, np.float32) for key, value in values.items()}
    of_few, pulled_back = surrogates.vjp(HELD[name](few["alpha"]), few["x"])
    expected = pulled_back(few["cotangent"])
    np.testing.assert_allclose(other.numpy(gradient), np.repeat(expected, 2**20), rtol=1e-5)
    np.testing.assert_array_equal(other.numpy(spikes), np.repeat(of_few, 2**20))


WRITABLE = [kind for kind in Kind if kind.takes_out and kind.is_mutable]


def of_sigmoid(x):
    """Return a pullback at `x`, and what it makes of a cotangent, by hand."""
    derivative = surrogates.Sigmoid().surrogate_grad(x.copy())
    pullback = surrogates.vjp(surrogates.Sigmoid(), x)[1]
    return pullback, lambda cotangent: (cotangent * derivative).astype(x.dtype)


# Where the result goes, of a buffer of 20 elements with the cotangent in the first 10.
PLACES = {
    "the cotangent": lambda buffer: buffer[:10],
    "behind it": lambda buffer: buffer[1:11],
    "far behind it": lambda buffer: buffer[10:],
    "backwards": lambda buffer: buffer[9::-1],
    "stretched": lambda buffer: buffer[::2],
}


@pytest.mark.parametrize("place", PLACES)
def test_out_may_share_memory_with_the_cotangent(place):
    pullback, by_hand = of_sigmoid(np.linspace(-1.0, 1.0, 10))
    buffer = np.linspace(1.0, 2.0, 20)
    expected = by_hand(buffer[:10].copy())
    out = PLACES[place](buffer)
    assert pullback(buffer[:10], out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_out_may_share_memory_with_a_cotangent_of_another_dtype():
    pullback, by_hand = of_sigmoid(np.linspace(-1.0, 1.0, 10, dtype=np.float32))
    cotangent = np.linspace(1.0, 2.0, 10)
    expected = by_hand(cotangent.copy())
    out = cotangent.view(np.float32)[3:13]
    np.testing.assert_array_equal(pullback(cotangent, out=out), expected)


def test_out_may_be_x_or_the_spikes():
    x = np.linspace(-1.0, 1.0, 10)
    spikes, pullback = surrogates.vjp(surrogates.Sigmoid(), x)
    expected = pullback(np.ones(10))
    for out in (x, spikes):
        np.testing.assert_array_equal(pullback(np.ones(10), out=out), expected)
    np.testing.assert_array_equal(pullback(np.ones(10)), expected)


@pytest.mark.parametrize("of_x", ["float16", "float32", "float64"])
@pytest.mark.parametrize("of_cotangent", ["float16", "float32", "float64"])
def test_out_is_what_the_pullback_returns_without(of_x, of_cotangent):
    for shape in ((), (0,), (7,), (3, 4), (300, 1000)):
        rng = np.random.default_rng(0)
        x, cotangent = rng.normal(size=shape).astype(of_x), rng.normal(size=shape)
        cotangent = np.asarray(cotangent, of_cotangent)
        pullback = surrogates.vjp(surrogates.Sigmoid(), np.asarray(x))[1]
        for order in "CF":
            out = np.full(shape, np.nan, of_x, order=order)
            assert pullback(cotangent, out=out) is out
            np.testing.assert_array_equal(out, pullback(cotangent))


def test_out_of_a_python_float():
    out = np.empty(())
    assert surrogates.vjp(surrogates.ReluGrad(), 0.5)[1](2.0, out=out) is out
    assert out == 0.3


def test_out_may_be_a_slice_or_a_transpose_or_a_file(tmp_path):
    x = np.linspace(-1.0, 1.0, 12).reshape(3, 4)
    pullback, by_hand = of_sigmoid(x)
    base = np.zeros((6, 5, 4))
    file = np.memmap(tmp_path / "out", np.float64, "w+", shape=(3, 4))
    outs = [base[::2, 1, :], base[:3, :4, 2], base[2::-1, :4, 2], base[0, :4, :3].T, file]
    for out in [*outs, np.diagonal(np.zeros((4, 3, 4)), 0, 0, 2).copy()]:
        np.testing.assert_array_equal(pullback(np.ones((3, 4)), out=out), by_hand(1.0))


def strided(shape, strides):
    return np.lib.stride_tricks.as_strided(np.zeros(40), shape, strides)


WRONG_OUT = {
    "a list": (TypeError, "must be an array of the library of x", [0.0, 0.0, 0.0]),
    "a number": (TypeError, "must be an array of the library of x", np.float64(1.0)),
    "masked": (TypeError, r"numpy\.ma\.getdata", np.ma.masked_array(np.zeros(3), mask=False)),
    "a matrix": (TypeError, r"numpy\.matrix", np.zeros((1, 3)).view(np.matrix)),
    "narrower": (TypeError, "out has dtype float32, but .* float64", np.zeros(3, np.float32)),
    "swapped": (TypeError, "out has dtype >f8", np.zeros(3, ">f8")),
    "an integer": (TypeError, "out has dtype int64", np.zeros(3, int)),
    "longer": (ValueError, r"out has shape \(4,\), but x has shape \(3,\)", np.zeros(4)),
    "wider": (ValueError, r"out has shape \(1, 3\)", np.zeros((1, 3))),
    "read-only": (ValueError, "out is read-only", np.broadcast_to(np.zeros(3), (3,))),
    "one number": (ValueError, "share memory", strided((3,), (0,))),
    "half a number": (ValueError, "share memory", strided((3,), (4,))),
}


@pytest.mark.parametrize("name", WRONG_OUT)
def test_an_out_that_is_not_like_x_is_refused_and_not_written_to(name):
    error, message, out = WRONG_OUT[name]
    before = np.array(out)
    with pytest.raises(error, match=message):
        surrogates.vjp(surrogates.Sigmoid(), np.ones(3))[1](np.ones(3), out=out)
    np.testing.assert_array_equal(np.array(out), before)


@pytest.mark.parametrize("strides", [(8, 8), (16, 8), (8, 0), (-8, 16), (24, 16)])
def test_an_out_of_windows_that_overlap_is_refused(strides):
    out = np.lib.stride_tricks.as_strided(np.zeros(40)[10:], (3, 4), strides)
    with pytest.raises(ValueError, match="share memory"):
        surrogates.vjp(surrogates.Sigmoid(), np.ones((3, 4)))[1](np.ones((3, 4)), out=out)


def test_of_an_axis_of_one_element_any_stride_will_do_and_of_two_not():
    out = strided((1, 3), (0, 16))
    assert surrogates.vjp(surrogates.Sigmoid(), np.ones((1, 3)))[1](np.ones((1, 3)), out=out) is out
    with pytest.raises(ValueError, match="share memory"):
        surrogates.vjp(surrogates.Sigmoid(), np.ones(2))[1](np.ones(2), out=strided((2,), (0,)))


def test_a_wrong_cotangent_leaves_out_as_it_is():
    out = np.full(3, 5.0)
    with pytest.raises(ValueError, match="the cotangent has shape"):
        surrogates.vjp(surrogates.Sigmoid(), np.ones(3))[1](np.ones(4), out=out)
    np.testing.assert_array_equal(out, [5.0, 5.0, 5.0])


REFUSED = {
    Kind.TORCH: r"out\.copy_\(pullback\(cotangent\)\)",
    Kind.JAX: "donate_argnums",
    Kind.DASK: r"dask\.array\.store",
}


@pytest.mark.parametrize("refusing", REFUSED, ids=lambda kind: kind.name.lower())
@pytest.mark.parametrize("wrap", [lambda s: s, surrogates.Compressed])
def test_out_is_refused_with_a_remedy_where_arrays_are_not_written_to(refusing, wrap):
    required(refusing)
    x = refusing.array(np.ones(3))
    pullback = surrogates.vjp(wrap(surrogates.Sigmoid()), x)[1]
    with pytest.raises(TypeError, match=f"takes no out: .*{REFUSED[refusing]}"):
        pullback(x, out=refusing.array(np.zeros(3)))


def test_a_backend_says_whether_it_writes_to_arrays(monkeypatch):
    class Plugin(surrogates.backends.Backend):
        pass

    x = np.ones(3)
    monkeypatch.setitem(surrogates.backends._by_type, np.ndarray, Plugin())
    pullback = surrogates.vjp(surrogates.Sigmoid(), x)[1]
    with pytest.raises(TypeError, match="its backend defines no method `multiply`"):
        pullback(x, out=np.zeros(3))
    Plugin.no_out = None
    with pytest.raises(NotImplementedError, match=r"Plugin .* must define its method `multiply`"):
        pullback(x, out=np.zeros(3))
    monkeypatch.undo()


def test_cupy_writes_the_product_of_whatever_it_is_given():
    from surrogates.backends._cupy import CupyBackend

    out = np.zeros(3, np.float32)
    CupyBackend().multiply(np.full(3, 0.1), np.full(3, 0.5, np.float32), out)
    np.testing.assert_array_equal(out, np.float32(0.05))
