"""What other libraries call the surrogates, compared with what the libraries compute.

golden/peers.json holds spikes and gradients that golden/record.py had from the libraries' own code.
Ours must equal them, except for the names of which a file in golden/libraries states a difference:
there both sides are compared with a formula, so that a library that is mended shows up as soon as
it is recorded anew.
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
from golden.facts import Difference
from golden.libraries import LIBRARIES as WITH_FACTS
from golden.libraries import facts_of
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

DIFFERENCES: dict[tuple[str, str], Difference] = {
    (library, name): difference
    for library in WITH_FACTS
    for name, difference in facts_of(library).differences.items()
}
# Notes that are no matter of the gradient at x: what the library documents, or the second
# derivative (below).
OTHER_NOTES = {(library, name) for library in WITH_FACTS for name in facts_of(library).other_notes}
STATE_IT = "state it in differences, or other_notes, of its file in tests/golden/libraries"
MENDED = "mended upstream? then take it out of differences, in its file in tests/golden/libraries"


def of_name(library: str, name: str) -> list[dict[str, Any]]:
    """Return its records; without any, the test says what is missing."""
    facts_of(library)
    found = [r for r in RECORDS if (r["library"], r["name"]) == (library, name)]
    assert found, f"not recorded: run python -m nox -s golden -- {library}"
    return found


def arguments_of(record: dict[str, Any]) -> dict[str, Any]:
    """Return all arguments of a record, with the library's defaults."""
    return GOLDEN["defaults"][record["library"]][record["name"]] | record["arguments"]


def identity(record: dict[str, Any]) -> str:
    given = ",".join(f"{key}={value}" for key, value in record["arguments"].items())
    return f"{record['library']}-{record['name']}({given})"


every_name = pytest.mark.parametrize(("library", "name"), EVERY_NAME)
every_record = pytest.mark.parametrize("record", RECORDS, ids=identity)


def translated(record: dict[str, Any], as_computed: bool = False) -> surrogates.Surrogate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return surrogates.from_library(
            record["library"], record["name"], as_computed, **record["arguments"]
        )


def formula_arguments(record: dict[str, Any]) -> dict[str, Any]:
    left_out = facts_of(record["library"]).not_taken
    return {k: v for k, v in arguments_of(record).items() if k not in left_out}


def in_single_precision(record: dict[str, Any]) -> bool:
    """Return whether the library computes in it in float64, too."""
    return record["name"] in facts_of(record["library"]).in_single_precision


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
    if in_single_precision(record):
        np.testing.assert_allclose(ours, record["gradient"], rtol=2e-5, atol=1e-9)
        return
    if difference is None:
        assert "error" not in record, STATE_IT
        assert_equal(ours, record["gradient"])
        return
    arguments = formula_arguments(record)
    assert_equal(ours, difference.ours(X, **arguments))
    if "error" in record:
        assert difference.error
        assert record["error"].startswith(difference.error)
    else:
        assert_equal(record["gradient"], difference.theirs(X, **arguments))


@every_record
def test_as_computed_is_what_the_library_computed(record):
    difference = DIFFERENCES.get((record["library"], record["name"]))
    if "error" in record:
        if difference and difference.theirs is not None:  # for some arguments alone
            return
        with pytest.raises(LookupError, match="nothing to reproduce; leave as_computed out"):
            translated(record, as_computed=True)
        return
    ours, theirs = translated(record, as_computed=True), np.asarray(record["gradient"], float)
    np.testing.assert_array_equal(ours(X), record["spikes"])
    found = ours.surrogate_grad(X)
    # How they round, and where they overflow, is not reproduced.
    if difference and difference.overflows:
        found = np.where(np.isfinite(theirs), found, theirs)
    if (difference and difference.rounds) or in_single_precision(record):
        np.testing.assert_allclose(found, theirs, rtol=2e-5, atol=1e-7)
    else:
        assert_equal(found, theirs)


DIFFERENT = [key for key in EVERY_NAME if key[1] in names_of(key[0]).computed]


@pytest.mark.parametrize(("library", "name"), DIFFERENT)
def test_what_differs_is_warned_of(library, name):
    """For the arguments for which it differs, and for no others."""
    assert (library, name) in {*DIFFERENCES}, STATE_IT
    assert names_of(library).notes[name]
    differing = []
    for record in of_name(library, name):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            surrogate = surrogates.from_library(library, name, **record["arguments"])
        assert not caught or names_of(library).notes[name] in str(caught[0].message)
        raises = "error" in record and DIFFERENCES[library, name].theirs is None
        assert bool(caught) == (raises or surrogate != translated(record, as_computed=True))
        differing.append(bool(caught))
    assert any(differing)


def test_what_differs_is_told_as_text_and_not_as_a_cell_of_a_table():
    with pytest.warns(UserWarning, match=r"nonzero for x > B instead of \|x\| < B\. This is"):
        surrogates.from_library("snntorch", "SFS")


