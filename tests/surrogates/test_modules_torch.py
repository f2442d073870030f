"""Surrogates as modules of PyTorch: moved, saved, compiled; parameters that nothing would train."""

from __future__ import annotations

import copy
import io
import pickle
import warnings

import pytest

from networks import VALUES
from surrogates import (
    Arctan,
    Mixture,
    MultiSpike,
    Relaxed,
    Scaled,
    Sigmoid,
    Smooth,
    Ternary,
    learnable,
    module,
    set_spiking_mode,
)


def in_torch():
    import in_torch  # which imports PyTorch

    return in_torch


def test_a_torch_module_is_moved_saved_and_copied_with_its_network(torch, tmp_path):
    spike = module(Scaled(Sigmoid(torch.tensor([1.0, 2.0, 3.0])), rate=torch.tensor(2.0)))
    assert isinstance(spike, torch.nn.Module)
    assert list(spike.state_dict()) == ["array_surrogate/alpha", "array_rate"]
    assert not list(spike.parameters())
    network = torch.nn.Sequential(torch.nn.Linear(3, 3), spike)
    for name in ("double", "half", "bfloat16"):
        moved = getattr(copy.deepcopy(network), name)()
        dtype = moved[0].weight.dtype
        assert moved[1].surrogate.surrogate.alpha.dtype == dtype
        x = torch.asarray(VALUES, dtype=dtype, requires_grad=True)
        moved(x).sum().backward()
        assert x.grad.dtype == dtype
    assert copy.deepcopy(network).to("meta")[1].surrogate.rate.device.type == "meta"
    torch.save(network.state_dict(), tmp_path / "state.pt")
    other = module(Scaled(Sigmoid(torch.ones(3)), rate=torch.tensor(1.0)))
    other = torch.nn.Sequential(torch.nn.Linear(3, 3), other)
    other.load_state_dict(torch.load(tmp_path / "state.pt"))
    memory = io.BytesIO()
    torch.save(network, memory)
    memory.seek(0)
    x = torch.asarray(VALUES, dtype=torch.float32)
    expected = network(x)
    for copied in (
        other,
        copy.deepcopy(network),
        pickle.loads(pickle.dumps(network)),
        torch.load(memory, weights_only=False),
    ):
        torch.testing.assert_close(copied(x), expected)
        assert repr(copied[1]) == repr(spike)


def test_hooks_of_a_torch_module_are_called(torch):
    spike, seen = module(Sigmoid(), "torch"), []
    spike.register_forward_hook(lambda module, inputs, output: seen.append(output.tolist()))
    torch.nn.Sequential(spike)(torch.tensor([-0.5, 0.5]))
    assert seen == [[0.0, 1.0]]


def test_a_torch_module_can_be_replicated(torch):
    # What DataParallel does for each device, which takes two of them.
    spike = learnable(Scaled(Sigmoid(torch.tensor([1.0, 2.0, 3.0]))), "amplitude")
    x = torch.asarray(VALUES, dtype=torch.float32)
    assert torch.equal(torch.nn.DataParallel(spike)(x), spike(x))
    replica, raw = spike._replicate_for_data_parallel(), spike.raw._replicate_for_data_parallel()
    replica._modules["raw"] = raw
    raw.amplitude = spike.raw["amplitude"] * 1  # a copy, through which a gradient arrives
    replica(x).sum().backward()
    found = spike.raw["amplitude"].grad.clone()
    spike.raw["amplitude"].grad = None
    spike(x).sum().backward()
    torch.testing.assert_close(found, spike.raw["amplitude"].grad)


# which PyTorch itself causes while it traces
from_dynamo = pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")


@from_dynamo
@pytest.mark.parametrize("is_learned", [False, True])
def test_a_torch_module_compiles_once_for_each_mode(torch, is_learned):
    surrogate = Sigmoid(torch.tensor([1.0, 2.0, 3.0]))
    spike = learnable(surrogate, "alpha") if is_learned else module(surrogate)
    network = torch.nn.Sequential(torch.nn.Linear(3, 3), spike)
    compiled, counter = in_torch().counted(network)
    x = torch.asarray(VALUES, dtype=torch.float32)
    for number in range(6):
        spiking = number % 2 == 0
        set_spiking_mode(network, spiking)
        output = compiled(x)
        output.sum().backward()
        torch.testing.assert_close(output, network(x))
        assert (output.detach().unique().numel() <= 2) is spiking
    assert counter.frame_count == 2


