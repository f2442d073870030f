"""Other values than spikes, with the same derivatives: the primitive, and graded spikes."""

from __future__ import annotations

from .. import backends
from .._arrays import working_dtype
from .._parameters import finite, positive, without_gradient
from .._surrogate import Array
from .wrapper import Wrapper

__all__ = ["Graded", "Smooth"]


class Smooth(Wrapper):
    """The primitive instead of the spike: a neuron without a step.

    Emits ``surrogate_fun(x)``, whose derivative is ``surrogate_grad(x)``. So the network has no
    spikes: to compare with, or to train before the spikes are turned on. The gradient with respect
    to the parameters is that of the primitive, as it is for `Relaxed`.

    Parameters
    ----------
    surrogate : Surrogate
        The surrogate; it needs a primitive. Its `at_threshold` has no effect.

    Raises
    ------
    TypeError
        If `surrogate` is not a Surrogate, decides the emission already, or has no primitive.

    References
    ----------
    W. Fang et al., "SpikingJelly: An open-source machine learning infrastructure platform for
    spike-based intelligence", Science Advances 9 (2023) eadi1480: ``spiking=False``.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import Sigmoid, Smooth
    >>> Smooth(Sigmoid(4.0))(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([0.018, 0.5  , 0.982])
    """

    _aspect = "emission"
    traceable = True
    is_smooth = True
    relaxes = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "comparison", None)  # it is no step
        if not self._has_primitive:
            raise TypeError(
                f"Smooth: {self.surrogate!r} defines no primitive to emit; define "
                "primitive(self, xp, x) in its class"
            )


class Graded(Wrapper):
    """Graded spikes: the membrane potential where it is above the threshold, else 0.

    With `v` the membrane potential and ``x = v - threshold``, emits ``v / scale * H(x)``. The
    derivative is that of the surrogate inside: choose one that does not vanish above the threshold,
    such as `GradedSlayer`, since a larger potential emits more.

    Parameters
    ----------
    surrogate : Surrogate
        What to differentiate by; its `at_threshold` holds.
    threshold : float or array, default 1.0
        Threshold, any finite number, in the unit of `x`. It has no gradient.
    scale : float or array, default 1.0
        What the potential is divided by, positive. It has no gradient.

    Raises
    ------
    TypeError
        If `surrogate` is not a Surrogate, or decides the emission already.
    ValueError
        If a parameter is out of its range.
    NotImplementedError
        When called, if the gradient of `threshold` or `scale` is asked for.

    References
    ----------
    ``Spike(graded_spike=True)`` of lava-dl.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import Graded, GradedSlayer
    >>> v = np.asarray([0.5, 1.0, 2.5])
    >>> Graded(GradedSlayer(), threshold=1.0)(v - 1.0)
    array([0. , 1. , 2.5])
    """

    _aspect = "emission"
    traceable = True

    threshold: float | Array = without_gradient(
        finite(1.0), "it reaches the potential through x alone; detach it in the wrapper"
    )
    scale: float | Array = without_gradient(
        positive(1.0), "divide what is emitted by it instead, or detach it"
    )

    def emit(self, x: Array) -> Array:
        """Return the graded spikes as plain maths, 0 where `x` is NaN."""
        xp = backends.of(x).namespace(x)
        wide = xp.astype(x, working_dtype(xp, x.dtype), copy=False)
        spikes = xp.astype(self.surrogate.emit(x), wide.dtype, copy=False)
        is_silent = (spikes == 0) | xp.isnan(wide)
        potential = xp.where(is_silent, xp.zeros_like(wide), wide + self.threshold)
        largest = float(xp.finfo(x.dtype).max)
        graded = xp.clip(potential / self.scale * spikes, min=-largest, max=largest)
        graded = xp.where(potential == float("inf"), potential, graded)
        return xp.astype(graded, x.dtype, copy=False)
