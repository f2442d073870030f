"""What several tests of PyTorch need. It imports PyTorch: skip before the import."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

import surrogates
from surrogates.backends._torch import cuda

func, forward_ad = torch.func, torch.autograd.forward_ad

# PyTorch's own: its forward mode imports the deprecated torch.jit, its linearize builds a graph
# with an attribute that is not there, and Dynamo instantiates what must not be instantiated.
WARNINGS = [
    pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node:UserWarning"),
    # Dynamo looks at the .grad of what functorch wraps
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning"),
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


def guards(function, *arguments):
    """Return what a compiled function checks before each call: a line for each guard."""
    found = []

    def keep(entries):
        found.extend(f"{entry.guard_type} {entry.name}" for entry in entries)
        return [True] * len(entries)

    torch.compiler.reset()
    options = {"guard_filter_fn": keep}
    torch.compile(function, fullgraph=True, backend="aot_eager", options=options)(*arguments)
    return found


DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

every_float = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: str(dtype)[6:])


def by_jvp(surrogate, x):
    return func.jvp(surrogate, (x,), (torch.ones_like(x),))


def by_dual(surrogate, x):
    with forward_ad.dual_level():
        out = forward_ad.unpack_dual(surrogate(forward_ad.make_dual(x, torch.ones_like(x))))
        return out.primal.clone(), out.tangent.clone()


class Each(torch.nn.Module):
    """A surrogate at several inputs: one export for all dtypes."""

    def __init__(self, surrogate):
        super().__init__()
        self.surrogate = surrogate

    def forward(self, *xs):
        return tuple(self.surrogate(x) for x in xs)


@contextlib.contextmanager
def nothing_launched():
    """Let PyTorch's hook find a device that captures no graph, and that it has not used yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
        patch.setattr(torch.cuda, "get_sync_debug_mode", lambda: 0)
        patch.setattr(cuda, "_verdicts", {})
        cuda._kernel.cache_clear()
        yield
        cuda._kernel.cache_clear()


def holding(cls, name, dtype=torch.float32, shape=(), device="cpu"):
    """Return a surrogate whose parameter of this name is a tensor, of its default."""
    value = float(getattr(cls(), name))
    return cls(**{name: torch.full(shape, value, dtype=dtype, device=device)})


def sigmoid_gradients(x, v, alpha):
    """Return the gradient of `x` of ``Sigmoid(alpha)``."""
    return v * surrogates.Sigmoid(alpha).surrogate_grad(x)


def sigmoid_slopes(x, v, alpha):
    """Return what ``Relaxed(Sigmoid(alpha))`` gives alpha, element by element."""
    slope = x * torch.sigmoid(alpha * x) * torch.sigmoid(-alpha * x)
    return torch.where(x.isfinite(), v * slope, 0.0)


def launched_instead(monkeypatch, **functions):
    """Let jiterator return functions of ours, named "gradient" and "slope".

    Return the list of what is launched: a name, and the operands.
    """
    calls = []

    def create(text, **numbers):
        name = "slope" if "surrogates_slope" in text else "gradient"

        def launch(*operands):
            calls.append((name, operands))
            return functions[name](*operands)

        return launch

    monkeypatch.setattr(torch.cuda.jiterator, "_create_jit_fn", create)
    return calls
