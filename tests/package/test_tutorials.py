"""What the tutorials tell a reader to do on the command line does what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"


@pytest.mark.parametrize("page", ["tutorials/from-your-library.md", "reference/neurons.md"])
def test_use_in_a_library_takes_ten_lines_at_most(page):
    text = (TUTORIALS.parent / page).read_text()
    lengths = [
        sum(bool(line.strip()) for line in block.splitlines())
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        if ">>>" not in block
    ]
    assert 0 < max(lengths) <= 10


@pytest.fixture
def check(tmp_path):
    """Return a function that saves `mine.py` and runs the tutorial's command on it, in NumPy."""
    pytest.importorskip("mpmath")
    pytest.importorskip("sympy")

    def run(code):
        (tmp_path / "mine.py").write_text(code)
        command = [sys.executable, "-m", "surrogates", "check", "mine:Cubic"]
        paths = os.pathsep.join([str(tmp_path), *sys.path])
        environment = {**os.environ, "PYTHONPATH": paths}
        return subprocess.run(
            [*command, "--framework", "numpy"], env=environment, capture_output=True, text=True
        )

    return run


@pytest.mark.long
def test_ones_own_surrogate_passes_and_the_mistake_is_found(check):
    page = (TUTORIALS / "own-surrogate.md").read_text()
    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]
    assert "python -m surrogates check mine:Cubic" in page
    right = check(code)
    assert right.returncode == 0, right.stdout + right.stderr
    before, _, last = code.rpartition("(2 * self.alpha)")
    wrong = check(f"{before}self.alpha{last}")
    assert wrong.returncode == 1
    assert "primitive and derivative disagree" in wrong.stdout
