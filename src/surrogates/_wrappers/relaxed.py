"""The other gradient of a parameter: that of the primitive."""

from __future__ import annotations

from .._parameters import is_floating_array
from .._surrogate import Surrogate
from .composition import Composition
from .wrapper import Wrapper

__all__ = ["Relaxed"]


class Relaxed(Wrapper):
    """A surrogate whose spikes also have a gradient with respect to its parameters.

    Two meanings of "the gradient of a spike with respect to alpha" are in use, and neither
    replaces the other:

    * The surrogate itself has the gradient zero, since the step does not depend on `alpha`. Only
      the gradients of `x` do, and differentiating through those (a hypergradient) is exact.
    * ``Relaxed(surrogate)`` has ``dg/dalpha``, the derivative of the primitive, as if the neuron
      had emitted ``g(x; alpha)``. This is what is meant where the width of a surrogate is learned
      together with the weights.

    The spikes and the derivative to `x` are those of `surrogate`.

    Parameters
    ----------
    surrogate : Surrogate
        The surrogate; its array-valued parameters are the ones that get a gradient. It needs a
        primitive, of which PyTorch and JAX take the derivative to a parameter by themselves. NumPy,
        CuPy and Dask record nothing: there the spikes and `vjp` are those of `surrogate`.

    Raises
    ------
    TypeError
        If `surrogate` is not a Surrogate, or is relaxed already; if it holds an array and has no
        primitive; or if it holds an array that it does not declare as a parameter.

    References
    ----------
    S. Lian et al., "Learnable Surrogate Gradient for Direct Training Spiking Neural Networks",
    IJCAI 2023.

    Examples
    --------
    Both meanings, in JAX: a steeper sigmoid is larger at 0.5, while the spike there stays 1.

    >>> import jax
    >>> from surrogates import Relaxed, Sigmoid
    >>> jax.grad(lambda alpha: Sigmoid(alpha)(jax.numpy.asarray(0.5)))(4.0).item()
    0.0
    >>> of_primitive = jax.grad(lambda alpha: Relaxed(Sigmoid(alpha))(jax.numpy.asarray(0.5)))
    >>> round(of_primitive(4.0).item(), 4)
    0.0525
    """

    _aspect = "gradient of parameters"
    traceable = True
    relaxes = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for inside in _leaves(self.surrogate):
            declared = type(inside).__dataclass_fields__
            for name, value in vars(inside).items():
                if name not in declared and is_floating_array(value):
                    raise TypeError(
                        f"Relaxed: {name} of {inside!r} would get no gradient; declare it as a "
                        f"parameter, as in `{name}: float = surrogates.parameter(1.0)`, instead of "
                        "setting it in __init__"
                    )
        if self.array_fields and not self._has_primitive:
            raise TypeError(
                f"Relaxed: {self.surrogate!r} defines no primitive, whose gradient its parameters "
                "would get; define primitive(self, xp, x) in its class"
            )


def _leaves(surrogate: Surrogate) -> list[Surrogate]:
    """Return the surrogates inside that hold no others."""
    if isinstance(surrogate, Wrapper):
        return _leaves(surrogate.surrogate)
    if isinstance(surrogate, Composition):
        return [leaf for part in surrogate.parts for leaf in _leaves(part)]
    return [surrogate]