@from_dynamo
def test_a_module_without_arrays_compiles_once(torch):
    compiled, counter = in_torch().counted(module(Sigmoid(), "torch"))
    for _ in range(3):
        x = torch.asarray(VALUES, dtype=torch.float32).requires_grad_()
        compiled(x).sum().backward()
        torch.testing.assert_close(x.grad, Sigmoid().surrogate_grad(x.detach()))
    assert counter.frame_count == 1


# Parameters of PyTorch that nothing would train.


def test_a_parameter_that_a_spike_does_not_depend_on_is_told(torch):
    alpha = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
    x = torch.asarray(VALUES, dtype=torch.float32)
    for surrogate, place in (
        (Sigmoid(alpha), "alpha"),
        (MultiSpike(Sigmoid(alpha)), "surrogate.alpha"),
        (Ternary(Sigmoid(alpha)), "surrogate.alpha"),
        (Mixture((Sigmoid(), Arctan(alpha)), (0.5, 0.5)), "surrogates.1.alpha"),
    ):
        with pytest.warns(UserWarning, match=rf"{place} is a Parameter, but .*'{place}'") as found:
            surrogate(x)
        assert [w.filename for w in found] == [__file__]


def test_a_parameter_that_is_trained_or_needs_no_training_is_not_told(torch):
    alpha = torch.nn.Parameter(torch.tensor(2.0))
    x = torch.asarray(VALUES, dtype=torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Relaxed(Sigmoid(alpha))(x)
        Smooth(Sigmoid(alpha))(x)
        learnable(Sigmoid(alpha), "alpha")(x)
        Ternary(Sigmoid(), threshold=torch.nn.Parameter(torch.tensor(2.0)))(x)
        Sigmoid(torch.tensor(2.0, requires_grad=True))(x)  # of a hypergradient
        with torch.no_grad():
            Sigmoid(alpha)(x)
        torch.compile(Sigmoid(alpha), fullgraph=True, backend="eager")(x)


@pytest.mark.parametrize("wrap", ["Parameter", "tensor"])
def test_a_module_refuses_what_would_get_no_gradient(torch, wrap):
    alpha = torch.tensor(2.0, requires_grad=True)
    alpha = torch.nn.Parameter(alpha) if wrap == "Parameter" else alpha
    message = r"surrogate\.alpha requires a gradient.*learnable\(surrogate, 'surrogate\.alpha'\)"
    with pytest.raises(ValueError, match=f"{message}.*alpha=tensor"):
        module(Scaled(Sigmoid(alpha)))


def test_a_parameter_that_has_a_gradient_is_one_of_the_module(torch):
    alpha = torch.nn.Parameter(torch.tensor(2.0))
    for surrogate in (Relaxed(Sigmoid(alpha)), Ternary(Sigmoid(), threshold=alpha)):
        alpha.grad = None
        spike = module(surrogate)
        assert list(spike.parameters()) == [alpha]
        spike(torch.tensor([0.3])).sum().backward()
        assert alpha.grad.abs() > 0


@pytest.mark.parametrize(
    ("surrogate", "arguments", "told"),
    [
        (Sigmoid(), ("alpha",), r"learnable\(surrogate, 'alpha', framework=...\)"),
        (Sigmoid(), ("alpha", "torch"), "'alpha'; a parameter is learned by learnable"),
        (Scaled(Sigmoid()), ("alpha",), "a parameter is learned by learnable"),
        (Sigmoid(), ("pytorch",), "write framework='torch'"),
        (Sigmoid(), ("jax",), "for JAX, choose flax"),
    ],
)
def test_the_place_of_the_framework_is_told(surrogate, arguments, told, torch):
    with pytest.raises(ValueError, match=f"module: framework must be one of .* got .*{told}"):
        module(surrogate, *arguments)
    with pytest.raises(ValueError, match=r"got <module 'torch' .*; write framework='torch'$"):
        module(surrogate, torch)


def test_a_sequence_of_pytorch_takes_no_plain_surrogate(torch):
    with pytest.raises(TypeError, match="Sigmoid is not a Module subclass"):  # as the pages say
        torch.nn.Sequential(Sigmoid())
    torch.nn.Sequential(module(Sigmoid(), "torch"))


def test_the_surrogate_of_a_learnable_module_is_not_relaxed(torch):
    spike = learnable(Sigmoid(), "alpha", framework="torch")
    x = torch.tensor(0.3, requires_grad=True)
    for emit, is_relaxed in ((spike, True), (spike.surrogate, False)):
        (gradient,) = torch.autograd.grad(emit(x), spike.raw["alpha"], allow_unused=True)
        assert (gradient is not None and bool(gradient.any())) is is_relaxed
