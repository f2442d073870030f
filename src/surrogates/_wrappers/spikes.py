"""Other spikes than the step, with the same derivatives: several, signed, and random ones."""

from __future__ import annotations

import math
from dataclasses import field
from typing import Any

from .. import backends
from .._arrays import checked_x, working_dtype
from .._breakpoints import require_numbers
from .._maths import finite_part
from .._parameters import finite, non_negative, positive, without_gradient
from .._surrogate import Array, Surrogate, require_surrogate
from .._value import described
from .wrapper import Wrapper

__all__ = ["MultiSpike", "Ternary", "sample"]


class MultiSpike(Wrapper):
    """Several spikes per time step, one more for each multiple of the threshold.

    With `v` the membrane potential and ``x = v - threshold``, emits ``floor(v / threshold)``, no
    less than 0 and no more than `max_spikes`. The derivative is that of the surrogate inside;
    `PeriodicExponential` and `MultiSpikeSuper` have one peak for each spike.

    Parameters
    ----------
    surrogate : Surrogate
        What to differentiate by.
    threshold : float or array, default 1.0
        Threshold, positive, in the unit of `x`. It has no gradient. To learn a threshold, write
        ``MultiSpike(surrogate)(v / threshold - 1)``, which counts multiples of 1.
    max_spikes : float, default infinity
        The most spikes in one step.
    rounding : {"floor", "nearest"}, default "floor"
        Whether the count rises at the multiples of the threshold, or half-way between them
        (ties go to the even count).
    offset : float, default 1.0
        What is added to ``x / threshold`` before rounding. With 1, the sum is ``v / threshold``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import MultiSpike, SlayerGrad
    >>> MultiSpike(SlayerGrad(), max_spikes=3)(np.asarray([-0.5, 0.0, 0.9, 1.0, 7.0]))
    array([0., 1., 1., 2., 3.])

    References
    ----------
    P. Weidel and S. Sheik, "WaveSense: Efficient Temporal Convolutions with Spiking Neural
    Networks for Keyword Spotting", arXiv:2111.01456 (2021).
    """

    _aspect = "emission"
    traceable = True

    threshold: float | Array = without_gradient(
        positive(1.0),
        "instead of MultiSpike(surrogate, threshold)(v - threshold) write "
        "MultiSpike(surrogate)(v / threshold - 1), or detach the threshold",
    )
    max_spikes: float = math.inf
    rounding: str = field(default="floor", metadata={"choices": ("floor", "nearest")})
    offset: float | Array = without_gradient(
        finite(1.0), "add it to x, in units of the threshold, or detach it"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.at_threshold != 1.0:
            raise TypeError(
                "MultiSpike: it counts multiples of the threshold, so "
                f"at_threshold={self.at_threshold!r} of {self.surrogate!r} would have no effect; "
                "leave at_threshold out when you make that surrogate"
            )
        if isinstance(self.max_spikes, bool) or (
            self.max_spikes != math.inf
            and not (self.max_spikes >= 1 and self.max_spikes == int(self.max_spikes))
        ):
            raise ValueError(
                "MultiSpike: max_spikes must be a positive whole number or infinity, got "
                f"max_spikes={self.max_spikes!r}"
            )

    def emit(self, x: Array) -> Array:
        """Return the number of spikes as plain maths, 0 where `x` is NaN."""
        xp = backends.of(x).namespace(x)
        wide = finite_part(xp, xp.astype(x, working_dtype(xp, x.dtype), copy=False))
        most = min(float(self.max_spikes), float(xp.finfo(x.dtype).max))
        counts = xp.clip(self._rounded(xp, wide), min=0.0, max=most)
        counts = xp.where(x == math.inf, most + xp.zeros_like(counts), counts)
        return xp.astype(xp.where(xp.isnan(x), xp.zeros_like(counts), counts), x.dtype, copy=False)

    def _rounded(self, xp: Any, x: Array) -> Array:
        """Return ``x / threshold + offset``, rounded, as if it were computed exactly.

        The quotient, rounded, and the sum, rounded again, would reach a count too early; the
        remainder is exact.
        """
        to_nearest = self.rounding == "nearest"
        offset = self.offset + 0.5 if to_nearest else self.offset
        whole = math.floor(offset) if isinstance(offset, float) else xp.floor(offset)
        threshold = self.threshold + xp.zeros_like(x)
        rest = xp.remainder(x, threshold)
        edge = (1.0 - (offset - whole)) * threshold  # what is left over where the next count begins
        is_inside = edge < threshold  # just below 0, what is left over rounds to the threshold
        counts = xp.round((x - rest) / threshold) + whole
        counts = counts + xp.astype(is_inside & (rest >= edge), x.dtype)
        if to_nearest:  # of two equally near, the even one
            tie = (is_inside & (rest == edge)) | ((rest == 0.0) & (offset == whole))
            is_odd = xp.remainder(finite_part(xp, counts), 2.0) == 1.0
            counts = counts - xp.astype(tie & is_odd, x.dtype)
        return counts


class Ternary(Wrapper):
    """Signed spikes: 1 above the threshold, -1 below minus the threshold, 0 between.

    With `v` the membrane potential and ``x = v - threshold``, the spike is ``H(v - threshold) -
    H(-v - threshold)``, and the derivative is ``g'(v - threshold) + g'(-v - threshold)``: that of
    the surrogate, once at each threshold. Peak, area, width and support are those of a single bump.

    Parameters
    ----------
    surrogate : Surrogate
        What to differentiate by; its `at_threshold` holds at both thresholds.
    threshold : float or array, default 1.0
        Threshold, not negative, in the unit of `x`. With 0 the spike is the sign of `x`. An array
        has a gradient: that of the second threshold, ``-x - 2 * threshold``, on which it depends.

    Raises
    ------
    ValueError
        If `threshold` is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import ReluGrad, Ternary
    >>> v = np.asarray([-1.5, -0.5, 0.5, 1.5])
    >>> Ternary(ReluGrad(), threshold=1.0)(v - 1.0)
    array([-1.,  0.,  0.,  1.])

    References
    ----------
    Y. Guo et al., "Ternary Spike: Learning Ternary Spikes for Spiking Neural Networks", AAAI 2024.
    """

    _aspect = "emission"
    traceable = True

    threshold: float | Array = non_negative(1.0)

    is_signed = True

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Where the derivative may change its formula: around both thresholds."""
        require_numbers(self, "breakpoints")
        above = self.surrogate.breakpoints
        return tuple(sorted({*above, *(float(self.mirrored(place)) for place in above)}))

    def emit(self, x: Array) -> Array:
        """Return the signed spikes as plain maths."""
        xp = backends.of(x).namespace(x)
        below = self.mirrored(xp.astype(x, working_dtype(xp, x.dtype), copy=False))
        return self.surrogate.emit(x) - xp.astype(self.surrogate.emit(below), x.dtype, copy=False)

    def mirrored(self, x: Array) -> Array:
        return -x - 2 * self.threshold

    def unsigned(self) -> Surrogate:
        return self.surrogate


class _Sampled(Wrapper):
    """A spike where a uniform random number is below the firing probability; made by `sample`."""

    _aspect = "emission"
    traceable = True

    uniform: Array = field()

    def emit(self, x: Array) -> Array:
        xp = backends.of(x).namespace(x)
        wide = xp.astype(x, working_dtype(xp, x.dtype), copy=False)
        return xp.astype(self.uniform < self.surrogate.formula("area", xp, wide), x.dtype)


class _SampledBy(_Sampled):
    """The same, with the firing probability of another surrogate."""

    _aspect = "emission"
    traceable = True

    probability: Surrogate = field()

    def emit(self, x: Array) -> Array:
        return _Sampled(self.probability, self.uniform).emit(x)


def sample(
    surrogate: Surrogate, x: Any, generator: Any, probability: Surrogate | None = None
) -> Any:
    """Return random spikes: escape noise.

    The firing probability is the area of the derivative to the left of `x`, of the surrogate or of
    another one.

    Parameters
    ----------
    surrogate : Surrogate
        What to differentiate by. Without `probability`, its derivative must be a density: see
        `is_distribution`.
    x : array or float
        Membrane potential minus threshold, dimensionless, of any shape and a real floating-point
        dtype.
    generator : random generator
        The framework's own: a `numpy.random.Generator`, a `torch.Generator`, a JAX key (from
        `jax.random.key`), a `cupy.random.Generator`. No global state is used.
    probability : Surrogate, optional
        What gives the firing probability instead; its derivative must be a density. Its parameters
        get no gradient.

    Returns
    -------
    array
        The spikes, 1 or 0, like those of a call. They are differentiated as `surrogate_grad`,
        which is the derivative of the firing probability. They are random at ``x = 0`` too, and
        `at_threshold` has no effect.

    Raises
    ------
    TypeError
        If a surrogate decides the emission already, such as `MultiSpike`; or `probability` is not a
        Surrogate.
    ValueError
        If the derivative that gives the probability is negative somewhere, or its area is not 1.

    Notes
    -----
    Of single and half precision the random numbers are multiples of 2**-24 (JAX's of 2**-23), so a
    probability is rounded up to one: however far below the threshold, a neuron emits 6 spikes in
    10**8. In double precision that is 2**-53 (JAX's: 2**-52). The generators of PyTorch and CuPy on
    a GPU draw finer ones.

    An activation checkpoint of PyTorch runs its function again for the backward pass, and puts back
    the global random state alone. From another generator the second run would draw other spikes,
    and the gradient would be that of these, in silence: give ``torch.default_generator`` there, or
    make the generator inside the function, of a seed.

    References
    ----------
    W. Gerstner and W. M. Kistler, "Spiking Neuron Models", Cambridge University Press 2002,
    chapter 5.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import Sigmoid, sample
    >>> rng = np.random.default_rng(0)
    >>> spikes = sample(Sigmoid(alpha=4.0), np.full(100_000, 0.25), rng)
    >>> float(spikes.mean().round(2))
    0.73

    With another probability, the derivative may be of any height and width:

    >>> from surrogates import ReluGrad
    >>> spikes = sample(ReluGrad(), np.full(100_000, 0.25), rng, probability=Sigmoid(alpha=4.0))
    >>> float(spikes.mean().round(2))
    0.73
    """
    require_surrogate(surrogate)
    if probability is not None and not isinstance(probability, Surrogate):
        raise TypeError(
            "sample: probability must be a surrogate whose derivative is a density, such as "
            f"Sigmoid(), got probability={described(probability)}"
        )
    density = surrogate if probability is None else probability
    for each in (surrogate, density):
        if "emission" in each._decides:
            raise TypeError(
                f"sample: {each._decides['emission']} decides the emission of {each!r}, so its "
                "spikes cannot be random; sample the surrogate inside"
            )
    if not density.is_distribution:
        raise ValueError(
            f"{density!r}: its derivative is not known to be a density (it has area "
            f"{density.widened().area}, is negative somewhere, or has parameters whose values are "
            "not known here, such as a tensor's), so it gives no firing probability; choose one of "
            "area 1 that is nowhere negative, such as Sigmoid, ERF or Arctan"
        )
    x, backend = checked_x(surrogate, x)
    uniform = backend.uniform(generator, x)
    if probability is None:
        return _Sampled(surrogate, uniform)(x)
    return _SampledBy(surrogate, uniform, probability)(x)
