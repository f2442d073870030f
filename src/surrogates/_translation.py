"""What other libraries call the surrogates, with their parameters and defaults.

Each function of a `_Library` below bears the name and the signature of that library's own, and
returns the surrogate that has its gradient and its spike at threshold. Where the library's code is
not what it documents, the function that is documented is returned, and `note` says what differs.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable
from typing import Any

from . import definitions
from ._emission import MultiSpike
from ._scaling import Scaled
from ._surrogate import Surrogate
from .definitions.exponential import ExpEscape, PiecewiseExp, SlayerGrad, SpikeRateEscape
from .definitions.fast_sigmoid import (
    InvSquareGrad,
    SoftSign,
    SparseFastSigmoid,
    SuperSpike,
    SuperSpikeMemClamp,
    SuperSpikeRescaled,
)
from .definitions.gaussian import ERF, GaussianGrad, MultiGaussianGrad
from .definitions.logarithmic import S2NN, FakeNumericalGrad, LogTailedRelu, NonzeroSignLog
from .definitions.periodic import MultiSpikeSuper, PeriodicExponential, SquarewaveFourierSeries
from .definitions.piecewise import (
    Boxcar,
    HardTanhRamp,
    HeavisideGrad,
    LeakyRelu,
    PiecewiseLeakyRelu,
    PiecewiseQuadratic,
    ReluGrad,
    StraightThrough,
)
from .definitions.power_law import Arctan, CircGrad, QPseudoSpikeUnit
from .definitions.sigmoidal import Sigmoid, TanhGrad, TanhOffset

Maker = Callable[..., Surrogate]


class _Library:
    """The functions of one library, by name."""

    def __init__(self, version: str, at_threshold: float) -> None:
        self.version = version
        self.at_threshold = at_threshold
        self.makers: dict[str, Maker] = {}
        self.notes: dict[str, str] = {}

    def add(self, name: str, maker: Maker, note: str = "") -> None:
        self.makers[name] = maker
        self.notes[name] = note


LIBRARIES = {
    "braintools": _Library("0.3.0", 1.0),
    "norse": _Library("1.1.0", 0.0),
    "rockpool": _Library("3.1.0", 1.0),
    "sinabs": _Library("3.1.3", 1.0),
    "slax": _Library("0.0.1", 1.0),
    "snnax": _Library("0.0.1", 1.0),
    "snntorch": _Library("1.0.0", 0.0),
    "spikingjelly": _Library("2.0.0", 1.0),
    "spyx": _Library("1.0.0", 0.0),
    "stork": _Library("git 258a2d6", 0.0),
}


def from_library(library: str, name: str, **parameters: Any) -> Surrogate:
    """Return the surrogate that another library calls `name`.

    Parameters
    ----------
    library : str
        One of braintools, norse, rockpool, sinabs, slax, snnax, snntorch, spikingjelly, spyx and
        stork.
    name : str
        The library's own name of the class or function.
    **parameters
        The library's own parameters, with its defaults.

    Returns
    -------
    Surrogate
        With the gradient of that library's, and its spike at threshold. Where its code is not what
        it documents, with the documented gradient: the page docs/translation.md says which.

    Raises
    ------
    LookupError
        If `library` or `name` is unknown, naming the known ones.
    TypeError
        If a parameter is unknown, naming the known ones.

    Examples
    --------
    >>> import surrogates
    >>> surrogates.from_library("snntorch", "atan", alpha=2.0)
    Arctan(alpha=2.0, at_threshold=0.0)
    >>> surrogates.from_library("spikingjelly", "ATan")
    Arctan(alpha=2.0)
    """
    if library not in LIBRARIES and library.lower() in LIBRARIES:  # snnTorch, SpikingJelly
        library = library.lower()
    if library not in LIBRARIES:
        raise LookupError(f"unknown library {library!r}; known are {', '.join(LIBRARIES)}")
    entry = LIBRARIES[library]
    if name not in entry.makers:
        raise LookupError(
            f"unknown name {name!r} of {library}; known are {', '.join(sorted(entry.makers))}"
        )
    signature = own_signature(entry.makers[name])
    try:
        bound = signature.bind(**parameters)
    except TypeError as error:
        raise TypeError(f"{library} {name}{signature}: {error}") from None
    return _with_spike(entry.makers[name](*bound.args, **bound.kwargs), entry.at_threshold)


def own_signature(maker: Maker) -> inspect.Signature:
    """Return the library's own parameters: without `at_threshold`, which it has not."""
    declared = inspect.signature(maker).parameters.values()
    empty = inspect.Parameter.empty
    return inspect.Signature(
        [p.replace(annotation=empty) for p in declared if p.name != "at_threshold"]
    )


