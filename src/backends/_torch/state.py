"""What PyTorch is doing with a tensor: recording, batching, tracing, or nothing at all.

All private names of PyTorch that the hook reads are imported here; docs/maintaining.md says which
versions have them. Those of dispatch keys serve speed alone: without one no tensor counts as plain.
PyTorch's level of forward mode and its flags ("compiling", "exporting") hold for the whole process,
so they do not decide alone: another thread may have set them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch._C import _DisableFuncTorch, _get_tracing_state, _len_torch_dispatch_stack
from torch._C._functorch import (
    TransformType,
    get_interpreter_stack,
    get_unwrapped,
    is_batchedtensor,
    is_functorch_wrapped_tensor,
    peek_interpreter_stack,
)
from torch._functorch import eager_transforms
from torch.autograd import forward_ad
from torch.compiler import is_dynamo_compiling, is_exporting

from .._backend import Definition

Tensor = torch.Tensor


def in_transform() -> bool:
    """Return whether a `torch.func` transform is active."""
    # isinstance, since under Dynamo an empty stack is not None but None's wrapper
    return not isinstance(peek_interpreter_stack(), type(None))


def _keys(x: Tensor) -> int:
    keys: int = _dispatch_keys(x).raw_repr()
    return keys


def _ordinary(device: Any, autocast: Any, autograd: Any) -> frozenset[int]:
    """Return the keys of a tensor that is alone, those of one made in inference mode too."""
    # not those of a tensor made here: PyTorch may be in a mode when this is imported
    inference = torch._C.DispatchKeySet(device).add(autocast)
    recorded = inference.add(autograd).add(torch._C.DispatchKey.ADInplaceOrView)
    return frozenset({inference.raw_repr(), recorded.raw_repr()})


try:
    _dispatch_keys = torch._C._dispatch_keys
    _ORDINARY = _ordinary(
        torch._C.DispatchKey.CPU, torch._C.DispatchKey.AutocastCPU, torch._C.DispatchKey.AutogradCPU
    ) | _ordinary(
        torch._C.DispatchKey.CUDA,
        torch._C.DispatchKey.AutocastCUDA,
        torch._C.DispatchKey.AutogradCUDA,
    )
except AttributeError:  # another PyTorch: the general path is right, and slower
    _ORDINARY = frozenset()


def is_plain(*tensors: Tensor) -> bool:
    """Return whether nothing observes a result: plain tensors, no transform, no tracing.

    By the dispatch keys, in which a tensor that is batched, wrapped, fake or sparse differs. Do not
    call it under `torch.compile`, which does not trace the private names: ask
    `torch.compiler.is_dynamo_compiling` first.
    """
    if not _ORDINARY:
        return False
    for x in tensors:
        if type(x) is not Tensor and type(x) is not torch.nn.Parameter:
            return False
        if _keys(x) not in _ORDINARY:
            return False
    return (
        peek_interpreter_stack() is None
        and (forward_ad._current_level < 0 or not any(map(is_dual, tensors)))
        and _len_torch_dispatch_stack() == 0
        and _get_tracing_state() is None
    )


def apply_of(function: type[torch.autograd.Function]) -> Any:
    """Return the `apply` of a Function for arguments that are plain: see `is_plain`.

    `Function.apply` itself looks for `torch.func` first, which takes a fifth of the time.
    """
    return super(torch.autograd.Function, function).apply  # type: ignore[misc]


def is_dual(x: Tensor) -> bool:
    """Return whether a tensor carries a tangent of `torch.autograd.forward_ad`, at any depth.

    `forward_ad._current_level` does not say: it belongs to the process, not to the thread.
    """
    while is_functorch_wrapped_tensor(x):
        x = get_unwrapped(x)
    with _DisableFuncTorch():
        return forward_ad.unpack_dual(x).tangent is not None


def is_unwatched(*tensors: Tensor) -> bool:
    """Return whether nobody differentiates, batches or traces what a backward computes of these."""
    recorded = is_dynamo_compiling() or torch.is_grad_enabled()
    return not recorded and is_plain(*tensors)


def needs_arithmetic(*tensors: Tensor) -> bool:
    """Return whether a spike of these must be plain arithmetic: see `hook`."""
    if is_dynamo_compiling():  # under Dynamo only
        return needs_arithmetic_in_dynamo()
    return _is_forward_mode(tensors) or (is_exporting() and _is_traced())


def needs_arithmetic_in_dynamo() -> bool:  # under Dynamo only
    """Return `needs_arithmetic` of any tensors, while Dynamo traces."""
    # Dynamo cannot tell whether a tensor is dual; its guards compile anew for another level.
    return forward_ad._current_level >= 0 or _is_observed()


# Not traced: fewer guards; and Dynamo of PyTorch 2.11 takes all that it compiles for exported.
def _is_observed() -> bool:
    return in_transform() or is_exporting()


# as `torch.compiler.assume_constant_result` does, which imports Dynamo
_is_observed._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _is_forward_mode(tensors: tuple[Tensor, ...]) -> bool:
    if forward_ad._current_level < 0:
        return False
    # The level is that of all threads, functorch's stack that of this one. Inside its jvp what is
    # computed may be dual at any of the levels on it.
    stack = get_interpreter_stack() or ()
    return any(level.key() == TransformType.Jvp for level in stack) or any(map(is_dual, tensors))


def is_onnx_export() -> bool:
    """Return whether this thread exports a model for inference."""
    return _is_traced() and torch.onnx.is_in_onnx_export()


def _is_traced() -> bool:
    """Return whether it may be this thread that compiles or exports."""
    return (
        is_dynamo_compiling() or _len_torch_dispatch_stack() > 0 or _get_tracing_state() is not None
    )


def is_recorded(x: Tensor) -> bool:
    """Return whether reverse mode records what is computed of `x`, at any depth."""
    if not torch.is_grad_enabled():
        return False
    # a batched tensor does not tell that the one inside requires a gradient
    while not is_dynamo_compiling() and is_functorch_wrapped_tensor(x):
        if x.requires_grad:
            return True
        x = get_unwrapped(x)
    return x.requires_grad


def fresh(definition: Definition, x: Tensor) -> Tensor:
    """Return what a Function computed: a copy where a user's may be an argument, and under Dynamo.

    Dynamo of PyTorch 2.11 returns each intermediate, too. Where one of them is the result itself,
    as of a `to` that changes no dtype, that is returned twice, and its gradient is 0.
    """
    return x.clone() if is_dynamo_compiling() or not definition.returns_new else x


def has_tangent(array: Tensor) -> bool:
    """Return whether forward mode may differentiate to a tensor."""
    if not is_dynamo_compiling():
        return is_dual(array) or _may_have_tangent(array)
    if is_batchedtensor(array):  # Dynamo does not say what is inside: refuse, to be safe
        return torch.is_grad_enabled()
    if forward_ad._current_level < 0:
        return False
    if eager_transforms.JVP_NESTING > 0 and in_transform():
        return forward_ad.unpack_dual(array).tangent is not None
    return True  # Dynamo does not know it of an argument: refuse, to be safe


def _may_have_tangent(array: Tensor) -> bool:
    """Return whether a tensor may be dual inside functorch's forward mode: a plain one is not."""
    levels = [level.key() for level in get_interpreter_stack() or ()]
    if TransformType.Jvp not in levels or not is_functorch_wrapped_tensor(array):
        return False
    if levels == [TransformType.Jvp]:
        return forward_ad.unpack_dual(array).tangent is not None
    return True  # PyTorch does not say it of nested levels: refuse, to be safe
