"""The check passes every surrogate, and notices an error planted in any one of them."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import json
import math
import os
import re
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import faultless
import faults
import surrogates
from kinds import every_surrogate
from surrogates import _check
from surrogates import _recording as recording
from surrogates._check import digits, proof, variants
from surrogates._cli import main
from surrogates._parameters import parameters
from surrogates.definitions import SURROGATES, function_name


@pytest.mark.long
@pytest.mark.symbolic
@every_surrogate
def test_proof_holds(cls):
    # on 100,000 points in `nox -s check`
    failures = [row for row in _check.check(cls, points=600) if row.failure]
    assert not failures


@every_surrogate
def test_docstring_states_what_is_proven(cls):
    from surrogates._check.formulas import stated

    by_search = cls in (surrogates.MultiGaussianGrad, surrogates.SoftLIF)
    assert {"g'(x)", "g(x)", *(() if by_search else ("peak",))} <= set(stated(cls))


def mutants():
    """Yield every class with a factor, a sign or two parameters wrong in one of its formulas."""
    for name, cls in SURROGATES.items():
        for method in ("derivative", "primitive"):
            for kind in ("factor", "sign"):
                yield pytest.param(cls, method, (kind,), id=f"{name}-{method}-{kind}")
        floats = [p.name for p in parameters(cls) if p.name not in ("epsilon", "n")]
        for one, other in itertools.pairwise(floats):
            yield pytest.param(cls, "derivative", (one, other), id=f"{name}-swap-{one}-{other}")


class _Planted(ast.NodeTransformer):
    def __init__(self, method, error):
        self.method, self.error = method, error

    def visit_FunctionDef(self, node):
        return self.generic_visit(node) if node.name == self.method else node

    def visit_Return(self, node):
        self.generic_visit(node)
        factor = {"factor": 1.001, "sign": -1.0}.get(self.error[0])
        if factor is not None:
            node.value = ast.BinOp(ast.Constant(factor), ast.Mult(), node.value)
        return node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if len(self.error) == 2 and node.attr in self.error:
            node.attr = self.error[1 - self.error.index(node.attr)]
        return node


def planted(cls, method, error):
    """Return `cls` with an error in one of its formulas."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    tree = ast.fix_missing_locations(_Planted(method, error).visit(tree))
    scope = dict(vars(inspect.getmodule(cls)))
    exec(compile(tree, f"<{cls.__name__} with an error>", "exec"), scope)
    return scope[cls.__name__]


@pytest.mark.symbolic
@pytest.mark.parametrize(("cls", "method", "error"), list(mutants()))
def test_planted_error_is_noticed(cls, method, error):
    mutant = planted(cls, method, error)
    assert any(row.failure for row in _check.check(mutant, points=60, names=["numpy"]))


@pytest.mark.long
@pytest.mark.symbolic
@every_surrogate
def test_planting_no_error_is_no_error(cls):
    same = planted(cls, "_no_such_method", ("factor",))
    rows = _check.check(same, points=60, names=["numpy"])
    assert not any(row.failure for row in rows)


