"""PyTorch's rows of the matrix of transforms."""

from __future__ import annotations

import copy
import gc
import io
import pickle
from dataclasses import replace

import numpy as np
import pytest

import surrogates
from matrix import rows

torch = pytest.importorskip("torch")
func, autograd = torch.func, torch.autograd
from torch.utils.checkpoint import checkpoint  # noqa: E402

from in_torch import (  # noqa: E402
    WARNINGS,
    backward,
    compiled,
    counted,
    leaf,
    numpy,
    potentials,
    total,
)

FRAMEWORK = "PyTorch"
pytestmark = WARNINGS


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


@pytest.mark.long
@rows(*INSIDE)
def test_compiled_transform(cell, transform):
    torch.compiler.reset()
    f = torch.compile(INSIDE[transform](cell.surrogate), fullgraph=True, backend="aot_eager")
    cell.order(1, numpy(f(potentials(cell))))


@pytest.mark.long
@rows("compile of func.hessian")
def test_compiled_hessian(cell):
    torch.compiler.reset()
    f = torch.compile(func.hessian(total(cell.surrogate)), fullgraph=True, backend="aot_eager")
    cell.order(2, numpy(f(potentials(cell)).diagonal()))


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
@pytest.mark.long
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


@pytest.mark.long
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
@pytest.mark.filterwarnings("ignore:The AccumulateGrad node:UserWarning")  # of PyTorch's own tool
@rows("CUDA graph")
def test_cuda_graph(cell):
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no CUDA device")
    # Without a sample that requires a gradient, no backward pass is captured.
    sample = torch.zeros(8, device="cuda", dtype=torch.float64, requires_grad=True)
    gc.collect()  # or a graph of an earlier test may be freed in the capture, which ends it
    graphed = torch.cuda.make_graphed_callables(Spiking(cell.surrogate).cuda(), (sample,))
    cell.check(numpy(backward(graphed)(potentials(cell).cuda()).cpu()), cell.derivative(), 1e-13)
