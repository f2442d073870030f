"""PyTorch, pipeline parallel: each of two processes has a layer; spikes pass between them."""

import copy
import os
import tempfile

import torch
from torch import distributed, multiprocessing
from torch.distributed.pipelining import PipelineStage, ScheduleGPipe
from torch.profiler import profile

import surrogates


class Layer(torch.nn.Module):
    """A linear layer, and leaky neurons without a reset."""

    def __init__(self, inputs, neurons, spike):
        super().__init__()
        self.linear, self.spike = torch.nn.Linear(inputs, neurons), spike

    def forward(self, x):  # batch, time, inputs: the batch is cut into pieces
        v, spikes = 0.0, []
        for current in self.linear(x).unbind(1):
            v = 0.9 * v + current
            spikes.append(self.spike(v - 0.5))
        return torch.stack(spikes, 1)


def train(spike, rank):
    """Compare loss and gradients with one process, and return the shapes of the arrays sent."""
    torch.manual_seed(0)
    x, y = torch.randn(32, 20, 16).double(), torch.rand(32, 20, 4).double()
    layers = Layer(16, 64, spike), Layer(64, 4, spike)
    network = copy.deepcopy(alone := torch.nn.Sequential(*layers).double())
    (expected := torch.nn.MSELoss()(alone(x), y)).backward()
    stage = PipelineStage(network[rank], rank, 2, torch.device("cpu"))
    schedule, losses = ScheduleGPipe(stage, 4, torch.nn.MSELoss()), []
    with profile(record_shapes=True) as said:
        schedule.step(target=y, losses=losses) if rank else schedule.step(x)
    assert not rank or abs(sum(losses) / 4 - expected) < 1e-12
    for mine, theirs in zip(network[rank].parameters(), alone[rank].parameters(), strict=True):
        assert theirs.grad.abs().max() > 1e-4
        torch.testing.assert_close(mine.grad, theirs.grad)
    return [s for e in said.events() if e.name == "gloo:send" for s in e.input_shapes if s[1:]]


def work(rank, folder):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    sent, of_tanh = (train(spike, rank) for spike in (surrogates.Arctan(2.0), torch.tanh))
    assert sent == of_tanh != []
    print("gradients as in one process; sent, as with tanh:", sent, flush=True)
    distributed.barrier()
    os._exit(0)  # https://github.com/pytorch/pytorch/issues/190489


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(work, (folder,), nprocs=2)
