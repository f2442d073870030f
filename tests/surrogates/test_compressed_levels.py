"""The levels of 8 bits: what they can hold, which values, and that they have no gradient."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import HALVES, WITH_TAPE, Kind, floats, in_half
from surrogates import Arctan, Compressed, MultiGaussianGrad, MultiSpike, Scaled, Sigmoid, vjp


@pytest.mark.long("jax")
def test_eight_bits_of_a_pullback_are_not_differentiated(taped):
    x, alpha = taped.array(np.asarray([0.3])), taped.array(np.asarray([2.0]))

    def pulled_back(x, alpha):
        return vjp(Compressed(Arctan(alpha), "uint8"), x)[1](x * 0 + 1)

    assert taped.numpy(pulled_back(x, alpha)) > 0.5
    for function, at in (
        (lambda x: pulled_back(x, alpha), x),
        (lambda a: pulled_back(x, a), alpha),
    ):
        with pytest.raises(NotImplementedError, match="first derivative only"):
            taped.gradient(function, at)


@pytest.mark.long("jax")
def test_eight_bits_of_a_peak_that_is_0_negative_or_tiny(kind):
    if kind in (Kind.NUMPY, Kind.NUMPY_READONLY):
        pytest.skip("NumPy's parameters are looked at, and refused")
    x = np.asarray([-1.0, 0.0, 0.5, np.inf])
    for dtype, tiny in (("float32", 1e-37), ("float64", 1e-305)):
        for amplitude in ([0.0], [-1.0], [1.0, 0.0, -2.0, 0.0], [tiny], [tiny, 0.0, 1.0, -tiny]):
            factor = np.resize(np.asarray(amplitude, dtype), 4)  # JAX compiles each shape
            shape = Scaled(Sigmoid(), kind.array(factor))
            for surrogate in (Compressed(shape, "uint8"), MultiSpike(Compressed(shape, "uint8"))):
                at = kind.array(x.astype(dtype))
                exact = factor * Sigmoid().surrogate_grad(x.astype(dtype))
                # a negative derivative has no level
                exact = np.where(exact < 0, np.nan, exact)
                actual = [
                    surrogate.surrogate_grad(at),
                    vjp(surrogate, at)[1](kind.array(np.ones(4, dtype))),
                ]
                if kind in WITH_TAPE:
                    actual.append(kind.gradient(surrogate, at))
                for derivative in actual:
                    found = kind.numpy(derivative)
                    room = np.abs(factor) / 500 + np.finfo(dtype).tiny
                    np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
                    assert np.all((np.abs(found - exact) <= room) | np.isnan(exact))


@pytest.mark.long("jax")
def test_an_infinite_peak_that_is_not_known_before_has_no_levels(kind):
    """Dask computes it, and JAX under `jit`: elsewhere it is refused."""
    if kind not in (Kind.DASK, Kind.JAX):
        pytest.skip("values are looked at, and refused")
    values = np.asarray([[0.5, 0.5], [300.0, -0.25], [-1.0, 2.0], [np.inf, np.nan]])
    expected = np.asarray([[np.nan, 0.0]] * 3 + [[np.nan, np.nan]])
    expected[1, 1] = surrogates.ExpEscape().surrogate_grad(-0.25)
    for dtype in ("float16", "float32", "float64"):

        def derivative(x, band, ones=None):
            surrogate = Compressed(surrogates.Windowed(surrogates.ExpEscape(), band), "uint8")
            return surrogate.surrogate_grad(x) if ones is None else vjp(surrogate, x)[1](ones)

        x, band = kind.array(values.astype(dtype)), kind.array(np.asarray([2000.0, 0.5], "float32"))
        function = derivative
        if kind is Kind.JAX:
            import jax

            function = jax.jit(derivative)
        for ones in ((), (kind.array(np.ones_like(values, dtype)),)):
            found = kind.numpy(function(x, band, *ones)).astype("float64")
            np.testing.assert_allclose(found, expected, atol=0.02)


def test_a_negative_derivative_is_not_kept_in_8_bits_however_it_is_scaled():
    wavy, bump = MultiGaussianGrad(), Sigmoid()
    for surrogate in (
        surrogates.Scaled(wavy),
        surrogates.rescaled(wavy, width=2.0),
        surrogates.Scaled(bump, amplitude=-1.0),
        MultiSpike(wavy),
    ):
        with pytest.raises(ValueError, match="negative somewhere"):
            Compressed(surrogate, "uint8")
    assert Compressed(surrogates.rescaled(bump, peak=2.0), "uint8").peak == 2.0


def test_peak_must_be_known_for_8_bits():
    custom = surrogates.Custom(lambda x: 1 / (1 + x * x))
    with pytest.raises(ValueError, match="has peak unknown"):
        Compressed(custom, "uint8")


def test_eight_bits_of_a_derivative_are_not_differentiated(jax):
    with pytest.raises(NotImplementedError, match="first derivative only"):
        jax.grad(Compressed(Arctan(), "uint8").surrogate_grad)(0.3)
    with pytest.raises(NotImplementedError, match="first derivative only"):
        jax.grad(lambda a: Compressed(Arctan(a), "uint8").surrogate_grad(jax.numpy.asarray(0.3)))(
            2.0
        )


def test_eight_bits_of_a_derivative_are_not_differentiated_in_pytorch(torch):
    x = torch.tensor([0.3], requires_grad=True)
    with pytest.raises(NotImplementedError, match="first derivative only"):
        (Compressed(Arctan(), "uint8").surrogate_grad(x) * x).sum().backward()
    alpha = torch.tensor(2.0, requires_grad=True)
    with pytest.raises(NotImplementedError, match="first derivative only"):
        Compressed(Arctan(alpha), "uint8").surrogate_grad(x.detach()).sum().backward()


@pytest.mark.long("jax")
def test_eight_bits_with_arrays_that_nobody_can_check(taped):
    x = taped.array(np.zeros(3))
    alpha = taped.array(np.asarray([1.0, -1.0, 0.5]))
    surrogate = Compressed(surrogates.GaussianGrad(0.5, alpha), "uint8")
    gradient = taped.numpy(taped.gradient(surrogate, x))
    expected = surrogates.GaussianGrad(0.5, 1.0).surrogate_grad(0.0)
    np.testing.assert_allclose(gradient, [expected, np.nan, expected / 2], rtol=1e-6)


def test_eight_bits_with_arrays_of_numpy():
    surrogate = Compressed(surrogates.GaussianGrad(0.5, np.asarray([1.0, 0.5])), "uint8")
    assert np.all(surrogate.surrogate_grad(np.zeros(2)) > 0.1)
    for inside in (
        surrogates.GaussianGrad(0.5, np.asarray([1.0, -1.0])),
        Scaled(surrogates.ExpEscape(), np.asarray([1.0, 2.0])),
        Scaled(surrogates.Sigmoid(), np.asarray([1.0, 0.0])),
    ):
        with pytest.raises(ValueError, match="8 bits hold a derivative from 0 to a finite peak"):
            Compressed(inside, "uint8")


@pytest.mark.parametrize(("half_kind", "half"), HALVES)
def test_eight_bits_of_a_small_peak_in_half_precision(half_kind, half):
    x = in_half(np.linspace(-1, 1, 9), half, half_kind)
    surrogate = surrogates.rescaled(surrogates.Sigmoid(4.0), peak=1e-3)
    actual = floats(Compressed(surrogate, "uint8").surrogate_grad(x), half_kind)
    exact = surrogate.surrogate_grad(floats(x, half_kind))
    np.testing.assert_allclose(actual, exact, atol=1e-3 / 508, rtol=2.0**-8)


def test_eight_bits_take_arrays_of_every_library(kind):
    amplitude = kind.array(np.asarray([0.5, 2.0]))
    surrogate = Compressed(Scaled(Sigmoid(), amplitude), "uint8")
    _, pullback = vjp(surrogate, kind.array(np.zeros(2)))
    np.testing.assert_allclose(kind.numpy(pullback(kind.array(np.ones(2)))), [0.5, 2.0])


@pytest.mark.parametrize("library", ["numpy", "torch", "jax.numpy"])
@pytest.mark.parametrize("dtype", ["float16", "uint8"])
def test_a_dtype_in_place_of_its_name_is_told_the_name(library, dtype):
    given = getattr(pytest.importorskip(library), dtype)
    with pytest.raises(ValueError, match=rf"got residual=.*{dtype}.*; write residual='{dtype}'$"):
        Compressed(surrogates.Sigmoid(), given)
    with pytest.raises(ValueError, match=rf"got residual=dtype.*; write residual='{dtype}'$"):
        Compressed(surrogates.Sigmoid(), np.dtype(dtype))


def test_a_word_that_is_misspelled_is_told_the_nearest():
    with pytest.raises(ValueError, match=r"got residual='bfloat'; write residual='bfloat16'$"):
        Compressed(surrogates.Sigmoid(), "bfloat")
    with pytest.raises(ValueError, match=r"got closed='Left'; write closed='left'$"):
        surrogates.Boxcar(closed="Left")
    for value in (None, 16, np.ones(2)):
        with pytest.raises(ValueError, match=r"must be one of \(.*\), got closed="):
            surrogates.Boxcar(closed=value)
