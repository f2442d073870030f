"""What a backend is, and the manual VJP that every backend inherits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
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

    Examples
    --------
    >>> from surrogates import backends
    >>> class MyBackend(backends.Backend):
    ...     def spike(self, definition, x, arrays):
    ...         return super().spike(definition, x, arrays)  # here, tell your library more
    >>> backends.register("mylibrary", MyBackend())
    """

    converts_numpy = False
    """Whether the library's arithmetic takes NumPy arrays among its own."""

    @property
    def differentiates(self) -> bool:
        """Whether the library differentiates by itself.

        Then define `spike`, `constant` and `once`, whose defaults would give gradients of 0.
        """
        return False

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def spike(self, definition: Surrogate, x: Array, arrays: tuple[Array, ...]) -> Array:
        """Return ``definition.combine(arrays).emit(x)``, differentiable as the surrogate.

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
        if self.differentiates and type(self).spike is Backend.spike:
            raise self._missing("spike", "a bare step has the gradient 0")
        return definition.combine(arrays).emit(x)

    def vjp(self, surrogate: Surrogate, x: Array) -> tuple[Array, Callable[[Array], Array]]:
        """Return the spikes and the function that pulls a cotangent back to `x`."""
        # Evaluated now, not in the pullback: later in-place edits of x cannot falsify it.
        derivative = surrogate.surrogate_grad(x)
        if not surrogate._is_traceable:  # a user's formula may return x itself, or a parameter
            derivative = self.copy(derivative)

        def pullback(cotangent: Array) -> Array:
            return self._product(cotangent, derivative, "cotangent")

        return surrogate(x), pullback

    def jvp(self, surrogate: Surrogate, x: Array, tangent: Array) -> tuple[Array, Array]:
        """Return the spikes and the tangent of the spikes."""
        return surrogate(x), self._product(tangent, surrogate.surrogate_grad(x), "tangent")

    def namespace(self, x: Array) -> Any:
        """Return the namespace of the array API that `x` belongs to."""
        return array_namespace(x)

    def evaluate(
        self, name: str, definition: Surrogate, x: Array, arrays: tuple[Array, ...]
    ) -> Array:
        """Return ``definition.combine(arrays)``'s ``"primitive"`` or ``"derivative"`` at `x`."""
        return definition.combine(arrays).formula(name, self.namespace(x), x)

    def aligned(self, x: Array, arrays: tuple[Array, ...]) -> Array:
        """Return `x`, split over devices where one of `arrays` is: for maths on both."""
        return x

    def like(self, x: Array, result: Array) -> Array:
        """Return `result`, computed from `x`, as the type of array that `x` is."""
        return result

    def introduce(self, cls: type[Surrogate]) -> None:
        """Tell the library of a class of surrogates; of each once."""

    def quiet(self) -> AbstractContextManager[Any]:
        """Return a context without the library's warnings of overflow and underflow."""
        return nullcontext()

    def rounded(self, x: Array, dtype: Any) -> Array:
        """Return `x` in a narrower dtype, without a warning where it is infinite there."""
        return self.namespace(x).astype(x, dtype, copy=False)

    def copy(self, x: Array) -> Array:
        """Return a copy of `x`, which later edits of `x` do not change."""
        return self.namespace(x).asarray(x, copy=True)

    def constant(self, x: Array) -> Array:
        """Return `x` as a constant to differentiation: `x` itself where no tape is recorded."""
        if self.differentiates:
            raise self._missing("constant", "`x` itself is none to differentiation")
        return x

    def once(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """Return ``function(*arrays)``, made to refuse differentiation: for what was rounded."""
        if self.differentiates:
            raise self._missing("once", "rounding has the gradient 0")
        return function(*arrays)

    def derivative(self, function: Callable[[Array], Array], x: Array) -> Array:
        """Return the derivative of an elementwise function, as the library differentiates.

        By default a central difference over six points. In float64, and for a function that
        varies over lengths of 0.1 or more, its error is below 1e-12 times the size of the function
        there; lower precisions are computed in float64 and rounded. At a kink it is the mean slope
        around.
        """
        xp = self.namespace(x)
        wide = xp.astype(x, xp.float64, copy=False)
        step = xp.clip(xp.abs(wide), min=1.0) * 2.0**-10
        total = xp.zeros_like(wide)
        for points, weight in ((1, 45.0), (2, -9.0), (3, 1.0)):
            total = total + weight * (
                function(wide + points * step) - function(wide - points * step)
            )
        return xp.astype(total / (60 * step), x.dtype, copy=False)

    def uniform(self, generator: Any, x: Array) -> Array:
        """Return random numbers from [0, 1) like `x`, from the library's own kind of generator."""
        raise NotImplementedError(
            f"{type(self).__name__} draws no random numbers; define its method `uniform`"
        )

    def erfc(self, x: Array) -> Array:
        """Return the complementary error function, which the array API standard lacks."""
        return erfc(x, self.namespace(x))

    def _missing(self, name: str, reason: str) -> NotImplementedError:
        return NotImplementedError(
            f"{type(self).__name__} differentiates, and must define its method `{name}`: {reason}"
        )

    def _product(self, vector: Array, derivative: Array, name: str) -> Array:
        xp = self.namespace(derivative)
        if isinstance(vector, float):
            vector = xp.asarray(vector, dtype=derivative.dtype)
        of_kind = type(vector) is type(derivative) or self._is_mine(vector)
        if not of_kind or not xp.isdtype(vector.dtype, "real floating"):
            raise TypeError(
                f"the {name} must be a real floating-point array of the library of x "
                f"({type(derivative).__module__}), got {vector!r}"
            )
        if not _same(vector.shape, derivative.shape):
            raise ValueError(
                f"the {name} has shape {tuple(vector.shape)}, but x and its spikes have shape "
                f"{tuple(derivative.shape)}; broadcast the {name} to that shape"
            )
        product = xp.astype(vector * derivative, derivative.dtype, copy=False)
        return self.like(derivative, product)

    def _is_mine(self, array: Array) -> bool:
        from . import for_maths

        return hasattr(array, "dtype") and for_maths(array) is self


def _same(shape: tuple[float, ...], other: tuple[float, ...]) -> bool:
    # Dask writes NaN for a length that it does not know yet.
    return len(shape) == len(other) and all(
        n == m or (n != n and m != m) for n, m in zip(shape, other, strict=True)
    )
