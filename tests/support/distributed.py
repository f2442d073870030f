"""What the PyTorch rows for two processes run in each of them."""

from __future__ import annotations

import copy

import torch
from torch.distributed.tensor import DTensor, Shard, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

import two_processes
from surrogates.definitions import SURROGATES

X = torch.linspace(-1.1, 1.3, 8, dtype=torch.float64)


class Layer(torch.nn.Module):
    """Eight neurons with one weight each."""

    def __init__(self, surrogate):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(8, dtype=torch.float64))
        self.surrogate = surrogate

    def forward(self, x):
        return self.surrogate(self.weight * x)


def work(rank: int, folder: str) -> None:
    """Write what came out of DDP and DTensor, for each surrogate, to a file of this process."""
    mesh = two_processes.meet(rank, folder)
    outcome = {}
    for name, cls in SURROGATES.items():
        layer = Layer(cls())
        alone = copy.deepcopy(layer)
        batch = torch.stack([X, X / 2])
        parallel = DistributedDataParallel(layer)
        parallel(batch[rank]).sum().backward()
        alone(batch).sum().backward()

        x = distribute_tensor(X, mesh, [Shard(0)]).requires_grad_()
        spikes = cls()(x)
        (first,) = torch.autograd.grad(spikes.sum(), x, create_graph=True)
        outcome[name] = {
            # DDP takes the mean over the processes
            "ddp": (layer.weight.grad * 2).tolist(),
            "alone": alone.weight.grad.tolist(),
            "spikes": spikes.full_tensor().tolist(),
            "first": first.full_tensor().tolist(),
            "stays": isinstance(spikes, DTensor) and spikes.placements == x.placements,
            "gradient stays": isinstance(first, DTensor) and first.placements == x.placements,
        }
    torch.save(outcome, f"{folder}/{rank}.pt")
    two_processes.leave()
