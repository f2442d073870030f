"""Surrogates without a fault, for the check to pass."""

from __future__ import annotations

import surrogates
from faults import Lorentzian, Measured, frozen
from surrogates._accuracy import Accuracy
from surrogates._parameters import finite, positive

FAULTLESS: list[type] = [Measured]


def faultless(cls: type) -> type:
    cls = frozen(cls)
    FAULTLESS.append(cls)
    return cls


@faultless
class Bump(surrogates.Surrogate):
    accuracy = Accuracy(per_efold=4.0)
    beta: float = 2.0

    def derivative(self, xp, x):
        return xp.exp(-self.beta * x**4)


@faultless
class Documented(surrogates.Surrogate):
    """The derivative of a hyperbolic tangent.

    ::

        g'(x) = alpha * (1 - tanh(beta * x)**2)
        g(x) = 1 / 2 + alpha / beta * tanh(beta * x)
        peak = alpha
        area = 2 * alpha / beta
    """

    accuracy = Accuracy(of_peak=True)
    alpha: float = 1.0
    beta: float = 2

    def derivative(self, xp, x):
        t = xp.tanh(self.beta * x)
        return self.alpha * (1 - t * t)

    def primitive(self, xp, x):
        return 0.5 + self.alpha / self.beta * xp.tanh(self.beta * x)

    @property
    def peak(self):
        return self.alpha

    @property
    def area(self):
        return 2 * self.alpha / self.beta


@faultless
class UnboundedSharpness(Lorentzian):
    # as a field that declares no range: neither 0 nor negative numbers are meant
    beta: float = finite(2.0)

    def derivative(self, xp, x):
        return 1 / (1 + (self.beta * x) * (self.beta * x))

    def primitive(self, xp, x):
        return 0.5 + xp.atan(self.beta * x) / self.beta


@faultless
class Wave(surrogates.Surrogate):
    accuracy = Accuracy(ulp=8.0, of_peak=True)

    def derivative(self, xp, x):
        return xp.cos(xp.clip(x, min=-1e5, max=1e5)) * xp.astype(abs(x) <= 1e5, x.dtype)

    def primitive(self, xp, x):
        return 0.5 + xp.sin(xp.clip(x, min=-1e5, max=1e5))


@faultless
class Moved(surrogates.Surrogate):
    # a needle far from the threshold, in no condition
    accuracy = Accuracy(ulp=8.0, per_efold=1e6, of_peak=True)
    sharpness: float = 1e4

    def derivative(self, xp, x):
        t = xp.tanh(self.sharpness * (x - 0.8765))
        return self.sharpness / 2 * (1 - t * t)

    def primitive(self, xp, x):
        return 0.5 + (1 + xp.tanh(self.sharpness * (x - 0.8765))) / 2


@faultless
class Stairs(surrogates.Surrogate):
    def derivative(self, xp, x):
        inside = xp.logical_and(x > -2, ~(x >= 2))
        return xp.where(inside, xp.floor(xp.where(inside, x, 0 * x)) + 3.0, 1.0)

    def primitive(self, xp, x):
        z = xp.clip(x, min=-2.0, max=2.0)
        whole = xp.floor(z)
        inside = whole * (whole + 5) / 2 + (whole + 3) * (z - whole)
        return 0.5 + inside + (x - z)


@faultless
class Overridden(surrogates.Surrogate):
    # the way of braintools
    def surrogate_grad(self, x):
        return 1 / (1 + x * x)


@faultless
class CancelsInItsDocstring(surrogates.Surrogate):
    """A logistic density, as its textbook has it: far out, 1/2 and tanh / 2 cancel.

    ::

        g'(x) = alpha / (2 * cosh(alpha * x)**2)
        g(x) = 1 / 2 + tanh(alpha * x) / 2
    """

    accuracy = Accuracy(per_efold=2.0)
    alpha: float = positive(2.0)

    def derivative(self, xp, x):
        decay = xp.exp(-2 * self.alpha * abs(x))
        return 2 * self.alpha * decay / (1 + decay) ** 2

    def primitive(self, xp, x):
        decay = xp.exp(-2 * self.alpha * abs(x))
        return xp.where(x < 0, decay, 1.0) / (1 + decay)


@faultless
class PrimitiveAlone(surrogates.Surrogate):
    def primitive(self, xp, x):
        return 0.5 + xp.atan(x)


@faultless
class DocumentedPrimitiveAlone(surrogates.Surrogate):
    """Whose derivative is taken of its primitive.

    g'(x) = 1 / (1 + x**2)
    """

    def primitive(self, xp, x):
        return 0.5 + xp.atan(x)
