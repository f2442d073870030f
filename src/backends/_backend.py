"""The seam: what a hook is handed, and what a backend does with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import CodeType
from typing import Any, Literal, Protocol

from ._arithmetic import arithmetic
from ._erfc import erfc

Array = Any
# The least number that is rounded to infinity, of which a slope to a parameter would be NaN.
BEYOND = {"float16": 65520.0, "bfloat16": (2 - 2.0**-8) * 2.0**127}
# The code of functions that compute a part of a call later (docs/reference/api/backends.md).
COMPUTED_LATER: set[CodeType] = set()


class Definition(Protocol):
    """What a hook is handed: a surrogate without its arrays. Hashable, and pure maths."""

    def __hash__(self) -> int:
        """Return the same for definitions that compute the same."""

    @property
    def comparison(self) -> Literal["ge", "gt"] | None:
        """``"ge"`` if the spikes are ``x >= 0``, ``"gt"`` if ``x > 0``, or None."""

    @property
    def residual_dtype(self) -> str | None:
        """The dtype that may be kept for backward instead of that of `x`; None for all of `x`."""

    @property
    def relaxes(self) -> bool:
        """Whether the arrays have the gradient of the area to the left of `x`, and not zero."""

    @property
    def undifferentiated(self) -> tuple[tuple[int, str], ...]:
        """The arrays that have no gradient, by number, each with the message of the error."""

    @property
    def array_fields(self) -> tuple[str, ...]:
        """The fields that hold arrays, or surrogates that do."""

    @property
    def is_fixed(self) -> bool:
        """Whether its formulas depend on numbers and `x` alone, so that they can be traced."""

    @property
    def is_traceable(self) -> bool:
        """Whether its formulas depend on its parameters, arrays included, and `x` alone."""

    @property
    def returns_new(self) -> bool:
        """Whether its formulas return new arrays: not where a user's may return `x` itself."""

    def lifted(self) -> tuple[Any, tuple[float, ...]]:
        """Return it without its numbers, as if they were arrays, and these, for `combine`."""

    def partition(self) -> tuple[Any, tuple[Any, ...]]:
        """Return it without its arrays, and these, for `combine`."""

    def combine(self, arrays: Any) -> Any:
        """Return the surrogate with its arrays put back in."""

    def replaced(self, values: list[Any]) -> Any:
        """Return the surrogate with other values in its `array_fields`."""

    def renewed(self) -> Any:
        """Return the surrogate made anew by its constructor, where its arrays became numbers."""

    def emit(self, x: Array) -> Array:
        """Return the spikes, not differentiated."""

    def surrogate_grad(self, x: Any) -> Any:
        """Return what the spikes are differentiated as."""

    def exact_grad(self, x: Array) -> Array:
        """Return `surrogate_grad` without the rounding of what is kept for backward."""

    def relaxed_area(self, x: Array) -> Array:
        """Return what to differentiate to the arrays where it `relaxes`, at least in float32."""

    def kept(self, x: Array) -> Array:
        """Return what is kept of `x` for backward, in the dtype `residual_dtype`."""

    def restored(self, kept: Array, dtype: Any) -> Array:
        """Return the derivative from what was kept."""

    def learned_at(self, x: Array, dtype: Any) -> Array:
        """Return `x` of a dtype, or what was kept of it, as gradients of parameters take it."""

    def area_powers(self, index: int) -> tuple[int, int] | None:
        """Return powers n and m of an array, by number, or None.

        The area is its power m times a function of `x` times its power n, where it has that form.
        """

    def formula(self, name: str, xp: Any, x: Array) -> Array:
        """Return ``"primitive"``, ``"derivative"`` or ``"area"``, to evaluate or to trace."""

    def derivative(self, xp: Any, x: Array) -> Array:
        """Return what its class defines: of one threshold, at `x` in single or double precision."""

    def others(self) -> dict[str, Any]:
        """Return what its class has set besides its parameters, which stays when these change."""


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

    no_out: str | None = "its backend defines no method `multiply`; call it without"
    """Why a pullback cannot write to an array, and what to do; None where `multiply` can."""

    @property
    def differentiates(self) -> bool:
        """Whether the library differentiates by itself.

        Then define `spike`, `constant` and `nondifferentiable`: by their defaults gradients would
        be 0, so they raise.
        """
        return False

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def spike(self, definition: Definition, x: Array, arrays: tuple[Array, ...]) -> Array:
        """Return ``definition.combine(arrays).emit(x)``, differentiable as the surrogate.

        Parameters
        ----------
        definition : Definition
            A surrogate whose array-valued parameters, if it has any, were taken out.
        x : array
            Of a real floating-point dtype.
        arrays : tuple of arrays
            The parameters that were taken out. A hook hands them to its framework as arguments
            (a closure would hide them from the framework's transforms), and inside its rule
            calls ``definition.combine(arrays).surrogate_grad(x)``.
        """
        if self.differentiates and type(self).spike is Backend.spike:
            raise self._missing(
                "spike", "a bare step has the gradient 0; without a rule, return self.arithmetic()"
            )
        spikes = definition.combine(arrays).emit(x)
        return spikes if definition.returns_new else self.copy(spikes)  # as in `as_written`

    def arithmetic(self, definition: Definition, x: Array, arrays: tuple[Array, ...]) -> Array:
        """Return the spikes in plain arithmetic, which any library differentiates as it should.

        For a `spike` where the library takes no rule for a derivative, or ignores it. It needs
        `constant` alone, and is slower: the derivative is computed four times, with each spike.
        Gradients are right up to the fifth order, and 0 where `x` is infinite or NaN.
        """
        for index, _ in definition.undifferentiated:
            held = self.nondifferentiable(lambda array: array, arrays[index])
            arrays = (*arrays[:index], held, *arrays[index + 1 :])
        return arithmetic(self.namespace(x), self.constant, definition, x, arrays)

    def relaxed(
        self,
        definition: Definition,
        x: Array,
        arrays: tuple[Array, ...],
        general: Callable[..., Array],
    ) -> Array:
        """Return the spikes of `Relaxed`: ``general(x, *arrays)``, or the same in a better way.

        `general` is made of `spike` and of formulas that the library differentiates.
        """
        return general(x, *arrays)

    def linearize(
        self, definition: Definition, x: Array, arrays: tuple[Array, ...]
    ) -> tuple[Array, Array]:
        """Return the spikes and the derivative, of which `vjp` and `jvp` are made."""
        # The derivative is evaluated now: later in-place edits of x cannot falsify it.
        spikes = self.spike(definition, x, arrays)
        return spikes, self.evaluate(definition, x, arrays, "derivative")

    def multiply(self, x: Array, y: Array, out: Array) -> None:
        """Write ``x * y`` to the array `out`, of the shape and dtype of `y`: for `vjp`.

        `out` may overlap with `x`. Where this is defined, set `no_out` to None.
        """
        raise NotImplementedError(
            f"{type(self).__name__} sets `no_out` to None, and must define its method `multiply`"
        )

    def namespace(self, x: Array) -> Any:
        """Return the namespace of the array API that `x` belongs to."""
        from array_api_compat import array_namespace  # here, as no import of ours needs it

        return array_namespace(x)

    def evaluate(
        self, definition: Definition, x: Array, arrays: tuple[Array, ...], name: str
    ) -> Array:
        """Return ``definition.combine(arrays)``'s ``"primitive"`` or ``"derivative"`` at `x`."""
        return self.as_written(definition.combine(arrays), name, x)

    def as_written(self, surrogate: Definition, name: str, x: Array) -> Array:
        """Return a formula, operation by operation, in memory that nothing else has.

        What a user's formula returns is copied: it may be `x` itself, or a parameter, or a view of
        these, which are edited afterwards.
        """
        result = surrogate.formula(name, self.namespace(x), x)
        return result if surrogate.returns_new else self.copy(result)

    def aligned(self, x: Array, arrays: tuple[Array, ...]) -> Array:
        """Return `x`, split over devices where one of `arrays` is: for maths on both."""
        return x

    def register_class(self, cls: type) -> None:
        """Tell the library of a class of surrogates; of each once."""

    def quiet(self) -> AbstractContextManager[Any]:
        """Return a context without the library's warnings of overflow and underflow."""
        return nullcontext()

    def promoting(self) -> AbstractContextManager[Any]:
        """Return a quiet context in which arrays of different ranks may meet."""
        return self.quiet()

    def rounded(self, x: Array, dtype: Any) -> Array:
        """Return `x` in a narrower dtype, without a warning where it is infinite there."""
        return self.namespace(x).astype(x, dtype, copy=False)

    def widened(self, kept: Array, dtype: Any) -> Array:
        """Return `x` in another dtype than it was kept in, with the end of that for infinity."""
        xp = self.namespace(kept)
        x = xp.astype(kept, dtype, copy=False)
        beyond = BEYOND.get(str(kept.dtype).rpartition(".")[2])
        if x.dtype == kept.dtype or beyond is None:
            return x
        end = xp.where(x < 0, xp.full_like(x, -beyond), xp.full_like(x, beyond))
        return xp.where(xp.isinf(x), end, x)

    def by_block(
        self, surrogate: Definition, function: Callable[[Any, Array], Array], x: Array, dtype: Any
    ) -> Array:
        """Return an elementwise ``function(surrogate, x)`` of a dtype; Dask calls it by block."""
        return function(surrogate, x)

    def copy(self, x: Array) -> Array:
        """Return a copy of `x`, which later edits of `x` do not change."""
        return self.namespace(x).asarray(x, copy=True)

    def constant(self, x: Array) -> Array:
        """Return `x` as a constant to differentiation: `x` itself where no tape is recorded."""
        if self.differentiates:
            raise self._missing("constant", "`x` itself would be differentiated")
        return x

    def is_known(self, x: Array) -> bool:
        """Return whether `x` has values, be they on a device: not where it is traced, or lazy."""
        return False

    def extremes(self, array: Array) -> tuple[float, float] | None:
        """Return the least and the largest value, where that costs next to nothing: NaN for a NaN.

        They are checked whenever a surrogate is made, so None where a device would be waited for,
        and where values are traced or lazy, or there are none.
        """
        return None

    def for_numpy(self, x: Array) -> Any:
        """Return `x` as an array of NumPy, for NumPy to search instead of a slower library.

        A device is waited for. None where the library had better search, as one has to whose `x`
        is traced or differentiated.
        """
        return None

    def is_to_be_trained(self, array: Array) -> bool:
        """Return whether an array says of itself that an optimiser is to move it."""
        return False

    def nondifferentiable(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """Return ``function(*arrays)``, which raises when differentiated: for what was rounded."""
        if self.differentiates:
            raise self._missing("nondifferentiable", "rounding has the gradient 0")
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
        """Return random numbers from [0, 1), in the shape of `x`, from the library's generator.

        In single precision for half: there 0 would be drawn too often, and with it a spike.
        """
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
