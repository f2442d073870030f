"""PyTorch, FSDP2: weights and a learned width for each neuron, split over two processes."""

import copy
import os
import tempfile

import torch
from torch import distributed, multiprocessing
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import surrogates


class Layer(torch.nn.Module):
    """A linear layer, and leaky neurons that learn the width of their surrogate."""

    def __init__(self, inputs, neurons):
        super().__init__()
        self.linear = torch.nn.Linear(inputs, neurons)
        # One value a neuron, or torch.full((1,), 4.0) for all: FSDP2 takes no scalar.
        self.spike = surrogates.learnable(surrogates.Sigmoid(torch.full((neurons,), 4.0)), "alpha")

    def forward(self, x):  # time, batch, inputs
        v, spikes = 0.0, []
        for current in self.linear(x):
            v = 0.9 * v + current
            spikes.append(self.spike(v - 1.0))
            v = v - spikes[-1]
        return torch.stack(spikes)


def work(rank, folder):
    """Compute loss and gradients on half of the batch, and compare with one process."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.manual_seed(0)
    x, y = torch.randn(20, 32, 16, dtype=torch.float64), torch.arange(32) % 4
    network = torch.nn.Sequential(Layer(16, 64), Layer(64, 64), torch.nn.Linear(64, 4)).double()
    alone = copy.deepcopy(network)
    torch.nn.functional.cross_entropy(alone(x).mean(0), y).backward()

    mesh = init_device_mesh("cpu", (2,))
    for part in (*network, network):
        fully_shard(part, mesh=mesh)
    x, y = x.chunk(2, dim=1)[rank], y.chunk(2)[rank]
    torch.nn.functional.cross_entropy(network(x).mean(0), y).backward()
    for mine, theirs in zip(network.parameters(), alone.parameters(), strict=True):
        assert theirs.grad.abs().max() > 1e-6
        torch.testing.assert_close(mine.grad.full_tensor(), theirs.grad)
    print("gradients as in one process, of", network[0].spike.raw["alpha"].placements, flush=True)
    distributed.barrier()
    os._exit(0)  # https://github.com/pytorch/pytorch/issues/190489


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(work, (folder,), nprocs=2)
