"""Importing the package: what it loads, and what it leaves alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import surrogates
from surrogates import backends
from surrogates._modules import FRAMEWORKS

HEAVY = ({*backends._BUILT_IN} | {*backends._HOME} | {*FRAMEWORKS}) - {"numpy"}
HEAVY = (*sorted(HEAVY), "matplotlib", "scipy", "sklearn", "tqdm", "sympy")
# The names of a neuron library, which not everybody asks for.
HEAVY += tuple(f"surrogates.libraries.{name}" for name in surrogates.libraries.LIBRARIES)


def loaded_after(code: str, names: tuple[str, ...] = HEAVY) -> set[str]:
    """Return which of the heavy libraries a fresh interpreter has loaded after `code`."""
    report = f"import sys; print(*[m for m in {names!r} if m in sys.modules])"
    path = f"import sys; sys.path[:0] = {sys.path!r}"
    command = [sys.executable, "-c", f"{path}\n{code}\n{report}"]
    output = subprocess.run(command, check=True, capture_output=True, text=True)
    return set(output.stdout.split())


# What the package itself imports of the standard library; with NumPy it is loaded mostly.
STANDARD = "collections, contextlib, copy, dataclasses, functools, importlib, inspect, itertools"
STANDARD += ", math, os, pkgutil, sys, types, typing, warnings"


def standard_beyond(code: str) -> set[str]:
    """Return what `code` loads of the standard library that neither NumPy nor `STANDARD` loads."""
    before = f"import numpy, {STANDARD}\nbefore = set(sys.modules)\n"
    report = "names = {n.partition('.')[0] for n in {*sys.modules} - before}\n"
    path = f"import sys; sys.path[:0] = {sys.path!r}"
    report += "print(*names & sys.stdlib_module_names)"
    command = [sys.executable, "-c", f"{path}\n{before}{code}\n{report}"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_import_loads_no_more_of_the_standard_library_than_it_must():
    """`pathlib` and `random` took a tenth of the time; import such a module where it is used."""
    assert standard_beyond("import surrogates") <= {"__future__"}
    assert "colorsys" in standard_beyond("import surrogates, colorsys")


def test_import_leaves_array_api_compat_to_the_first_call():
    loaded = ("array_api_compat", "surrogates._modules._plan", "surrogates._diagnose._record")
    assert loaded_after("import surrogates", loaded) == set()
    code = "import surrogates; surrogates.Sigmoid()(1.0)"
    assert loaded_after(code, loaded) == {"array_api_compat"}


def test_import_leaves_parts_of_numpy_that_few_need():
    parts = ("array_api_compat.numpy", "numpy.polynomial", "numpy.testing", "numpy.f2py")
    assert loaded_after("import surrogates", parts) == set()
    code = "import surrogates; surrogates.gain(surrogates.Sigmoid(), mean=0.0, std=1.0)"
    assert "array_api_compat.numpy" in loaded_after(code, parts)


def test_import_and_use_load_numpy_alone():
    code = (
        "import numpy, surrogates\n"
        "surrogates.gaussian_grad(numpy.zeros(3))\n"
        "surrogates.GaussianGrad().surrogate_fun(numpy.zeros(3))\n"
        "surrogates.vjp(surrogates.SlayerGrad(), numpy.zeros(3))[1](numpy.ones(3))\n"
    )
    assert loaded_after(code) == set()


def test_that_this_proof_can_fail():
    code = "import surrogates; surrogates.from_library('snntorch', 'atan')"
    assert loaded_after(code) == {"surrogates.libraries.snntorch"}
    pytest.importorskip("scipy")
    assert "scipy" in loaded_after("import surrogates, scipy")


def test_a_framework_is_loaded_by_its_own_arrays_alone():
    pytest.importorskip("torch")
    code = "import torch, surrogates; surrogates.slayer_grad(torch.zeros(3))"
    assert "jax" not in loaded_after(code)


@pytest.mark.long
def test_a_surrogate_made_before_pytorch_was_imported_can_be_compiled():
    pytest.importorskip("torch")
    code = """
import surrogates
surrogate = surrogates.Sigmoid()
import torch
x = torch.linspace(-1, 1, 5, requires_grad=True)
compiled = torch.compile(lambda x, surrogate: surrogate(x), dynamic=False)
compiled(x, surrogate).sum().backward()
torch.testing.assert_close(x.grad, surrogate.surrogate_grad(x.detach()))
"""
    assert "torch" in loaded_after(code)


def test_no_global_state_is_changed():
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    code = """
import warnings
import numpy, torch, jax

def state():
    return (
        numpy.geterr(), torch.get_default_dtype(), torch.is_grad_enabled(),
        jax.config.values, list(warnings.filters),
        numpy.random.get_state()[1].tolist(), torch.random.get_rng_state().tolist(),
    )

torch.zeros(3) >= 0; jax.numpy.zeros(3) >= 0
before = state()
import surrogates
for x in (numpy.zeros(3), torch.zeros(3), jax.numpy.zeros(3)):
    surrogates.GaussianGrad()(x), surrogates.GaussianGrad().surrogate_fun(x)
import surrogates.backends._torch, surrogates.backends._jax
assert str(state()) == str(before)
"""
    loaded_after(code)


def test_a_folder_named_backends_of_the_callers_is_not_ours(tmp_path):
    (tmp_path / "backends").mkdir()
    (tmp_path / "backends" / "__init__.py").write_text("mine = True\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import surrogates, backends\n"
        "assert backends.mine and surrogates.backends is not backends\n"
    )
    loaded_after(code)


@pytest.mark.parametrize("theirs", ["def encode(s): ...", ""])
@pytest.mark.parametrize("ours", [["-m", "surrogates", "env"], ["-c", "import surrogates.testing"]])
def test_another_package_of_our_name_is_noticed(ours, theirs, tmp_path):
    package = Path(surrogates.__file__).parent
    shutil.copytree(package, tmp_path / "surrogates", ignore=shutil.ignore_patterns("*.pyc"))
    (tmp_path / "surrogates" / "__init__.py").write_text(theirs)
    found = subprocess.run(
        [sys.executable, *ours], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.returncode
    last = found.stderr.splitlines()[-1]
    assert last.startswith("ImportError: surrogate-gradients is there, but `import surrogates` is")


def test_no_module_shadows_a_name_that_users_type():
    modules = [n for n, value in vars(surrogates).items() if isinstance(value, types.ModuleType)]
    asked_for = {"testing"}  # imported by who writes a backend, and by its test
    assert {n for n in modules if n[0] != "_"} - asked_for == {
        "backends",
        "definitions",
        "libraries",
        "schedules",
    }


def test_all_public_names_exist():
    for module in (surrogates, surrogates.backends, surrogates.libraries, surrogates.schedules):
        assert len(set(module.__all__)) == len(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)
    assert repr(surrogates.backends.of(np.zeros(1))) == "NumpyBackend()"
