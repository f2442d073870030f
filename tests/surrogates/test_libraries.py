"""What other libraries call the surrogates, compared with what the libraries compute.

golden/peers.json holds spikes and gradients that golden/record.py had from the libraries' own code.
Ours must equal them, except for the names in `DIFFERENCES`: there both sides are compared with a
formula, so that a library that is mended shows up as soon as it is recorded anew.
"""

from __future__ import annotations

import inspect
import itertools
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import surrogates
from differences import DIFFERENCES
from surrogates.libraries import LIBRARIES, names_of

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "peers.json").read_text())
X = np.asarray(GOLDEN["x"])
RECORDS = GOLDEN["records"]
EVERY_NAME = [
    (library, name)
    for library in LIBRARIES
    for name in names_of(library).makers
    if names_of(library).was_run
]


def of_name(library: str, name: str) -> list[dict[str, Any]]:
    return [r for r in RECORDS if (r["library"], r["name"]) == (library, name)]


def arguments_of(record: dict[str, Any]) -> dict[str, Any]:
    """Return all arguments of a record, with the library's defaults."""
    defaults = GOLDEN["defaults"][record["library"]][record["name"]]
    return defaults | record["arguments"]


def identity(record: dict[str, Any]) -> str:
    given = ",".join(f"{key}={value}" for key, value in record["arguments"].items())
    return f"{record['library']}-{record['name']}({given})"


every_name = pytest.mark.parametrize(("library", "name"), EVERY_NAME)
every_record = pytest.mark.parametrize("record", RECORDS, ids=identity)


# Notes that are no matter of the gradient at x: what the library documents, or the second
# derivative (below).
OTHER_NOTES = {
    ("braincog", "BackEIGateGrad"),
    ("braincog", "EIGrad"),
    ("braincog", "GateGrad"),
    ("braincog", "STDPGrad"),
    *((library, name) for library, name in EVERY_NAME if library == "btorch"),
    ("mlx_snn", "fast_sigmoid_surrogate"),
    ("mlx_snn", "sigmoid_surrogate"),
    ("mlx_snn", "straight_through_surrogate"),
    ("mlx_snn", "triangular_surrogate"),
    ("norse", "tanh"),
    ("norse", "circ"),
    ("rockpool", "StepPWL"),
    ("sinabs", "Heaviside"),
    ("snntorch", "atan"),
    ("spaic", "GateGrad"),
    ("spikede", "arctan_surrogate"),
    ("spikede", "piecewise_linear_surrogate"),
    ("spikingjelly", "S2NN"),
    ("spikingjelly", "SquarewaveFourierSeries"),
    ("stork", "MultiSpike"),
}

# Parameters that the library has and the translation does not: spiking=False is `relaxed` here, and
# the functions of spyx are `surrogates.Custom`.
NOT_TAKEN = {
    "braincog": {"requires_grad"},
    "btorch": {"spiking"},
    "snngrow": {"spike_out", "spiking"},
    "spaic": {"requires_grad"},
    "spikingjelly": {"spiking"},
    "spyx": {"bwd", "fwd"},
}

# Parameters that change nothing, as functions of x.
NO_EFFECT = {
    ("braincog", "BackEIGateGrad"): {"alpha"},
    ("braincog", "EIGrad"): {"alpha"},
    ("braincog", "STDPGrad"): {"alpha"},
    ("braintools", "s2nn"): {"epsilon"},  # it is in the primitive alone
    ("mlx_snn", "straight_through_surrogate"): {"scale"},
    ("mlx_snn", "triangular_surrogate"): {"scale"},
    ("norse", "super"): {"alpha"},  # a bug, above
    ("sinabs", "Gaussian"): {"spike_threshold"},
    ("sinabs", "MultiGaussian"): {"spike_threshold"},
}


def translated(record: dict[str, Any], as_computed: bool = False) -> surrogates.Surrogate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return surrogates.from_library(
            record["library"], record["name"], as_computed, **record["arguments"]
        )


def formula_arguments(record: dict[str, Any]) -> dict[str, Any]:
    left_out = NOT_TAKEN.get(record["library"], set())
    return {k: v for k, v in arguments_of(record).items() if k not in left_out}


IN_SINGLE_PRECISION = {("mlx_snn", "sigmoid_surrogate")}  # in float64, too


def tolerance(expected: Any) -> dict[str, float]:
    # Some of theirs cancel in the tails, such as 1 - tanh(x)**2.
    size = np.max(np.abs(expected), initial=1.0, where=np.isfinite(expected))
    return {"rtol": 1e-11, "atol": 4e-15 * size}


