"""Two sides are measured by one bench, and what is slower is seen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench import compare

SOURCE = compare.ROOT / "src"
in_git = pytest.mark.skipif(not (compare.ROOT / ".git").exists(), reason="not in a clone of git")


@in_git
def test_the_source_of_a_commit_is_unpacked_and_removed():
    with compare.source_of("HEAD") as source:
        assert (source / "surrogates" / "__init__.py").exists()
        assert (source / "surrogates" / "backends" / "__init__.py").exists()
    assert not source.exists()


@in_git
def test_a_reference_that_is_no_commit_is_told():
    with (
        pytest.raises(compare.CannotCompareError, match="no-such-commit"),
        compare.source_of("no-such-commit"),
    ):
        pass


def test_the_verdict_is_that_of_the_quartiles():
    def row(*ratio: float) -> compare.Row:
        return compare.Row("a row", (1e-3, 1e-3, 1e-3), (1e-3, 2e-3, 1e-3), ratio)

    assert row(1.05, 1.1, 1.2).verdict == "SLOWER"
    assert row(0.8, 0.9, 0.95).verdict == "faster"
    assert row(0.9, 1.1, 1.2).verdict == ""
    assert "1.100 (1.050 to 1.200) SLOWER" in str(row(1.05, 1.1, 1.2))


@pytest.mark.long
def test_a_side_that_is_slower_is_seen(tmp_path):
    slower = tmp_path / "src"
    shutil.copytree(SOURCE, slower, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    with (slower / "surrogates" / "__init__.py").open("a") as file:
        file.write("\n_vjp, wait = vjp, __import__('time').sleep")
        file.write("\ndef vjp(*arguments): wait(0.02); return _vjp(*arguments)\n")
    said: list[str] = []
    label = "NumPy Sigmoid float32 16 1"
    (row,) = compare._measured((SOURCE, slower), "TINY", label.__eq__, said.append)
    assert row.verdict == "SLOWER"
    assert said == [str(row)]


def test_another_package_than_that_of_the_side_is_refused(tmp_path):
    # Where a side has no package at all, Python would find the one that is installed.
    (tmp_path / "src").mkdir()
    with pytest.raises(compare.CannotCompareError):
        compare.Process(Path(tmp_path / "src"), "TINY")
