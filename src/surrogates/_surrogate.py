"""What all surrogates have in common."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, overload

import numpy as np

from . import backends
from ._accuracy import Accuracy
from ._parameters import UNIT, checked, is_floating_array

if TYPE_CHECKING:
    from ._scaling import Scaled

Array = Any
ArrayT = TypeVar("ArrayT")

_COMPARISONS = {1.0: "ge", 0.0: "gt"}  # by the spike at 0


@dataclass(frozen=True, repr=False, eq=False)
class Surrogate:
    """A Heaviside step that is differentiated as if it were a smoother function.

    The base of all surrogates, and of your own. Those of this package are frozen dataclasses, one
    field a parameter, that define `primitive` and `derivative` in array-API maths. Your own
    need no more than a method `surrogate_grad`, or `surrogate_fun`: see the example.

    A parameter is a Python float, or an array that broadcasts to `x`: one value for each channel,
    or a traced or learnable value. The range of an array is checked in NumPy alone: elsewhere its
    values may be traced, or on a device. Surrogates with equal numbers and the same arrays are
    equal, and hash alike.

    The spike does not depend on a parameter, so that its gradient with respect to one is zero; the
    gradient with respect to `x` does, and can be differentiated further.

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

    A surrogate of your own, in three lines:

    >>> class Lorentzian(surrogates.Surrogate):
    ...     def surrogate_grad(self, x):
    ...         return 1 / (1 + x * x)
    >>> spikes, pullback = surrogates.vjp(Lorentzian(), x)
    >>> pullback(np.ones(3))
    array([0.8, 1. , 0.8])
    """

    accuracy: ClassVar[Accuracy] = Accuracy()
    _with_arrays: ClassVar[tuple[str, ...]] = ()
    _is_fixed: ClassVar[bool] = False  # whether a formula is one graph once and for all
    _is_ours: ClassVar[bool] = True
    _outermost: ClassVar[bool] = False

    at_threshold: float = field(default=1.0, kw_only=True, metadata={"interval": UNIT})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A class of yours may look at what changes, at the shape of `x` or at its values.
        cls._is_ours = cls.__module__.partition(".")[0] == __name__.partition(".")[0]
        backends.introduce(cls)

    def __post_init__(self) -> None:
        backends.meet()
        with_arrays = []
        is_fixed = self._is_ours
        for declared in fields(self):
            value = getattr(self, declared.name)
            choices = declared.metadata.get("choices")
            if choices is not None and value not in choices:
                raise ValueError(
                    f"{type(self).__name__}: {declared.name} must be one of {choices}, "
                    f"got {declared.name}={value!r}"
                )
            if "interval" in declared.metadata:
                value = checked(self, declared.name, declared.metadata["interval"], value)
                object.__setattr__(self, declared.name, value)
                holds_arrays = not isinstance(value, (int, float))
            elif isinstance(value, Surrogate):
                holds_arrays = bool(value._with_arrays)
            else:
                holds_arrays = is_floating_array(value)
            if declared.name == "surrogate" and not isinstance(value, Surrogate):
                raise TypeError(
                    f"{type(self).__name__} takes a surrogate such as surrogates.Sigmoid(), "
                    f"got {value!r}"
                )
            if isinstance(value, Surrogate) and value._outermost:
                raise TypeError(
                    f"{type(self).__name__}: {value!r} must be the outermost surrogate, or it "
                    f"would have no effect; make the {type(self).__name__} first, and that of it"
                )
            if holds_arrays:
                with_arrays.append(declared.name)
            if isinstance(value, Surrogate):
                is_fixed = is_fixed and value._is_fixed
            elif type(value) not in (float, int, str):  # arrays may be traced
                is_fixed = False
        object.__setattr__(self, "_with_arrays", tuple(with_arrays))
        object.__setattr__(self, "_is_fixed", is_fixed)

    def __repr__(self) -> str:
        shown = [f for f in fields(self) if f.name != "at_threshold" or self.at_threshold != 1.0]
        shown.sort(key=lambda f: f.name == "at_threshold")  # inherited first, but by keyword only
        names = [f.name for f in shown]
        # of your own class that is no dataclass, the attributes
        names += [n for n in vars(self) if n[0] != "_" and n not in (*names, "at_threshold")]
        arguments = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({arguments})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        mine, theirs = vars(self), vars(other)
        return mine.keys() == theirs.keys() and all(
            value is theirs[name] or (_is_plain(value) and bool(value == theirs[name]))
            for name, value in mine.items()
        )

    def __hash__(self) -> int:
        try:
            return hash((type(self), frozenset(vars(self).items())))
        except (
            TypeError
        ):  # an array that cannot be hashed; they are the same if they are one object
            pass
        values = (v if _is_plain(v) else id(v) for _, v in sorted(vars(self).items()))
        return hash((type(self), *values))

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
            0 where `x` is NaN. PyTorch and JAX differentiate it as `surrogate_grad`; for arrays
            that record no tape there are `surrogates.vjp` and `surrogates.jvp`.

        Raises
        ------
        TypeError
            If `x` is no array of a known library, or not of a real floating-point dtype.
        ValueError
            If an array-valued parameter does not broadcast to `x`.

        Examples
        --------
        >>> import numpy as np
        >>> from surrogates import ReluGrad
        >>> ReluGrad()(np.asarray([-1.0, 0.0, 1.0]))
        array([0., 1., 1.])
        """
        if type(x) is float:
            x = np.float64(x)
        require_floating(self, x)
        if self._with_arrays:
            self._require_compatible(x)
        backend = backends.of(x)
        return backend.like(x, self._spikes(backend, x))

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
        return self._evaluate("primitive", x)

    @overload
    def surrogate_grad(self, x: float) -> np.float64: ...
    @overload
    def surrogate_grad(self, x: ArrayT) -> ArrayT: ...
    def surrogate_grad(self, x: Any) -> Any:
        """Return the derivative that takes the place of the step's derivative.

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
        return self._evaluate("derivative", x)

    def emit(self, x: Array) -> Array:
        """Return the spikes as plain maths, which no framework differentiates: for hooks."""
        xp = backends.for_maths(x).namespace(x)
        if self.at_threshold == 1.0:
            return xp.astype(x >= 0, x.dtype)
        above = xp.astype(x > 0, x.dtype)
        if self.at_threshold == 0.0:
            return above
        return above + self.at_threshold * xp.astype(x == 0, x.dtype)

    @property
    def emits_plain_step(self) -> bool:
        """Whether `emit` is the step that is 1 from 0 on, whatever the parameters."""
        return type(self).emit is Surrogate.emit and self.at_threshold == 1.0

    @property
    def comparison(self) -> str | None:
        """What `emit` is if it is one comparison with 0: ``"ge"`` or ``"gt"``."""
        return _COMPARISONS.get(self.at_threshold) if type(self).emit is Surrogate.emit else None

    def sample(self, x: Any, generator: Any) -> Any:
        """Return random spikes: escape noise with the primitive as firing probability.

        Parameters
        ----------
        x : array or float
            As for a call.
        generator : random generator
            The framework's own: a `numpy.random.Generator`, a `torch.Generator`, a JAX key (from
            `jax.random.key`), a `cupy.random.Generator`. No global state is used.

        Returns
        -------
        array
            As of a call: 1 with probability ``surrogate_fun(x)``, else 0, differentiated as
            `surrogate_grad`, which is the derivative of the expected spike.

        Raises
        ------
        ValueError
            If the primitive is no distribution function: it must rise from 0 to 1.

        References
        ----------
        W. Gerstner and W. M. Kistler, "Spiking Neuron Models", Cambridge University Press 2002,
        chapter 5.

        Examples
        --------
        >>> import numpy as np
        >>> from surrogates import Sigmoid
        >>> rng = np.random.default_rng(0)
        >>> float(Sigmoid(alpha=4.0).sample(np.full(100_000, 0.25), rng).mean().round(2))
        0.73
        """
        from ._emission import sample

        return sample(self, x, generator)

    @property
    def peak(self) -> Any:
        """The largest value of the derivative, at its default emission's scale."""
        raise self._undefined("peak")

    @property
    def area(self) -> Any:
        """The integral of the derivative over the real line; may be infinite."""
        raise self._undefined("area")

    @property
    def width(self) -> Any:
        """The full width at half maximum of the derivative; infinite where there is none."""
        raise self._undefined("width")

    @property
    def support(self) -> tuple[Any, Any]:
        """The ends of the smallest interval outside of which the derivative is zero."""
        return -math.inf, math.inf

    @property
    def is_distribution(self) -> bool:
        """Whether the primitive rises from 0 to 1: nowhere negative derivative, area 1."""
        area = self.area
        return isinstance(area, (int, float)) and abs(area - 1) < 1e-12 and not self._negative

    @property
    def _negative(self) -> bool:
        """Whether the derivative is negative somewhere."""
        return False

    @property
    def _largest_slope(self) -> Any:
        """The size of the largest term of the derivative."""
        return self.peak

    @property
    def _largest_term(self) -> Any:
        """The size of the largest term of the primitive, where its terms cancel."""
        return 0.5

    def scaled(self, *, height: float | None = None, width: float | None = None) -> Scaled:
        """Return the same shape with another peak, or full width at half maximum, or both.

        Parameters
        ----------
        height : float, optional
            The new `peak`, positive. Unchanged by default.
        width : float, optional
            The new `width`, positive, in the unit of `x`. Unchanged by default.

        Returns
        -------
        Scaled
            A surrogate with this one inside.

        Raises
        ------
        ValueError
            If this surrogate has no finite, positive peak or width to scale.

        References
        ----------
        F. Zenke and T. P. Vogels, "The remarkable robustness of surrogate gradient learning for
        instilling complex function in spiking neural networks", Neural Computation 33 (2021)
        899-925: learning is robust to the shape of a surrogate, and sensitive to its scale.

        Examples
        --------
        >>> from surrogates import InvSquareGrad
        >>> flat = InvSquareGrad(alpha=100.0).scaled(height=0.5, width=1.0)
        >>> round(flat.peak, 12), round(flat.width, 12)
        (0.5, 1.0)
        """
        from ._scaling import scaled

        return scaled(self, height, width)

    def matched(self, other: Surrogate, by: str) -> Scaled:
        """Return the same shape at the scale of another surrogate, for a fair comparison.

        Parameters
        ----------
        other : Surrogate
            The surrogate to match.
        by : {"height", "width", "area"}
            What to make equal to that of `other`: the peak; the full width at half maximum, at the
            same peak; or the area, at the same width.

        Returns
        -------
        Scaled
            A surrogate with this one inside.

        Raises
        ------
        ValueError
            If `by` is something else, or either surrogate has no finite, positive such quantity.

        Examples
        --------
        >>> from surrogates import GaussianGrad, Sigmoid
        >>> Sigmoid(alpha=4.0).matched(GaussianGrad(sigma=0.5, alpha=0.5), by="area").area
        0.5
        """
        from ._scaling import matched

        return matched(self, other, by)

    def partition(self) -> tuple[Self, tuple[Array, ...]]:
        """Take the array-valued parameters out, for a hook.

        Returns
        -------
        definition : Surrogate
            This surrogate without them: hashable, and the same object where there are none.
        arrays : tuple of arrays
            What was taken out, for `combine`.
        """
        if not self._with_arrays:
            return self, ()
        arrays: list[Array] = []
        rest: list[Surrogate | None] = []
        for name in self._with_arrays:
            value = getattr(self, name)
            if isinstance(value, Surrogate):
                inner, inner_arrays = value.partition()
                arrays += inner_arrays
                rest.append(inner)
            else:
                arrays.append(value)
                rest.append(None)
        return self._replaced(rest), tuple(arrays)

    def combine(self, arrays: Any) -> Self:
        """Put the array-valued parameters that `partition` took out back in."""
        return self._take(list(arrays)) if self._with_arrays else self

    def _take(self, arrays: list[Array]) -> Self:
        """Return this definition with the first of `arrays` put in, and remove them from there."""
        values = []
        for name in self._with_arrays:
            value = getattr(self, name)
            values.append(value._take(arrays) if isinstance(value, Surrogate) else arrays.pop(0))
        return self._replaced(values)

    def _replaced(self, values: list[Any]) -> Self:
        # Not through the constructor: a traced value has no range to check.
        replaced = copy.copy(self)
        for name, value in zip(self._with_arrays, values, strict=True):
            object.__setattr__(replaced, name, value)
        return replaced

    def _spikes(self, backend: backends.Backend, x: Array) -> Array:
        definition, arrays = self.partition()
        return backend.spike(definition, x, arrays)

    def _vjp(self, backend: backends.Backend, x: Array) -> tuple[Array, Callable[[Array], Array]]:
        return backend.vjp(self, x)

    def primitive(self, xp: Any, x: Array) -> Array:
        """Return the primitive, by the functions of the namespace `xp`, in single or double."""
        raise self._undefined("surrogate_fun")

    def derivative(self, xp: Any, x: Array) -> Array:
        """Return the derivative, by the functions of the namespace `xp`, in single or double.

        By default that of the primitive: by the framework's own differentiation, or by a central
        difference.
        """
        cls = type(self)
        if (cls.surrogate_fun, cls.primitive) == (Surrogate.surrogate_fun, Surrogate.primitive):
            raise self._undefined("surrogate_grad, nor a surrogate_fun to differentiate")
        return backends.for_maths(x).derivative(self.surrogate_fun, x)

    def _undefined(self, name: str) -> NotImplementedError:
        return NotImplementedError(
            f"{self!r} defines no {name}; define it in the class {type(self).__name__}"
        )

    def formula(self, name: str, xp: Any, x: Array) -> Array:
        """Return the ``"primitive"`` or ``"derivative"`` as plain maths: for hooks.

        Half precision is computed in single precision and rounded once.
        """
        maths = self.primitive if name == "primitive" else self.derivative
        is_wide = x.dtype in (xp.float32, xp.float64)
        wide = x if is_wide else xp.astype(x, _working_dtype(xp, x))
        return xp.astype(maths(xp, wide), x.dtype, copy=False)

    def _evaluate(self, name: str, x: Any) -> Any:
        if type(x) is float:
            x = np.float64(x)
        require_floating(self, x)
        if self._with_arrays:
            self._require_compatible(x)
        backend = backends.for_maths(x)
        definition, arrays = self.partition()
        return backend.like(x, backend.evaluate(name, definition, x, arrays))

    def _require_compatible(self, x: Array) -> None:
        """Raise where an array-valued parameter does not fit `x`."""
        for array in self.partition()[1]:
            mine, of_x = backends.for_maths(array), backends.for_maths(x)
            if mine is not of_x and not (of_x.converts_numpy and isinstance(array, np.ndarray)):
                raise TypeError(
                    f"{type(self).__name__}: x is a {type(x).__module__} array and a parameter is "
                    f"a {type(array).__module__} array; convert one of them"
                )
            if not _broadcasts_to(array.shape, x.shape):
                raise ValueError(
                    f"{type(self).__name__}: a parameter of shape {tuple(array.shape)} does not "
                    f"broadcast to x, of shape {tuple(x.shape)}; reshape it, or give it fewer axes"
                )


