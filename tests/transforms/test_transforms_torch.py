"""PyTorch's rows of the matrix of transforms."""

from __future__ import annotations

import copy
import io
import pickle
from dataclasses import replace

import numpy as np
import pytest

import surrogates
from matrix import rows

torch = pytest.importorskip("torch")
func, autograd = torch.func, torch.autograd
from torch._dynamo.testing import CompileCounterWithBackend  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

FRAMEWORK = "PyTorch"

# PyTorch's own: its forward mode imports the deprecated torch.jit, its linearize builds a graph
# with an attribute that is not there, and Dynamo instantiates what must not be instantiated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node:UserWarning"),
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


def forward_mode(f):
    def tangent(x):
        with autograd.forward_ad.dual_level():
            dual = autograd.forward_ad.make_dual(x, torch.ones_like(x))
            return autograd.forward_ad.unpack_dual(f(dual)).tangent

    return tangent


def tangent(f):
    return lambda x: func.jvp(f, (x,), (torch.ones_like(x),))[1]


def diagonal(jacobian):
    def checked(x):
        whole = jacobian(x)
        assert torch.equal(whole, torch.diag(whole.diagonal()))  # no neuron sees another's x
        return whole.diagonal()

    return checked


class Spiking(torch.nn.Module):
    def __init__(self, surrogate):
        super().__init__()
        self.surrogate = surrogate

    def forward(self, x):
        return self.surrogate(x)


def exported(f):
    def gradient(x):
        module = torch.export.export(Spiking(f), (x,)).module()
        return backward(module)(x)

    return gradient


def saved(f):
    file = io.BytesIO()
    torch.save(Spiking(f), file)
    file.seek(0)
    return backward(torch.load(file, weights_only=False))


FIRST = {
    "backward": backward,
    "func.grad": lambda f: func.grad(total(f)),
    "func.vmap of grad": lambda f: func.vmap(func.grad(f)),
    "func.jvp": tangent,
    "func.vjp": lambda f: lambda x: func.vjp(f, x)[1](torch.ones_like(x))[0],
    "func.jacrev": lambda f: diagonal(func.jacrev(f)),
    "func.jacfwd": lambda f: diagonal(func.jacfwd(f)),
    "func.linearize": lambda f: lambda x: func.linearize(f, x)[1](torch.ones_like(x)),
    "forward_ad": forward_mode,
    "func.vmap of jvp": lambda f: func.vmap(tangent(f)),
    "func.grad of sum over vmap": lambda f: func.grad(lambda x: func.vmap(f)(x).sum()),
    "checkpoint, reentrant": lambda f: backward(lambda x: checkpoint(f, x, use_reentrant=True)),
    "checkpoint": lambda f: backward(lambda x: checkpoint(f, x, use_reentrant=False)),
    "export": exported,
    "deepcopy of a module": lambda f: backward(copy.deepcopy(Spiking(f))),
    "pickle": lambda f: backward(pickle.loads(pickle.dumps(f))),
    "torch.save of a module": saved,
}


@rows(*FIRST)
def test_first_derivative(cell, transform):
    cell.order(1, numpy(FIRST[transform](cell.surrogate)(potentials(cell))))


def compiled(f, backend):
    torch.compiler.reset()
    return torch.compile(lambda x: f(x), fullgraph=True, backend=backend)


def primal_of_dual(f):
    def primal(x):
        with autograd.forward_ad.dual_level():
            dual = autograd.forward_ad.make_dual(x, torch.ones_like(x))
            return autograd.forward_ad.unpack_dual(f(dual)).primal.clone()

    return primal


SPIKES = {
    "spikes: of a leaf": lambda f: lambda x: f(leaf(x)),
    "spikes: func.vmap": lambda f: func.vmap(f),
    "spikes: func.grad_and_value": lambda f: func.vmap(lambda x: func.grad_and_value(f)(x)[1]),
    "spikes: func.jvp": lambda f: lambda x: func.jvp(f, (x,), (torch.ones_like(x),))[0],
    "spikes: func.vjp": lambda f: lambda x: func.vjp(f, x)[0],
    "spikes: func.linearize": lambda f: lambda x: func.linearize(f, x)[0],
    "spikes: forward_ad": primal_of_dual,
    "spikes: checkpoint": lambda f: lambda x: checkpoint(f, leaf(x), use_reentrant=False),
    "spikes: compile": lambda f: compiled(f, "inductor"),
    "spikes: compile, of a leaf": lambda f: lambda x: compiled(f, "inductor")(leaf(x)),
    "spikes: compile of func.vmap": lambda f: compiled(func.vmap(f), "aot_eager"),
    "spikes: export": lambda f: lambda x: torch.export.export(Spiking(f), (x,)).module()(x),
}