def _with_spike(surrogate: Surrogate, at_threshold: float) -> Surrogate:
    """Return `surrogate` with its spike at threshold, also of the surrogate that it wraps."""
    if isinstance(surrogate, MultiSpike):  # its rounding says how many there are at threshold
        return surrogate
    if isinstance(surrogate, Scaled):
        inside = _with_spike(surrogate.surrogate, at_threshold)
        return dataclasses.replace(surrogate, surrogate=inside)
    return dataclasses.replace(surrogate, at_threshold=at_threshold)


def _moved(surrogate: Surrogate, shift: Any) -> Surrogate:
    """Return `surrogate` moved to the right; itself for the number 0, an array is never asked."""
    if isinstance(shift, int | float) and shift == 0:
        return surrogate
    return Scaled(surrogate, shift=shift)


def _fill_braintools(add: Callable[..., None]) -> None:
    names = (
        "ERF Arctan GaussianGrad InvSquareGrad LeakyRelu LogTailedRelu MultiGaussianGrad "
        "NonzeroSignLog PiecewiseExp PiecewiseLeakyRelu PiecewiseQuadratic QPseudoSpike ReluGrad "
        "S2NN Sigmoid SlayerGrad SoftSign SquarewaveFourierSeries"
    )
    for name in names.split():
        cls = definitions.SURROGATES[name]
        add(name, cls)
        add(definitions.function_name(cls), cls)


def _fill_norse(add: Callable[..., None]) -> None:
    add(
        "super",
        lambda alpha=100.0: InvSquareGrad(alpha),
        "1.1.0 ignores alpha and computes alpha = 1",
    )
    add("triangle", lambda alpha=0.3: ReluGrad(alpha, 1.0))
    add(
        "heavi_erfc",
        lambda k: GaussianGrad(1 / (k * math.sqrt(2)), 2 / k),
        "its sqrt(pi) is rounded to float32; its documented primitive falls, and is off by a "
        "factor k / 2",
    )
    add("tanh", lambda k: TanhGrad(k), "its documented primitive is off by a factor k / 2")
    add("circ", lambda alpha: CircGrad(alpha), "its documented primitive is off by 1 / (2 alpha)")


def _fill_rockpool(add: Callable[..., None]) -> None:
    def step_pwl(
        threshold: float = 1.0, window: float = 0.5, max_spikes_per_dt: float = 2.0**16
    ) -> Surrogate:
        edge = HeavisideGrad(window, 1 / threshold, closed="left")
        return MultiSpike(edge, threshold, max_spikes_per_dt)

    def periodic_exponential(
        threshold: float = 1.0, window: float = 0.5, max_spikes_per_dt: float = 2.0**16
    ) -> Surrogate:
        peaks = PeriodicExponential(window, 1 / threshold, threshold, fold=1.0)
        return MultiSpike(peaks, threshold, max_spikes_per_dt)

    add("StepPWL", step_pwl, "no gradient to the threshold here: make x depend on it")
    add(
        "PeriodicExponential",
        periodic_exponential,
        "its backward raises for a float threshold; its peaks end at max_spikes_per_dt",
    )