def _is_plain(value: Any) -> bool:
    """Return whether a value is no array: arrays are the same only if they are one object."""
    return not hasattr(value, "dtype") or isinstance(value, np.generic)


def _broadcasts_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    if len(shape) > len(target):
        return False
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return all(n in (1, m) for n, m in pairs)


def require_floating(surrogate: Surrogate, x: Array) -> Any:
    """Return the namespace of `x`, or raise TypeError where `x` is no floating-point array."""
    try:
        xp = backends.for_maths(x).namespace(x)
        dtype = x.dtype
    except (TypeError, AttributeError) as error:
        reason = error if isinstance(x, np.ndarray) else backends.unsupported(type(x))
        raise TypeError(f"{surrogate!r}: {reason}") from None
    if dtype in (xp.float32, xp.float64) or _is_dtype(xp, dtype, "real floating"):
        return xp
    remedy = (
        "take its real part or its absolute value"
        if _is_dtype(xp, dtype, "complex floating")
        else "convert it to a floating-point dtype such as float32"
    )
    raise TypeError(
        f"{surrogate!r} takes a real floating-point array (membrane potential minus threshold), "
        f"got one of dtype {dtype}; {remedy}"
    )


def _is_dtype(xp: Any, dtype: Any, kind: str) -> bool:
    try:
        return bool(xp.isdtype(dtype, kind))
    except TypeError:  # a dtype that the library does not know itself, as NumPy ml_dtypes' bfloat16
        return False


def _working_dtype(xp: Any, x: Array) -> Any:
    narrow = [getattr(xp, name) for name in ("float16", "bfloat16") if hasattr(xp, name)]
    return xp.float32 if x.dtype in narrow else x.dtype
