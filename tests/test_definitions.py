"""The formulas, held against other sources than themselves."""

from __future__ import annotations

import json
import pickle
import weakref
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import surrogates
from kinds import assert_within_ulps, every_surrogate, surrogates_of
from surrogates.backends._erfc import erfc
from surrogates.definitions import SURROGATES

RECORDS = [
    record
    for record in json.loads((Path(__file__).parent / "golden/peers.json").read_text())["records"]
    if record["canonical"] in SURROGATES
]


@pytest.mark.parametrize(
    "record", RECORDS, ids=lambda r: f"{r['library']}-{r['callable']}-{r['params']}"
)
def test_values_of_other_libraries(record):
    surrogate = SURROGATES[record["canonical"]](**record["canonical_params"])
    x = np.asarray(record["x"])
    derivative = np.asarray(record["gradient"]) * record["peer_gradient_times"]
    np.testing.assert_allclose(surrogate.surrogate_grad(x), derivative, rtol=1e-12, atol=1e-15)
    away = x != 0  # the value at threshold differs between libraries
    np.testing.assert_array_equal(surrogate(x)[away], np.asarray(record["forward"])[away])
    if record["primitive"] is not None:
        constant = surrogate.surrogate_fun(0.0) - np.interp(0.0, x, record["primitive"])
        primitive = np.asarray(record["primitive"]) + constant
        np.testing.assert_allclose(surrogate.surrogate_fun(x), primitive, rtol=1e-12, atol=1e-12)


def test_every_class_has_records():
    assert {record["canonical"] for record in RECORDS} == set(SURROGATES)


def test_seed_page_examples():
    triangle = surrogates.relu_grad.__signature__.parameters
    assert triangle["alpha"].default == 0.3
    x = np.asarray([-2, -0.5, 0, 0.5, 2])
    np.testing.assert_allclose(
        surrogates.ReluGrad().surrogate_grad(x), [0, 0.15, 0.3, 0.15, 0], rtol=1e-15
    )
    x = np.asarray([-0.1, 0, 0.1])
    np.testing.assert_allclose(
        surrogates.InvSquareGrad().surrogate_grad(x), [1 / 121, 1, 1 / 121], rtol=1e-15
    )
    x = np.asarray([-1.0, 0, 1])
    np.testing.assert_allclose(
        surrogates.GaussianGrad().surrogate_grad(x), [0.05399, 0.39894, 0.05399], atol=5e-6
    )
    x = np.asarray([-2.0, -1, 0, 1, 2])
    np.testing.assert_allclose(surrogates.SlayerGrad().surrogate_grad(x), np.exp(-np.abs(x)))


@every_surrogate
@given(data=st.data())
def test_derivative_is_the_derivative_of_the_primitive(cls, data):
    surrogate = data.draw(surrogates_of(cls))
    x = data.draw(st.floats(-8, 8))
    step = 1e-3 * _length(surrogate)
    kinks = (0.0, getattr(surrogate, "width", 0.0))
    assume(all(abs(abs(x) - kink) > 3 * step for kink in kinks))
    # Six points: the error of the formula is of order step^6, far below the rounding error.
    offsets = np.asarray([-3, -2, -1, 1, 2, 3])
    weights = np.asarray([-1, 9, -45, 45, -9, 1]) / 60
    values = surrogate.surrogate_fun(x + step * offsets)
    slope = np.dot(weights, values) / step
    peak = surrogate.surrogate_grad(0.0)
    rounding = 2e-15 * np.max(np.abs(values)) / step
    assert abs(slope - surrogate.surrogate_grad(x)) <= 1e-10 * peak + rounding


def _length(surrogate):
    """Return a length over which the derivative changes little."""
    if isinstance(surrogate, surrogates.GaussianGrad):
        return surrogate.sigma
    if isinstance(surrogate, surrogates.ReluGrad):
        return surrogate.width
    return 1 / max(1.0, surrogate.alpha)


@every_surrogate
@given(data=st.data())
def test_primitive_is_one_half_at_zero(cls, data):
    surrogate = data.draw(surrogates_of(cls))
    half = surrogate.surrogate_fun(np.asarray([-0.0, 0.0]))
    np.testing.assert_allclose(half, 0.5, rtol=1e-15 * max(1.0, getattr(surrogate, "alpha", 1.0)))