def _fill_sinabs(add: Callable[..., None]) -> None:
    def single_exponential(
        grad_width: float = 0.5, grad_scale: float = 1.0, spike_threshold: float = 1.0
    ) -> Surrogate:
        width = grad_width * spike_threshold
        return Scaled(SlayerGrad(1 / width), amplitude=grad_scale / width)

    # As functions of x, the Gaussians do not depend on the threshold.
    def gaussian(
        mu: float = 0.0,
        sigma: float = 0.5,
        grad_scale: float = 1.0,
        spike_threshold: float = 1.0,
    ) -> Surrogate:
        return _moved(GaussianGrad(sigma, grad_scale), mu)

    def multi_gaussian(
        mu: float = 0.0,
        sigma: float = 0.5,
        h: float = 0.15,
        s: float = 6.0,
        grad_scale: float = 1.0,
        spike_threshold: float = 1.0,
    ) -> Surrogate:
        return _moved(MultiGaussianGrad(h, s, sigma, grad_scale), mu)

    def heaviside(window: float = 1.0, spike_threshold: float = 1.0) -> Surrogate:
        return HeavisideGrad(window, 1 / spike_threshold, closed="left")

    def periodic_exponential(
        grad_width: float = 0.5, grad_scale: float = 1.0, spike_threshold: float = 1.0
    ) -> Surrogate:
        peaks = PeriodicExponential(grad_width, grad_scale, spike_threshold, fold=2.0)
        return MultiSpike(peaks, spike_threshold)

    add("SingleExponential", single_exponential)
    add("Gaussian", gaussian, "its sqrt(2 pi) is rounded to float32")
    add(
        "MultiGaussian",
        multi_gaussian,
        "mu moves the middle Gaussian alone there; its sqrt(2 pi) is rounded to float32",
    )
    add("Heaviside", heaviside, "the window is absolute, documented as relative to the threshold")
    add("PeriodicExponential", periodic_exponential)


def _fill_slax(add: Callable[..., None]) -> None:
    def multi_gauss(
        gamma: float = 0.5, lens: float = 0.3, scale: float = 6.0, height: float = 0.15
    ) -> Surrogate:
        return MultiGaussianGrad(h=height, s=scale, sigma=lens, scale=gamma)

    add("fast_sigmoid", lambda slope=25.0: InvSquareGrad(slope))
    add("atan", lambda alpha=2.0: Arctan(alpha))
    add("multi_gauss", multi_gauss)


def _fill_snnax(add: Callable[..., None]) -> None:
    add(
        "superspike_surrogate",
        lambda beta=10.0: InvSquareGrad(beta),
        "computes 1 / (1 + beta \\\\|x\\\\|), the square is missing",
    )
    add("sigmoid_surrogate", lambda beta=1.0: Sigmoid(beta), "raises TypeError when differentiated")
    add("piecewise_surrogate", lambda beta=0.5: Boxcar(2 * beta, 1.0, closed="neither"))


def _fill_snntorch(add: Callable[..., None]) -> None:
    add("atan", lambda alpha=2.0: Arctan(alpha), "documented with 1 / pi in the place of alpha / 2")
    add("fast_sigmoid", lambda slope=25.0: InvSquareGrad(slope))
    add("sigmoid", lambda slope=25.0: Sigmoid(slope), "NaN for slope * x below -88.7 in float32")
    add("heaviside", lambda: HeavisideGrad())
    add("straight_through_estimator", lambda: StraightThrough())
    add(
        "triangular",
        lambda threshold=1.0: ReluGrad(threshold, 1.0),
        "returns the derivative of a triangle, a sign that flips at 0, not a triangle",
    )
    add("LSO", lambda slope=0.1: LeakyRelu(slope, 1.0), "raises TypeError")
    add(
        "spike_rate_escape",
        lambda beta=1.0, slope=25.0: SpikeRateEscape(beta, slope, shift=0.0),
        "subtracts a threshold of 1 a second time: the peak lies at x = 1",
    )
    add(
        "SFS",
        lambda slope=25.0, B=1.0: SparseFastSigmoid(slope, band=B),
        "nonzero for x > B instead of \\\\|x\\\\| < B",
    )


