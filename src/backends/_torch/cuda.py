"""PyTorch on CUDA, eager: a gradient in one kernel, compiled by PyTorch's jiterator.

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
from .._compiler.kernel import Functor, gradient_functor

Tensor = torch.Tensor

_WORKING = {getattr(torch, name): working for name, working in WORKING.items()}

# Whether a kernel may be used, by its text, its dtype and the device.
_verdicts: dict[tuple[str, torch.dtype, torch.device], bool] = {}
_examining = Lock()  # autograd has a thread for each device


class Kernel:
    """The gradient of a definition, of `x` and a cotangent."""

    def __init__(self, source: Functor) -> None:
        self.source = source

    @cached_property
    def launch(self) -> Callable[[Tensor, Tensor], Tensor]:
        """The function of jiterator, which compiles when it is called."""
        create: Any = torch.cuda.jiterator._create_jit_fn
        function: Callable[[Tensor, Tensor], Tensor] = create(
            self.source.text, **self.source.numbers
        )
        return function


def gradient(definition: Definition, x: Tensor, cotangent: Tensor) -> Tensor | None:
    """Return ``cotangent * definition.surrogate_grad(x)``; None where that has no kernel."""
    if cotangent.dtype is not x.dtype or cotangent.device != x.device or not definition.is_fixed:
        return None
    kernel = _kernel(definition, x.dtype)
    if kernel is None:
        return None
    usable = _verdicts.get((kernel.source.text, x.dtype, x.device))
    if usable is None:
        if torch.cuda.is_current_stream_capturing():
            return None  # to compile, or to wait for a result, would end the capture
        usable = _examined(definition, kernel, x.dtype, x.device)
    return kernel.launch(x, cotangent) if usable else None


@lru_cache(maxsize=256)
def _kernel(definition: Definition, dtype: torch.dtype) -> Kernel | None:
    working = _WORKING.get(dtype)
    source = working and gradient_functor(definition, working)
    return Kernel(source) if source else None


def _examined(
    definition: Definition, kernel: Kernel, dtype: torch.dtype, device: torch.device
) -> bool:
    """Return whether a kernel may be used on a device; once it may, nothing more is compiled."""
    key = (kernel.source.text, dtype, device)
    with _examining:
        if key not in _verdicts:
            fault = _fault(definition, kernel, dtype, device)
            _verdicts[key] = fault is None
            if fault is not None:
                warnings.warn(
                    f"the gradient of {definition!r} in {dtype} on {device} is computed by the "
                    f"plain expression, which is slower: its fused kernel {fault}",
                    RuntimeWarning,
                    stacklevel=2,
                )
    return _verdicts[key]


def _fault(
    definition: Definition, kernel: Kernel, dtype: torch.dtype, device: torch.device
) -> str | None:
    """Return what is wrong with a kernel, or None."""
    try:
        with _Waiting():
            for x, cotangent in _samples(dtype, device):
                if not _agrees(definition, x, cotangent, kernel.launch(x, cotangent)):
                    return "differs from it"
    except torch.OutOfMemoryError:
        raise  # which tells nothing about the kernel
    except Exception as error:
        reason = str(error).strip()  # of a compiler: all of the code, then what is wrong with it
        return f"fails: {type(error).__name__}: {reason if len(reason) < 400 else reason[-400:]}"
    return None


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


def _agrees(definition: Definition, x: Tensor, cotangent: Tensor, actual: Tensor) -> bool:
    """Return whether a result is the gradient, but for rounding.

    A kernel may contract a product and a sum, whose rounding an exponential magnifies.
    """
    if actual.dtype is not x.dtype or actual.shape != x.shape:
        return False
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    plain = cotangent.to(wide) * definition.exact_grad(x.to(wide))
    expected = plain.to(x.dtype).double().cpu()
    own, working = torch.finfo(x.dtype), torch.finfo(wide)
    largest = float(expected.nan_to_num(0.0, 0.0, 0.0).abs().max())
    return torch.allclose(
        actual.double().cpu(),
        expected,
        rtol=max(1024 * working.eps, 2 * own.eps),
        atol=16 * working.eps * largest + own.smallest_normal * own.eps,
        equal_nan=True,
    )