@rows(*SPIKES)
def test_spikes(cell, transform):
    cell.check_spikes(numpy(SPIKES[transform](cell.surrogate)(potentials(cell))))


def twice(f):
    def second(x):
        x = leaf(x)
        (first,) = autograd.grad(f(x).sum(), x, create_graph=True)
        if first.requires_grad:
            (first,) = autograd.grad(first.sum(), x)
            return first
        return torch.zeros_like(x)

    return second


SECOND = {
    f"{outer.__name__} of {inner.__name__}": lambda f, o=outer, i=inner: diagonal(o(i(total(f))))
    for outer in (func.jacfwd, func.jacrev)
    for inner in (func.jacfwd, func.jacrev)
}
SECOND["double backward"] = twice
SECOND["double backward over checkpoint"] = lambda f: twice(
    lambda x: checkpoint(f, x, use_reentrant=False)
)
SECOND["func.hessian"] = lambda f: diagonal(func.hessian(total(f)))
SECOND["func.jvp of grad"] = lambda f: tangent(func.grad(total(f)))
SECOND["func.grad of jvp"] = lambda f: func.grad(total(tangent(f)))
SECOND["func.vmap of grad of grad"] = lambda f: func.vmap(func.grad(func.grad(f)))


@rows(*SECOND)
def test_second_derivative(cell, transform):
    cell.order(2, numpy(SECOND[transform](cell.surrogate)(potentials(cell))))


THIRD = {
    "func.vmap of grad of grad of grad": lambda f: func.vmap(func.grad(func.grad(func.grad(f)))),
    "func.jvp of jvp of jvp": lambda f: tangent(tangent(tangent(f))),
}


@rows(*THIRD)
def test_third_derivative(cell, transform):
    cell.order(3, numpy(THIRD[transform](cell.surrogate)(potentials(cell))))


def scaled_inputs(cell):
    """Return leaves x, and unit, of which the parameter is that many times its value."""
    return leaf(potentials(cell)), leaf(torch.ones((), dtype=torch.float64))


@rows("gradcheck of the primitive, to x and to each parameter")
def test_gradcheck(cell):
    x, unit = scaled_inputs(cell)
    for _ in cell.each():
        assert autograd.gradcheck(
            lambda x, unit: cell.at(unit * cell.value).surrogate_fun(x), (x, unit), **TOLERANCES
        )


@rows("gradgradcheck, relaxed, to x and to each parameter")
def test_gradgradcheck(cell):
    x, unit = scaled_inputs(cell)
    for _ in cell.each():
        assert autograd.gradgradcheck(
            lambda x, unit: surrogates.Relaxed(cell.at(unit * cell.value))(x),
            (x, unit),
            **TOLERANCES,
        )


# The differences that it takes err by about 1e-9 of the largest value.
TOLERANCES = {"eps": 1e-6, "atol": 1e-5, "rtol": 1e-5}


COMPILED = {
    "compile, eager ahead-of-time graph": "aot_eager",
    "compile, Inductor": "inductor",
}


@rows(*COMPILED)
def test_compiled(cell, transform):
    torch.compiler.reset()
    f = torch.compile(cell.surrogate.__call__, fullgraph=True, backend=COMPILED[transform])
    cell.order(1, numpy(backward(f)(potentials(cell))))


INSIDE = {
    "compile of func.grad": lambda f: func.grad(total(f)),
    "compile of func.vmap of grad": lambda f: func.vmap(func.grad(f)),
    "compile of func.jvp": tangent,
}