@pytest.mark.parametrize(
    ("surrogate", "limits"),
    [
        (surrogates.InvSquareGrad(4.0), (0.25, 0.75)),
        (surrogates.SlayerGrad(4.0), (0.25, 0.75)),
        (surrogates.GaussianGrad(2.0, 1.0), (0.0, 1.0)),
        (surrogates.ReluGrad(0.5, 1.0), (0.25, 0.75)),
        (surrogates.QPseudoSpike(3.0), (-0.5, 1.5)),
        (surrogates.QPseudoSpike(0.5), (-np.inf, np.inf)),
        (surrogates.QPseudoSpike(1.0), (-np.inf, np.inf)),
    ],
)
def test_limits_of_the_primitive(surrogate, limits):
    np.testing.assert_array_equal(surrogate.surrogate_fun(np.asarray([-np.inf, np.inf])), limits)


@pytest.mark.parametrize("alpha", [1 - 1e-6, 1 - 1e-13, 1.0, 1 + 1e-13, 1 + 1e-7, 1 + 1e-6])
def test_q_pseudo_spike_is_accurate_around_its_removable_singularity(alpha):
    with mpmath.workdps(50):
        base = 1 + 2 * mpmath.mpf(0.5) / (mpmath.mpf(alpha) + 1)
        scale = (mpmath.mpf(alpha) + 1) / 2
        q = 1 - mpmath.mpf(alpha)
        exact = 0.5 + scale * (mpmath.log(base) if q == 0 else (base**q - 1) / q)
    value = surrogates.QPseudoSpike(alpha).surrogate_fun(0.5)
    assert abs(value - float(exact)) <= 4 * np.spacing(float(exact))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_erfc_within_its_stated_bound(dtype):
    info = np.finfo(dtype)
    x = np.concatenate([np.linspace(-7, 28, 1500), np.geomspace(1e-30, 1, 100)]).astype(dtype)
    with mpmath.workdps(40):
        exact = np.asarray([float(mpmath.erfc(float(v))) for v in x])
    normal = exact >= info.tiny
    assert_within_ulps(erfc(x)[normal], exact[normal], 8)


def test_erfc_at_its_ends():
    x = np.asarray([-np.inf, 0.0, np.inf, np.nan])
    np.testing.assert_array_equal(erfc(x), [2, 1, 0, np.nan])


@every_surrogate
def test_surrogates_are_values(cls):
    surrogate = cls()
    names = list(cls.__dataclass_fields__)
    ones = cls(**dict.fromkeys(names, 1))
    assert ones == cls(**dict.fromkeys(names, np.float32(1.0)))
    assert hash(ones) == hash(cls(**dict.fromkeys(names, 1.0)))
    assert ones != cls(**dict.fromkeys(names, 2.0))
    assert pickle.loads(pickle.dumps(surrogate)) == surrogate
    assert weakref.ref(surrogate)() is surrogate
    assert eval(repr(surrogate), vars(surrogates)) == surrogate
    with pytest.raises(AttributeError):
        setattr(surrogate, names[0], 2.0)


@every_surrogate
def test_function_form_is_the_class(cls):
    name = next(n for n in surrogates.__all__ if _is_function_of(n, cls))
    function = getattr(surrogates, name)
    parameters = function.__signature__.parameters
    assert list(parameters) == ["x", *cls.__dataclass_fields__]
    x = np.asarray([-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(function(x, 2.0), cls(2.0)(x))
    np.testing.assert_array_equal(function(x=x), [0, 1, 1])


def _is_function_of(name, cls):
    return name.islower() and name.replace("_", "") == cls.__name__.lower()


@every_surrogate
def test_array_parameters_broadcast(cls, kind):
    name = next(iter(cls.__dataclass_fields__))
    values = np.linspace(-2, 2, 6).reshape(2, 3)
    channels = np.asarray([0.5, 1.0, 2.0])
    surrogate = cls(**{name: kind.array(channels)})
    expected = np.stack(
        [cls(**{name: c}).surrogate_grad(values[:, i]) for i, c in enumerate(channels)], axis=1
    )
    x = kind.array(values)
    np.testing.assert_allclose(kind.numpy(surrogate.surrogate_grad(x)), expected, rtol=1e-14)
    np.testing.assert_array_equal(kind.numpy(surrogate(x)), values >= 0)
    _, pullback = surrogates.vjp(surrogate, x)
    np.testing.assert_allclose(
        kind.numpy(pullback(kind.array(np.ones((2, 3))))), expected, rtol=1e-14
    )
