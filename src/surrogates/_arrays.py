"""What a call asks of an array: its dtype, its shape, its backend."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import backends

Array = Any

_OF_NUMPY = frozenset(map(np.dtype, ("float16", "float32", "float64")))


def checked_x(
    surrogate: Any, x: Any, arrays: tuple[Array, ...] = ()
) -> tuple[Any, backends.Backend]:
    """Return `x`, a Python float as one of NumPy, and its backend; raise TypeError for no array.

    `arrays` are the parameters that a module has for its surrogate, which does not hold them.
    """
    if type(x) is np.ndarray and x.dtype in _OF_NUMPY and not (arrays or surrogate.array_fields):
        return x, backends.of(x)  # as below, in a third of the time
    if type(x) is float:
        x = np.float64(x)
    try:
        backend = backends.of(x)
        xp = backend.namespace(x)
        dtype = x.dtype
    except TypeError as error:
        raise TypeError(f"{surrogate!r}: {error}") from None
    except AttributeError:  # of a library's own types, such as a module of PyTorch
        raise TypeError(f"{surrogate!r}: {backends.unsupported(type(x))}") from None
    if is_floating(xp, dtype):
        if isinstance(x, (np.ndarray, np.generic)) and (arrays or surrogate.array_fields):
            return _of_parameters(arrays or surrogate.partition()[1], x, backend)
        return x, backend
    remedy = (
        "take its real part or its absolute value"
        if _is_complex(xp, dtype)
        else "convert it to a floating-point dtype such as float32"
    )
    raise TypeError(
        f"{surrogate!r} takes an array of dtype float16, bfloat16, float32 or float64 (membrane "
        f"potential minus threshold), got one of dtype {dtype}; {remedy}"
    )


def _of_parameters(
    arrays: tuple[Array, ...], x: Any, backend: backends.Backend
) -> tuple[Any, backends.Backend]:
    """Return `x`, an array of NumPy, as one of the library of the parameters, if that takes both.

    There they may be traced, and differentiated, which NumPy's backend would not notice.
    """
    for array in arrays:
        if type(array) is type(x):
            continue
        other = backends.of(array)
        if other is not backend and other.converts_numpy:
            return _taken(other.namespace(array), x), other
    return x, backend


def _taken(xp: Any, array: Any) -> Any:
    """Return an array of NumPy as one of another library, which may read it after its next edit."""
    return xp.asarray(array.copy())


def is_floating(xp: Any, dtype: Any) -> bool:
    """Return whether formulas are evaluated in a dtype, or for it in single precision."""
    return dtype in (xp.float32, xp.float64) or _is_half(xp, dtype)


def working_dtype(xp: Any, dtype: Any) -> Any:
    """Return what a formula is computed in for an array of this dtype."""
    return xp.float32 if _is_half(xp, dtype) else dtype


def at_least_single(array: Array) -> Array:
    """Return an array, one of half precision in single precision."""
    xp = backends.of(array).namespace(array)
    return xp.astype(array, working_dtype(xp, array.dtype), copy=False)


def on_host(array: Any) -> np.ndarray:
    """Return an array of any library, on any device, or a list of numbers, as NumPy's in double."""
    if str(getattr(array, "dtype", "")).endswith("bfloat16"):  # NumPy cannot read MLX's
        array = at_least_single(array)
    if hasattr(array, "detach"):  # PyTorch's
        array = array.detach().cpu()
    elif hasattr(array, "get") and hasattr(array, "device"):  # CuPy's; a series of pandas has none
        array = array.get()
    return np.asarray(array, np.float64)


def _is_half(xp: Any, dtype: Any) -> bool:
    if isinstance(dtype, np.dtype) and dtype == np.float16:  # not in every namespace: Dask's
        return True
    return any(dtype == getattr(xp, name) for name in ("float16", "bfloat16") if hasattr(xp, name))


def _is_complex(xp: Any, dtype: Any) -> bool:
    try:
        return bool(xp.isdtype(dtype, "complex floating"))
    except TypeError:  # a dtype that the library does not know itself, as NumPy ml_dtypes' bfloat16
        return False


