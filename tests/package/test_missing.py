"""Where a library is missing, the error says what to install."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap

import pytest

import surrogates

MISSING = {"torch", "norse", "spikingjelly", "braintools", "mpmath", "matplotlib"}

PROGRAM = """
    import contextlib, importlib.abc, io, json, sys

    MISSING = set(sys.argv[1].split())

    class Hide(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in MISSING:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Hide())
    import surrogates
    from surrogates._cli import main

    def run(*arguments):
        with contextlib.redirect_stderr(io.StringIO()) as told:
            assert main(arguments) == 2
        raise ImportError(told.getvalue())

    found = {}
    for call in sys.argv[2:]:
        try:
            exec(call, {"surrogates": surrogates, "run": run})
        except ImportError as error:
            found[call] = str(error)
    print(json.dumps(found))
"""

TOLD = {
    "surrogates.module(surrogates.Sigmoid(), 'torch')": "install torch, or .* the extra 'torch'",
    "surrogates.learnable(surrogates.Sigmoid(), 'alpha', framework='torch')": "extra 'torch'",
    "surrogates.to_library('spikingjelly', surrogates.Sigmoid())": "the extra 'torch'",
    "surrogates.to_library('spikingjelly', surrogates.Sigmoid(), native=True)": (
        "spikingjelly, whose spikingjelly.activation_based.surrogate .* pip install spikingjelly"
    ),
    "surrogates.to_library('braintools', surrogates.Sigmoid(), native=True)": "install braintools",
    "surrogates.to_library('norse', surrogates.Sigmoid(at_threshold=0.0)).__enter__()": (
        "pip install norse"
    ),
    "surrogates.plot(surrogates.Sigmoid())": "the extra 'plot'",
    "import surrogates.testing": "'mpmath'; .* the extra 'check' .* pip install gmpy2 mpmath",
    "run('check', 'Sigmoid')": "'mpmath'; .* the extra 'check' .* pip install gmpy2 mpmath",
    "run('plot', 'Sigmoid', '--out', 'never.png')": "the extra 'plot'",
}


@pytest.fixture(scope="module")
def errors():
    """What each call says in a process that cannot import these libraries."""
    program = textwrap.dedent(PROGRAM)
    command = [sys.executable, "-c", program, " ".join(MISSING), *TOLD]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("call", TOLD)
def test_the_error_says_what_to_install(call, errors):
    assert re.search(TOLD[call], errors[call])


def test_the_demo_says_which_extra_its_framework_needs(monkeypatch, tmp_path):
    for library in ("sklearn", "matplotlib", "tqdm"):
        pytest.importorskip(library)
    from surrogates import _demo

    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not there
    with pytest.raises(ImportError, match=r"torch.*; the demo in torch needs the extra 'torch' of"):
        _demo.run("torch", surrogates.Sigmoid(), 1, 0, tmp_path / "demo.png")
