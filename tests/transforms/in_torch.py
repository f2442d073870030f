"""What several of PyTorch's rows of the matrix need. It needs PyTorch: skip before the import."""

from __future__ import annotations

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

import surrogates

# PyTorch's own: its forward mode imports the deprecated torch.jit, its linearize builds a graph
# with an attribute that is not there, and Dynamo instantiates what must not be instantiated.
WARNINGS = [
    pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node:UserWarning"),
]


def total(f):
    return lambda x: f(x).sum()


def numpy(tensor):
    return tensor.detach().double().numpy(force=True)  # vmap gives tensors of no memory, all zero


def potentials(cell):
    return torch.from_numpy(cell.x.copy())


def leaf(x):
    return x.detach().clone().requires_grad_()


def backward(f):
    def gradient(x):
        x = leaf(x)
        f(x).sum().backward()
        return x.grad

    return gradient


def compiled(f, backend):
    torch.compiler.reset()
    return torch.compile(lambda x: f(x), fullgraph=True, backend=backend)


def counted(function):
    surrogates.Sigmoid()(torch.zeros(1))  # the first call of a process fills the look-up
    torch.compiler.reset()
    counter = CompileCounterWithBackend("aot_eager")
    return torch.compile(function, fullgraph=True, backend=counter), counter
