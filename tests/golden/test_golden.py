"""What is said of each library is whole, names what there is, and is recorded as record.py says."""

from __future__ import annotations

import json
import math
import sys

import pytest

from golden import libraries, record
from golden.facts import Facts, Peer
from golden.libraries import facts_of
from surrogates.libraries import LIBRARIES, names_of

GOLDEN = json.loads(record.FILE.read_text())
WITH_NAMES = [library for library in LIBRARIES if names_of(library).makers]


@pytest.mark.parametrize("library", WITH_NAMES)
def test_every_library_with_names_has_its_facts(library):
    facts = facts_of(library)
    assert (facts.peers is not None) == names_of(library).was_run, "peers if it was run, else read"


def test_every_file_of_facts_is_of_a_library():
    assert {*libraries.LIBRARIES} == {*WITH_NAMES}


@pytest.mark.parametrize("library", GOLDEN["versions"])
def test_facts_say_nothing_of_names_and_parameters_that_do_not_exist(library):
    facts, recorded = facts_of(library), GOLDEN["defaults"][library]
    of_names = {*facts.more, *facts.twice, *facts.no_effect, *facts.differences, *facts.primitives}
    assert of_names | facts.other_notes | facts.in_single_precision <= {*recorded}
    parameters = {key for defaults in recorded.values() for key in defaults}
    own = {f"{name}.{key}" for name, defaults in recorded.items() for key in defaults}
    assert {*facts.values} <= parameters | own
    assert facts.not_taken <= parameters
    assert all(keys <= {*recorded[name]} for name, keys in facts.no_effect.items())


@pytest.mark.parametrize("library", GOLDEN["versions"])
def test_records_are_of_the_version_that_the_facts_name(library):
    facts = facts_of(library)
    if facts.commit:
        assert GOLDEN["versions"][library] == f"git {facts.commit}"
    elif facts.requirements:
        assert facts.requirements[0].endswith(f"=={GOLDEN['versions'][library]}")


@pytest.mark.parametrize("library", GOLDEN["versions"])
def test_records_are_of_the_arguments_that_the_facts_name(library):
    named = GOLDEN["defaults"][library].items()
    peers = [Peer(name, defaults, lambda **given: None) for name, defaults in named]
    asked = [(p.name, given) for p in peers for given in record.arguments_of(facts_of(library), p)]
    of_library = [r for r in GOLDEN["records"] if r["library"] == library]
    found = [(r["name"], r["arguments"]) for r in of_library]
    assert found == asked, f"run python -m nox -s golden -- {library}"


@pytest.fixture
def write_facts(tmp_path, monkeypatch):
    """Write the facts of a library called toy, which there is besides the others."""
    monkeypatch.setattr(libraries, "__path__", [*libraries.__path__, str(tmp_path)])
    monkeypatch.setattr(libraries, "LIBRARIES", (*libraries.LIBRARIES, "toy"))
    monkeypatch.setattr(record, "LIBRARIES", libraries.LIBRARIES)
    return (tmp_path / "toy.py").write_text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"toy.py: expected FACTS = Facts\(\.\.\.\), got None; CONTRIBUTING.md, \"Names of an"),
        ("FACTS = Facts()", "FACTS needs either peers, .* or read"),
        ("FACTS = Facts(peers=lambda: [], read={'a': abs})", "FACTS needs either peers, .* or"),
        ("FACTS = Facts(peer=lambda: [])", "unexpected keyword argument 'peer'"),
    ],
)
def test_a_file_that_is_not_whole_says_what_to_write(text, message, write_facts):
    write_facts(f"from golden.facts import Facts\n{text}\n")
    with pytest.raises((TypeError, ValueError), match=message):
        facts_of("toy")


def test_a_file_that_is_missing_says_what_to_write():
    with pytest.raises(LookupError, match=r"no tests/golden/libraries/toy\.py, with FACTS ="):
        facts_of("toy")


def peers():
    yield Peer("half", {"a": "required", "b": 1.0}, lambda a, b=1.0: lambda x: a * b * x / 2)


def test_every_parameter_is_changed_alone_and_all_together():
    (peer,) = peers()
    facts = Facts(peers=peers, values={"a": (3.0, 4.0, 2.0), "half.b": (5.0, 6.0), "b": (7, 8)})
    assert list(record.arguments_of(facts, peer)) == [
        {"a": 2.0},
        {"a": 3.0},
        {"a": 2.0, "b": 5.0},
        {"a": 4.0, "b": 6.0},
    ]
    left_out = Facts(peers=peers, values={"a": (3.0, 4.0, 2.0)}, not_taken={"b"})
    assert [*record.arguments_of(left_out, peer)] == [{"a": 2.0}, {"a": 3.0}, {"a": 4.0}]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"b": (5.0, 6.0), "a": (3.0, 4.0)}, r"half: values needs 3 values of 'a' .*\(3.0, 4.0\)"),
        ({"a": (3.0, 4.0, 2.0)}, r"half: values needs 2 values of 'b' .* or name it in not_taken"),
    ],
)
def test_values_that_are_missing_are_asked_for(values, message):
    with pytest.raises(ValueError, match=message):
        list(record.arguments_of(Facts(peers=peers, values=values), *peers()))


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_what_is_recorded_is_what_was_computed(framework):
    pytest.importorskip(framework)
    (peer,) = peers()
    found = record.record(Facts(peers=peers, framework=framework), peer, {"a": 3.0})
    assert found == {"spikes": [1.5 * x for x in record.X], "gradient": [1.5] * len(record.X)}
    assert math.copysign(1.0, found["spikes"][record.X.index(0)]) == -1.0
    found = record.record(Facts(peers=peers, framework=framework), peer, {"c": 3.0})
    assert found["error"].startswith("TypeError: ")


def recorded(monkeypatch, tmp_path, *arguments):
    """Return what the program writes."""
    file = tmp_path / "peers.json"
    file.write_text(record.FILE.read_text())
    monkeypatch.setattr(record, "FILE", file)
    monkeypatch.setattr(sys, "argv", ["golden", *arguments])
    monkeypatch.setitem(sys.modules, "samna", None)  # which the program does
    record.main()
    return file.read_text()


def test_libraries_that_are_not_recorded_anew_keep_their_records(monkeypatch, tmp_path):
    before = record.FILE.read_text()
    assert recorded(monkeypatch, tmp_path, "bmtk") == before


def test_a_library_that_is_not_installed_is_named(monkeypatch, tmp_path, write_facts, capsys):
    facts = "from golden.facts import Facts\ndef peers():\n    {}\nFACTS = Facts(peers=peers)\n"
    write_facts(facts.format("raise ModuleNotFoundError('No module named toy')"))
    before = record.FILE.read_text()
    assert recorded(monkeypatch, tmp_path, "toy") == before
    assert capsys.readouterr().out.startswith("toy: No module named toy; what is recorded")


def test_what_the_session_installs_is_what_the_facts_ask_for(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["golden", "--requirements"])
    record.main()
    assert {"matterhorn-pytorch==2.0.0", "slax==0.0.1"} <= {*capsys.readouterr().out.split()}
    monkeypatch.setattr(sys, "argv", ["golden", "--requirements", "slax", "norse"])
    record.main()
    assert capsys.readouterr().out.split() == ["slax==0.0.1"]
