"""PyTorch on CUDA, eager: each gradient in one kernel, compiled by PyTorch's jiterator.

PyTorch puts the text of a formula into its own elementwise kernel, so that layouts, broadcasting,
devices and streams are its business. The interface is in beta. A kernel is therefore compared with
the plain expression before its first use on a device. Where they differ, or it cannot be compiled,
one warning says so, and the plain expression is taken from then on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from threading import Lock
from typing import Any

import torch

from .._backend import Definition
from .._compiler.graph import WORKING
from .._compiler.kernel import Functor, gradient_functor, slope_functor

Tensor = torch.Tensor

WORKING_OF = {getattr(torch, name): working for name, working in WORKING.items()}
_MOST_OPERANDS = 8  # of a function of jiterator

# Whether a kernel may be used, by its text, its dtype and the device.
_verdicts: dict[tuple[str, torch.dtype, torch.device], bool] = {}
_examining = Lock()  # autograd has a thread for each device


class Kernel:
    """The gradient of a definition to `x`, or that of `Relaxed` to the array of a number."""

    def __init__(self, source: Functor, index: int | None = None) -> None:
        self.source, self.index = source, index

    @cached_property
    def launch(self) -> Callable[..., Tensor]:
        """The function of jiterator, which compiles when it is called."""
        create: Any = torch.cuda.jiterator._create_jit_fn
        function: Callable[..., Tensor] = create(self.source.text, **self.source.numbers)
        return function

    def plainly(
        self, definition: Definition, x: Tensor, cotangent: Tensor, arrays: tuple[Tensor, ...]
    ) -> Tensor:
        """Return the same by the plain expression, in the dtype of `arrays` or wider."""
        wide = _wide(x.dtype)
        x, cotangent = x.to(wide), cotangent.to(wide)
        if self.index is None:
            surrogate = definition.combine(arrays) if arrays else definition
            plain: Tensor = cotangent * surrogate.exact_grad(x)
            return plain
        with torch.enable_grad():
            arrays = tuple(array.detach().requires_grad_() for array in arrays)
            area = definition.combine(arrays).relaxed_area(x)
            area = area + 0 * arrays[self.index]  # which it may not depend on, as on S2NN.epsilon
            (slope,) = torch.autograd.grad(area, arrays[self.index], cotangent)
        return slope


def gradient(
    definition: Definition, x: Tensor, cotangent: Tensor, arrays: tuple[Tensor, ...] = ()
) -> Tensor | None:
    """Return ``cotangent * definition.combine(arrays).surrogate_grad(x)``.

    None where that has no kernel.
    """
    grad = _launched(definition, x, cotangent, arrays, None)
    return grad if grad is None else grad.to(x.dtype)


def relaxed_gradients(
    definition: Definition,
    x: Tensor,
    cotangent: Tensor,
    arrays: tuple[Tensor, ...],
    wanted: list[bool],
) -> list[Tensor | None] | None:
    """Return the gradients of `x` and of the parameters of a definition that relaxes.

    None where one has no kernel.
    """
    of_x = gradient(definition, x, cotangent, arrays)
    if of_x is None:  # the recorded form gives all of them
        return None
    grads: list[Tensor | None] = [of_x]
    for index, array in enumerate(arrays):
        terms = _launched(definition, x, cotangent, arrays, index) if wanted[index] else None
        if wanted[index] and terms is None:
            return None
        grads.append(None if terms is None else terms.sum_to_size(array.shape).to(array.dtype))
    return grads


def learned_gradients(
    definition: Definition,
    x: Tensor,
    cotangent: Tensor,
    bounds: tuple[list[Tensor], list[Any]],
    wanted: list[bool],
) -> tuple[Tensor, list[Tensor | None]] | None:
    """Return the gradients of `x` and of numbers: of each `bounds` has a parameter and its slope.

    None where one has no kernel.
    """
    values, slopes = bounds
    arrays = tuple(value.reshape(()) for value in values)
    found = relaxed_gradients(definition, x, cotangent, arrays, wanted)
    if found is None or found[0] is None:
        return None
    grads = [
        None if grad is None else (grad * slope).reshape(value.shape)
        for grad, slope, value in zip(found[1:], slopes, values, strict=True)
    ]
    return found[0], grads


def _launched(
    definition: Definition,
    x: Tensor,
    cotangent: Tensor,
    arrays: tuple[Tensor, ...],
    index: int | None,
) -> Tensor | None:
    """Return what a kernel computes, in the dtype of `x` or, with arrays, of its arithmetic."""
    if cotangent.dtype is not x.dtype or cotangent.device != x.device:
        return None
    if not (definition.is_traceable if arrays else definition.is_fixed):
        return None
    kernel = _kernel(definition, x.dtype, len(arrays), index)
    if kernel is None:
        return None
    if arrays:
        arrays = tuple(_operand(array, x) for array in arrays)
        if not all(a.device == x.device and _is_within(a.shape, x.shape) for a in arrays):
            return None
    usable = _verdicts.get((kernel.source.text, x.dtype, x.device))
    if usable is None:
        # to compile, or to wait for a result, would end the capture; and there must be a value
        if torch.cuda.is_current_stream_capturing() or not all(a.numel() for a in arrays):
            return None
        usable = _examined(definition, kernel, x.dtype, x.device, arrays)
    return kernel.launch(x, cotangent, *arrays) if usable else None


def _is_within(shape: torch.Size, whole: torch.Size) -> bool:
    """Return whether an array broadcasts to another one's shape; `broadcast_shapes` takes long."""
    axes = zip(reversed(shape), reversed(whole), strict=False)
    return len(shape) <= len(whole) and all(n in (1, m) for n, m in axes)


