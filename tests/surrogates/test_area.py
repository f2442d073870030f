"""The area of a derivative to the left of a point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinds import every_surrogate
from surrogates import Mixture, Relaxed, Sigmoid, StraightThrough, Surrogate, parameter
from surrogates._parameters import parameters

FAR = 1e15


def forms(surrogate):
    """Return a surrogate, and it with each parameter an array."""
    yield surrogate
    for declared in parameters(type(surrogate)):
        value = getattr(surrogate, declared.name)
        if isinstance(value, float):
            yield replace(surrogate, **{declared.name: np.asarray([value, value])})


@every_surrogate
def test_the_area_is_nothing_far_below_and_the_stated_one_at_the_threshold(cls):
    for surrogate in forms(cls()):
        below = np.broadcast_to(surrogate.area_below, 2)
        with np.errstate(all="ignore"):
            far, here = (surrogate.area_to(np, np.full(2, x)) for x in (-FAR, 0.0))
        if np.isfinite(below).all():
            np.testing.assert_allclose(here, below, rtol=1e-14)
            np.testing.assert_allclose(far, 0.0, atol=1e-14 * max(1.0, below[0]))
        else:
            np.testing.assert_array_equal(here, 0.5)  # the primitive


class Stated(Surrogate):
    """Of a user, who states the area below: infinite where there is a floor."""

    height: float = parameter(2.0)
    floor: float = parameter(0.0, low=0.0)

    def primitive(self, xp, x):
        return 0.5 + self.height * xp.atan(x) + self.floor * x

    def derivative(self, xp, x):
        return self.height / (1 + x * x) + self.floor

    @property
    def area_below(self):
        half = self.height * np.pi / 2
        if isinstance(self.floor, float):
            return np.inf if self.floor else half
        return np.where(self.floor > 0, np.inf, half)


def test_the_area_that_is_stated_is_added_up_from_minus_infinity():
    x = np.asarray([-1.0, 0.0, 0.5])
    area, rise = 2 * (np.arctan(x) + np.pi / 2), np.arctan(x)
    np.testing.assert_allclose(Stated().area_to(np, x), area, rtol=1e-14)
    one_more = Stated(height=3 / np.pi)  # than the half of the primitive
    assert one_more.area_below == 1.5
    np.testing.assert_allclose(one_more.area_to(np, x), area * 1.5 / np.pi, rtol=1e-14)
    several = Stated(height=np.asarray([2.0, 4.0, 6.0]))
    np.testing.assert_allclose(several.area_to(np, x), [1, 2, 3] * area, rtol=1e-14)
    np.testing.assert_allclose(Stated(floor=1.0).area_to(np, x), 0.5 + 2 * rise + x, rtol=1e-14)
    some = Stated(floor=np.asarray([0.0, 1.0, 1.0]))
    expected = [area[0], *(0.5 + 2 * rise + x)[1:]]
    np.testing.assert_allclose(some.area_to(np, x), expected, rtol=1e-14)


class Unstated(Surrogate):
    """Of a user, who states no area: where there is a floor it is infinite."""

    height: float = parameter(2.0)
    rate: float = parameter(1.5)
    floor: float = parameter(0.0, low=0.0)

    def primitive(self, xp, x):
        return 3.0 + self.height * xp.atan(self.rate * x) + self.floor * x  # NaN at infinity

    def derivative(self, xp, x):
        return self.height * self.rate / (1 + (self.rate * x) ** 2) + self.floor


class AtInfinity(Unstated):
    """Whose primitive is known there."""

    def primitive(self, xp, x):
        return 3.0 + self.height * xp.atan(self.rate * x)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_where_no_area_is_stated_the_primitive_far_below_says_it():
    x = np.asarray([-1.0, 0.5])
    surrogate = Unstated(floor=np.asarray([[0.0], [1.0]]))
    area = 2 * (np.arctan(1.5 * x) + np.pi / 2)
    for cls in (Unstated, AtInfinity):
        np.testing.assert_allclose(cls().area_to(np, x), area, rtol=1e-14)
    x = np.broadcast_to(x, (2, 2))
    np.testing.assert_array_equal(surrogate.has_area_below(np, x), [[True] * 2, [False] * 2])
    expected = [area, surrogate.primitive(np, x)[1]]
    np.testing.assert_allclose(surrogate.area_to(np, x), expected, rtol=1e-14)


def test_where_no_area_is_stated_parameters_get_its_gradient(taped):
    x = np.asarray([-1.0, 0.0, 0.5])
    for name, slope in {
        "height": np.arctan(1.5 * x) + np.pi / 2,
        "rate": 2 * x / (1 + (1.5 * x) ** 2),
    }.items():
        values = taped.array(np.full(3, getattr(Unstated(), name)))

        def spikes(values, name=name):
            return Relaxed(Unstated(**{name: values}))(taped.array(x))

        found = taped.numpy(taped.gradient(spikes, values))
        np.testing.assert_allclose(found, slope, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("as_array", [False, True])
def test_of_a_mixture_with_an_infinite_part_it_is_the_primitive(as_array):
    x = np.asarray([-1.0, 0.0, 1.0])
    weights = (2.0, np.asarray(1.0) if as_array else 1.0)
    for parts in ((Sigmoid(4.0), StraightThrough()), (StraightThrough(), Sigmoid(4.0))):
        mixture = Mixture(parts, weights)
        np.testing.assert_array_equal(mixture.area_to(np, x), mixture.surrogate_fun(x))
    by_channel = Mixture((Sigmoid(4.0), StraightThrough()), (2.0, np.asarray([0.0, 1.0, 1.0])))
    expected = np.where(x < 0, 2 * Sigmoid(4.0).area_to(np, x), by_channel.surrogate_fun(x))
    np.testing.assert_allclose(by_channel.area_to(np, x), expected, rtol=1e-15)
