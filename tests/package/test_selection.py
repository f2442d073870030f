"""``--quick``, ``--rest`` and ``--thin`` choose what they say, and no test is in none of them."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Of rows and surrogates, of surrogates, of surrogates and JAX, and of JAX alone.
FILES = (
    "tests/transforms/test_transforms_arrays.py",
    "tests/surrogates/test_gain.py",
    "tests/surrogates/test_relaxed.py",
    "tests/backends/test_jax_slopes.py",
)


@cache
def chosen(*options: str) -> set[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *options, *FILES]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return {line for line in ran.stdout.splitlines() if "::" in line}


def rows(tests: set[str]) -> set[str]:
    """Return their names without the surrogate, which comes first among the parameters."""
    return {re.sub(r"\[\w+", "", name) for name in tests if re.search("/test_(transf|gain)", name)}


def named(name: str, *options: str) -> set[str]:
    """Return what is between the brackets in the names of the chosen tests of a function."""
    return {re.sub(r".*\[", "", test) for test in chosen(*options) if f"::{name}[" in test}


@pytest.mark.long
def test_quick_and_rest_are_all_tests_and_thin_is_a_tenth_with_a_part_of_each_row():
    everything, quick, rest = chosen(), chosen("--quick"), chosen("--rest")
    assert quick | rest == everything
    assert not quick & rest
    assert len(quick) > 100
    thin = chosen("--rest", "--thin")
    assert thin < rest
    assert 0.1 < len(thin) / len(rest) < 0.2
    assert rows(thin) == rows(rest)


@pytest.mark.long
def test_a_mark_with_a_word_is_for_the_tests_with_that_word_in_their_name():
    pytest.importorskip("jax")
    marked = "test_the_constant_of_the_primitive_does_not_leak"
    quick, rest = named(marked, "--quick"), named(marked, "--rest")
    assert quick
    assert not any("jax" in name for name in quick)
    assert rest
    assert all("jax" in name for name in rest)


@pytest.mark.long
def test_a_mark_without_a_word_is_for_all_tests_and_a_third_of_their_cases_is_thin():
    pytest.importorskip("jax")
    marked = "test_the_slope_in_each_number_is_that_of_the_area"
    assert named(marked, "--quick") == {"scale]"}
    rest, thin = named(marked, "--rest"), named(marked, "--rest", "--thin")
    assert len(rest) > 2
    assert 0 < len(thin) <= len(rest) / 3 + 1


def test_thin_is_a_part_of_rest():
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--thin", FILES[-1]]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode
    assert "say --rest --thin" in ran.stderr
