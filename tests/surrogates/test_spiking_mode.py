"""Modules that emit spikes or the primitive, and models that are turned over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import surrogates
from networks import LIBRARIES, VALUES
from surrogates import (
    MultiSpike,
    Relaxed,
    Sigmoid,
    Smooth,
    learnable,
    module,
    set_spiking_mode,
)
from surrogates._modules import FRAMEWORKS


@pytest.fixture(params=FRAMEWORKS)
def library(request):
    return LIBRARIES[request.param]()


@pytest.mark.parametrize("is_learned", [False, True])
def test_the_primitive_is_emitted_with_its_gradient(library, is_learned):
    surrogate, x = Sigmoid(library.array([1.0, 2.0, 3.0])), library.array(VALUES)
    if is_learned:
        spike = learnable(surrogate, "alpha", framework=library.name, spiking=False)
    else:
        spike = module(surrogate, library.name, spiking=False)
    assert spike.spiking is False
    assert "spiking=False" in repr(spike)
    np.testing.assert_allclose(
        library.read(spike(x)), library.read(surrogate.surrogate_fun(x)), rtol=1e-6
    )
    slope = library.gradient(spike, x)
    np.testing.assert_allclose(slope, library.read(surrogate.surrogate_grad(x)), rtol=1e-6)
    assert repr(spike.surrogate) == repr(set_spiking_mode(spike, True).surrogate)
    spike = set_spiking_mode(spike, True)
    np.testing.assert_array_equal(library.read(spike(x)), library.read(surrogate(x)))


@pytest.mark.parametrize("wrapper", [Relaxed, Smooth])
def test_what_has_a_gradient_to_its_parameters_is_learned_as_it_is(library, wrapper):
    surrogate, x = wrapper(Sigmoid(2.0)), library.array(VALUES)
    spike = learnable(surrogate, "alpha", framework=library.name, spiking=wrapper is Relaxed)
    assert repr(spike).startswith(f"SurrogateModule({wrapper.__name__}(surrogate=Sigmoid(alpha=2.0")
    for found, expected in ((spike, surrogate), (spike.surrogate, surrogate)):
        outputs = library.read(found(x)), library.read(expected(x))
        np.testing.assert_allclose(*outputs, rtol=1e-6)
        slopes = library.gradient(found, x), library.gradient(expected, x)
        np.testing.assert_allclose(*slopes, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_module_of_half_precision_is_shown(library, dtype):
    values = library.array([1.0, 2.5], dtype)
    text = "SurrogateModule(Sigmoid(alpha=[1.0, 2.5]), spiking=True)"
    assert repr(module(Sigmoid(values), library.name)) == text


class OddlyNamed(surrogates.Surrogate):
    """Whose parameters are called as what a module holds."""

    plan: float = surrogates.parameter(1.0, low=0.0)
    held: float = surrogates.parameter(2.0, low=0.0)
    raw: float = surrogates.parameter(3.0, low=0.0)

    def primitive(self, xp, x):
        return 0.5 + self.plan * self.held * xp.tanh(self.raw * x)


def test_a_parameter_may_be_called_as_what_a_module_holds(library):
    surrogate, x = OddlyNamed(held=library.array(2.0)), library.array(VALUES)
    spike = learnable(surrogate, "plan", "raw", framework=library.name)
    spike = set_spiking_mode(spike, False)
    outputs = library.read(spike(x)), library.read(surrogate.surrogate_fun(x))
    np.testing.assert_allclose(*outputs, rtol=1e-6)


def test_a_model_is_turned_over_and_back(library):
    network = library.perceptron(learnable(Sigmoid(2.0), "alpha", framework=library.name))
    for spiking in (False, True):
        switched = set_spiking_mode(network, spiking)
        assert library.spike_of(switched).spiking is spiking
        assert library.is_frozen or switched is network
    if library.is_frozen:
        assert library.spike_of(set_spiking_mode(network, False)).spiking is False
        assert library.spike_of(network).spiking is True


@pytest.mark.parametrize("name", ["torch", "flax"])
@pytest.mark.parametrize("value", ["no", 1, None])
def test_a_mode_that_is_no_bool_is_refused_and_changes_nothing(name, value):
    pytest.importorskip({"flax": "flax.nnx"}.get(name, name))
    spike = module(Sigmoid(), name)
    message = rf"module\(Sigmoid.*: spiking must be True or False, got {value!r}"
    with pytest.raises(TypeError, match=message):
        spike.spiking = value
    with pytest.raises(TypeError, match=message):
        spike.set_spiking_mode(value)
    assert spike.spiking is True


@pytest.mark.parametrize("name", ["torch", "flax"])
def test_a_module_can_be_switched_as_those_of_spikingjelly_are(name):
    pytest.importorskip({"flax": "flax.nnx"}.get(name, name))
    spike = module(Sigmoid(), name)
    spike.spiking = False
    assert spike.spiking is False
    spike.set_spiking_mode(True)
    assert spike.spiking is True


def test_the_surrogate_functions_of_spikingjelly_are_switched_too(torch):
    class Theirs(torch.nn.Module):
        spiking = True

        def set_spiking_mode(self, spiking):
            self.spiking = spiking

    network = torch.nn.Sequential(Theirs(), module(Sigmoid(), "torch"))
    set_spiking_mode(network, False)
    assert [layer.spiking for layer in network] == [False, False]


def test_a_plain_surrogate_in_a_model_cannot_be_switched(library):
    network, place = library.holding(Sigmoid())
    with pytest.raises(ValueError, match=rf"set_spiking_mode: {place} of the Sequential cannot"):
        set_spiking_mode(network, False)


def test_all_surrogates_are_switched_or_none(library):
    class Derivative(surrogates.Surrogate):
        def derivative(self, xp, x):
            return 1 / (1 + x * x)

    spikes = [module(s, library.name) for s in (Sigmoid(), Derivative())]
    network = library.sequential(*spikes)
    with pytest.raises(TypeError, match=r"emits the primitive\. .* defines no primitive"):
        set_spiking_mode(network, False)
    assert spikes[0].spiking is True


def test_what_cannot_be_switched(torch):
    with pytest.raises(ValueError, match="found no surrogate in the Linear"):
        set_spiking_mode(torch.nn.Linear(2, 2), False)
    with pytest.raises(TypeError, match=r"that is a torch\.nn\.Module, a flax.* or an? .* got Sig"):
        set_spiking_mode(Sigmoid(), False)
    with pytest.raises(TypeError, match="spiking must be True or False, got 0"):
        set_spiking_mode(module(Sigmoid(), "torch"), 0)
    with pytest.raises(TypeError, match="MultiSpike inside decides the emission already"):
        module(MultiSpike(Sigmoid()), "torch", spiking=False)
    smooth = module(Smooth(Sigmoid()), "torch")
    assert smooth.spiking is False
    with pytest.raises(ValueError, match="cannot spike, since Smooth decides"):
        smooth.spiking = True


def test_surrogates_in_the_collections_of_an_equinox_module_are_found(jax):
    equinox = pytest.importorskip("equinox")

    class Network(equinox.Module):
        parts: Any

    spike = module(Sigmoid(), "equinox")
    first, (second, _) = set_spiking_mode(Network({"all": [spike, (spike, 1)]}), False).parts["all"]
    assert first.spiking is second.spiking is False
    message = r"parts\.other, parts\.all\.1\.0 of the Network cannot be switched"
    with pytest.raises(ValueError, match=message):
        set_spiking_mode(Network({"all": [spike, (Sigmoid(), 1)], "other": Sigmoid()}), False)
