"""PyTorch, DistributedDataParallel: each of two processes takes half of the batch."""

import copy
import os
import tempfile

import torch
from torch import distributed, multiprocessing
from torch.nn.parallel import DistributedDataParallel

import surrogates


class Network(torch.nn.Module):
    """Leaky neurons, counted and read out."""

    def __init__(self):
        super().__init__()
        self.hidden, self.readout = torch.nn.Linear(16, 64), torch.nn.Linear(64, 4)
        self.spike = surrogates.Arctan(2.0)

    def forward(self, x):  # time, batch, inputs
        v, count = 0.0, 0.0
        for current in self.hidden(x):
            v = 0.9 * v + current
            spikes = self.spike(v - 1.0)
            v, count = v - spikes, count + spikes
        return self.readout(count / len(x))


def work(rank, folder):
    """Compute loss and gradients on half of the batch, and compare with one process."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.manual_seed(0)
    x, y = torch.randn(20, 32, 16, dtype=torch.float64), torch.arange(32) % 4
    network = Network().double()
    alone = copy.deepcopy(network)
    expected = torch.nn.functional.cross_entropy(alone(x), y)
    expected.backward()

    parallel = DistributedDataParallel(network)
    half = x.chunk(2, dim=1)[rank], y.chunk(2)[rank]
    loss = torch.nn.functional.cross_entropy(parallel(half[0]), half[1])
    loss.backward()
    mean = loss.detach() / 2
    distributed.all_reduce(mean)
    torch.testing.assert_close(mean, expected.detach())
    for mine, theirs in zip(network.parameters(), alone.parameters(), strict=True):
        assert theirs.grad.abs().max() > 1e-4
        torch.testing.assert_close(mine.grad, theirs.grad)
    print("loss", float(mean), "as in one process", flush=True)
    distributed.barrier()
    os._exit(0)  # https://github.com/pytorch/pytorch/issues/190489


if __name__ == "__main__":
    # On several devices, start it with torchrun, and leave out `spawn`.
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(work, (folder,), nprocs=2)