def test_command_fails_on_your_own_wrong_surrogate(tmp_path, monkeypatch, capsys):
    (tmp_path / "wrong.py").write_text(
        "import surrogates\n"
        "class Wrong(surrogates.Surrogate):\n"
        "    def surrogate_grad(self, x):\n"
        "        return 2 / (1 + x * x)\n"
        "    def surrogate_fun(self, x):\n"
        "        return 0.5 + x / (1 + x * x)\n"
        "class Alone(surrogates.Surrogate):\n"
        "    def surrogate_grad(self, x):\n"
        "        return 1 / (1 + x * x)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["check", "wrong:Alone", "--points", "100"]) == 0
    assert main(["check", "wrong:Wrong", "--points", "100"]) == 1
    output = capsys.readouterr().out
    assert "primitive and derivative disagree" in output


def test_an_error_of_hundreds_of_digits_is_written_short():
    assert [_check._ulp(error) for error in (math.nan, 1.25, 9.4e262)] == ["", "1.2", "9.4e+262"]


def test_own_code_that_cannot_be_checked_says_why(tmp_path, monkeypatch, capsys):
    (tmp_path / "theirs.py").write_text(
        "import numpy as np, surrogates\n"
        "class NumpyOnly(surrogates.Surrogate):\n"
        "    def surrogate_grad(self, x):\n"
        "        return np.exp(-x * x)\n"
        "class Empty(surrogates.Surrogate):\n"
        "    pass\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["check", "theirs:NumpyOnly", "theirs:Empty", "--points", "100"]) == 1
    output = capsys.readouterr().out
    assert "array_api_compat.array_namespace(x)" in output
    assert "nor a primitive to differentiate" in output


def test_command_names_what_there_is(capsys):
    assert main(["check", "NoSuch"]) == 2
    assert "Sigmoid" in capsys.readouterr().err
    assert main(["show", "NoSuch"]) == 2
    assert "Sigmoid" in capsys.readouterr().err


@every_surrogate
def test_list_and_show(cls, capsys):
    assert main(["list"]) == 0
    assert f"    {cls.__name__} " in capsys.readouterr().out
    assert main(["show", cls.__name__]) == 0
    shown = capsys.readouterr().out
    assert function_name(cls) in shown
    assert "g'(x) = " in shown
    assert "At the defaults: peak" in shown


def test_two_values_by_hand():
    # the proof reads the docstring, so let something be held against neither
    assert surrogates.Sigmoid(4.0).surrogate_grad(0.0) == 1.0
    np.testing.assert_allclose(surrogates.SoftSign(2.0).surrogate_grad(1.0), 1 / 9)


by_name = {"ids": lambda value: getattr(value, "__name__", "")}


@pytest.mark.symbolic
@pytest.mark.parametrize(("cls", "words"), faults.FAULTS.items(), **by_name)
def test_fault_is_found_and_named(cls, words):
    rows = _check._rows(cls, points=60, names=["numpy"])
    report = "\n".join(f"{row.dtype} {row.failure}" for row in rows if row.failure)
    assert re.search(words, report), report


@pytest.mark.symbolic
@pytest.mark.parametrize("cls", faultless.FAULTLESS, **by_name)
def test_no_false_alarm(cls):
    rows = _check._rows(cls, points=200, names=None)
    assert not [row.failure for row in rows if row.failure]


def test_only_the_symbolic_line_is_a_proof(capsys):
    assert main(["check", "SoftSign", "--points", "50", "--framework", "numpy"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if "prove" in line] == ["symbolic"]
    assert re.search(r"SoftSign +measured +ok", "\n".join(lines))


def test_spikes_that_are_not_checked_are_told(capsys):
    class Late(surrogates.ReluGrad):
        def emit(self, x):
            return x * 0 + (x > 1)

    for cls, told in ((Late, True), (surrogates.ReluGrad, False)):
        assert _check.run([cls], 20, ["numpy"]) == 0
        assert ("an `emit` of its own, and are not checked" in capsys.readouterr().out) is told


@pytest.mark.long
def test_a_numerator_of_zero_is_a_proof(monkeypatch):
    monkeypatch.setattr(proof.sympy, "simplify", lambda difference: pytest.fail(str(difference)))
    row, *_ = _check._rows(surrogates.SoftLIF, points=50, names=["numpy"])
    assert row.note == "proven"


class Rounded(faults.Lorentzian):
    def primitive(self, xp, x):
        return 0.5 + 1.1283791670955126 * xp.atan(x)

    def derivative(self, xp, x):  # the same number to a rounding: 2 / sqrt(pi)
        return xp.sqrt(xp.zeros_like(x) + 1.2732395447351628) / (1 + x * x)


def test_what_sympy_cannot_simplify_is_no_failure():
    proven, measured, *_ = _check._rows(Rounded, points=50, names=["numpy"])
    assert proven.failure is None
    assert "except around x = " in proven.note
    assert measured.failure is None


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
def test_what_sympy_does_not_simplify_in_time_is_no_failure(monkeypatch):
    def endless(difference):
        while True:
            pass

    monkeypatch.setattr(proof.sympy, "simplify", endless)
    monkeypatch.setattr(proof, "LIMIT", 0.25)
    proven, measured, *_ = _check._rows(Rounded, points=50, names=["numpy"])
    assert proven.failure is measured.failure is None
    assert "an expression not simplified within 0.25 s, in numbers " in proven.note
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


class Documented(surrogates.Surrogate):
    """A bump.

    g'(x) = beta * exp(-abs(x))
    """

    beta: float = 2.0

    def derivative(self, xp, x):
        return 2.0 / (1 + x * x)


class KeywordOnly(surrogates.Surrogate):
    beta: float = dataclasses.field(default=2.0, kw_only=True)

    def derivative(self, xp, x):
        return self.beta * xp.exp(-2 * xp.abs(x)) / 2

    def primitive(self, xp, x):  # right for beta = 2 alone
        tail = xp.exp(-2 * xp.abs(x)) / 2
        return xp.where(x < 0, tail, 1 - tail)


@pytest.mark.parametrize("indent", ["", "    "])
def test_a_docstring_is_read_however_it_is_indented(indent, monkeypatch):
    text = f"A bump.\n\n    {indent}g'(x) = beta * exp(-abs(x))\n    "
    monkeypatch.setattr(Documented, "__doc__", text)
    failures = [r.failure for r in _check.check(Documented, points=60, names=["numpy"])]
    assert any("by the docstring" in failure for failure in failures if failure)


def test_a_parameter_by_keyword_only_is_varied():
    failures = [r.failure for r in _check.check(KeywordOnly, points=60, names=["numpy"])]
    assert any("disagree" in failure for failure in failures if failure)


@pytest.mark.long
@pytest.mark.symbolic
@pytest.mark.parametrize("backend", ["gmpy2", "python"])
def test_both_backends_of_mpmath(backend):
    if backend == "gmpy2":
        pytest.importorskip("gmpy2")
    arguments = ["check", "ERF", "--points", "60", "--framework", "numpy"]
    code = (
        f"import mpmath.libmp, sys; sys.path[:0] = {sys.path!r}; "
        f"assert mpmath.libmp.BACKEND == {backend.removesuffix('2')!r}; "
        f"from surrogates._cli import main; sys.exit(main({arguments}))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "MPMATH_NOGMPY"}
    environment |= {"MPMATH_NOGMPY": "1"} if backend == "python" else {}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_error_function_of_any_number():
    import mpmath

    with mpmath.workdps(50):
        for x in ("1e30", "1.1e30", "-1.1e30", "1e308", "-1e308"):
            x = mpmath.mpf(x)
            assert digits.erfc(x) >= 0
            assert digits.erfc(x) + digits.erf(x) == 1
        exact, series = mpmath.erfc(1e20), mpmath.exp(-(mpmath.mpf(1e20) ** 2)) / 1e20
        assert abs(exact * mpmath.sqrt(mpmath.pi) / series - 1) < 1e-39


def kinks_of(surrogate):
    return recording.kinks(surrogate, ["surrogate_grad", "surrogate_fun"], 1.0)


def test_kinks_are_those_of_the_conditions():
    assert kinks_of(surrogates.Sigmoid()).positions == [0.0]
    assert kinks_of(surrogates.Boxcar(width=3.0)).positions == [-1.5, 0.0, 1.5]
    assert kinks_of(surrogates.SparseFastSigmoid(band=1e-7)).positions == [-1e-7, 0.0, 1e-7]
    narrow = kinks_of(faults.DoubledOnANarrowInterval()).positions
    assert narrow == [0.0, 2.001, 2.002]
    close = kinks_of(faults.DoubledWhereTwoSidesComeClose()).positions
    assert close == pytest.approx([0.0, 2.001, 2.002])


def test_kinks_without_end_are_followed_as_far_as_stated():
    kinks = kinks_of(surrogates.MultiSpikeSuper())
    inside = [k for k in kinks.positions if 1 < k < kinks.high]
    assert kinks.high > 5
    assert inside == [k / 2 for k in range(3, math.ceil(2 * kinks.high))]


def test_far_out_in_a_period_nothing_is_a_kink():
    """There a comparison with the place in the period changes by chance, if rarely."""
    kinks = kinks_of(surrogates.PeriodicExponential(9.5, 19.0, 19.0, 38.0))
    assert max(kinks.positions) == kinks.high or max(kinks.positions) < 1e3


def test_every_number_and_every_pair_is_varied():
    cls = faults.WrongIfTwoAreChanged
    values = [(s.alpha, s.beta) for s in variants.more(cls)]
    assert len({a for a, b in values if b == 2.0}) >= 4
    assert len({b for a, b in values if a == 1.0}) >= 4
    assert len([1 for a, b in values if a != 1.0 and b != 2.0]) >= 2
    assert {s.n for s in variants.more(surrogates.SquarewaveFourierSeries)} >= {1, 3, 6}
    assert {s.closed for s in variants.more(surrogates.Boxcar)} > {"neither", "left", "right"}
    assert 0.0 in {s.h for s in variants.more(surrogates.MultiGaussianGrad)}
    assert min(s.alpha for s in variants.more(surrogates.GaussianGrad)) < 0


def test_values_that_a_class_refuses_are_left_out():
    class Picky(faults.WrongUnlessDefault):
        def __post_init__(self):
            super().__post_init__()
            if self.beta > 10:
                raise ValueError("too steep")

    assert max(s.beta for s in [*variants.main(Picky), *variants.more(Picky)]) <= 10


def test_the_file_keeps_what_was_measured_alike_of_other_surrogates(tmp_path):
    file = tmp_path / "accuracy.json"
    other = {"surrogate": "Other", "failure": None, "note": "ok"}
    checked = [surrogates.StraightThrough]

    def written():
        assert _check.run(checked, 50, ["numpy"], file=file) == 0
        return json.loads(file.read_text())

    first = written()
    assert {row["surrogate"] for row in first["rows"]} == {"StraightThrough"}
    file.write_text(json.dumps({**first, "rows": [other, *first["rows"]]}))
    assert written() == {**first, "rows": [other, *first["rows"]]}
    file.write_text(json.dumps({**first, "points": 51, "rows": [other]}))
    assert written() == first
    file.write_text("something else")
    assert written() == first