def is_like(array: Any, derivative: Any) -> bool:
    """Return whether an array is of the type, dtype and shape of the derivative."""
    return (
        type(array) is type(derivative)
        and array.dtype == derivative.dtype
        and array.shape == derivative.shape
    )


def checked_vector(backend: backends.Backend, vector: Any, derivative: Any, name: str) -> Any:
    """Return a cotangent or tangent that is not like the derivative as an array, or raise."""
    xp = backend.namespace(derivative)
    if isinstance(vector, float):
        vector = xp.asarray(vector, dtype=derivative.dtype)
    if isinstance(vector, np.ndarray):
        backends.of(vector).namespace(vector)  # refuses what is no plain array
        if backend.converts_numpy:
            vector = _taken(xp, vector)
    of_kind = type(vector) is type(derivative) or _is_of(backend, vector)
    if not of_kind or not is_floating(xp, vector.dtype):
        raise TypeError(
            f"the {name} must be a real floating-point array of the library of x "
            f"({backends.library_of(type(derivative))}), got {vector!r}"
        )
    if not _same(vector.shape, derivative.shape):
        raise ValueError(
            f"the {name} has shape {tuple(vector.shape)}, but x and its spikes have shape "
            f"{tuple(derivative.shape)}; broadcast the {name} to that shape"
        )
    return vector


def checked_out(backend: backends.Backend, out: Any, derivative: Any) -> Any:
    """Return the array that a pullback is to write to, or raise where it is not like `x`."""
    if backend.no_out is not None:
        raise TypeError(
            f"the pullback of arrays of {backends.library_of(type(derivative))} takes no out: "
            f"{backend.no_out}"
        )
    if not is_like(out, derivative):
        _require_like(backend, out, derivative)
    flags = getattr(out, "flags", None)
    if not getattr(flags, "writeable", True):  # CuPy's always are
        raise ValueError("out is read-only; give an array that can be written to, or a copy")
    if flags is not None and not flags.c_contiguous and _overlaps_itself(out):
        raise ValueError(
            f"out has elements that share memory (shape {out.shape}, strides {out.strides}); give "
            "an array of its own, for instance out.copy()"
        )
    return out


def _require_like(backend: backends.Backend, out: Any, derivative: Any) -> None:
    if isinstance(out, np.ndarray):
        backends.of(out).namespace(out)  # refuses what is no plain array
    if not _is_of(backend, out) or isinstance(out, np.generic):
        raise TypeError(
            f"out must be an array of the library of x ({backends.library_of(type(derivative))}), "
            f"got {out!r}"
        )
    if out.dtype != derivative.dtype:
        raise TypeError(
            f"out has dtype {out.dtype}, but the cotangent of x is {derivative.dtype}, as x is; "
            "give an array of that dtype"
        )
    if out.shape != derivative.shape:
        raise ValueError(
            f"out has shape {tuple(out.shape)}, but x has shape {tuple(derivative.shape)}; give an "
            "array of that shape"
        )


def _overlaps_itself(array: Any) -> bool:
    """Return whether elements of an array may share memory: not those of slices and transposes."""
    reach = array.itemsize
    for stride, length in sorted(zip(map(abs, array.strides), array.shape, strict=True)):
        if length > 1:
            if stride < reach:
                return True
            reach += (length - 1) * stride
    return False


def _is_of(backend: backends.Backend, array: Any) -> bool:
    try:
        return hasattr(array, "dtype") and backends.of(array) is backend
    except TypeError:  # no array
        return False


def _same(shape: tuple[float, ...], other: tuple[float, ...]) -> bool:
    # Dask writes NaN for a length that it does not know yet.
    return len(shape) == len(other) and all(
        n == m or (n != n and m != m) for n, m in zip(shape, other, strict=True)
    )


