"""The array-API namespace of PyTorch for all dtypes but float64: two numbers are float32.

`torch.where` of two numbers is of PyTorch's default dtype, which may be bfloat16: see `double`.
"""

from __future__ import annotations

from typing import Any

import torch
from array_api_compat import torch as namespace
from array_api_compat.torch import *  # noqa: F403


def where(condition: Any, x1: Any, x2: Any, /) -> Any:
    """Return `x1` where the condition holds, else `x2`."""
    if not (isinstance(x1, torch.Tensor) or isinstance(x2, torch.Tensor)):
        x1 = torch.asarray(x1, dtype=torch.float32, device=condition.device)
    return namespace.where(condition, x1, x2)
