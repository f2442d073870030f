"""The proof holds for every surrogate, and notices an error planted in any one of them."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap

import numpy as np
import pytest

import surrogates
from kinds import every_surrogate
from surrogates import _check
from surrogates._cli import main
from surrogates._parameters import parameters
from surrogates.definitions import SURROGATES, function_name


@every_surrogate
def test_proof_holds(cls):
    # on 100,000 points in `nox -s proof`
    failures = [row for row in _check.check(cls, points=600) if row.failure]
    assert not failures


@every_surrogate
def test_docstring_states_what_is_proven(cls):
    from surrogates._check.formulas import stated

    assert {"g'(x)", "g(x)", "peak"} <= set(stated(cls))


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


@pytest.mark.parametrize(("cls", "method", "error"), list(mutants()))
def test_planted_error_is_noticed(cls, method, error):
    mutant = planted(cls, method, error)
    assert any(row.failure for row in _check.check(mutant, points=60, names=["numpy"]))


@every_surrogate
def test_planting_no_error_is_no_error(cls):
    same = planted(cls, "_no_such_method", ("factor",))
    rows = _check.check(same, points=60, names=["numpy"])
    assert not any(row.failure for row in rows)


def test_command_fails_on_your_own_wrong_surrogate(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text(
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
    assert main(["check", "mine:Alone", "--points", "100"]) == 0
    assert main(["check", "mine:Wrong", "--points", "100"]) == 1
    output = capsys.readouterr().out
    assert "primitive and derivative disagree" in output


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
    assert "nor a surrogate_fun to differentiate" in output


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
