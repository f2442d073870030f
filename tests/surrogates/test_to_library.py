"""What neurons of other libraries take, without the libraries: those are run in tests/libraries."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import surrogates
from surrogates import from_library, to_library
from surrogates.libraries import LIBRARIES, names_of
from surrogates.libraries._threshold import _Threshold

V = np.asarray([-1.0, 0.5, 1.0, 1.5, 2.0, 4.5])
WITH_NEURONS = [name for name in LIBRARIES if names_of(name).arguments]


def test_a_neuron_that_takes_any_function_takes_the_surrogate_itself():
    surrogate = surrogates.Arctan(2.0, at_threshold=0.0)
    for library in ("snntorch", "spyx", "brainpy", "braintools", "slax", "snnax"):
        assert to_library(library, surrogate) is surrogate


def test_sinabs_is_given_the_derivative_at_the_potential():
    adapter = to_library("sinabs", surrogates.SlayerGrad(2.0), "surrogate_grad_fn")
    expected = surrogates.SlayerGrad(2.0).surrogate_grad(V - 1.5)
    np.testing.assert_array_equal(adapter(V, 1.5), expected)
    signed = to_library("sinabs", surrogates.Ternary(surrogates.SlayerGrad(2.0)))
    expected = surrogates.Ternary(surrogates.SlayerGrad(2.0), 1.5).surrogate_grad(V - 1.5)
    np.testing.assert_array_equal(signed(V, 1.5), expected)


@pytest.mark.parametrize("threshold", [1.0, 2.0])
@pytest.mark.parametrize("wrap", [lambda s: s, surrogates.Compressed, surrogates.Scaled])
def test_spikes_are_counted_by_the_threshold_of_the_neuron(threshold, wrap):
    counting = wrap(surrogates.MultiSpike(surrogates.SlayerGrad(), max_spikes=3))
    adapter = to_library("sinabs", counting, "spike_fn")
    assert adapter.required_states == ["v_mem"]
    expected = np.clip(np.floor(V / threshold), 0, 3)
    np.testing.assert_array_equal(adapter.apply(V, threshold, None), expected)
    single = to_library("sinabs", wrap(surrogates.SlayerGrad()), "spike_fn")
    np.testing.assert_array_equal(single.apply(V, threshold, None), threshold <= V)


def test_sinabs_gives_its_threshold_no_gradient(torch):
    v, threshold = (torch.tensor(a, requires_grad=True) for a in (V, 1.5))
    adapter = to_library("sinabs", surrogates.SlayerGrad(), "spike_fn")
    adapter.apply(v, threshold, None).sum().backward()
    assert threshold.grad is None
    expected = surrogates.SlayerGrad().surrogate_grad(V - 1.5)
    np.testing.assert_array_equal(v.grad.numpy(), expected)


def test_rockpool_gives_its_threshold_the_gradient_of_a_quotient(torch):
    v, threshold = (torch.tensor(a, requires_grad=True) for a in (V, [1.5]))
    adapter = to_library("rockpool", surrogates.SlayerGrad())
    spikes = adapter.apply(v, threshold, torch.tensor(0.5), torch.tensor(2.0**16))
    np.testing.assert_array_equal(spikes.detach().numpy(), V >= 1.5)
    spikes.sum().backward()
    expected = surrogates.SlayerGrad().surrogate_grad(V - 1.5)
    np.testing.assert_array_equal(v.grad.numpy(), expected)
    np.testing.assert_allclose(threshold.grad.item(), (-V / 1.5 * expected).sum(), rtol=1e-6)


def test_stork_calls_apply():
    adapter = to_library("stork", surrogates.SlayerGrad())
    np.testing.assert_array_equal(adapter.apply(V - 1.0), V >= 1.0)


def test_spikingjelly_is_given_a_module_that_can_emit_the_primitive(torch):
    surrogate = surrogates.Sigmoid(4.0)
    module = to_library("spikingjelly", surrogate)
    assert module.spiking
    x = torch.tensor(V, requires_grad=True)
    assert torch.equal(module(x), surrogate(x))
    module.set_spiking_mode(False)
    assert "Sigmoid(alpha=4.0), spiking=False" in repr(module)
    torch.testing.assert_close(module(x), surrogate.surrogate_fun(x))
    module(x).sum().backward()
    torch.testing.assert_close(x.grad, surrogate.surrogate_grad(x.detach()))


def test_a_module_registers_the_arrays(torch):
    alpha, learned = torch.tensor([1.0, 2.0]), torch.nn.Parameter(torch.tensor(3.0))
    for library in ("snntorch", "spikingjelly"):
        module = to_library(library, surrogates.Sigmoid(alpha))
        assert [*module.state_dict()] == ["array_alpha"]
        assert module.double()(torch.zeros(2, dtype=torch.float64)).dtype is torch.float64
        relaxed = to_library(library, surrogates.Relaxed(surrogates.Sigmoid(learned)))
        assert [*relaxed.parameters()] == [learned]
        relaxed(torch.tensor(0.5)).backward()
        assert learned.grad.item() != 0.0
        with pytest.raises(ValueError, match=r"alpha requires a gradient, and would get none"):
            to_library(library, surrogates.Sigmoid(learned))


def called_by_its_neuron(library, argument, surrogate, x):
    taken = to_library(library, surrogate, argument)
    if library == "norse":
        return _Threshold(taken.surrogate)(x, "super", 1.0)
    more = {"sinabs": [x, None], "rockpool": [x, None, None]}.get(library, [])
    return getattr(taken, "apply", taken)(x, *more)


OF_TORCH = ("snntorch", "spikingjelly", "sinabs", "rockpool", "stork", "norse")


@pytest.mark.parametrize(
    ("library", "argument"), [(name, a) for name in OF_TORCH for a in names_of(name).arguments]
)
def test_no_neuron_takes_a_parameter_in_silence_that_nothing_trains(library, argument, torch):
    learned = torch.nn.Parameter(torch.tensor(3.0))
    surrogate = surrogates.Sigmoid(learned, at_threshold=0.0)
    with pytest.raises((ValueError, UserWarning), match="alpha"):
        called_by_its_neuron(library, argument, surrogate, torch.tensor([1.5]))


def test_sinabs_refuses_what_it_would_not_train_and_takes_it_where_it_is_trained(torch):
    learned = torch.nn.Parameter(torch.tensor(3.0))
    relaxed = surrogates.Relaxed(surrogates.Sigmoid(learned))
    with pytest.raises(ValueError, match=r'surrogate\.alpha of Relaxed(.*\n)+.*"spike_fn"\)'):
        to_library("sinabs", relaxed, "surrogate_grad_fn")
    v = torch.tensor([1.5])
    to_library("sinabs", surrogates.Sigmoid(learned.detach()), "surrogate_grad_fn")(v, 1.0)
    to_library("sinabs", relaxed, "spike_fn").apply(v, 1.0, None).sum().backward()
    assert learned.grad.item() != 0.0


@pytest.mark.parametrize("library", ["slax", "snnax"])
def test_arrays_are_refused_where_the_neuron_keeps_a_static_value(library):
    with pytest.raises(ValueError, match=r"static value, so .* give its parameters as numbers"):
        to_library(library, surrogates.Sigmoid(np.asarray([1.0, 2.0])))


@pytest.mark.parametrize("library", WITH_NEURONS)
def test_what_a_neuron_takes_is_copied_and_pickled(library):
    if library == "spikingjelly":
        pytest.importorskip("torch")
    for argument in names_of(library).arguments:
        adapter = to_library(library, surrogates.Arctan(2.0, at_threshold=0.0), argument)
        for other in (copy.deepcopy(adapter), pickle.loads(pickle.dumps(adapter))):
            assert type(other) is type(adapter)
            if other is not adapter and hasattr(adapter, "surrogate"):
                assert other.surrogate == adapter.surrogate


def test_unknown_names_list_the_known_ones():
    sigmoid = surrogates.Sigmoid()
    known = ", ".join(LIBRARIES)
    with pytest.raises(LookupError, match=f"unknown library 'keras'; known are {known}"):
        to_library("keras", sigmoid)
    with pytest.raises(LookupError, match=rf"'snn_torch'; did you mean 'snntorch'\? kno.* {known}"):
        to_library("snn_torch", sigmoid)
    for elsewhere in (from_library, to_library):
        with pytest.raises(LookupError, match=r"'brainstate'; .* 'braintools'.* 'brainpy'; known"):
            elsewhere("brainstate", sigmoid)
    with pytest.raises(TypeError, match="library is a name such as 'snntorch', got 3"):
        to_library(3, sigmoid)
    with pytest.raises(LookupError, match=r"neurons of bmtk take is not known.* for .*brainpy,"):
        to_library("bmtk", sigmoid)
    with pytest.raises(LookupError, match="unknown argument 'spk' of sinabs; known are surrogate_"):
        to_library("sinabs", sigmoid, "spk")
    for value in (surrogates.Sigmoid, lambda x: x, None):
        with pytest.raises(TypeError, match=r"expected a surrogate such as .*Sigmoid\(\)"):
            to_library("sinabs", value)


@pytest.mark.parametrize(
    ("library", "surrogate", "message"),
    [
        ("spikingjelly", surrogates.GaussianGrad(), "no function with the formula of GaussianGrad"),
        ("spikingjelly", surrogates.Arctan(at_threshold=0.0), r"ATan\(alpha=1.0\) .* x = 0 is 1"),
        ("snntorch", surrogates.Arctan(2.0), r"atan\(alpha=2.0\) .* at_threshold=0.0"),
        ("snntorch", surrogates.Sigmoid(np.asarray([1.0])), "take numbers, but .* holds arrays"),
        ("sinabs", from_library("sinabs", "SingleExponential"), "spike_threshold of the layer"),
        ("rockpool", from_library("rockpool", "StepPWL"), "no objects of this library are known"),
    ],
    ids=str,
)
def test_why_a_library_has_no_object_of_its_own(library, surrogate, message):
    with pytest.raises(LookupError, match=message):
        to_library(library, surrogate, native=True)


RECORDS = json.loads((Path(__file__).parents[1] / "golden" / "peers.json").read_text())["records"]
OF_WINDOW = "grad_window"  # whose ends are not found again


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.*pass as_computed=True")
@pytest.mark.parametrize("library", [name for name in LIBRARIES if names_of(name).module])
def test_native_finds_the_arguments_of_every_object_of_the_library(library, monkeypatch):
    entry = names_of(library)
    monkeypatch.setattr(entry, "make", entry.surrogate)  # the library need not be installed
    for record in (record for record in RECORDS if record["library"] == library):
        name, arguments = record["name"], record["arguments"]
        of_layer = {*entry.of_layer} & inspect.signature(entry.makers[name]).parameters.keys()
        if of_layer and name not in ("Gaussian", "MultiGaussian"):  # whose gradient ignores it
            continue
        if not entry.differs(name, arguments) and not {*entry.of_layer, OF_WINDOW} & {*arguments}:
            surrogate = from_library(library, name, **arguments)
            assert to_library(library, surrogate, native=True) == surrogate


def test_native_parameters_of_norse_are_a_method_and_alpha():
    surrogate = surrogates.TanhGrad(3.0, at_threshold=0.0)
    assert to_library("norse", surrogate, native=True) == {"method": "tanh", "alpha": 3.0}


def test_the_versions_that_are_run_are_those_that_are_named():
    pinned = (Path(__file__).parents[1] / "libraries" / "constraints.txt").read_text()
    lines = pinned.lower().replace("-", "_").splitlines()
    versions = dict(line.split("==") for line in lines if "==" in line)
    run = [name for name in WITH_NEURONS if name in versions]
    assert len(run) >= 9
    for name in run:
        assert names_of(name).version == versions[name]
