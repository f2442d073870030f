"""SpikingJelly: the classes of its activation-based surrogates."""

from __future__ import annotations

from typing import Any

from .._parameters import finite, positive
from .._surrogate import Surrogate
from .._wrappers.scaled import Scaled
from .._wrappers.spikes import MultiSpike
from ..definitions import (
    exponential,
    fast_sigmoid,
    gaussian,
    logarithmic,
    periodic,
    piecewise,
    power_law,
    sigmoidal,
)
from ._adapters import as_module
from ._library import Library

LIBRARY = Library(
    "spikingjelly",
    "2.0.0",
    at_threshold=1.0,
    module="spikingjelly.activation_based.surrogate",
)
# Some of its neurons read `spiking`, which a plain function has not.
LIBRARY.takes("surrogate_function", "surrogate_function1", "surrogate_function2")(as_module)
LIBRARY.of_module = "hand the module itself to surrogate_function"


@LIBRARY.named()
def Sigmoid(alpha: float = 4.0) -> Surrogate:
    return sigmoidal.Sigmoid(alpha)


@LIBRARY.named()
def PiecewiseQuadratic(alpha: float = 1.0) -> Surrogate:
    return piecewise.PiecewiseQuadratic(alpha)


@LIBRARY.named()
def PiecewiseExp(alpha: float = 1.0) -> Surrogate:
    return exponential.PiecewiseExp(alpha)


@LIBRARY.named()
def SoftSign(alpha: float = 2.0) -> Surrogate:
    return fast_sigmoid.SoftSign(alpha)


@LIBRARY.named()
def SuperSpike(alpha: float = 1.0) -> Surrogate:
    return fast_sigmoid.SuperSpike(alpha)


@LIBRARY.named()
def ATan(alpha: float = 2.0) -> Surrogate:
    return power_law.Arctan(alpha)


@LIBRARY.named()
def NonzeroSignLogAbs(alpha: float = 1.0) -> Surrogate:
    return logarithmic.NonzeroSignLog(alpha)


@LIBRARY.named()
def Erf(alpha: float = 2.0) -> Surrogate:
    return gaussian.ERF(alpha)


@LIBRARY.named("gives c at |x| = w, documented as 1 / (2 w)")
def PiecewiseLeakyReLU(w: float = 1.0, c: float = 0.01) -> Surrogate:
    return piecewise.PiecewiseLeakyRelu(c, w)


class LeakyAtEdges(Surrogate):
    """What `PiecewiseLeakyReLU` computes."""

    w: float = positive(1.0)
    c: float = finite(0.01)

    def derivative(self, xp: Any, x: Any) -> Any:
        """Return the derivative."""
        ones = xp.ones_like(x)
        return xp.where(xp.abs(x) < self.w, ones / (2 * self.w), ones * self.c)


@LIBRARY.computes("PiecewiseLeakyReLU")
def _piecewise_leaky_relu(w: float = 1.0, c: float = 0.01) -> Surrogate:
    return LeakyAtEdges(w, c)


@LIBRARY.named("n there counts one term more than there are")
def SquarewaveFourierSeries(n: int = 2, T_period: float = 8.0) -> Surrogate:
    if n < 2:
        return Scaled(piecewise.StraightThrough(), amplitude=0.0)
    return periodic.SquarewaveFourierSeries(n - 1, T_period)


@LIBRARY.named("double backward is NaN at x = -1")
def S2NN(alpha: float = 4.0, beta: float = 1.0) -> Surrogate:
    return logarithmic.S2NN(alpha, beta)


@LIBRARY.named()
def QPseudoSpike(alpha: float = 2.0) -> Surrogate:
    return power_law.QPseudoSpikeUnit(alpha)


@LIBRARY.named()
def LeakyKReLU(leak: float = 0.0, k: float = 1.0) -> Surrogate:
    return piecewise.LeakyRelu(leak, k)


@LIBRARY.named("minus infinity at x = -0.0")
def FakeNumericalGradient(alpha: float = 0.3) -> Surrogate:
    return logarithmic.FakeNumericalGrad(alpha)


@LIBRARY.named()
def LogTailedReLU(alpha: float = 0.0) -> Surrogate:
    return logarithmic.LogTailedRelu(alpha)


@LIBRARY.named()
def DeterministicPass() -> Surrogate:
    return piecewise.StraightThrough()


@LIBRARY.named()
def Rect(alpha: float = 1.0) -> Surrogate:
    return piecewise.Boxcar(1 / alpha, alpha, closed="neither")


@LIBRARY.named()
def MultiLevelSpikeCount(max_spike_count: int, grad_window: Any = None) -> Surrogate:
    low, high = (0.0, float(max_spike_count)) if grad_window is None else grad_window
    box = Scaled(piecewise.Boxcar(high - low, 1.0), shift=(low + high) / 2)
    return MultiSpike(box, 1.0, max_spike_count, rounding="nearest", offset=0.0)


def _of_counting(thing: Any, name: str) -> Any:
    return (thing.grad_min, thing.grad_max) if name == "grad_window" else getattr(thing, name)


LIBRARY.recovers = {"MultiLevelSpikeCount": _of_counting}
