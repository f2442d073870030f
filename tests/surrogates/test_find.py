"""What a name means: `surrogates.find`, and the commands that take a name."""

from __future__ import annotations

import json
import re
import sys
import warnings

import numpy as np
import pytest

import surrogates
from surrogates import _find
from surrogates._cli import main
from surrogates.definitions import FUNCTIONS, SURROGATES
from surrogates.libraries import LIBRARIES, names_of


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("fast_sigmoid", "InvSquareGrad"),  # snnTorch and others
        ("FastSigmoid", "InvSquareGrad"),
        ("fast-sigmoid", "InvSquareGrad"),
        ("FAST SIGMOID", "InvSquareGrad"),
        ("snn.surrogate.fast_sigmoid", "InvSquareGrad"),
        ("fast_sigmoid_surrogate", "SoftSign"),  # mlx-snn alone spells it so
        ("triangle", "ReluGrad"),
        ("rectangle", "Boxcar"),
        ("multi-gaussian", "MultiGaussianGrad"),
        ("gaussian_surrogate", "GaussianGrad"),
        ("slayer", "SlayerGrad"),
        ("Esser", "ReluGrad"),
        ("bellec", "ReluGrad"),
        ("zenke", "InvSquareGrad"),
        ("STE", "StraightThrough"),
        ("slayer_grad", "SlayerGrad"),
        ("leaky_re_lu", "LeakyRelu"),
        ("atan", "Arctan"),  # which btorch scales
        ("arctan", "Arctan"),  # which spyx and NEST scale
    ],
)
@pytest.mark.filterwarnings("ignore:.*libraries mean others")
def test_name_with_one_meaning(name, cls):
    assert surrogates.find(name) is SURROGATES[cls]


