"""PyTorch, tensor parallel: the neurons of a layer are split over two processes."""

import copy
import os
import tempfile

import torch
from torch import distributed, multiprocessing
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.profiler import profile

import surrogates


def train(network, spike, x, y):
    """Return the loss of leaky neurons, counted and read out, and what was communicated."""
    network.zero_grad()
    with profile(record_shapes=True) as seen:
        v, count = 0.0, 0.0
        for current in network["hidden"](x).unbind(0):
            v = 0.9 * v + current
            spikes = spike(v - 1.0)
            v, count = v - spikes, count + spikes
        loss = torch.nn.functional.cross_entropy(network["readout"](count / len(x)), y)
        loss.backward()
    return loss, [(e.name, e.input_shapes) for e in seen.events() if e.name.startswith("gloo:")]


def work(rank, folder):
    """Compute loss and gradients with half of the neurons, and compare with one process."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.manual_seed(0)
    x, y = torch.randn(20, 32, 16).double(), torch.arange(32) % 4
    alpha = torch.linspace(2.0, 8.0, 64).double()  # one value a neuron
    layers = {"hidden": torch.nn.Linear(16, 64), "readout": torch.nn.Linear(64, 4)}
    network = copy.deepcopy(alone := torch.nn.ModuleDict(layers).double())
    expected, _ = train(alone, surrogates.Sigmoid(alpha), x, y)
    mesh = init_device_mesh("cpu", (2,))
    plan = {"hidden": ColwiseParallel(use_local_output=False), "readout": RowwiseParallel()}
    parallelize_module(network, mesh, plan)
    _, of_tanh = train(network, torch.tanh, x, y)
    # An array must be split as the neurons are, or stand on each device; a number needs nothing.
    spike = surrogates.Sigmoid(distribute_tensor(alpha, mesh, [Shard(0)]))
    loss, said = train(network, spike, x, y)
    assert said == of_tanh != []
    torch.testing.assert_close(loss, expected)
    for mine, theirs in zip(network.parameters(), alone.parameters(), strict=True):
        assert theirs.grad.abs().max() > 1e-4
        torch.testing.assert_close(mine.grad.full_tensor(), theirs.grad)
    print("loss", loss.item(), "as in one process; said, as with tanh:", said, flush=True)
    distributed.barrier()
    os._exit(0)  # https://github.com/pytorch/pytorch/issues/190489


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(work, (folder,), nprocs=2)