def differs_by_more(library: str, name: str) -> bool:
    """Return whether a name differs from what it documents by more than rounding and overflow."""
    for record in of_name(library, name):
        if "error" in record:
            return True
        theirs = np.asarray(record["gradient"], float)
        documented = DIFFERENCES[library, name].ours(X, **formula_arguments(record))
        finite = np.isfinite(theirs)
        if not np.allclose(theirs[finite], documented[finite], rtol=2e-5, atol=1e-7):
            return True
    return False


def test_all_that_differs_is_computed_but_rounding_and_overflow():
    assert {*DIFFERENT} == {key for key in DIFFERENCES if differs_by_more(*key)}, STATE_IT


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
    assert bool(errors) == bool(difference.error), MENDED
    if difference.theirs is None:
        assert errors == records
        return
    valued = [r for r in records if "error" not in r]
    documented = [difference.ours(X, **formula_arguments(r)) for r in valued]
    assert any(
        not np.allclose(np.asarray(r["gradient"], float), expected, **tolerance(expected))
        for r, expected in zip(valued, documented, strict=True)
    ), MENDED


def test_second_derivative_of_s2nn_is_nan_there():
    for record in of_name("spikingjelly", "S2NN"):
        second = np.asarray(record["second"])
        assert np.isnan(second[X == -1.0]).all()
        assert np.isfinite(second[X != -1.0]).all()


def test_every_note_is_verified():
    noted = {key for key in EVERY_NAME if names_of(key[0]).notes[key[1]]}
    stated = {*DIFFERENCES, *OTHER_NOTES}
    assert noted == stated, STATE_IT


@pytest.mark.parametrize("record", [r for r in RECORDS if "primitive" in r], ids=identity)
def test_primitive_is_that_of_the_library_up_to_a_constant(record):
    ours, theirs = translated(record).surrogate_fun(X), np.asarray(record["primitive"])
    more = facts_of(record["library"]).primitives.get(record["name"])
    if more is not None:
        ours = ours + more(X, **formula_arguments(record))
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], rtol=1e-12, atol=1e-12)


@every_name
def test_signature_and_version_are_those_of_the_library(library, name):
    parameters = inspect.signature(names_of(library).makers[name]).parameters.values()
    ours = {
        p.name: "required" if p.default is p.empty else p.default
        for p in parameters
        if p.name != "at_threshold"
    }
    assert of_name(library, name)
    theirs, not_taken = GOLDEN["defaults"][library][name], facts_of(library).not_taken
    assert ours == {k: v for k, v in theirs.items() if k not in not_taken}
    assert names_of(library).version == GOLDEN["versions"][library]


@every_name
def test_every_parameter_is_recorded_at_other_values(library, name):
    records, facts = of_name(library, name), facts_of(library)
    defaults = GOLDEN["defaults"][library][name]
    names = set(defaults) - facts.not_taken
    assert not names or any(arguments_of(r) != defaults for r in records)
    for parameter in names:
        pairs = [
            (a, b) for a, b in itertools.combinations(records, 2) if differing(a, b) == {parameter}
        ]
        assert pairs, f"no record varies {parameter} alone"
        silent = parameter in facts.no_effect.get(name, ()) or all("error" in r for r in records)
        assert any(values(a) != values(b) for a, b in pairs) == (not silent)


def differing(a: dict[str, Any], b: dict[str, Any]) -> set[str]:
    a, b = arguments_of(a), arguments_of(b)
    return {key for key in a if a[key] != b[key]}


def values(record: dict[str, Any]) -> list[Any]:
    return [record.get(key) for key in ("spikes", "gradient", "primitive")]


def test_records_have_no_name_that_is_not_translated():
    recorded = {(r["library"], r["name"]) for r in RECORDS}
    assert recorded == set(EVERY_NAME), "run python -m nox -s golden, or write the name"


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
    with pytest.raises(LookupError, match=f"known are {', '.join(LIBRARIES)}"):
        surrogates.from_library("nengo", "atan")
    with pytest.raises(LookupError, match=r"name 'arctan' of snntorch; did .*'atan'. known are"):
        surrogates.from_library("snntorch", "arctan")
    with pytest.raises(
        TypeError, match=r"a name or an object of snntorch, got 3\.0; known are LSO"
    ):
        surrogates.from_library("snntorch", 3.0)
    with pytest.raises(TypeError, match=r"a name \(its objects .*of brainpy, .* of braintools"):
        surrogates.from_library("brainpy", object())
    with pytest.raises(TypeError, match=r"a name \(its objects are not translated\) of rockpool"):
        surrogates.from_library("rockpool", object)
    with pytest.raises(LookupError, match=r"of brainpy.* those of braintools; give 'braintools'"):
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
