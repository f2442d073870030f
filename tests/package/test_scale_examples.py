"""The programs of docs/howto/scale.md run; each asserts that it computes what one device does."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "examples" / "scale"
SRC = Path(__file__).parents[2] / "src"
PROGRAMS = sorted(FOLDER.glob("*.py"))
NEEDED = {
    "dask_distributed.py": ["distributed"],
    "ray_data.py": ["pyarrow"],
    "xarray_zarr.py": ["dask", "zarr"],
}
SMALL = {"dask_distributed.py": ["32768"]}  # rows: half a GiB


def imported(path):
    nodes = [*ast.walk(ast.parse(path.read_text()))]
    names = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    return names | {node.module for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.distributed
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path):
    for name in imported(path):
        pytest.importorskip(name.partition(".")[0])
    for name in NEEDED.get(path.name, ()):
        try:
            importlib.metadata.version(name)  # not imported: tests/support has a `distributed`
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"{name} is not installed")
    environment = {**os.environ, "PYTHONPATH": str(SRC), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, str(path), *SMALL.get(path.name, [])],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_it_is_short_compares_and_stands_on_the_page(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 60
    assert "assert_close" in text or "np.testing" in text
    # what is communicated is counted, or there is a line that says why not
    assert re.search(r"assert (0 < )?(said|sent)\b", text) or "to count" in text
    page = (FOLDER.parents[1] / "howto" / "scale.md").read_text()
    assert f"(../examples/scale/{path.name})" in page
