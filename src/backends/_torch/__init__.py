"""PyTorch: the hook, and what is written in place where nothing can observe it."""

from .hook import BACKEND
from .relaxed import has_short_form, learned, traced_relaxed
from .state import in_transform, needs_arithmetic_in_dynamo

__all__ = ["BACKEND"]
# For the modules of PyTorch, which hand their numbers over themselves, and for `diagnose`.
__all__ += ["has_short_form", "in_transform", "learned"]
__all__ += ["needs_arithmetic_in_dynamo", "traced_relaxed"]