def assert_equal(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(actual, expected, **tolerance(expected))


@every_record
def test_gradient_is_that_of_the_library(record):
    ours = translated(record).surrogate_grad(X)
    difference = DIFFERENCES.get((record["library"], record["name"]))
    if (record["library"], record["name"]) in IN_SINGLE_PRECISION:
        np.testing.assert_allclose(ours, record["gradient"], rtol=2e-5, atol=1e-9)
        return
    if difference is None:
        assert_equal(ours, record["gradient"])
        return
    arguments = formula_arguments(record)
    assert_equal(ours, difference.ours(X, **arguments))
    if "error" in record:
        assert difference.error
        assert record["error"].startswith(difference.error)
    else:
        assert_equal(record["gradient"], difference.theirs(X, **arguments))


# How they round, and where they overflow, is not reproduced.
ROUNDED = {
    ("braincog", "AtanGrad"),
    ("norse", "heavi_erfc"),
    ("sinabs", "Gaussian"),
    ("sinabs", "MultiGaussian"),
    ("spaic", "AtanGrad"),
    ("spikede", "gaussian_surrogate"),
}
OVERFLOWING = {("snntorch", "sigmoid"), ("matterhorn", "Sigmoid")}
OVERFLOWING |= {("matterhorn", "heaviside_sigmoid"), ("spikingjelly", "FakeNumericalGradient")}


@every_record
def test_as_computed_is_what_the_library_computed(record):
    name = record["library"], record["name"]
    if "error" in record:
        if name == ("rockpool", "PeriodicExponential"):  # for some arguments alone
            return
        with pytest.raises(LookupError, match="nothing to reproduce; leave as_computed out"):
            translated(record, as_computed=True)
        return
    ours, theirs = translated(record, as_computed=True), np.asarray(record["gradient"], float)
    np.testing.assert_array_equal(ours(X), record["spikes"])
    found = ours.surrogate_grad(X)
    if name in OVERFLOWING:
        found = np.where(np.isfinite(theirs), found, theirs)
    if name in ROUNDED | IN_SINGLE_PRECISION:
        np.testing.assert_allclose(found, theirs, rtol=2e-5, atol=1e-7)
    else:
        assert_equal(found, theirs)


DIFFERENT = [key for key in EVERY_NAME if key[1] in names_of(key[0]).computed]


@pytest.mark.parametrize(("library", "name"), DIFFERENT)
def test_what_differs_is_warned_of(library, name):
    """For the arguments for which it differs, and for no others."""
    assert (library, name) in DIFFERENCES
    assert names_of(library).notes[name]
    differing = []
    for record in of_name(library, name):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            surrogate = surrogates.from_library(library, name, **record["arguments"])
        assert not caught or names_of(library).notes[name] in str(caught[0].message)
        raises = "error" in record and name != "PeriodicExponential"
        assert bool(caught) == (raises or surrogate != translated(record, as_computed=True))
        differing.append(bool(caught))
    assert any(differing)


def test_what_differs_is_told_as_text_and_not_as_a_cell_of_a_table():
    with pytest.warns(UserWarning, match=r"nonzero for x > B instead of \|x\| < B\. This is"):
        surrogates.from_library("snntorch", "SFS")


def test_all_that_differs_is_computed_but_rounding_and_overflow():
    assert {*DIFFERENT} == {*DIFFERENCES} - (ROUNDED - {("sinabs", "MultiGaussian")}) - OVERFLOWING


def test_a_name_without_a_difference_is_computed_as_documented():
    for as_computed in (False, True):
        surrogate = surrogates.from_library("snntorch", "atan", as_computed, alpha=3.0)
        assert surrogate == surrogates.Arctan(3.0, at_threshold=0.0)


@every_record
def test_spikes_are_those_of_the_library(record):
    if "error" not in record:
        np.testing.assert_array_equal(translated(record)(X), record["spikes"])


@pytest.mark.parametrize("name", DIFFERENCES, ids="-".join)
def test_difference_is_still_there(name):
    difference, records = DIFFERENCES[name], of_name(*name)
    errors = [r for r in records if "error" in r]
    assert bool(errors) == bool(difference.error), "mended upstream? then take its row out"
    if difference.theirs is None:
        assert errors == records
        return
    valued = [r for r in records if "error" not in r]
    documented = [difference.ours(X, **formula_arguments(r)) for r in valued]
    assert any(
        not np.allclose(np.asarray(r["gradient"], float), expected, **tolerance(expected))
        for r, expected in zip(valued, documented, strict=True)
    ), "mended upstream? then take its row out"


def test_second_derivative_of_s2nn_is_nan_there():
    for record in of_name("spikingjelly", "S2NN"):
        second = np.asarray(record["second"])
        assert np.isnan(second[X == -1.0]).all()
        assert np.isfinite(second[X != -1.0]).all()


def test_every_note_is_verified():
    noted = {key for key in EVERY_NAME if names_of(key[0]).notes[key[1]]}
    assert noted == {*DIFFERENCES, *OTHER_NOTES}


@pytest.mark.parametrize("record", [r for r in RECORDS if "primitive" in r], ids=identity)
def test_primitive_is_that_of_the_library_up_to_a_constant(record):
    ours, theirs = translated(record).surrogate_fun(X), np.asarray(record["primitive"])
    if record["name"] == "S2NN":  # they add an epsilon inside the logarithm
        arguments = {"epsilon": 1e-5} | arguments_of(record)
        above = X[X >= 0]
        excess = np.log(above + 1 + arguments["epsilon"]) - np.log1p(above)
        theirs[X >= 0] -= arguments["beta"] * excess
    if "grad_window" in record["arguments"]:  # which their primitive ignores
        np.testing.assert_array_equal(theirs, np.clip(X, 0, record["arguments"]["max_spike_count"]))
        return
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], rtol=1e-12, atol=1e-12)