@rows(*INSIDE)
def test_compiled_transform(cell, transform):
    torch.compiler.reset()
    f = torch.compile(INSIDE[transform](cell.surrogate), fullgraph=True, backend="aot_eager")
    cell.order(1, numpy(f(potentials(cell))))


@rows("compile of func.hessian")
def test_compiled_hessian(cell):
    torch.compiler.reset()
    f = torch.compile(func.hessian(total(cell.surrogate)), fullgraph=True, backend="aot_eager")
    cell.order(2, numpy(f(potentials(cell)).diagonal()))


def counted(function):
    surrogates.Sigmoid()(torch.zeros(1))  # the first call of a process fills the look-up
    torch.compiler.reset()
    counter = CompileCounterWithBackend("aot_eager")
    return torch.compile(function, fullgraph=True, backend=counter), counter


@rows("compile: equal surrogates compile once")
def test_compiled_once(cell):
    step, counter = counted(lambda s, x: s(x))
    for _ in range(2):
        equal = type(cell.surrogate)()
        cell.order(1, numpy(backward(lambda x: step(equal, x))(potentials(cell))))  # noqa: B023
    assert counter.frame_count == 1


@rows("compile: annealed as a tensor, without compiling again")
def test_annealed(cell):
    surrogate, name = cell.surrogate, cell.parameter
    step, counter = counted(lambda alpha, x: replace(surrogate, **{name: alpha})(x))
    calls = []
    for alpha in cell.value * np.linspace(1.0, 1.5, 4):
        value = torch.tensor(alpha, dtype=torch.float64)
        gradient = backward(lambda x: step(value, x))(potentials(cell))  # noqa: B023
        cell.check(numpy(gradient), cell.at(float(alpha)).surrogate_grad(cell.x), 1e-14)
        calls.append(counter.frame_count)
    # Dynamo itself starts over once, where it meets a tensor of one number on the CPU.
    assert calls == [calls[0]] * 4


@rows("compile: annealed as a number, at most two compilations")
def test_annealed_number(cell):
    step, counter = counted(lambda s, x: s(x))
    for alpha in cell.value * np.linspace(1.0, 1.5, 4):
        surrogate = cell.at(float(alpha))
        gradient = backward(lambda x: step(surrogate, x))(potentials(cell))  # noqa: B023
        cell.check(numpy(gradient), surrogate.surrogate_grad(cell.x), 1e-14)
    assert counter.frame_count <= 2