def operands(
    surrogate: Any, backend: backends.Backend, x: Array, arrays: tuple[Array, ...]
) -> tuple[Array, ...]:
    """Return array-valued parameters in the dtype that `x`, of this backend, is computed in.

    A parameter must not make the spikes wider than `x`.
    """
    dtype = working_dtype(backend.namespace(x), x.dtype)
    return tuple(_operand(surrogate, backend, i, dtype, x, a) for i, a in enumerate(arrays))


def _operand(
    surrogate: Any, of_x: backends.Backend, index: int, dtype: Any, x: Array, array: Array
) -> Array:
    mine = of_x if array.__class__ is x.__class__ else backends.of(array)
    if mine is not of_x and not (_takes(of_x, array) or _takes(mine, x)):
        raise TypeError(
            f"{type(surrogate).__name__}: x is an array of {backends.library_of(type(x))} and "
            f"{surrogate.array_paths[index]} is one of {backends.library_of(type(array))}; "
            "convert one of them"
        )
    if not broadcasts_to(array.shape, x.shape):
        raise ValueError(
            f"{type(surrogate).__name__}: {surrogate.array_paths[index]} of shape "
            f"{tuple(array.shape)} does not broadcast to x, of shape {tuple(x.shape)}; reshape it, "
            "or give it fewer axes"
        )
    if array.ndim not in (0, x.ndim):  # equal ranks: JAX may be told to refuse other ones
        array = array[(None,) * (x.ndim - array.ndim) + (...,)]
    if array.dtype != dtype:
        return mine.rounded(array, dtype)
    if mine is not of_x and isinstance(array, np.ndarray):
        return array.copy()  # as in `_taken`
    return array


def _takes(backend: backends.Backend, array: Array) -> bool:
    """Return whether the arithmetic of a library takes an array of NumPy.

    `x` may be one still: HIPS autograd has no arrays of its own but those that it traces.
    """
    return backend.converts_numpy and isinstance(array, (np.ndarray, np.generic))


def broadcasts_to(shape: tuple[float, ...], target: tuple[float, ...]) -> bool:
    """Return whether an array of one shape broadcasts to another, as it is."""
    if len(shape) > len(target):
        return False
    pairs = zip(reversed(shape), reversed(target), strict=False)
    # Dask writes NaN for a length that it does not know yet
    return all(n in (1, m) or n != n or m != m for n, m in pairs)


def conformed(surrogate: Any, name: str, xp: Any, result: Any, x: Array) -> Array:
    """Return what a formula gave as an array of the shape and dtype of `x`."""
    # __class__, since torch.compile would guard two names more for `type`
    if result.__class__ is x.__class__ and result.dtype == x.dtype and result.shape == x.shape:
        return result
    if isinstance(result, np.generic) and not isinstance(x, np.generic):
        # as NumPy's functions make of an array without axes
        result = np.asarray(result) if isinstance(x, np.ndarray) else result.item()
    if not hasattr(result, "dtype"):  # a number
        if not isinstance(result, (int, float)):
            raise TypeError(_unfit(surrogate, name, f"return real numbers like x, got {result!r}"))
        result = xp.zeros_like(x) + result
    elif isinstance(result.dtype, np.dtype) is not isinstance(x.dtype, np.dtype):
        types = f"{type(x).__qualname__}, got {type(result).__qualname__}; call the functions of xp"
        raise TypeError(_unfit(surrogate, name, f"be an array of the type of x, {types}"))
    if result.shape != x.shape:
        if not broadcasts_to(result.shape, x.shape):
            shapes = f"{tuple(x.shape)}, got {tuple(result.shape)}"
            raise ValueError(_unfit(surrogate, name, f"have the shape of x, {shapes}"))
        result = xp.broadcast_to(result, x.shape)
    if result.dtype == x.dtype:
        return result
    if _is_complex(xp, result.dtype):
        raise TypeError(_unfit(surrogate, name, f"be real, got one of dtype {result.dtype}"))
    return xp.astype(result, x.dtype, copy=False)


def _unfit(surrogate: Any, name: str, must: str) -> str:
    return f"{surrogate!r}: its {name} must {must}; a formula is real, and elementwise"
