"""What must hold of a surrogate in an array library: see `surrogates.testing`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import _breakpoints
from ._check import accuracy
from ._surrogate import Surrogate
from ._vjp import jvp, vjp
from ._wrappers.compressed import Compressed
from ._wrappers.relaxed import Relaxed
from ._wrappers.scaled import Scaled
from ._wrappers.spikes import MultiSpike, Ternary, sample

Array = Any
Values = np.ndarray[Any, Any]
Check = Callable[[], None]

_PLACES = (-2.3, -1.1, -0.4, -0.07, 0.03, 0.21, 0.8, 1.7)  # in widths of a surrogate
_FAR = (-300.0, -20.0, 20.0, 300.0)
_DRAWS = 100_000


@dataclass(frozen=True)
class Library:
    """An array library, by its functions: see `surrogates.testing.check_backend`."""

    asarray: Any
    asnumpy: Any
    grad: Any
    jvp: Any
    vmap: Any
    compile: Any
    generator: Any


class Case:
    """A surrogate in a dtype of a library, and what must hold of it."""

    def __init__(self, library: Library, surrogate: Surrogate, dtype: str, exact_as: str) -> None:
        self.library, self.surrogate = library, surrogate
        self.dtype, self.exact_as = dtype, exact_as
        self.eps = float(np.finfo(exact_as).eps)
        self.x = _smooth_places(surrogate, dtype)
        self.ones = np.ones_like(self.x)
        if not np.any(self.surrogate_grad(self.x)):  # 0 would be right for a gradient
            raise ValueError(
                f"check_backend: the derivative of {surrogate!r} is 0 wherever {dtype} would be "
                f"checked, at {self.x}; let its class state its `width`, or name another dtype"
            )

    def checks(self) -> Iterator[tuple[str, Check]]:
        """Give a title and a function for each check that the library has the means for."""
        has = self.library
        yield "spikes", self.spikes
        yield "the derivative", lambda: self.values("derivative")
        yield "the primitive", lambda: self.values("primitive")
        yield "arrays without axes, and empty", self.shapes
        yield "surrogates.vjp and surrogates.jvp", self.by_hand
        yield "a parameter for each channel", self.channels
        yield "integers are refused", self.integers
        if has.generator is not None and self.surrogate.is_distribution:
            yield "random spikes", self.random
            yield "rare spikes, and rare silence", self.rare
        if has.grad:
            yield "the gradient", lambda: self.first_order(has.grad(self.surrogate))
            yield "the gradient of several and of signed spikes", self.emissions
            yield "the second derivative", lambda: self.second_order(self.grad_of_grad())
            yield "the second derivative at the threshold", self.at_threshold
            yield "the gradient where a parameter is an array", self.gradient_of_channels
            yield "a parameter has no gradient by itself", self.bare_parameter
            yield "a parameter's gradient under Relaxed", self.relaxed
            yield "the gradient of a gradient to a parameter", self.hypergradient
            yield "Compressed to float16", self.half_residual
            yield "the derivatives of Compressed to 8 bits", self.byte_residual
            yield "a threshold without a gradient refuses one", self.threshold
            yield "the gradient of a primitive of your own", self.own
        if has.jvp:
            yield "the tangent", lambda: self.first_order(lambda x: self.tangent(self.surrogate, x))
        if has.jvp and has.grad:
            first = has.grad(self.surrogate)
            yield "jvp of grad", lambda: self.second_order(lambda x: self.tangent(first, x))
            second = has.grad(lambda x: self.tangent(self.surrogate, x))
            yield "grad of jvp", lambda: self.second_order(second)
        if has.vmap and has.grad:
            yield "vmap of grad", lambda: self.first_order(has.vmap(has.grad(self.surrogate)))
            yield "grad of vmap", lambda: self.first_order(has.grad(has.vmap(self.surrogate)))
            yield "a parameter that is mapped", self.mapped
        if has.compile and has.grad:
            compiled = has.compile
            yield (
                "the gradient, compiled",
                lambda: self.first_order(compiled(has.grad(self.surrogate))),
            )
            yield (
                "the gradient of what is compiled",
                lambda: self.first_order(has.grad(compiled(self.surrogate))),
            )
            yield (
                "the second derivative, compiled",
                lambda: self.second_order(compiled(self.grad_of_grad())),
            )

    # What is computed without differentiation

    def spikes(self) -> None:
        for at_threshold in (1.0, 0.0):
            surrogate = replace(self.surrogate, at_threshold=at_threshold)
            x = self.cast([*self.x, 0.0, -0.0, np.inf, -np.inf, np.nan])
            self.equal(surrogate(self.array(x)), surrogate(x))

    def values(self, function: str) -> None:
        x = self.cast([*self.x, -self.limit, self.limit, *_FAR, 0.0])
        method = {"derivative": "surrogate_grad", "primitive": "surrogate_fun"}[function]
        with np.errstate(all="ignore"):  # of a user's own formula
            exact = getattr(self.surrogate, method)(x.astype(np.float64))
            actual = self.numpy(getattr(self.surrogate, method)(self.array(x)))
        if not np.array_equal(np.isnan(actual), np.isnan(exact)):
            raise AssertionError(f"NaN at x = {x[np.isnan(actual) != np.isnan(exact)]}")
        finite = np.isfinite(exact) & (np.abs(exact) < self.limit)
        self.large(actual, exact, ~finite)
        truth = accuracy.Reference(x[finite], exact[finite], np.zeros(finite.sum()))
        of_bound, ulp = accuracy.ulps(
            self.surrogate, function, actual[finite], truth, flushes=True, dtype=self.exact_as
        )
        worst = int(np.argmax(of_bound))
        if not of_bound[worst] <= 4:  # twice the statement, and the roundings of the reference
            place = x[finite][worst]
            raise AssertionError(f"{ulp[worst]:.1f} ulp, too many, at x = {place}")

    def shapes(self) -> None:
        for x in (self.cast(0.3), self.cast(np.zeros((2, 0)))):
            self.equal(self.surrogate(self.array(x)), np.asarray(self.surrogate(x)))
            self.close(self.surrogate.surrogate_grad(self.array(x)), self.surrogate_grad(x))

    def by_hand(self) -> None:
        two = self.array(2 * self.ones)
        spikes, pullback = vjp(self.surrogate, self.array(self.x))
        self.equal(spikes, self.x >= 0)
        for _ in range(2):
            self.close(pullback(two), 2 * self.surrogate_grad(self.x))
        spikes, tangent = jvp(self.surrogate, self.array(self.x), two)
        self.equal(spikes, self.x >= 0)
        self.close(tangent, 2 * self.surrogate_grad(self.x))

    def channels(self) -> None:
        for surrogate, exact in (self.of_channels(self.array), self.amplified(self.array)):
            self.equal(surrogate(self.array(self.x)), self.x >= 0)
            self.close(surrogate.surrogate_grad(self.array(self.x)), exact)

    def integers(self) -> None:
        x = self.library.asarray(np.arange(3))
        try:
            self.surrogate(x)
        except TypeError:
            return
        raise AssertionError("an array of integers was taken")

    def random(self) -> None:
        drawn = self.drawn(0.05)
        if not np.all((drawn == 0) | (drawn == 1)):
            raise AssertionError(f"numbers other than 0 and 1 were drawn: {np.unique(drawn)}")
        expected = float(self.surrogate.formula("area", np, np.asarray(0.05)))
        if not abs(drawn.mean() - expected) < 0.01:  # six standard deviations
            raise AssertionError(f"the share of spikes is {drawn.mean():.3f}, not {expected:.3f}")

    def rare(self) -> None:
        """Assert that numbers are not drawn in half precision, where 0 or 1 come too often."""
        for word, side in (("spike", -1), ("do not", 1)):
            x = self.cast(side * np.geomspace(1e-3, 6e4, 400))  # float16 ends there
            below = self.surrogate.formula("area", np, x.astype(np.float64))
            share = below if side < 0 else 1 - below
            for at in x[share < 1e-5][:1]:
                found = int(np.sum(self.drawn(at) == (side < 0)))
                if found > 12:  # where one is due, at most
                    raise AssertionError(
                        f"{found} of {_DRAWS} {word} at x = {at:.3g}, where the probability is "
                        f"{share[x == at][0]:.1g}: draw in single precision for half"
                    )

    def drawn(self, x: float) -> Values:
        """Return random spikes at one potential."""
        of_one = self.array(self.cast(np.full(_DRAWS, x)))
        return self.numpy(sample(self.surrogate, of_one, self.library.generator))

    # What the library differentiates

    def first_order(self, function: Any) -> None:
        self.close(function(self.array(self.x)), self.surrogate_grad(self.x))

    def second_order(self, function: Any) -> None:
        self.roughly(function(self.array(self.x)), self.slope())

    def at_threshold(self) -> None:
        """Assert that it is the slope on one side: a mean would be 0 at a peak, in silence."""
        actual = self.numpy(self.grad_of_grad()(self.array(np.zeros(1))))[0]
        step = self.scale * 2.0**-20
        near = [side * step * np.asarray([1.0, 2.0, 3.0]) for side in (-1, 1)]
        slopes = [self.surrogate_grad(x) @ [-5.0, 8.0, -3.0] / (2 * x[0]) for x in near]
        bound = max(1e-3, 64 * self.eps) * np.max(np.abs([*slopes, *self.slope()]))
        if not any(abs(actual - slope) <= bound for slope in slopes):
            raise AssertionError(f"{actual:.9g}, where {slopes[0]:.9g} or {slopes[1]:.9g} is due")

    def emissions(self) -> None:
        for surrogate in (MultiSpike(self.surrogate, max_spikes=3), Ternary(self.surrogate)):
            expected = vjp(surrogate, self.x.astype(np.float64))[1](self.ones.astype(np.float64))
            self.close(self.library.grad(surrogate)(self.array(self.x)), expected)

    def gradient_of_channels(self) -> None:
        for surrogate, exact in (self.of_channels(self.array), self.amplified(self.array)):
            self.close(self.library.grad(surrogate)(self.array(self.x)), exact)

    def bare_parameter(self) -> None:
        x, amplitude = self.array(self.x), self.array(self.ones)
        gradient = self.library.grad(lambda a: Scaled(self.surrogate, amplitude=a)(x))(amplitude)
        self.equal(gradient, np.zeros_like(self.x))

    def relaxed(self) -> None:
        if not np.isfinite(self.surrogate.area_below):
            return
        x, amplitude = self.array(self.x), self.array(self.ones)
        relaxed = lambda a: Relaxed(Scaled(self.surrogate, amplitude=a))(x)  # noqa: E731
        self.roughly(self.library.grad(relaxed)(amplitude), self.area())

    def hypergradient(self) -> None:
        x, amplitude = self.array(self.x), self.array(self.ones)
        first = lambda a: self.library.grad(Scaled(self.surrogate, amplitude=a))(x)  # noqa: E731
        self.close(self.library.grad(first)(amplitude), self.surrogate_grad(self.x))

    def half_residual(self) -> None:
        compressed = Compressed(self.surrogate, "float16")
        exact = vjp(compressed, self.x)[1](self.ones)
        self.near(self.library.grad(compressed)(self.array(self.x)), exact, 2.0**-9)

    def byte_residual(self) -> None:
        try:
            compressed = Compressed(self.surrogate, "uint8")
            vjp(compressed, self.x)
        except ValueError:  # without a peak, or negative somewhere
            return
        first = self.library.grad(compressed)
        error = self.numpy(first(self.array(self.x))) - self.surrogate_grad(self.x)
        if not np.all(np.abs(error) <= self.surrogate.peak / 200):  # of 254 levels
            raise AssertionError(f"the gradient of the first order is off by {error}")
        second = self.library.grad(first)
        if not self.is_refused(second, self.x):
            self.second_order(second)  # a hook that keeps x itself has no need to refuse

    def threshold(self) -> None:
        x = self.array(self.x)
        several = lambda t: MultiSpike(self.surrogate, threshold=t)(x)  # noqa: E731
        if not self.is_refused(self.library.grad(several), self.ones):
            raise AssertionError("nothing was raised; the gradient is 0 in silence")

    def own(self) -> None:
        surrogate, rate = self.surrogate, min(1.0, self.scale)

        class Own(Surrogate):
            def surrogate_fun(self, x: Array) -> Array:
                return surrogate.surrogate_fun(x * rate)  # wide enough to be told by differences

        self.roughly(
            self.library.grad(Own())(self.array(self.x / rate)), rate * self.surrogate_grad(self.x)
        )

    def mapped(self) -> None:
        amplitudes, rows = self.cast([0.5, 1.0, 2.0]), self.cast([self.x, self.x / 2, self.x * 1.5])
        function = self.library.vmap(lambda x, a: Scaled(self.surrogate, amplitude=a)(x))
        actual = self.library.grad(lambda x: function(x, self.array(amplitudes)))(self.array(rows))
        exact = [a * self.surrogate_grad(row) for a, row in zip(amplitudes, rows, strict=True)]
        self.close(actual, np.stack(exact))

    # What they are made of

    @property
    def limit(self) -> float:
        return float(np.finfo(self.dtype).max) / 1e8 if self.dtype != "float16" else 6e3

    def cast(self, values: Any) -> Values:
        return np.asarray(values, self.dtype)

    def array(self, values: Values) -> Array:
        return self.library.asarray(self.cast(values))

    def numpy(self, array: Array) -> Values:
        if type(array) is not type(self.array(self.x)):
            raise AssertionError(f"the result is of type {type(array)}")
        result = np.asarray(self.library.asnumpy(array))
        if result.dtype != self.dtype:
            raise AssertionError(f"the result is of dtype {result.dtype}")
        return result

    def surrogate_grad(self, x: Values) -> Values:
        """Return the derivative in NumPy's float64."""
        exact: Values = self.surrogate.surrogate_grad(np.asarray(x, np.float64))
        return exact

    def slope(self) -> Values:
        """Return the derivative of the derivative, by differences in NumPy's float64."""
        x, step = self.x.astype(np.float64), self.scale / 4096
        weighted = [
            weight * (self.surrogate_grad(x + n * step) - self.surrogate_grad(x - n * step))
            for n, weight in ((1, 45), (2, -9), (3, 1))
        ]
        slope: Values = sum(weighted[1:], weighted[0]) / (60 * step)
        return slope

    def area(self) -> Values:
        """Return the area to the left of x, of which a parameter's gradient is taken."""
        x = self.x.astype(np.float64)
        exact: Values = self.surrogate.formula("area", np, x)
        return exact

    def grad_of_grad(self) -> Any:
        return self.library.grad(self.library.grad(self.surrogate))

    def tangent(self, function: Any, x: Array) -> Array:
        return self.library.jvp(function, x, self.array(self.ones))

    def of_channels(self, asarray: Any) -> tuple[Surrogate, Values]:
        """Return the surrogate with another shift for each channel, and its exact derivative."""
        shifts = self.cast(np.linspace(-0.02, 0.02, self.x.size)) * self.scale
        exact = self.surrogate_grad(self.x.astype(np.float64) - shifts.astype(np.float64))
        return Scaled(self.surrogate, shift=asarray(shifts)), exact

    def amplified(self, asarray: Any) -> tuple[Surrogate, Values]:
        """Return the surrogate with another amplitude for each channel, and its derivative."""
        amplitudes = self.cast(np.linspace(1.0, 1.25, self.x.size))
        exact = amplitudes * self.surrogate_grad(self.x)
        return Scaled(self.surrogate, amplitude=asarray(amplitudes)), exact

    @property
    def scale(self) -> float:
        return _breakpoints.scale(self.surrogate)

    # What is asserted

    def equal(self, actual: Array, expected: Values) -> None:
        result = self.numpy(actual)
        if not np.array_equal(result, expected):
            raise AssertionError(f"got {result}, expected {np.asarray(expected, self.dtype)}")

    def close(self, actual: Array, exact: Values) -> None:
        self.near(actual, exact, 256 * self.eps)

    def roughly(self, actual: Array, exact: Values) -> None:
        """Assert closeness of what has lost digits: to a second differentiation, or to a step."""
        self.near(actual, exact, max(1e-6, 8192 * self.eps))

    def near(self, actual: Array, exact: Values, bound: float) -> None:
        result, exact = self.numpy(actual).astype(np.float64), np.asarray(exact, np.float64)
        if result.shape != exact.shape:
            raise AssertionError(f"the result has shape {result.shape}, not {exact.shape}")
        if not exact.size:
            return
        beyond = np.abs(exact) >= 8 * self.limit
        self.large(result, exact, beyond)
        result, exact = np.where(beyond, 0.0, result), np.where(beyond, 0.0, exact)
        largest = np.nanmax(np.abs(exact), initial=0.0)
        if largest > 0 and not np.any(result):
            raise AssertionError(f"0 everywhere, in silence, where up to {largest:.3g} is due")
        error = np.abs(result - exact) / np.maximum(np.abs(exact), largest * 1e-2 + 1e-300)
        worst = np.unravel_index(np.argmax(np.nan_to_num(error, nan=np.inf)), error.shape)
        if not error[worst] <= bound:
            raise AssertionError(f"{result[worst]:.9g}, where {exact[worst]:.9g} is due")

    def large(self, result: Values, exact: Values, beyond: Any) -> None:
        """Assert that numbers at the end of the dtype, which may be infinite there, are large."""
        beyond = beyond & ~np.isnan(exact)
        if not np.all(result[beyond] * np.sign(exact[beyond]) >= self.limit / 2):
            raise AssertionError(f"{result[beyond]}, where {exact[beyond]} is due")

    def is_refused(self, function: Any, x: Values) -> bool:
        """Return whether a gradient raises an error that says that there is none."""
        try:
            function(self.array(x))
        except Exception as error:  # of any type: a compiler may wrap the backend's
            if "no gradient" in str(error) or "derivative" in str(error):
                return True
            raise
        return False


def _smooth_places(surrogate: Surrogate, dtype: str) -> Values:
    """Return numbers around the threshold, away from where the derivative changes its formula."""
    scale = _breakpoints.scale(surrogate)
    places = []
    for place in _PLACES:
        x = place * scale
        while min(abs(x - b) for b in surrogate.breakpoints) < 0.02 * scale:
            x += 0.01 * scale
        places.append(x)
    with np.errstate(over="ignore"):
        return np.asarray(places, dtype)
