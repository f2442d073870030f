"""The array-API namespaces of PyTorch: `double` for float64, `single` for all other dtypes.

`torch.where` of two numbers is of PyTorch's default dtype. Were that float32, 0.1 would lose nine
digits in float64; were it bfloat16, 0.3 would be 0.3008 in float32.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch
from array_api_compat import torch as compat


def _with_numbers_in(dtype: torch.dtype) -> Any:
    """Return the namespace of array-api-compat, in which a choice of two numbers has a dtype."""

    def where(condition: Any, x1: Any, x2: Any, /) -> Any:
        """Return `x1` where the condition holds, else `x2`."""
        # all three are tensors, as the condition is; few names, since Dynamo guards each
        if x1.__class__ is x2.__class__ is condition.__class__ and x1.dtype is x2.dtype:
            return x1.where(condition, x2)
        if not (isinstance(x1, torch.Tensor) or isinstance(x2, torch.Tensor)):
            x1 = torch.asarray(x1, dtype=dtype, device=condition.device)
        elif isinstance(x1, torch.Tensor) and isinstance(x2, torch.Tensor):
            return compat.where(condition, x1, x2)
        return torch.where(condition, x1, x2)

    def astype(x: Any, dtype: Any, /, **options: Any) -> Any:
        """Return `x` in a dtype; without defaults, of which Dynamo guards each."""
        return x.to(dtype=dtype, **{"copy": True, **options})

    def abs(x: Any, /) -> Any:
        """Return the size of `x`, with slope 1 at 0: PyTorch's 0 would end each further one."""
        # of -0 it is 0; a method, since Dynamo guards each name of a module
        return x.where(x >= 0, -x) + 0

    def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
        """Return `x` within bounds, by fewer names than array-api-compat reads."""
        if min is None and max is None:
            return x.clone()
        if min is None or max is None or min.__class__ is max.__class__:
            return x.clamp(min, max)  # a method: see `abs`
        # torch.clamp takes two numbers or two tensors
        if isinstance(min, torch.Tensor) and isinstance(max, (int, float)):
            max = torch.as_tensor(max, dtype=x.dtype, device=x.device)
        elif isinstance(max, torch.Tensor) and isinstance(min, (int, float)):
            min = torch.as_tensor(min, dtype=x.dtype, device=x.device)
        return torch.clamp(x, min, max)

    def cumulative_sum(x: Any, /, *, axis: int | None = None, **options: Any) -> Any:
        """Return the sums along an axis, without a look at `sys.modules`: Dynamo may fail on it."""
        if axis is None or options:
            return compat.cumulative_sum(x, axis=axis, **options)
        return x.cumsum(axis)

    def remainder(x1: Any, x2: Any, /) -> Any:
        """Return the remainder, of equal tensors without the promotion, as `where`."""
        if x1.__class__ is x2.__class__ and x1.dtype is x2.dtype:
            return x1.remainder(x2)
        return compat.remainder(x1, x2)

    def round(x: Any, /) -> Any:
        """Return the nearest whole number; a method: see `abs`."""
        return x.round()

    namespace: Any = ModuleType(compat.__name__)  # a module, since Dynamo guards an object's names
    public = {name: getattr(compat, name) for name in compat.__all__}
    vars(namespace).update(public, abs=abs, clip=clip, cumulative_sum=cumulative_sum)
    vars(namespace).update(astype=astype, finfo=torch.finfo, where=where)
    vars(namespace).update(remainder=remainder, round=round)
    return namespace


single = _with_numbers_in(torch.float32)
double = _with_numbers_in(torch.float64)
