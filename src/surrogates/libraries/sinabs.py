"""sinabs: its classes of surrogate gradients."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from .._parameters import finite, positive
from .._surrogate import Surrogate
from .._wrappers.scaled import Scaled
from .._wrappers.spikes import MultiSpike
from ..definitions.exponential import SlayerGrad
from ..definitions.gaussian import GaussianGrad, MultiGaussianGrad
from ..definitions.periodic import PeriodicExponential as Peaks
from ..definitions.piecewise import HeavisideGrad
from ._adapters import with_threshold
from ._library import Library

LIBRARY = Library(
    "sinabs",
    "3.1.3",
    at_threshold=1.0,
    module="sinabs.activation",
    of_layer=("spike_threshold",),
)
LIBRARY.of_module = (
    "as spike_fn, give Relaxed(surrogate), which holds a torch.nn.Parameter that the optimiser gets"
)


@LIBRARY.takes("surrogate_grad_fn")
@dataclasses.dataclass(frozen=True)
class Derivative:
    """The derivative, as a function of the membrane potential and the threshold."""

    surrogate: Surrogate

    def __post_init__(self) -> None:
        definition, arrays = self.surrogate.partition()
        for path, array in zip(definition.array_paths, arrays, strict=True):
            if getattr(array, "requires_grad", False):
                raise ValueError(
                    f"sinabs calls its surrogate_grad_fn in the backward pass, so {path} of "
                    f"{self.surrogate!r}, which requires a gradient, would get none; to learn it, "
                    'give Relaxed(surrogate) to the other argument, by to_library("sinabs", '
                    'Relaxed(surrogate), "spike_fn"); or give its values alone, as in '
                    f"{path.rpartition('.')[2]}=tensor.detach()"
                )

    def __call__(self, v_mem: Any, spike_threshold: Any) -> Any:
        """Return the derivative at the potential; the layer's `spike_fn` emits the spikes."""
        threshold = _fixed(spike_threshold)
        return with_threshold(self.surrogate, threshold).surrogate_grad(v_mem - threshold)


@LIBRARY.takes("spike_fn")
@dataclasses.dataclass(frozen=True)
class Spikes:
    """The spikes, differentiated by the surrogate whatever the layer's `surrogate_grad_fn`."""

    surrogate: Surrogate
    required_states: ClassVar[list[str]] = ["v_mem"]

    def apply(self, v_mem: Any, spike_threshold: Any, surrogate_grad_fn: Any) -> Any:
        """Return the spikes; as in the library's own functions, the threshold has no gradient."""
        threshold = _fixed(spike_threshold)
        return with_threshold(self.surrogate, threshold)(v_mem - threshold)


def _fixed(threshold: Any) -> Any:
    """Return the threshold, a number or a tensor, without its gradient."""
    return threshold.detach() if hasattr(threshold, "detach") else threshold


@LIBRARY.named()
def SingleExponential(
    grad_width: float = 0.5, grad_scale: float = 1.0, spike_threshold: float = 1.0
) -> Surrogate:
    width = grad_width * spike_threshold
    return Scaled(SlayerGrad(1 / width), amplitude=grad_scale / width)


# As functions of x, the Gaussians do not depend on the threshold.


@LIBRARY.named("its sqrt(2 pi) is rounded to float32")
def Gaussian(
    mu: float = 0.0, sigma: float = 0.5, grad_scale: float = 1.0, spike_threshold: float = 1.0
) -> Surrogate:
    return _moved(GaussianGrad(sigma, grad_scale), mu)


@LIBRARY.named("mu moves the middle Gaussian alone there; its sqrt(2 pi) is rounded to float32")
def MultiGaussian(
    mu: float = 0.0,
    sigma: float = 0.5,
    h: float = 0.15,
    s: float = 6.0,
    grad_scale: float = 1.0,
    spike_threshold: float = 1.0,
) -> Surrogate:
    return _moved(MultiGaussianGrad(h, s, sigma, grad_scale), mu)


class CentredSides(Surrogate):
    """What `MultiGaussian` computes: `mu` moves the middle alone."""

    mu: float = finite(0.0)
    sigma: float = positive(0.5)
    h: float = finite(0.15)
    s: float = positive(6.0)
    grad_scale: float = finite(1.0)

    def derivative(self, xp: Any, x: Any) -> Any:
        """Return the derivative."""
        wide = GaussianGrad(self.s * self.sigma)
        sides = wide.derivative(xp, x - self.sigma) + wide.derivative(xp, x + self.sigma)
        middle = GaussianGrad(self.sigma).derivative(xp, x - self.mu)
        # whose default height is half of a density's
        return 2 * self.grad_scale * ((1 + self.h) * middle - self.h * sides)


@LIBRARY.computes("MultiGaussian")
def _multi_gaussian(
    mu: float = 0.0,
    sigma: float = 0.5,
    h: float = 0.15,
    s: float = 6.0,
    grad_scale: float = 1.0,
    spike_threshold: float = 1.0,
) -> Surrogate:
    if mu == 0:
        return MultiGaussian(mu, sigma, h, s, grad_scale, spike_threshold)
    return CentredSides(mu, sigma, h, s, grad_scale)


@LIBRARY.named("the window is absolute, documented as relative to the threshold")
def Heaviside(window: float = 1.0, spike_threshold: float = 1.0) -> Surrogate:
    return HeavisideGrad(window, 1 / spike_threshold, closed="left")


@LIBRARY.named()
def PeriodicExponential(
    grad_width: float = 0.5, grad_scale: float = 1.0, spike_threshold: float = 1.0
) -> Surrogate:
    peaks = Peaks(grad_width, grad_scale, spike_threshold, fold=2.0)
    return MultiSpike(peaks, spike_threshold)


def _moved(surrogate: Surrogate, shift: Any) -> Surrogate:
    """Return `surrogate` moved to the right; itself for the number 0, an array is never asked."""
    if isinstance(shift, int | float) and shift == 0:
        return surrogate
    return Scaled(surrogate, shift=shift)
