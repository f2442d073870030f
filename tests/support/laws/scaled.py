"""The laws of `Scaled`."""

from __future__ import annotations

import numpy as np

from surrogates import Scaled, Sigmoid

from .bases import NUMBERS, ShapeLaw


class ScaledLaw(ShapeLaw):
    arguments = {"amplitude": NUMBERS, "rate": NUMBERS, "shift": (-0.5, 0.0, 0.25)}
    defaults = {"amplitude": 1.0, "rate": 1.0, "shift": 0.0}

    passes_on = {"has_area_below"}

    def derivative(self, wrapper, inside, x):
        return wrapper.amplitude * inside(wrapper.rate * (x - wrapper.shift))

    def measures(self, wrapper, peak, area, width):
        amplitude, rate = wrapper.amplitude, wrapper.rate
        return amplitude * peak, amplitude / rate * area, width / rate

    def examples(self):
        return [Scaled(Sigmoid(4.0), amplitude=0.75, rate=1.5, shift=0.25)]

    def around(self, inside):
        return [Scaled(inside, amplitude=1.5, rate=0.5)]  # a shift subtracts another term

    def derivative_interval(self, model, node, at):
        low, high = model.derivative_of(node["inside"], self._inner(model, node, at))
        return model.times(model.parameter(node, "amplitude"), low, high)

    def primitive_interval(self, model, node, at):
        factor = model.parameter(node, "amplitude") / model.parameter(node, "rate")
        low, high, size = model.primitive_of(node["inside"], self._inner(model, node, at))
        # where the surrogate inside overflows, so does this one, as `Scaled` states
        size = np.where(size > model.most / 8, np.inf, np.abs(factor) * size + 0.5)
        return (*model.times(factor, low, high), np.where(factor == 0, 0.5, size))

    def _inner(self, model, node, at):
        rate, shift = model.parameter(node, "rate"), model.parameter(node, "shift")
        with np.errstate(all="ignore"):
            low, high = (np.multiply(rate, end - shift) for end in at)
            room = 4 * model.eps * rate * (np.abs(at[0]) + np.abs(shift)) + model.least
            room = np.where(np.isnan(room), 0.0, room)
            low, high = low - room, high + room
        return model.saturated(low, high)
