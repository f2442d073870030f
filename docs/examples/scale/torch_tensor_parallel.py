"""PyTorch, tensor parallel: the neurons of a layer are split over two processes."""

import copy
import os
import tempfile

import torch
from torch import distributed, multiprocessing
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

import surrogates


class Network(torch.nn.Module):
    """Leaky neurons, counted and read out."""

    def __init__(self, alpha):
        super().__init__()
        self.hidden, self.readout = torch.nn.Linear(16, 64), torch.nn.Linear(64, 4)
        self.spike = surrogates.Sigmoid(alpha)

    def forward(self, x):  # time, batch, inputs
        v, count = 0.0, 0.0
        for current in self.hidden(x).unbind(0):
            v = 0.9 * v + current
            spikes = self.spike(v - 1.0)
            v, count = v - spikes, count + spikes
        return self.readout(count / len(x))


def work(rank, folder):
    """Compute loss and gradients with half of the neurons, and compare with one process."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.manual_seed(0)
    x, y = torch.randn(20, 32, 16, dtype=torch.float64), torch.arange(32) % 4
    alpha = torch.linspace(2.0, 8.0, 64, dtype=torch.float64)  # one value a neuron
    network = copy.deepcopy(alone := Network(alpha).double())
    (expected := torch.nn.functional.cross_entropy(alone(x), y)).backward()

    mesh = init_device_mesh("cpu", (2,))
    plan = {"hidden": ColwiseParallel(use_local_output=False), "readout": RowwiseParallel()}
    parallelize_module(network, mesh, plan)
    # An array must be split as the neurons are, or stand on each device; a number needs nothing.
    network.spike = surrogates.Sigmoid(distribute_tensor(alpha, mesh, [Shard(0)]))
    (loss := torch.nn.functional.cross_entropy(network(x), y)).backward()
    torch.testing.assert_close(loss, expected)
    for mine, theirs in zip(network.parameters(), alone.parameters(), strict=True):
        assert theirs.grad.abs().max() > 1e-4
        torch.testing.assert_close(mine.grad.full_tensor(), theirs.grad)
    print("loss", loss.item(), "as in one process", flush=True)
    distributed.barrier()
    os._exit(0)  # https://github.com/pytorch/pytorch/issues/190489


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(work, (folder,), nprocs=2)
