"""PyTorch: the hook, and what is written in place where nothing can observe it."""

from .hook import BACKEND

__all__ = ["BACKEND"]
