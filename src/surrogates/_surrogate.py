"""What all surrogates have in common."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, TypeVar, overload

import numpy as np

from . import _area, _aspects, _breakpoints, backends
from ._accuracy import Accuracy
from ._arrays import at_least_single, checked_x, conformed, operands, working_dtype
from ._maths import holds
from ._value import Value, described
from .backends import of_tensor

Array = Any
ArrayT = TypeVar("ArrayT")

# Members for hooks, and for wrappers, which `dir` leaves out.
_FOR_HOOKS = {*vars(backends.Definition)} - {"derivative", "surrogate_grad"}
_FOR_WRAPPERS = {"area_to", "array_paths", "follows_product", "has_area_below", "is_signed"}
_FOR_WRAPPERS |= {"is_smooth", "mirrored", "partition", "scales_area", "substituted", "unsigned"}
_FOR_WRAPPERS |= {"widened"}
_COMPARISONS: dict[float, Literal["ge", "gt"]] = {1.0: "ge", 0.0: "gt"}  # by the spike at 0


class Surrogate(Value):
    """A Heaviside step that is differentiated as if it were a smoother function.

    The base of all surrogates, and of your own. A subclass becomes a frozen dataclass, one field a
    parameter, without a decorator. It defines ``derivative(self, xp, x)``,
    ``primitive(self, xp, x)`` or both, elementwise, in the functions of the array-API namespace
    `xp`; `x` is in single or double precision there. A method `surrogate_grad` or `surrogate_fun`
    of `x` alone, as braintools has them, works as well.

    A formula of your own is evaluated as it is written. If it depends on nothing but its
    parameters and `x`, set ``traceable = True`` in the class: it is then evaluated in place, block
    by block, or in one kernel, as the formulas of this package are.

    A parameter is a Python float, or an array that broadcasts to `x`: one value for each channel,
    or a traced or learnable value. So ``Sigmoid(x)`` is a surrogate, and emits nothing: the spikes
    are ``Sigmoid(4.0)(x)``. The range of an array is checked where its values are at hand:
    not where they are traced, on a GPU, or not computed yet. Surrogates with equal numbers and the
    same arrays are equal, and hash alike; two arrays with equal values are not the same.

    A spike does not depend on a parameter, so its gradient with respect to one is zero. The
    gradient with respect to `x` does depend on it, and can be differentiated further.

    Parameters
    ----------
    at_threshold : float, default 1.0
        The spike at ``x = 0`` exactly, from 0 to 1, as the second argument of `numpy.heaviside`.
        By keyword only; every surrogate has it.

    Examples
    --------
    >>> import numpy as np
    >>> import surrogates
    >>> x = np.asarray([-0.5, 0.0, 0.5])
    >>> surrogates.SlayerGrad(alpha=2.0)(x)
    array([0., 1., 1.])
    >>> surrogates.SlayerGrad(alpha=2.0, at_threshold=0)(x)
    array([0., 0., 1.])
    >>> surrogates.SlayerGrad(alpha=2.0) == surrogates.SlayerGrad(2)
    True

    A surrogate of your own:

    >>> class Lorentzian(surrogates.Surrogate):
    ...     alpha: float = surrogates.parameter(1.0, low=0.0)
    ...     def derivative(self, xp, x):
    ...         return 1 / (1 + self.alpha * x * x)
    >>> spikes, pullback = surrogates.vjp(Lorentzian(), x)
    >>> pullback(np.ones(3))
    array([0.8, 1. , 0.8])
    """

    accuracy: ClassVar[Accuracy] = Accuracy()
    relaxes: ClassVar[bool] = False
    residual_dtype: ClassVar[str | None] = None
    comparison: ClassVar[Literal["ge", "gt"] | None] = None  # what `emit` is, if that is all
    is_signed: ClassVar[bool] = False  # whether a second threshold emits spikes of the other sign

    def __post_init__(self) -> None:
        super().__post_init__()
        is_step = type(self).emit is Surrogate.emit and type(self.at_threshold) is float
        comparison = _COMPARISONS.get(self.at_threshold) if is_step else None
        object.__setattr__(self, "comparison", comparison)
        object.__setattr__(self, "is_signed", self.is_signed)
        object.__setattr__(self, "residual_dtype", self.residual_dtype)

    @overload
    def __call__(self, x: float) -> np.float64: ...
    @overload
    def __call__(self, x: ArrayT) -> ArrayT: ...
    def __call__(self, x: Any) -> Any:
        """Return the spikes: 1 where ``x > 0``, `at_threshold` where ``x == 0``, 0 elsewhere.

        Parameters
        ----------
        x : array or float
            Membrane potential minus threshold, dimensionless, of any shape and a real
            floating-point dtype.

        Returns
        -------
        array
            Of the type, dtype, device and shape of `x` (of a Python float: `numpy.float64`).
            0 where `x` is NaN. PyTorch and JAX differentiate it as `surrogate_grad`; for
            libraries without autodiff there are `surrogates.vjp` and `surrogates.jvp`.

        Raises
        ------
        TypeError
            If `x` is not an array of a known library, or not of a real floating-point dtype.
        ValueError
            If an array-valued parameter does not broadcast to `x`.

        Examples
        --------
        >>> import numpy as np
        >>> from surrogates import ReluGrad
        >>> ReluGrad()(np.asarray([-1.0, 0.0, 1.0]))
        array([0., 1., 1.])
        """
        backend = of_tensor(x)
        if backend is None:
            x, backend = checked_x(self, x)
        if self.array_fields:
            return _aspects.called(*self.partition(), backend, x)
        return backend.spike(self, x, ())

    @overload
    def surrogate_fun(self, x: float) -> np.float64: ...
    @overload
    def surrogate_fun(self, x: ArrayT) -> ArrayT: ...
    def surrogate_fun(self, x: Any) -> Any:
        """Return the primitive: the function that has the surrogate derivative as its derivative.

        Parameters
        ----------
        x : array or float
            As for a call. Any array that conforms to the array API standard will do.

        Returns
        -------
        array
            Of the type, dtype, device and shape of `x`; 1/2 at 0, NaN where `x` is NaN.

        Examples
        --------
        >>> import numpy as np
        >>> from surrogates import ReluGrad
        >>> ReluGrad().surrogate_fun(np.asarray([-1.0, 0.0, 1.0]))
        array([0.35, 0.5 , 0.65])
        """
        return self._evaluate("primitive", *checked_x(self, x))

    @overload
    def surrogate_grad(self, x: float) -> np.float64: ...
    @overload
    def surrogate_grad(self, x: ArrayT) -> ArrayT: ...
    def surrogate_grad(self, x: Any) -> Any:
        """Return the derivative that replaces the derivative of the step.

        Parameters
        ----------
        x : array or float
            As for a call. Any array that conforms to the array API standard will do.

        Returns
        -------
        array
            Of the type, dtype, device and shape of `x`; NaN where `x` is NaN.

        Examples
        --------
        >>> import numpy as np
        >>> from surrogates import ReluGrad
        >>> ReluGrad().surrogate_grad(np.asarray([-1.0, 0.0, 0.5]))
        array([0.  , 0.3 , 0.15])
        """
        x, backend = checked_x(self, x)
        if self.residual_dtype is None:
            return self._evaluate("derivative", x, backend)
        return _aspects.compressed_grad(self, backend, x)

    def exact_grad(self, x: Any) -> Any:
        """Return `surrogate_grad` without the rounding of a residual: for hooks."""
        return self._evaluate("derivative", x, backends.of(x))

    def emit(self, x: Array) -> Array:
        """Return the spikes as plain maths, which no framework differentiates: for hooks.

        Unlike a call it checks nothing, and NumPy may warn of overflow or underflow.
        """
        xp = backends.of(x).namespace(x)
        if self.at_threshold == 1.0:
            return xp.astype(x >= 0, x.dtype)
        above = xp.astype(x > 0, x.dtype)
        if self.at_threshold == 0.0:
            return above
        return above + self.at_threshold * xp.astype(x == 0, x.dtype)

    @property
    def peak(self) -> Any:
        """The largest value of the derivative."""
        raise self._undefined("peak")

    @property
    def area(self) -> Any:
        """The integral of the derivative over the real line; may be infinite."""
        raise self._undefined("area")

    @property
    def area_below(self) -> Any:
        """The integral of the derivative up to the threshold; may be infinite.

        By default, as for a surrogate of your own, it is computed from the primitive.
        """
        _, zero = self._zero()
        area = self.surrogate_fun(zero) - self.surrogate_fun(zero - math.inf)
        return area if self.array_fields else float(area)

    def _zero(self) -> tuple[Any, Array]:
        """Return a 0 for each value of the parameters, and its namespace."""
        arrays = self.partition()[1]
        if not arrays:
            traced = backends.traced_zero()
            return (np, np.float64(0.0)) if traced is None else traced
        zero = sum(0 * at_least_single(array) for array in arrays)
        return backends.of(zero).namespace(zero), zero

    @property
    def width(self) -> Any:
        """The full width at half maximum of the derivative; infinite where there is none."""
        raise self._undefined("width")

    @property
    def support(self) -> tuple[Any, Any]:
        """The ends of the smallest interval outside of which the derivative is zero."""
        return -math.inf, math.inf

    @property
    def _pieces(self) -> list[tuple[float, float]]:
        """The intervals in which the derivative is not zero, in any order; they may overlap."""
        low, high = map(float, self.support)
        return [(low, high)] if low < high else []

    breakpoints = property(_breakpoints.breakpoints)

    @property
    def is_distribution(self) -> bool:
        """Whether the derivative is a density: nowhere negative, of area 1."""
        if self.is_signed:  # it has a second bump
            return False
        wide = self.widened()
        area, negative = wide.area, wide._negative
        known: Any = (bool, int, float, np.generic, np.ndarray)
        if not (isinstance(area, known) and isinstance(negative, known)):
            return False  # an array whose values may be traced, or on a device
        return holds(abs(area - 1) < 1e-12) and holds(negative == 0)

    @property
    def _negative(self) -> Any:
        """Whether the derivative is negative somewhere."""
        return False

    @property
    def _lowest(self) -> Any:
        """The infimum of the derivative, where it is known."""
        return 0.0

    @property
    def _largest_slope(self) -> Any:
        """The size of the largest term of the derivative."""
        return self.peak

    @property
    def _largest_term(self) -> Any:
        """The size of the largest term of the primitive, where its terms cancel."""
        return 0.5

    @property
    def _rises_from(self) -> float | None:
        """Where e-folds count from, of a primitive that grows without end: for the check."""
        return None

    def mirrored(self, x: Array) -> Array:
        """Return the potential relative to the second threshold, if it `is_signed`."""
        raise self._undefined("mirrored")

    def unsigned(self) -> Surrogate:
        """Return the surrogate without its second threshold."""
        return self

    # For hooks: what the aspects amount to together.
    relaxed_area = _aspects.relaxed_area
    kept = _aspects.kept
    restored = _aspects.restored
    learned_at = _aspects.learned_at

    def primitive(self, xp: Any, x: Array) -> Array:
        """Return the primitive, by the functions of the namespace `xp`, in single or double."""
        raise self._undefined("primitive")

    def derivative(self, xp: Any, x: Array) -> Array:
        """Return the derivative, by the functions of the namespace `xp`, in single or double.

        By default that of the primitive: by the framework's own differentiation, or by a central
        difference.
        """
        if not self._has_primitive:
            raise self._undefined("derivative, nor a primitive to differentiate")
        if getattr(xp, "undifferentiated", False):
            raise TypeError("a formula that is traced is not differentiated")

        def primitive(x: Array) -> Array:
            return conformed(self, "primitive", xp, self.primitive(xp, x), x)

        return backends.of(x).derivative(primitive, x)

    @property
    def _has_primitive(self) -> bool:
        return type(self).primitive is not Surrogate.primitive

    def area_to(self, xp: Any, x: Array) -> Array:
        """Return the derivative's area to the left of `x`, or the primitive if it is infinite.

        Overridden where the tail to the left has a formula: less a constant, it would cancel.
        """
        below = None if self._states_no_area_below else self.area_below
        return _area.from_primitive(self, xp, x, below)

    def has_area_below(self, xp: Any, x: Array) -> Any:
        """Return whether the area to the left of `x` is finite: a bool, or one for each value."""
        if self._states_no_area_below:
            return xp.isfinite(_area.limit(self, xp, x)[0])
        below = self.area_below
        return math.isfinite(below) if isinstance(below, (int, float)) else xp.isfinite(below)

    @property
    def _states_no_area_below(self) -> bool:
        return type(self).area_below is Surrogate.area_below  # as a user's class, most likely

    def area_powers(self, index: int) -> tuple[int, int] | None:
        """Return the powers of an array of `partition`, by number, in `area_to`: for hooks.

        They are n and m where the area is the array's power m times a function of `x` times its
        power n: see `follows_product`. Then the derivative of the area to the array is n times `x`
        times the derivative, plus m times the area, over the array. None where it has no such form.
        """
        name = self.array_fields[index]
        powers = (self.follows_product.get(name, 0), self.scales_area.get(name, 0))
        return None if powers == (0, 0) else powers

    def __dir__(self) -> list[str]:
        hidden = _FOR_HOOKS | _FOR_WRAPPERS | {"also_called"}  # which is for `find`
        names = super().__dir__()
        return [n for n in names if n[:2] == "__" or not (n in hidden or n[0] == "_")]

    def _undefined(self, name: str) -> NotImplementedError:
        return NotImplementedError(
            f"{self!r} defines no {name}; define it in the class {type(self).__name__}"
        )

    def formula(self, name: str, xp: Any, x: Array) -> Array:
        """Return the ``"primitive"``, ``"derivative"`` or ``"area"`` as plain maths: for hooks.

        Half precision is computed in single precision and rounded once. The derivative is without
        the rounding of a residual.
        """
        maths = self.area_to if name == "area" else getattr(self, name)
        is_wide = x.dtype in (xp.float32, xp.float64)
        wide = x if is_wide else xp.astype(x, working_dtype(xp, x.dtype))
        result = maths(xp, wide)
        if self.is_signed:
            below = maths(xp, self.mirrored(wide))
            result = result + below if name == "derivative" else result - below
            if name == "primitive":
                result = result + maths(xp, self.mirrored(xp.zeros_like(wide)))
        return conformed(self, name, xp, result, x)

    def _evaluate(self, name: str, x: Any, backend: backends.Backend) -> Any:
        definition, arrays = (self, ()) if not self.array_fields else self.partition()
        if arrays:
            with backend.quiet():
                arrays = operands(self, backend, x, arrays)
        return backend.evaluate(definition, x, arrays, name)


def require_surrogate(value: Any) -> None:
    """Raise TypeError if `value` is not a Surrogate."""
    if not isinstance(value, Surrogate):
        raise TypeError(f"expected a surrogate such as Sigmoid(), got {described(value)}")
