"""The pairs of PyTorch: forward and backward, of ours and of the same by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import torch

import surrogates

from . import by_hand
from .by_hand import ALPHAS
from .contenders import Contenders, compiled_by_torch, inputs, torch_step
from .measure import Run
from .peers import OURS


def learned(name: str, size: int, device: str = "cpu") -> Contenders:
    """Return ours, with a learnable alpha, against a Function with both derivatives."""
    x, g, raw = _operands(name, size, device)
    module = surrogates.learnable(OURS[name], "alpha", framework="torch").to(device)
    function = by_hand.torch_learned(name)
    (parameter,) = module.parameters()
    return {
        "ours": _step(module, x, g, parameter),
        "against": _step(lambda x: function(x, raw), x, g, raw),
    }


def fixed(name: str, size: int, device: str = "cpu") -> Contenders:
    """Return a fixed surrogate against a Function."""
    x, g, _ = _operands(name, size, device)
    return {
        "ours": torch_step(OURS[name], x, g),
        "against": torch_step(by_hand.torch_fixed(name), x, g),
    }


def waiting(run: Run) -> Run:
    """Return a function that waits for the device."""

    def run_and_wait() -> Any:
        results = run()
        torch.cuda.synchronize()
        return results

    return run_and_wait


def learned_compiled(name: str, size: int) -> Contenders:
    """Return both sides of a learnable alpha compiled; the other is the one-liner."""
    x, g, raw = _operands(name, size, "cpu")
    module = surrogates.learnable(OURS[name], "alpha", framework="torch")
    one_liner = by_hand.torch_one_liner(name)
    (parameter,) = module.parameters()

    def ours(x: Any) -> Any:
        return module(x)

    def against(x: Any) -> Any:
        return one_liner(x, raw)

    torch.compiler.reset()  # code compiled for another size is asked first
    return {
        "ours": _step(compiled_by_torch(ours, dynamic=False), x, g, parameter),
        "against": _step(compiled_by_torch(against, dynamic=False), x, g, raw),
    }


def fixed_compiled(name: str, size: int) -> Contenders:
    """Return a fixed surrogate compiled against a Function compiled."""
    x, g, _ = _operands(name, size, "cpu")
    surrogate, function = OURS[name], by_hand.torch_fixed(name)

    def ours(x: Any) -> Any:
        return surrogate(x)

    def against(x: Any) -> Any:
        return function(x)

    torch.compiler.reset()
    return {
        "ours": _step(compiled_by_torch(ours, dynamic=False), x, g),
        "against": _step(compiled_by_torch(against, dynamic=False), x, g),
    }


def per_channel(name: str, size: int, device: str = "cpu") -> Contenders:
    """Return an alpha for each column against one number; all columns have the same."""
    x, g, _ = _operands(name, size, device)
    width = math.isqrt(size)
    x, g = x.reshape(-1, width), g.reshape(-1, width)
    alpha = torch.full((width,), ALPHAS[name], device=device)
    return {
        "ours": torch_step(type(OURS[name])(alpha), x, g),
        "against": torch_step(OURS[name], x, g),
    }


def another(name: str, size: int, device: str = "cpu") -> Contenders:
    """Return a new surrogate at each call, of an alpha never used before, against one kept."""
    x, g, _ = _operands(name, size, device)
    alphas = (ALPHAS[name] + 1e-6 * number for number in itertools.count(1))
    x.requires_grad_()

    def ours() -> Any:
        spikes = type(OURS[name])(next(alphas))(x)
        return spikes, torch.autograd.grad(spikes, x, g)

    return {"ours": ours, "against": torch_step(OURS[name], x, g)}


def _operands(name: str, size: int, device: str) -> tuple[Any, Any, Any]:
    x, g = (torch.asarray(a, device=device) for a in inputs(size))
    raw = torch.tensor(math.log(ALPHAS[name]), device=device, requires_grad=True)
    return x, g, raw


def _step(function: Callable[[Any], Any], x: Any, cotangent: Any, *parameters: Any) -> Run:
    """Return forward and backward, to x and to parameters."""
    x = x.detach().requires_grad_()

    def step() -> Any:
        spikes = function(x)
        return spikes, torch.autograd.grad(spikes, (x, *parameters), cotangent)

    return step
