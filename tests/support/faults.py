"""Surrogates with a fault each, for the check to find."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import surrogates
from surrogates._accuracy import Accuracy
from surrogates._parameters import Interval, positive

FAULTS: dict[type, str] = {}
"""The classes, each with what the report must say of it."""


def frozen(cls: type) -> type:
    """Make a frozen dataclass of a class with fields, unless its base did so already."""
    return (
        cls
        if "__dataclass_fields__" in vars(cls)
        else dataclass(frozen=True, repr=False, eq=False)(cls)
    )


def fault(words: str) -> Any:
    def note(cls: type) -> type:
        cls = frozen(cls)
        FAULTS[cls] = words
        return cls

    return note


class Lorentzian(surrogates.Surrogate):
    accuracy = Accuracy(ulp=6.0)

    def derivative(self, xp, x):
        return 1 / (1 + x * x)

    def primitive(self, xp, x):
        return 0.5 + xp.atan(x)


@fault(r"disagree at x = (5[7-9]|[6-9]\d)")
class DoubledFarOut(Lorentzian):
    def derivative(self, xp, x):
        return xp.where(x > 57, 2.0, 1.0) * super().derivative(xp, x)


@fault(r"disagree .*x = 2\.001")
class DoubledOnANarrowInterval(Lorentzian):
    def derivative(self, xp, x):
        inside = (x > 2.001) & (x < 2.002)
        return (1 + xp.astype(inside, x.dtype)) * super().derivative(xp, x)


@fault(r"disagree .*x = 2\.001")
class DoubledWhereTwoSidesComeClose(Lorentzian):
    def derivative(self, xp, x):
        distance = (x - 2.0015) * (x - 2.0015)
        return xp.where(distance < 2.5e-7, 2.0, 1.0) * super().derivative(xp, x)


@fault(r"disagree .*x = -?\d\.\d*e-(09|1\d)|around x = -?\d(\.\d*)?e-(09|1\d)")
class DoubledNextToTheThreshold(Lorentzian):
    def derivative(self, xp, x):
        return xp.where(abs(x) < 1e-9, 2.0, 1.0) * super().derivative(xp, x)


@fault(r"disagree from x = 0\.(69|70)\d* to 0\.7\d*|disagree at x = 0\.7:")
class NarrowBumpWithoutACondition(Lorentzian):
    def derivative(self, xp, x):
        z = xp.clip((x - 0.7) * 1000, min=-30.0, max=30.0)
        return super().derivative(xp, x) + 0.1 * xp.exp(-z * z)


@fault(r"primitive jumps by -?1 at x = 3\.1")
class JumpThereAndBack(Lorentzian):
    def primitive(self, xp, x):
        inside = (x > 3.1) & (x < 3.1000001)
        return super().primitive(xp, x) + xp.astype(inside, x.dtype)


@fault(r"derivative at x = 3 is inf, and next to it 0\.1")
class InfiniteAtOnePoint(Lorentzian):
    def derivative(self, xp, x):
        return xp.where(x == 3, xp.inf, super().derivative(xp, x))


@fault(r"derivative at x = 3 is nan, and next to it 0\.1")
class NanAtOnePoint(Lorentzian):
    def derivative(self, xp, x):
        return xp.where(x == 3, xp.nan, super().derivative(xp, x))


@fault(r"derivative at x = -inf is 7, and at x = -1\.8e\+308 0")
class WrongAtInfinity(Lorentzian):
    def derivative(self, xp, x):
        return xp.where(xp.isinf(x), 7.0, super().derivative(xp, x))


@fault(r"primitive at x = inf is 9, and at x = 1\.8e\+308 2\.07")
class PrimitiveWrongAtInfinity(Lorentzian):
    def primitive(self, xp, x):
        return xp.where(x == xp.inf, 9.0, super().primitive(xp, x))


@fault(r"derivative at x = \S+ is \S+ if beta are arrays")
class WrongForArrays(surrogates.Surrogate):
    beta: float = surrogates.parameter(1.5, low=0.0)

    def derivative(self, xp, x):
        slope = self.beta if isinstance(self.beta, float) else 1.0
        return slope / (1 + x * x)

    def primitive(self, xp, x):
        return 0.5 + self.beta * xp.atan(x)


@fault(r"derivative at x = 3 is 7")
class WrongAtOnePoint(Lorentzian):
    def derivative(self, xp, x):
        return xp.where(x == 3, 7.0, super().derivative(xp, x))


@fault(r"disagree .*around x = -")
class WrongSignBelow(Lorentzian):
    def derivative(self, xp, x):
        return xp.where(x < 0, -1.0, 1.0) * super().derivative(xp, x)


@fault(r"primitive jumps by 3 at x = 1\.5")
class Jump(Lorentzian):
    def primitive(self, xp, x):
        return super().primitive(xp, x) + 3 * xp.astype(x > 1.5, x.dtype)


@fault(r"beta=2.0.*primitive jumps by 0\.25 at x = 6")
class JumpWhereAParameterSays(Lorentzian):
    beta: float = 2.0

    def primitive(self, xp, x):
        return super().primitive(xp, x) + xp.where(x > 3 * self.beta, 0.25, 0.0)


@fault(r"primitive jumps by -0\.5 at x = 4")
class JumpOfFloor(Lorentzian):
    def primitive(self, xp, x):
        steps = xp.floor(xp.clip(x, min=0.0, max=7.0) / 4)
        return super().primitive(xp, x) - 0.5 * steps


@fault(r"primitive is 0\.25 at 0")
class NotHalfAtTheThreshold(Lorentzian):
    def primitive(self, xp, x):
        return super().primitive(xp, x) - 0.25


@fault(r"WrongUnlessDefault\(beta=38\.0\): .* the derivative is .*, the primitive rises by")
class WrongUnlessDefault(surrogates.Surrogate):
    beta: float = 2.0

    def derivative(self, xp, x):
        return self.beta / (1 + (self.beta * x) * (self.beta * x))

    def primitive(self, xp, x):
        return 0.5 + xp.atan(2.0 * x)


@fault(r"WrongIfOneIsChanged\(alpha=\S+, beta=1\.0\): ")
class WrongIfOneIsChanged(surrogates.Surrogate):
    # right where both are multiplied by the same
    alpha: float = 1.0
    beta: float = 1.0

    def derivative(self, xp, x):
        return self.alpha / (1 + (self.alpha * x) * (self.beta * x))

    def primitive(self, xp, x):
        return 0.5 + xp.atan(self.alpha * x)


@fault(r"WrongIfTwoAreChanged\(alpha=(?!1\.0)\S+, beta=(?!2\.0)\S+\)")
class WrongIfTwoAreChanged(surrogates.Surrogate):
    alpha: float = 1.0
    beta: float = positive(2.0)

    def derivative(self, xp, x):
        slope = self.alpha * self.beta / (1 + (self.beta * x) * (self.beta * x))
        return slope * (2.0 if self.alpha != 1.0 and self.beta == 2 * 1.7 else 1.0)

    def primitive(self, xp, x):
        return 0.5 + self.alpha * xp.atan(self.beta * x)


@fault(r"WrongIfNegative\(shift=-")
class WrongIfNegative(surrogates.Surrogate):
    shift: float = field(default=0.5, metadata={"interval": Interval(-9.0, 9.0, "from -9 to 9")})

    def derivative(self, xp, x):
        return 1 / (1 + (x - abs(self.shift)) * (x - abs(self.shift)))

    def primitive(self, xp, x):
        return 0.5 + xp.atan(x - self.shift) + math.atan(self.shift)


@fault(r"WrongIfSwitched\(steep=True")
class WrongIfSwitched(Lorentzian):
    steep: bool = False

    def derivative(self, xp, x):
        return super().derivative(xp, x) * (2.0 if self.steep else 1.0)


@fault(r"WrongChoice\(.*side='above'")
class WrongChoice(Lorentzian):
    side: str = field(default="below", metadata={"choices": ("below", "above")})

    def derivative(self, xp, x):
        return super().derivative(xp, x) * (2.0 if self.side == "above" else 1.0)


class Measured(Lorentzian):
    @property
    def peak(self):
        return 1.0

    @property
    def area(self):
        return math.pi

    @property
    def width(self):
        return 2.0


@fault(r"area_below is 5\.0, measured 1\.57")
class WrongAreaBelow(Lorentzian):
    @property
    def area_below(self):
        return 5.0


@fault(r"peak is 1\.1, measured 1")
class WrongPeak(Measured):
    @property
    def peak(self):
        return 1.1


@fault(r"area is 3\.0, measured 3\.1415926")
class WrongArea(Lorentzian):
    @property
    def area(self):
        return 3


@fault(r"area is inf, measured 3\.1415926")
class WrongInfiniteArea(Measured):
    @property
    def area(self):
        return math.inf


@fault(r"width is 2\.5, measured 2")
class WrongWidth(Lorentzian):
    @property
    def width(self):
        return 2.5


@fault(r"derivative is negative, -0\.446\d* at x = -?1\.73")
class NegativeUnsaid(surrogates.Surrogate):
    accuracy = Accuracy(per_efold=4.0, of_peak=True)

    def derivative(self, xp, x):
        z = xp.clip(x, min=-30.0, max=30.0)
        return (1 - z * z) * xp.exp(-z * z / 2)

    def primitive(self, xp, x):
        z = xp.clip(x, min=-30.0, max=30.0)
        return 0.5 + z * xp.exp(-z * z / 2)

    @property
    def area(self):
        return 0.0


@fault(r"derivative at x = -inf is NaN")
class NanAtInfinity(surrogates.Surrogate):
    accuracy = Accuracy(per_efold=4.0)

    def derivative(self, xp, x):
        return abs(x) * xp.exp(-x * x)

    def primitive(self, xp, x):
        return 0.5 - xp.sign(x) * xp.expm1(-x * x) / 2


@fault(r"float64 NanFarOut\(\): primitive at x = \S+ is nan")
class NanFarOut(Lorentzian):
    def primitive(self, xp, x):
        return 0.5 + xp.atan(2 * x / 2) + 0 * (x * x)


@fault(r"float64 Warns\(\): derivative makes NumPy warn")
class Warns(Lorentzian):
    def derivative(self, xp, x):
        return xp.where(x == 0, 1.0, x * (1 / x)) * super().derivative(xp, x)


@fault(r"float32 Float32\(\): derivative .*ulp\)")
class Float32(Lorentzian):
    def derivative(self, xp, x):
        return super().derivative(xp, x) * (1.001 if x.dtype == xp.float32 else 1.0)


@fault(r"float16 Half\(\): derivative .*ulp\)")
class Half(Lorentzian):
    def formula(self, name, xp, x):
        wrong = 1.01 if x.dtype not in (xp.float32, xp.float64) else 1.0
        return xp.astype(wrong * super().formula(name, xp, x), x.dtype)


@fault(r"float64 Inexact\(\): derivative .*accuracy = surrogates\.Accuracy")
class Inexact(surrogates.Surrogate):
    def derivative(self, xp, x):
        return xp.exp(-0.3 * abs(x))


@fault(r"by the docstring")
class UnlikeItsDocstring(surrogates.Surrogate):
    """A Lorentzian.

    ::

        g'(x) = 1 / (1 + (beta * x)**2)
    """

    accuracy = Accuracy(ulp=6.0)
    beta: float = 1.0

    def derivative(self, xp, x):
        return 1 / (1 + self.beta * (x * x))


@fault(r"states g'\(x\) = 1 / \(1 \+ gamma \* x\*\*2\), with gamma in it.*beta")
class UnknownInDocstring(surrogates.Surrogate):
    """A Lorentzian.

    ::

        g'(x) = 1 / (1 + gamma * x**2)
    """

    beta: float = 1.0

    def derivative(self, xp, x):
        return 1 / (1 + self.beta * (x * x))


@fault(r"peak is 1\.0, the docstring says 2\.0")
class PeakUnlikeItsDocstring(Measured):
    """A Lorentzian.

    ::

        peak = 2
    """


@fault(r"accuracy must be a surrogates\.Accuracy, got 6")
class NoAccuracy(Lorentzian):
    accuracy = 6


@fault(r"the derivative at x = .* is 0\.99\d+, by the docstring 1\.00")
class DocumentedDerivativeOfAPrimitiveAlone(surrogates.Surrogate):
    """Whose derivative is taken of its primitive.

    g'(x) = 1.001 / (1 + x**2)
    """

    def primitive(self, xp, x):
        return 0.5 + xp.atan(x)