@pytest.mark.parametrize(
    "ending", ["surrogate", "grad", "gradient", "derivative", "function", "func"]
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of a library's other numbers
def test_an_ending_that_says_that_it_is_a_surrogate_does_not_matter(ending):
    assert surrogates.find(f"boxcar_{ending}") is surrogates.Boxcar


def test_find_warns_where_a_library_has_another_gradient_by_the_name():
    x = np.linspace(-3.0, 3.0, 101)
    for name in sorted({meaning.name for meaning in _find.everything()} - SURROGATES.keys()):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                ours = surrogates.find(name)().surrogate_grad(x)
            except LookupError:
                continue
        named = [meaning for meaning in _find.meanings(name) if meaning.library]
        others = [m.call for m in named if (m.surrogate.surrogate_grad(x) != ours).any()]
        text = "".join(str(warning.message) for warning in caught)
        assert caught or not others, name
        assert all(call in text for call in others), name


@pytest.mark.parametrize(
    "name", ["gaussian_grad", "slayer_grad", "STE", "Zenke", "rectangle", "SmoothStep"]
)
def test_find_is_silent_where_libraries_mean_the_defaults_of_the_class(name):
    assert surrogates.find(name).__name__ in SURROGATES


def test_find_says_which_number_a_library_means_but_not_of_a_class():
    with pytest.warns(UserWarning, match=r'"snntorch", "atan"\) +Arctan\(alpha=2.0, at_') as caught:
        assert surrogates.find("atan")() == surrogates.Arctan(1.0)
    assert caught[0].filename == __file__
    assert surrogates.find("Arctan") is surrogates.find("surrogates.Arctan") is surrogates.Arctan


@pytest.mark.parametrize("command", ["show", "plot"])
def test_a_command_says_which_number_a_library_means(command, capsys, tmp_path, monkeypatch):
    if command == "plot":
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    assert main([command, "atan"]) == 0
    assert 'from_library("spikingjelly", "ATan") Arctan(alpha=2.0)' in capsys.readouterr().err
    assert main([command, "Arctan"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", SURROGATES)
def test_name_of_a_class_is_that_class_and_in_another_case_among_the_meanings(name):
    cls = SURROGATES[name]
    assert surrogates.find(name) is surrogates.find(f"surrogates.{name}") is cls
    spelled = [name.lower(), name.upper(), *vars(cls).get("also_called", ())]
    for other in spelled:
        assert cls in {meaning.innermost for meaning in _find.meanings(other)}, other


@pytest.mark.filterwarnings("ignore:.*pass as_computed=True")
@pytest.mark.parametrize("library", LIBRARIES)
def test_every_name_of_a_library_is_found_with_the_call_that_makes_it(library):
    for name in names_of(library).makers:
        found = [m for m in _find.meanings(name) if m.library == names_of(library).name]
        assert any(m.name == name for m in found), name
        for meaning in found:
            assert eval(meaning.call) == meaning.surrogate


@pytest.mark.parametrize(
    ("name", "number", "parts"),
    [
        ("superspike", 3, ["surrogates.SuperSpike()", '("hxtorch", "superspike_func", alpha=2.0)']),
        ("relu", 2, ["surrogates.ReluGrad()", '("braincog", "ReLUGrad")']),
        ("STBP", 4, ["Boxcar", "PiecewiseQuadratic", "Sigmoid", "GaussianGrad"]),
    ],
)
def test_name_with_several_meanings(name, number, parts):
    with pytest.raises(LookupError, match=f"'{name}' has {number} meanings") as error:
        surrogates.find(name)
    text = " ".join(str(error.value).split())
    assert all(part in text for part in parts)


@pytest.mark.parametrize(
    ("name", "library"), [("EIGrad", "braincog"), ("arctan_derivative", "nest")]
)
def test_name_that_takes_more_than_a_class(name, library):
    call = rf'from_library\("{library}", "{name}"'
    with pytest.raises(LookupError, match=rf"'{name}' is not a class .*\n    surrogates\.{call}"):
        surrogates.find(name)


@pytest.mark.parametrize(
    ("name", "similar"),
    [
        ("fast_sigmiod", "fast sigmoid"),
        ("triagle", "triangle"),
        ("atn", "ATan"),
        ("tri", "triangle"),  # begun
        ("SIG", "Sigmoid"),
        ("gradient", "FakeNumericalGradient"),  # a part of one
        ("heaviside_of_mine", "Heaviside"),  # which has one in it
    ],
)
def test_name_that_is_misspelled_or_a_part_of_one(name, similar):
    with pytest.raises(LookupError, match=f"called '{name}'. Did you mean .*'{similar}'"):
        surrogates.find(name)


@pytest.mark.parametrize("name", ["", "no such", "_", "surrogate."])
def test_name_that_is_none(name):
    with pytest.raises(
        LookupError, match=r"has Arctan, .*, TwoSidedBox; .python -m surrogates list --lib"
    ):
        surrogates.find(name)
    with pytest.raises(TypeError, match="find takes a name"):
        surrogates.find(surrogates.Sigmoid)


def test_what_a_paper_calls_a_surrogate_is_not_inherited():
    class Own(surrogates.ReluGrad):
        pass

    assert "also_called" in vars(surrogates.ReluGrad)
    assert "also_called" not in vars(Own)
    assert Own not in {meaning.innermost for meaning in _find.everything()}


@pytest.mark.parametrize("name", ["arctan", "Arctan"])
def test_command_takes_a_functional_form_as_our_own_and_says_what_others_mean(name, capsys):
    assert main(["show", name]) == 0
    output = capsys.readouterr().out
    assert output.startswith("Arctan(alpha=1.0)")
    assert "Also called: ATan" in output
    assert 'surrogates.from_library("snntorch", "atan")' in output
    assert 'surrogates.from_library("spyx", "arctan")' in output


def test_show_lists_what_libraries_call_a_class_and_nothing_else(capsys):
    assert main(["show", "arctan"]) == 0
    rows = capsys.readouterr().out.split("In other libraries:\n")[1].splitlines()
    found = _find.of_class(surrogates.Arctan)
    assert len(rows) == len(found) > 5
    assert {meaning.library for meaning in found} >= {"btorch", "nest", "snntorch"}
    starts = set()
    for row, meaning in zip(rows, found, strict=True):
        assert row.startswith("    surrogates.from_library(")
        assert "Arctan(alpha=" in row
        starts.add(row.index(repr(meaning.surrogate)))
    assert len(starts) == 1  # one column


def test_show_takes_the_name_of_a_library(capsys):
    assert main(["show", "fast_sigmoid"]) == 0
    assert capsys.readouterr().out.startswith("InvSquareGrad(alpha=100.0)")
    assert main(["show", "SuperSpike"]) == 0
    output = capsys.readouterr().out
    assert "By 'SuperSpike' others mean:" in output
    assert 'from_library("stork", "SuperSpike")' in output.split("others mean:")[1]


@pytest.mark.parametrize(
    ("name", "why"), [("superspike", "has 3 meanings"), ("no such", "no surrogate is called")]
)
def test_show_says_why_there_is_nothing_to_show(name, why, capsys):
    assert main(["show", name]) == 2
    error = capsys.readouterr().err
    assert repr(name) in error
    assert why in error


def test_list_prints_all_that_names_mean(capsys):
    assert main(["list", "atan", "triangle"]) == 0
    output = capsys.readouterr().out
    assert 'from_library("btorch", "ATan")' in output
    assert "surrogates.ReluGrad()" in output
    assert main(["list"]) == 0
    output = capsys.readouterr().out
    assert all(f"    {name} " in output for name in SURROGATES)


@pytest.mark.parametrize("library", ["snntorch", "snnTorch", "mlx-snn", "mlx_snn"])
def test_list_prints_all_names_of_a_library(library, capsys):
    assert main(["list", library]) == 0
    _, *rows = capsys.readouterr().out.splitlines()
    entry = names_of(library.lower().replace("-", "_"))
    assert len(rows) == len(entry.makers)
    assert all(f'from_library("{entry.name}", ' in row for row in rows)
    assert main(["list", "--json", library]) == 0
    assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mine", "name the class in it, too, as in mine:Class"),
        ("mine.py", "name the class in it, too, as in mine:Class"),
        ("mine:Alnoe", "mine has mine:Alone"),
        ("mine:np", "mine has mine:Alone"),
        ("pathlib:Path", "not a subclass of surrogates.Surrogate; pathlib has none"),
        ("other:Alone", "there is no module 'other' in this folder"),
        ("broken:Alone", "No module named 'nothing_like_it'"),
        ("surrogates:Scaled", "cannot be made without arguments: .*'surrogate'"),
    ],
)
def test_a_command_says_what_to_call_a_surrogate_of_your_own(
    name, hint, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "before").mkdir()
    (tmp_path / "before" / "mine.py").touch()  # which the working directory comes before
    monkeypatch.setattr("sys.path", [str(tmp_path / "before"), *sys.path])
    own = "import numpy as np\nimport surrogates\nclass Alone(surrogates.Surrogate):\n"
    own += "    def derivative(self, xp, x):\n        return xp.exp(-x * x)\n"
    (tmp_path / "mine.py").write_text(own)
    (tmp_path / "broken.py").write_text("import nothing_like_it\n")
    assert main(["show", name]) == 2
    assert re.search(hint, capsys.readouterr().err)
    assert main(["show", "mine.py:Alone"]) == 0
    assert capsys.readouterr().out.startswith("Alone()")


@pytest.mark.filterwarnings("ignore:.*pass as_computed=True")
def test_list_as_json(capsys):
    assert main(["list", "--json"]) == 0
    found = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert found.keys() == SURROGATES.keys()
    for name, entry in found.items():
        assert FUNCTIONS[entry["function"]] is SURROGATES[name]
        assert SURROGATES[name](**entry["parameters"]) == SURROGATES[name]()
        for meaning in entry["libraries"]:
            assert repr(eval(meaning["call"])) == meaning["makes"]
    assert "Bellec" in found["ReluGrad"]["also_called"]
    assert main(["list", "--json", "atan"]) == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)] == ["Arctan"]


