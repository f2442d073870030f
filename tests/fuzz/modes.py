"""Ways that take long, or that users take in modules: compiled, exported, learned, in threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

import surrogates
from kinds import Kind
from surrogates._parameters import parameters as declared
from surrogates.definitions import SURROGATES

from . import cases
from .checks import Run, agree, cotangent, path


@path(Kind.TORCH)
def torch_compile(run: Run) -> None:
    import torch

    torch.compiler.reset()
    compiled = torch.compile(lambda x: run.surrogate(x), fullgraph=True, backend="aot_eager")
    x = run.x.detach().clone().requires_grad_()
    spikes = compiled(x)
    run.spikes(spikes, "compiled spikes")
    spikes.backward(cotangent(run))
    run.derivative(x.grad, "compiled backward", -1.5)


@path(Kind.TORCH)
def torch_export(run: Run) -> None:
    import torch

    class Layer(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return run.surrogate(x)

    x = run.x.detach().clone()
    exported = torch.export.export(Layer(), (x,)).module()
    x.requires_grad_()
    spikes = exported(x)
    run.spikes(spikes, "exported spikes")
    spikes.backward(cotangent(run))
    run.derivative(x.grad, "backward of what was exported, in the form of forward mode", -1.5)


@path(Kind.TORCH)
def learned(run: Run) -> None:
    """Check that a module spikes, and is differentiated, as the surrogate that it says it holds."""
    path, leaf = cases.first(run.case["surrogate"])
    names = [p.name for p in declared(SURROGATES[leaf["class"]]) if p.type != "int"]
    if not names:
        return
    name = ".".join([*path, names[0]])
    module = surrogates.learnable(run.surrogate, name, framework="torch")
    x = run.x.detach().clone().requires_grad_()
    spikes = module(x)
    held = module.surrogate
    if getattr(
        held, "is_smooth", False
    ):  # of the parameter as the module has it, by a logarithm in its dtype
        agree(run, spikes, held.surrogate_fun(x.detach()).detach(), "learned spikes")
    else:
        run.spikes(spikes, "learned spikes")
    if not spikes.requires_grad:
        return
    spikes.sum().backward()
    if run.reference.residual == "uint8":  # in levels, which an array may put elsewhere
        return
    if run.reference.residual and held.is_signed:
        return  # both potentials are rounded, or one and the other computed from it
    with np.errstate(all="ignore"):
        agree(run, x.grad, module.surrogate.surrogate_grad(x.detach()).detach(), "learned")


@path(Kind.NUMPY, Kind.TORCH, Kind.JAX)
def threads(run: Run) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(run.surrogate.surrogate_grad, [run.x, run.x]))
        emitted = list(pool.map(run.surrogate, [run.x, run.x]))
    for derivative, spikes in zip(both, emitted, strict=True):
        run.derivative(derivative, "derivative in a thread")
        run.spikes(spikes, "spikes in a thread")