def _fill_spikingjelly(add: Callable[..., None]) -> None:
    def fourier(n: int = 2, T_period: float = 8.0) -> Surrogate:
        if n < 2:
            return Scaled(StraightThrough(), amplitude=0.0)
        return SquarewaveFourierSeries(n - 1, T_period)

    def level_count(max_spike_count: int, grad_window: Any = None) -> Surrogate:
        low, high = (0.0, float(max_spike_count)) if grad_window is None else grad_window
        box = Scaled(Boxcar(high - low, 1.0), shift=(low + high) / 2)
        return MultiSpike(box, 1.0, max_spike_count, rounding="nearest", offset=0.0)

    add("Sigmoid", lambda alpha=4.0: Sigmoid(alpha))
    add("PiecewiseQuadratic", lambda alpha=1.0: PiecewiseQuadratic(alpha))
    add("PiecewiseExp", lambda alpha=1.0: PiecewiseExp(alpha))
    add("SoftSign", lambda alpha=2.0: SoftSign(alpha))
    add("SuperSpike", lambda alpha=1.0: SuperSpike(alpha))
    add("ATan", lambda alpha=2.0: Arctan(alpha))
    add("NonzeroSignLogAbs", lambda alpha=1.0: NonzeroSignLog(alpha))
    add("Erf", lambda alpha=2.0: ERF(alpha))
    add(
        "PiecewiseLeakyReLU",
        lambda w=1.0, c=0.01: PiecewiseLeakyRelu(c, w),
        "gives c at \\\\|x\\\\| = w, documented as 1 / (2 w)",
    )
    add("SquarewaveFourierSeries", fourier, "n there counts one term more than there are")
    add("S2NN", lambda alpha=4.0, beta=1.0: S2NN(alpha, beta), "double backward is NaN at x = -1")
    add("QPseudoSpike", lambda alpha=2.0: QPseudoSpikeUnit(alpha))
    add("LeakyKReLU", lambda leak=0.0, k=1.0: LeakyRelu(leak, k))
    add(
        "FakeNumericalGradient",
        lambda alpha=0.3: FakeNumericalGrad(alpha),
        "minus infinity at x = -0.0",
    )
    add("LogTailedReLU", lambda alpha=0.0: LogTailedRelu(alpha))
    add("DeterministicPass", lambda: StraightThrough())
    add("Rect", lambda alpha=1.0: Boxcar(1 / alpha, alpha, closed="neither"))
    add("MultiLevelSpikeCount", level_count)


def _fill_spyx(add: Callable[..., None]) -> None:
    add("superspike", lambda k=25.0: InvSquareGrad(k))
    add("tanh", lambda k=1.0: TanhGrad(k))
    add(
        "boxcar",
        lambda width=2.0, height=0.5: Boxcar(width, height),
        "open there, documented as closed",
    )
    add("triangular", lambda k=2.0: ReluGrad(k, 1 / k))
    add("arctan", lambda k=2.0: Scaled(Arctan(2 * k), amplitude=1 / (math.pi * k)))
    add("custom", lambda: StraightThrough(), "by default the gradient is x, documented as 1")


def _fill_stork(add: Callable[..., None]) -> None:
    def custom_spike(
        surrogate_type: str = "SuperSpike",
        beta: float = 10.0,
        p0: float = 0.01,
        delta_u: float = 0.133,
    ) -> Surrogate:
        kinds: dict[str, Callable[[], Surrogate]] = {
            "SuperSpike": lambda: InvSquareGrad(beta),
            "sigmoid": lambda: Sigmoid(beta),
            "exponential": lambda: ExpEscape(p0, delta_u),
            "MultilayerSpiker": HeavisideGrad,
        }
        if surrogate_type not in kinds:
            raise LookupError(
                f"surrogate_type must be one of {list(kinds)}, got {surrogate_type!r}"
            )
        return kinds[surrogate_type]()

    def multi_spike(beta: float = 100.0, maxspk: int = 10) -> Surrogate:
        peaks = MultiSpikeSuper(beta)
        return MultiSpike(peaks, 1.0, maxspk, rounding="nearest", offset=0.5)

    add("SuperSpike", lambda beta=20.0: InvSquareGrad(beta))
    add("SuperSpike_rescaled", lambda beta=20.0: SuperSpikeRescaled(beta))
    add("SuperSpike_MemClamp", lambda beta=20.0: SuperSpikeMemClamp(beta))
    add("SuperSpike_asymptote", lambda beta=100.0: Scaled(SoftSign(beta), amplitude=2.0))
    add("EsserSpike", lambda beta=1.0: ReluGrad(beta, 1 / beta))
    add("TanhSpike", lambda beta=100.0: TanhOffset(beta))
    add("HardTanhSpike", lambda beta=100.0: HardTanhRamp(beta))
    add("MultiSpike", multi_spike, "its peaks go on beyond maxspk, here too")
    add("CustomSpike", custom_spike, "its MultilayerSpiker returns x, documented as the spikes")


for _name, _fill in {
    "braintools": _fill_braintools,
    "norse": _fill_norse,
    "rockpool": _fill_rockpool,
    "sinabs": _fill_sinabs,
    "slax": _fill_slax,
    "snnax": _fill_snnax,
    "snntorch": _fill_snntorch,
    "spikingjelly": _fill_spikingjelly,
    "spyx": _fill_spyx,
    "stork": _fill_stork,
}.items():
    _fill(LIBRARIES[_name].add)