def test_check_takes_the_name_of_a_library():
    check = pytest.importorskip("surrogates._check", exc_type=ImportError)
    assert check.find("fast_sigmoid") is surrogates.InvSquareGrad
    assert check.find("sigmoid") is surrogates.Sigmoid


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("triangle", "'triangle'; that is surrogates.ReluGrad here"),
        (
            "atan",
            r"surrogates.Arctan here, but (.*\n)* .*\"snntorch\", \"atan\"\) +Arctan\(alpha=2",
        ),
        ("tri", r"did you mean find\('triangle'\)"),
        ("superspike", r"surrogates.find\('superspike'\) says what"),
        ("learable", "did you mean learnable"),
        ("nothing_like_it", "'nothing_like_it'$"),
        ("__odd__", "'__odd__'$"),
        ("__main__", "'__main__'$"),
        ("definitions.nothing", "'definitions.nothing'$"),
        ("nothing.at_all", "'nothing.at_all'$"),
        (".nothing", "'.nothing'$"),
    ],
)
def test_a_name_that_the_package_has_not(name, hint):
    with pytest.raises(AttributeError, match=hint):
        getattr(surrogates, name)


def test_a_module_that_was_not_imported(monkeypatch):
    monkeypatch.delattr(surrogates, "testing", raising=False)
    with pytest.raises(AttributeError, match=r"write import surrogates\.testing first$"):
        _ = surrogates.testing
