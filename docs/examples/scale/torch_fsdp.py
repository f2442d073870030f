"""PyTorch, FSDP2: weights and a learned width for each neuron, split over two processes."""

import copy
import os
import tempfile

import torch
from torch import distributed, multiprocessing
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.profiler import profile

import surrogates


class Layer(torch.nn.Module):  # leaky neurons
    def __init__(self, inputs, neurons, spike):
        super().__init__()
        self.linear, self.spike = torch.nn.Linear(inputs, neurons), spike

    def forward(self, x):  # time, batch, inputs
        v, spikes = 0.0, []
        for current in self.linear(x):
            v = 0.9 * v + current
            spikes.append(self.spike(v - 1.0))
        return torch.stack(spikes)


def train(network, x, y):
    """Compute gradients, and return the shapes of the arrays that were communicated for them."""
    with profile(record_shapes=True) as seen:
        torch.nn.functional.cross_entropy(network(x).mean(0), y).backward()
    return [(e.name, e.input_shapes) for e in seen.events() if e.name.startswith("gloo:")]


def work(rank, folder):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.manual_seed(0)
    x, y = torch.randn(20, 32, 16).double(), torch.arange(32) % 4
    # One value a neuron, or torch.full((1,), 4.0) for all: FSDP2 takes no scalar.
    spike = surrogates.learnable(surrogates.Sigmoid(torch.full((64,), 4.0)), "alpha")
    layers = [Layer(16, 64, f) for f in (spike, torch.nn.PReLU(64))]  # it learns 64 numbers, too
    spiking, smooth = (torch.nn.Sequential(a, torch.nn.Linear(64, 4)).double() for a in layers)
    train(alone := copy.deepcopy(spiking), x, y)
    for part in (*spiking, spiking, *smooth, smooth):
        fully_shard(part, mesh=init_device_mesh("cpu", (2,)))
    said, of_prelu = (train(m, x[:, rank::2], y[rank::2]) for m in (spiking, smooth))
    assert said == of_prelu != []
    for mine, theirs in zip(spiking.parameters(), alone.parameters(), strict=True):
        assert theirs.grad.abs().max() > 1e-6
        torch.testing.assert_close(mine.grad.full_tensor(), theirs.grad)
    print("gradients as in one process; said, as with PReLU:", said, flush=True)
    distributed.barrier()
    os._exit(0)  # https://github.com/pytorch/pytorch/issues/190489


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(work, (folder,), nprocs=2)
