"""PyTorch, DistributedDataParallel: each of two processes takes half of the batch."""

import copy
import os
import tempfile

import torch
from torch import distributed, multiprocessing
from torch.nn.parallel import DistributedDataParallel
from torch.profiler import profile

import surrogates


class Network(torch.nn.Module):
    """Leaky neurons, counted and read out."""

    def __init__(self):
        super().__init__()
        self.hidden, self.readout = torch.nn.Linear(16, 64), torch.nn.Linear(64, 4)

    def forward(self, x, spike):  # time, batch, inputs
        v, count = 0.0, 0.0
        for current in self.hidden(x):
            v = 0.9 * v + current
            spikes = spike(v - 1.0)
            v, count = v - spikes, count + spikes
        return self.readout(count / len(x))


def train(network, spike, x, y):
    """Return the loss, and the shapes of the arrays that were communicated for the gradients."""
    with profile(record_shapes=True) as seen:
        (loss := torch.nn.functional.cross_entropy(network(x, spike), y)).backward()
    return loss.detach(), [e.input_shapes for e in seen.events() if e.name.startswith("gloo:")]


def work(rank, folder):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.manual_seed(0)
    x, y, spike = torch.randn(20, 32, 16).double(), torch.arange(32) % 4, surrogates.Arctan(2.0)
    network, smooth = copy.deepcopy(alone := Network().double()), copy.deepcopy(alone)
    expected, _ = train(alone, spike, x, y)
    half = x.chunk(2, dim=1)[rank], y.chunk(2)[rank]
    mean, said = train(DistributedDataParallel(network), spike, *half)
    assert said == train(DistributedDataParallel(smooth), torch.tanh, *half)[1] != []
    distributed.all_reduce(mean)
    torch.testing.assert_close(mean / 2, expected)
    for mine, theirs in zip(network.parameters(), alone.parameters(), strict=True):
        assert theirs.grad.abs().max() > 1e-4
        torch.testing.assert_close(mine.grad, theirs.grad)
    print("loss", mean.item() / 2, "as in one process; said, as with tanh:", said, flush=True)
    distributed.barrier()
    os._exit(0)  # https://github.com/pytorch/pytorch/issues/190489


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:  # on several devices, by torchrun instead
        multiprocessing.spawn(work, (folder,), nprocs=2)
