"""What a backend is, and the manual VJP that every backend inherits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from array_api_compat import array_namespace

from ._erfc import erfc

if TYPE_CHECKING:
    from surrogates import Surrogate

Array = Any


class Backend:
    """How one array library differentiates a spike.

    A backend must define `spike` so that its library's own differentiation takes the
    surrogate's derivative for the derivative of the step. A library that differentiates nothing
    by itself needs no more than this class. All the rest is written on the array API
    and holds for every library; override it where a library has something better.

    An instance is registered under the name of the top-level module of the library's array
    class, with `surrogates.backends.register` or the entry-point group ``surrogates.backends``.
    """

    def spike(self, definition: Surrogate, x: Array, arrays: tuple[Array, ...]) -> Array:
        """Return the Heaviside step of `x`, differentiable as the surrogate.

        Parameters
        ----------
        definition : Surrogate
            Hashable: a surrogate whose array-valued parameters, if it has any, were taken out.
        x : array
            Of a real floating-point dtype.
        arrays : tuple of arrays
            The parameters that were taken out. A hook hands them to its framework as arguments
            (a closure would hide them from the framework's transforms), and inside its rule
            calls ``definition.combine(arrays).surrogate_grad(x)``.
        """
        return self.namespace(x).astype(x >= 0, x.dtype)

    def vjp(self, surrogate: Surrogate, x: Array) -> tuple[Array, Callable[[Array], Array]]:
        """Return the spikes and the function that pulls a cotangent back to `x`."""
        # Evaluated now, not in the pullback: later in-place edits of x cannot falsify it.
        derivative = surrogate.surrogate_grad(x)

        def pullback(cotangent: Array) -> Array:
            return self._product(cotangent, derivative, "cotangent")

        return surrogate(x), pullback

    def jvp(self, surrogate: Surrogate, x: Array, tangent: Array) -> tuple[Array, Array]:
        """Return the spikes and the tangent of the spikes."""
        return surrogate(x), self._product(tangent, surrogate.surrogate_grad(x), "tangent")

    def namespace(self, x: Array) -> Any:
        """Return the namespace of the array API that `x` belongs to."""
        return array_namespace(x)

    def evaluate(self, maths: Callable[[Any, Array], Array], xp: Any, x: Array) -> Array:
        """Return ``maths(xp, x)``: a primitive or derivative, `xp` the namespace of `x`."""
        return maths(xp, x)

    def like(self, x: Array, result: Array) -> Array:
        """Return `result`, computed from `x`, as the type of array that `x` is."""
        return result

    def erfc(self, x: Array) -> Array:
        """Return the complementary error function, which the array API standard lacks."""
        return erfc(x)

    def _product(self, vector: Array, derivative: Array, name: str) -> Array:
        xp = self.namespace(derivative)
        if isinstance(vector, float):
            vector = xp.asarray(vector, dtype=derivative.dtype)
        if vector.shape != derivative.shape:
            raise ValueError(
                f"the {name} has shape {tuple(vector.shape)}, but x and its spikes have shape "
                f"{tuple(derivative.shape)}; broadcast the {name} to that shape"
            )
        product = xp.astype(vector * derivative, derivative.dtype, copy=False)
        return self.like(derivative, product)
