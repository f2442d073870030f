"""What the tests of distributed PyTorch run in each of two processes: a recurrent network."""

from __future__ import annotations

import copy
import warnings
from collections import Counter

import torch
from torch import distributed
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import (
    DTensor,
    Replicate,
    Shard,
    distribute_module,
    distribute_tensor,
)
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    parallelize_module,
)
from torch.nn.parallel import DistributedDataParallel
from torch.utils._python_dispatch import TorchDispatchMode

import surrogates
import two_processes

STEPS, BATCH, INPUTS, NEURONS, OUTPUTS = 3, 4, 5, 8, 3

SPIKES = {
    "tanh": lambda: torch.tanh,
    "spike": lambda: surrogates.Arctan(2.0),
    "float16 kept": lambda: surrogates.Compressed(surrogates.Arctan(2.0), "float16"),
    "uint8 kept": lambda: surrogates.Compressed(surrogates.Arctan(2.0), "uint8"),
}


def numbers(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def batch():
    return numbers(BATCH, STEPS, INPUTS, seed=1), numbers(BATCH, OUTPUTS, seed=2)


class Spiking(torch.nn.Module):
    """A linear layer and a leaky neuron; `activation` takes the place of the spike."""

    def __init__(self, activation):
        super().__init__()
        self.inner = torch.nn.Linear(INPUTS, NEURONS, dtype=torch.float64)
        self.activation = activation

    def forward(self, currents):
        potential, counts = 0.0, 0.0
        for step in range(STEPS):
            potential = 0.9 * potential + self.inner(currents[:, step])
            counts = counts + self.activation(potential - 0.3)
        return counts


class Network(torch.nn.Module):
    """Spiking neurons, counted and read out."""

    def __init__(self, activation):
        super().__init__()
        self.spiking = Spiking(activation)
        self.outer = torch.nn.Linear(NEURONS, OUTPUTS, dtype=torch.float64)
        with torch.no_grad():
            for seed, parameter in enumerate(self.parameters()):
                parameter.copy_(numbers(*parameter.shape, seed=seed + 3))

    def forward(self, currents):
        return self.outer(self.spiking(currents))


class Collectives(TorchDispatchMode):
    """Counts what is communicated, by the name of the operation."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        if any(t is DTensor for t in types):
            return NotImplemented  # count what it is made of
        if "c10d" in function.namespace and "wait" not in function._opname:
            self.counts[function._opname] += 1
        return function(*arguments, **(named or {}))


def loss_of(outputs, targets):
    return ((outputs - targets) ** 2).mean()


def alone(network):
    currents, targets = batch()
    loss = loss_of(network(currents), targets)
    loss.backward()
    return loss


def ddp(network, mesh):
    currents, targets = (t.chunk(2)[mesh.get_rank()] for t in batch())
    parallel = DistributedDataParallel(network)  # without a name it would not outlive its output
    loss = loss_of(parallel(currents), targets)
    loss.backward()
    return loss


def fsdp(network, mesh):
    for layer in (network.spiking, network.outer, network):
        fully_shard(layer, mesh=mesh)
    currents, targets = (t.chunk(2)[mesh.get_rank()] for t in batch())
    loss = loss_of(network(currents), targets)
    loss.backward()
    return loss


def dtensor(network, mesh):
    distribute_module(network, mesh)
    currents, targets = (distribute_tensor(t, mesh, [Shard(0)]) for t in batch())
    loss = loss_of(network(currents), targets)
    loss.backward()
    return loss


def tensor_parallel(network, mesh):
    columns = ColwiseParallel(use_local_output=False)  # the neurons' potentials stay split
    rows = RowwiseParallel()
    parallelize_module(network, mesh, {"spiking.inner": columns, "outer": rows})
    currents, targets = batch()
    loss = loss_of(network(currents), targets)
    loss.backward()
    return loss


def pipeline(network, mesh):
    from torch.distributed.pipelining import PipelineStage, ScheduleGPipe

    rank = mesh.get_rank()
    part = network.spiking if rank == 0 else network.outer
    schedule = ScheduleGPipe(
        PipelineStage(part, rank, 2, torch.device("cpu")), n_microbatches=2, loss_fn=loss_of
    )
    currents, targets = batch()
    losses = []
    if rank == 0:
        schedule.step(currents)
    else:
        schedule.step(target=targets, losses=losses)
    return torch.stack(losses).mean() if losses else None


WAYS = {
    "DDP": ddp,
    "FSDP2": fsdp,
    "DTensor": dtensor,
    "tensor parallel": tensor_parallel,
    "pipeline": pipeline,
}
AVERAGED = ("DDP", "FSDP2")  # each process has the loss of its own part


def whole(tensor):
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def trained(way, activation, mesh):
    """Return the loss and the gradients, of one process and of two, and what these said."""
    network = Network(activation)
    copied = copy.deepcopy(network)
    expected = alone(copied)
    with Collectives() as said:
        loss = WAYS[way](network, mesh)
    counts = dict(said.counts)
    if loss is not None:
        loss = whole(loss.detach())
        if way in AVERAGED:
            distributed.all_reduce(loss)
            loss = loss / 2
    gradients = {n: whole(p.grad) for n, p in network.named_parameters() if p.grad is not None}
    return {
        "loss": loss,
        "loss alone": expected.detach(),
        "gradients": gradients,
        "gradients alone": {n: p.grad for n, p in copied.named_parameters()},
        "counts": counts,
    }


def with_parameter(wrap, placed, split, mesh):
    """Return the gradient to x with an array-valued alpha, and what was said for it."""
    x, alpha = numbers(BATCH, NEURONS), torch.linspace(1, 2, NEURONS, dtype=torch.float64)
    shared = distribute_tensor(x, mesh, [split]).requires_grad_()
    spread = distribute_tensor(alpha, mesh, [placed])
    with Collectives() as said:
        total = 0.0
        for _ in range(STEPS):
            total = total + wrap(surrogates.Arctan(spread))(shared)
        forward = sum(said.counts.values())
        total.backward(torch.ones_like(total))
    leaf = x.clone().requires_grad_()
    (STEPS * surrogates.Arctan(alpha)(leaf)).sum().backward()
    return {
        "gradient": whole(shared.grad),
        "alone": leaf.grad,
        "forward": forward,
        "all": sum(said.counts.values()),
    }


def sampled(mesh):
    """Return what a DTensor of each placement emits at random, and a tensor of one process."""
    x = numbers(BATCH, NEURONS)
    spikes = {}
    for placement in (Shard(0), Shard(1), Replicate()):
        shared = distribute_tensor(x, mesh, [placement]).requires_grad_()
        with Collectives() as said:
            random = surrogates.sample(
                surrogates.Sigmoid(4.0), shared, torch.Generator().manual_seed(0)
            )
            random.backward(torch.ones_like(random))
        assert random.placements == (placement,)
        assert not said.counts
        spikes[str(placement)] = whole(random.detach()), whole(shared.grad)
    leaf = x.clone().requires_grad_()
    random = surrogates.sample(surrogates.Sigmoid(4.0), leaf, torch.Generator().manual_seed(0))
    random.sum().backward()
    return spikes, (random.detach(), leaf.grad)


def work(rank: int, folder: str) -> None:
    """Write what came out of every way of training to a file of this process."""
    warnings.simplefilter("ignore")  # PyTorch's, of its own prototypes
    mesh = two_processes.meet(rank, folder)
    outcome = {
        (way, name): trained(way, make(), mesh) for way in WAYS for name, make in SPIKES.items()
    }
    for placed, split in ((Replicate(), Shard(0)), (Shard(0), Shard(1)), (Shard(0), Shard(0))):
        place = (str(placed), str(split))
        outcome["alpha", *place] = with_parameter(lambda s: s, placed, split, mesh)
    outcome["sampled"] = sampled(mesh)
    torch.save(outcome, f"{folder}/{rank}.pt")
    two_processes.leave()