def _operand(array: Tensor, x: Tensor) -> Tensor:
    """Return a parameter in the dtype of the arithmetic, with an axis where `x` has one.

    PyTorch rounds an operand without axes to the dtype of the others.
    """
    array = array.to(_wide(x.dtype))
    return array.reshape(1) if x.ndim and not array.ndim else array


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype is torch.float64 else torch.float32


@lru_cache(maxsize=256)
def _kernel(
    definition: Definition, dtype: torch.dtype, number_of_arrays: int = 0, index: int | None = None
) -> Kernel | None:
    working = WORKING_OF.get(dtype)
    if working is None or 2 + number_of_arrays > _MOST_OPERANDS:
        return None
    if index is None:
        source = gradient_functor(definition, working, number_of_arrays)
    else:
        source = slope_functor(definition, working, number_of_arrays, index)
    return Kernel(source, index) if source else None


def _examined(
    definition: Definition,
    kernel: Kernel,
    dtype: torch.dtype,
    device: torch.device,
    arrays: tuple[Tensor, ...],
) -> bool:
    """Return whether a kernel may be used on a device; once it may, nothing more is compiled."""
    key = (kernel.source.text, dtype, device)
    with _examining:
        if key not in _verdicts:
            fault = _fault(definition, kernel, dtype, device, arrays)
            _verdicts[key] = fault is None
            if fault is not None:
                what = "gradient" if kernel.index is None else "gradient of a parameter"
                warnings.warn(
                    f"the {what} of {definition!r} in {dtype} on {device} is computed by the "
                    f"plain expression, which is slower: its fused kernel {fault}",
                    RuntimeWarning,
                    stacklevel=2,
                )
    return _verdicts[key]


def _fault(
    definition: Definition,
    kernel: Kernel,
    dtype: torch.dtype,
    device: torch.device,
    arrays: tuple[Tensor, ...] = (),
) -> str | None:
    """Return what is wrong with a kernel, or None."""
    try:
        with _Waiting():
            for x, cotangent in _samples(dtype, device):
                some = tuple(_broadcast(array, x) for array in arrays)
                plain = kernel.plainly(definition, x, cotangent, some)
                if not _agrees(plain, x, kernel.launch(x, cotangent, *some), bool(arrays)):
                    return "differs from it"
    except torch.OutOfMemoryError:
        raise  # which tells nothing about the kernel
    except Exception as error:
        reason = str(error).strip()  # of a compiler: all of the code, then what is wrong with it
        return f"fails: {type(error).__name__}: {reason if len(reason) < 400 else reason[-400:]}"
    return None


def _broadcast(array: Tensor, x: Tensor) -> Tensor:
    """Return the first value of an array for each element: in memory as `x` is, or but once."""
    one = array.detach().reshape(-1)[:1].expand(x.shape)
    return one.contiguous() if x.is_contiguous() else one


class _Waiting:
    """A context in which a user's `torch.cuda.set_sync_debug_mode` allows waiting for results."""

    def __enter__(self) -> None:
        self.mode = torch.cuda.get_sync_debug_mode()
        if self.mode:  # setting it gives a warning, which a user of it has had
            torch.cuda.set_sync_debug_mode("default")

    def __exit__(self, *_: object) -> None:
        if self.mode:
            torch.cuda.set_sync_debug_mode(self.mode)


_SIZES = (1e-6, 1.1e-4, 1.3e-3, 0.0131, 0.0713, 0.217, 0.613, 1.37, 3.31, 8.7, 31.3)
_POINTS = (0.0, -0.0, torch.inf, -torch.inf, torch.nan, *_SIZES, *(-size for size in _SIZES))
_COTANGENTS = (1.0, -0.7, 1.9, 0.3)
_REPEATS = 128  # more elements than two blocks of PyTorch's kernel have, and a part of a third


def _samples(dtype: torch.dtype, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield arguments for each of the kernels that PyTorch compiles of one text.

    They differ in the number of elements that a thread loads at once, which follows from the
    alignment of the arguments; where these do not lie in memory as a vector, one at a time.
    """
    x = torch.tensor(_POINTS * _REPEATS, dtype=dtype, device=device)
    cotangent = torch.tensor(_COTANGENTS, dtype=dtype, device=device).repeat(-(-len(x) // 4))
    cotangent = cotangent[: len(x)]
    for start in (0, 4, 2, 1):
        yield x.roll(start)[start:], cotangent.roll(start)[start:]
    yield torch.stack([x, x], 1)[:, 0], torch.stack([cotangent, cotangent], 1)[:, 0]


def _agrees(plain: Tensor, x: Tensor, actual: Tensor, with_arrays: bool) -> bool:
    """Return whether a result is the gradient, but for rounding.

    A kernel may contract a product and a sum, whose rounding an exponential magnifies.
    """
    wide = _wide(x.dtype)
    dtype = wide if with_arrays else x.dtype
    if actual.dtype is not dtype or actual.shape != x.shape:
        return False
    expected = plain.to(dtype).double().cpu()
    own, working = torch.finfo(dtype), torch.finfo(wide)
    largest = float(expected.nan_to_num(0.0, 0.0, 0.0).abs().max())
    return torch.allclose(
        actual.double().cpu(),
        expected,
        rtol=max(1024 * working.eps, 2 * own.eps),
        atol=16 * working.eps * largest + own.smallest_normal * own.eps,
        equal_nan=True,
    )