@pytest.mark.xfail(
    strict=True,
    raises=RuntimeError,
    reason="AOTAutograd has no double backward: pytorch#91469",
)
@rows("compile: double backward")
def test_compiled_double_backward(cell):
    torch.compiler.reset()
    f = torch.compile(cell.surrogate.__call__, fullgraph=True, backend="aot_eager")
    x = leaf(potentials(cell))
    (first,) = autograd.grad(f(x).sum(), x, create_graph=True)
    autograd.grad(first.sum(), x)


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")
@pytest.mark.xfail(
    strict=True,
    raises=NotImplementedError,
    reason="a compiled function that records a gradient has no forward mode",
)
@rows("compile: forward_ad of x that requires a gradient")
def test_compiled_forward_mode_of_a_leaf(cell):
    torch.compiler.reset()
    f = torch.compile(cell.surrogate.__call__, fullgraph=True, backend="aot_eager")
    forward_mode(f)(leaf(potentials(cell)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@rows("ONNX export: one comparison")
def test_onnx(cell):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    x = potentials(cell).float()
    program = torch.onnx.export(Spiking(cell.surrogate).eval(), (x,), dynamo=True, verbose=False)
    assert [node.op_type for node in program.model_proto.graph.node] == ["GreaterOrEqual", "Cast"]
    model = runtime.InferenceSession(program.model_proto.SerializeToString())
    (spikes,) = model.run(None, {model.get_inputs()[0].name: x.numpy()})
    np.testing.assert_array_equal(spikes, cell.x >= 0)


@rows("autocast, float16", "autocast, bfloat16")
def test_autocast(cell, transform):
    dtype = getattr(torch, transform.split()[-1])
    x = leaf(potentials(cell).float())
    with torch.autocast("cpu", dtype=dtype):
        narrow = torch.nn.functional.linear(x, torch.eye(8))
        assert narrow.dtype == dtype
        spikes = cell.surrogate(narrow)
    assert spikes.dtype == dtype
    spikes.sum().backward()
    assert x.grad.dtype == torch.float32
    exact = cell.surrogate.surrogate_grad(numpy(narrow))
    cell.check(numpy(x.grad), exact, 2 * torch.finfo(dtype).eps)


@rows("inference_mode")
def test_inference_mode(cell):
    with torch.inference_mode():
        spikes = cell.surrogate(potentials(cell))
    assert spikes.is_inference()
    np.testing.assert_array_equal(spikes.numpy(), cell.x >= 0)


@rows("tensor subclass keeps its class")
def test_subclass(cell):
    class Mine(torch.Tensor):
        pass

    x = potentials(cell).as_subclass(Mine).requires_grad_()
    spikes = cell.surrogate(x)
    assert type(spikes) is Mine
    spikes.sum().backward()
    assert type(cell.surrogate.surrogate_grad(x.detach())) is Mine
    cell.order(1, numpy(x.grad))


@pytest.fixture(scope="session")
def processes(tmp_path_factory):
    """What two processes wrote."""
    if not torch.distributed.is_available():
        pytest.skip("PyTorch was built without torch.distributed")
    import distributed

    folder = tmp_path_factory.mktemp("processes")
    torch.multiprocessing.spawn(distributed.work, (str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@rows("DDP, two processes")
def test_ddp(cell, processes):
    for outcome in processes:
        cell.check(outcome[cell.name]["ddp"], outcome[cell.name]["alone"], 1e-14)


@rows("DTensor, two processes: sharded as x is")
def test_dtensor(cell, processes):
    import distributed

    x = distributed.X.numpy()
    for outcome in processes:
        mine = outcome[cell.name]
        assert mine["stays"]
        assert mine["gradient stays"]
        np.testing.assert_array_equal(mine["spikes"], x >= 0)
        cell.check(mine["first"], cell.surrogate.surrogate_grad(x), 1e-14)


@pytest.mark.gpu
@rows("CUDA graph")
def test_cuda_graph(cell):
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no CUDA device")
    graphed = torch.cuda.make_graphed_callables(
        Spiking(cell.surrogate).cuda(), (torch.zeros(8, device="cuda", dtype=torch.float64),)
    )
    cell.check(numpy(backward(graphed)(potentials(cell).cuda()).cpu()), cell.derivative(), 1e-13)


@rows("parameter: per-channel tensor, under vmap over x")
def test_channel_parameter(cell):
    alphas = torch.tensor(cell.value * np.linspace(1.0, 1.5, 4))
    x = potentials(cell).reshape(2, 4)
    expected = np.stack(
        [cell.at(float(a)).surrogate_grad(numpy(x[:, i])) for i, a in enumerate(alphas)], axis=1
    )
    cell.check(numpy(func.vmap(func.grad(total(cell.at(alphas))))(x)), expected, 1e-14)
    cell.check(numpy(backward(cell.at(alphas))(x)), expected, 1e-14)


@rows("parameter: vmapped tensor")
def test_vmapped_parameter(cell):
    alphas = torch.tensor(cell.value * np.linspace(1.0, 1.5, 3))
    x = potentials(cell)
    expected = np.stack([cell.at(float(a)).surrogate_grad(cell.x) for a in alphas])
    slopes = func.vmap(lambda alpha: func.grad(lambda x: cell.at(alpha)(x).sum())(x))
    cell.check(numpy(slopes(alphas)), expected, 1e-14)
    summed = func.grad(lambda x: func.vmap(lambda alpha: cell.at(alpha)(x))(alphas).sum())
    cell.check(numpy(summed(x)), expected.sum(axis=0), 1e-14)


@rows("the spike's gradient to a parameter is zero")
def test_parameter_gradient_is_zero(cell):
    x, alpha = potentials(cell), torch.tensor(cell.value, dtype=torch.float64)
    assert func.grad(lambda alpha: cell.at(alpha)(x).sum())(alpha) == 0.0
    loss = cell.at(leaf(alpha))(leaf(x)).sum()
    assert loss.requires_grad


def weight_gradient(cell, alpha):
    """Return the gradient of a loss to the weight of eight neurons with one weight."""
    x = potentials(cell)

    def loss(weight):
        return ((cell.at(alpha)(torch.tanh(weight * x) - 0.01) - 0.25 * x) ** 2).sum()

    return func.grad(loss)(torch.tensor(0.8, dtype=torch.float64))


def central_difference(function, value):
    step = 2.0**-10 * value
    pairs = ((1, 45.0), (2, -9.0), (3, 1.0))
    rise = sum(w * (function(value + n * step) - function(value - n * step)) for n, w in pairs)
    return rise / (60 * step)


@rows("hypergradient: weight gradient to each parameter")
def test_hypergradient(cell):
    for _ in cell.each():
        alpha = torch.tensor(cell.value, dtype=torch.float64)
        exact = central_difference(lambda alpha: weight_gradient(cell, alpha), alpha)
        cell.check(numpy(func.grad(lambda a: weight_gradient(cell, a))(alpha)), numpy(exact), 1e-8)


@rows("relaxed: gradient to x and to each parameter")
def test_relaxed(cell):
    for _ in cell.each():
        x, alpha = leaf(potentials(cell)), torch.tensor(cell.value, dtype=torch.float64)
        spikes = surrogates.Relaxed(cell.at(leaf(alpha)))(x)
        cell.check_spikes(numpy(spikes))
        spikes.sum().backward()
        cell.check(numpy(x.grad), cell.at(cell.value).surrogate_grad(cell.x), 1e-12)
        jacobian = func.jacrev(lambda a: surrogates.Relaxed(cell.at(a))(potentials(cell)))(alpha)
        cell.check(numpy(jacobian), cell.relaxed_derivative(), 1e-12)


def compiled_backward(f):
    def summed(alpha):
        alpha = leaf(alpha)
        (gradient,) = autograd.grad(compiled(f, "inductor")(alpha).sum(), alpha)
        return gradient

    return summed


# Each returns the derivative to alpha of the sum of f(alpha).
RELAXED = {
    "relaxed: func.jacfwd": lambda f: lambda a: func.jacfwd(f)(a).sum(),
    "relaxed: func.vmap of grad": lambda f: lambda a: func.vmap(func.grad(total(f)))(a[None])[0],
    "relaxed: backward over checkpoint": lambda f: backward(
        lambda a: checkpoint(f, a, use_reentrant=False)
    ),
    "relaxed: compile, Inductor": compiled_backward,
    "relaxed: compile of func.grad": lambda f: compiled(func.grad(total(f)), "aot_eager"),
}


@rows(*RELAXED)
def test_relaxed_transform(cell, transform):
    x, alpha = potentials(cell), torch.tensor(cell.value, dtype=torch.float64)
    surrogate, name = cell.surrogate, cell.parameter
    derivative = RELAXED[transform](
        lambda alpha: surrogates.Relaxed(replace(surrogate, **{name: alpha}))(x)
    )
    exact = cell.relaxed_derivative().sum()
    cell.check(numpy(derivative(alpha)), exact, 1e-11)


@rows("learnable, a torch.nn.Module: in range after wild steps, compiled once")
def test_learnable(cell):
    for name in cell.each():
        module = surrogates.learnable(cell.at(cell.value), name, framework="torch").double()
        raw = module.raw[name]
        np.testing.assert_allclose(getattr(module.surrogate, name).item(), cell.value, rtol=1e-6)
        with torch.no_grad():
            raw.copy_(cell.raw())
        step, counter = counted(module)
        spikes = step(leaf(potentials(cell)))
        cell.check_spikes(numpy(spikes))
        spikes.sum().backward()
        gradient = torch.zeros(()) if raw.grad is None else raw.grad
        cell.check(numpy(gradient.sum()), cell.raw_gradient(), 1e-11)  # of one element
        count = counter.frame_count
        for maximize in (False, True):
            raw.grad = torch.ones_like(raw)
            torch.optim.SGD(module.parameters(), lr=1e6, maximize=maximize).step()
            cell.require_in_range(getattr(module.surrogate, name).item())
            cell.check_spikes(numpy(step(leaf(potentials(cell)))))
        assert counter.frame_count == count