@every_name
def test_signature_and_version_are_those_of_the_library(library, name):
    parameters = inspect.signature(names_of(library).makers[name]).parameters.values()
    ours = {
        p.name: "required" if p.default is p.empty else p.default
        for p in parameters
        if p.name != "at_threshold"
    }
    theirs = GOLDEN["defaults"][library][name]
    assert ours == {k: v for k, v in theirs.items() if k not in NOT_TAKEN.get(library, ())}
    assert names_of(library).version == GOLDEN["versions"][library]


@every_name
def test_every_parameter_is_recorded_at_other_values(library, name):
    records = of_name(library, name)
    defaults = GOLDEN["defaults"][library][name]
    assert records
    names = set(defaults) - NOT_TAKEN.get(library, set())
    assert not names or any(arguments_of(r) != defaults for r in records)
    for parameter in names:
        pairs = [
            (a, b) for a, b in itertools.combinations(records, 2) if differing(a, b) == {parameter}
        ]
        assert pairs, f"no record varies {parameter} alone"
        silent = parameter in NO_EFFECT.get((library, name), ()) or all(
            "error" in r for r in records
        )
        assert any(values(a) != values(b) for a, b in pairs) == (not silent)


def differing(a: dict[str, Any], b: dict[str, Any]) -> set[str]:
    a, b = arguments_of(a), arguments_of(b)
    return {key for key in a if a[key] != b[key]}


def values(record: dict[str, Any]) -> list[Any]:
    return [record.get(key) for key in ("spikes", "gradient", "primitive")]


def test_records_have_no_name_that_is_not_translated():
    assert {(r["library"], r["name"]) for r in RECORDS} == set(EVERY_NAME)


@every_name
def test_spike_at_threshold_is_that_of_the_library(library, name):
    """Also of what is inside a wrapper, which shows once it is taken out."""
    surrogate = translated(of_name(library, name)[-1])
    while not isinstance(surrogate, surrogates.MultiSpike):
        assert surrogate.at_threshold == names_of(library).spikes[name]
        if not hasattr(surrogate, "surrogate"):
            break
        surrogate = surrogate.surrogate


def test_shift_may_be_an_array():
    moved = surrogates.from_library("sinabs", "Gaussian", mu=np.asarray([0.0, 0.5]))
    expected = [surrogates.from_library("sinabs", "Gaussian", mu=mu) for mu in (0.0, 0.5)]
    np.testing.assert_allclose(
        moved.surrogate_grad(np.asarray([0.25, 0.25])), [s.surrogate_grad(0.25) for s in expected]
    )


def test_libraries_are_known_as_they_spell_themselves():
    assert surrogates.from_library("SpikingJelly", "ATan") == surrogates.Arctan(2.0)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(LookupError, match="known are bmtk, braincog, brainpy"):
        surrogates.from_library("nengo", "atan")
    with pytest.raises(LookupError, match=r"name 'arctan' of snntorch; did .*'atan'. known are"):
        surrogates.from_library("snntorch", "arctan")
    with pytest.raises(LookupError, match=r"of brainpy; known are none; .* those of braintools"):
        surrogates.from_library("brainpy", "Sigmoid")
    with pytest.raises(LookupError, match=r"'xyz' of snntorch; known are LSO"):
        surrogates.from_library("snntorch", "xyz")
    with pytest.raises(TypeError, match=r"snntorch atan\(alpha=2.0\)"):
        surrogates.from_library("snntorch", "atan", slope=1.0)
    with pytest.raises(TypeError, match=r"braintools ERF\(alpha=1.0\): .*'at_threshold'"):
        surrogates.from_library("braintools", "ERF", at_threshold=0.0)
    with pytest.raises(LookupError, match=r"surrogate_type must be one of .*'exponential'"):
        surrogates.from_library("stork", "CustomSpike", surrogate_type="Superspike")


@pytest.mark.parametrize("parameter", [10, 25.0, 1, np.ones(2)])
def test_a_parameter_without_its_name_is_not_taken_for_as_computed(parameter):
    with pytest.raises(TypeError, match=r"as_computed must be True or False.*by name: fast_sig"):
        surrogates.from_library("snntorch", "fast_sigmoid", parameter)
