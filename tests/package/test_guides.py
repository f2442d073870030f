"""What CONTRIBUTING.md, docs and this repository's settings name exists: files, commands, names."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import site_pages
import surrogates

ROOT = Path(__file__).parents[2]
GUIDES = [ROOT / "CONTRIBUTING.md", *site_pages.PAGES]
CHECKLISTS = (ROOT / "CONTRIBUTING.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOXFILE = (ROOT / "noxfile.py").read_text()
# Where a page names a file without its folder, as the ones around it say which.
FOLDERS = ["", "docs", "src", "src/backends", "src/surrogates", "src/surrogates/definitions"]
FOLDERS += ["src/backends/_compiler", "tests/golden", "tests/package", "tests/support/laws"]
MADE = {".mutants", ".hypothesis", ".nox"}  # by a session, not committed


def spans(text: str) -> set[str]:
    """Return what stands in backticks, outside of blocks of code."""
    return set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


def commands(text: str) -> list[str]:
    lines = [
        line
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]
    return [*lines, *(" ".join(span.split()) for span in spans(text))]


@pytest.mark.parametrize("page", [ROOT / "README.md", *GUIDES], ids=lambda p: p.name)
def test_every_file_that_a_page_names_exists(page):
    text = page.read_text()
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert not [link for link in links if not (page.parent / link).exists()]
    paths = {
        s for s in spans(text) if re.fullmatch(r"[\w./*-]+\.(?:py|md|toml|json|txt|cff|yml)", s)
    }
    paths |= {s for s in spans(text) if re.fullmatch(r"(?:src|tests|docs)(?:/[\w.-]+)+/?", s)}
    missing = {p for p in paths if not any([*(ROOT / folder).glob(p)] for folder in FOLDERS)}
    assert not missing


@pytest.mark.parametrize("page", ["docs/tutorials/index.md", "README.md"])
def test_every_tutorial_is_listed(page):
    tutorials = {p for p in (ROOT / "docs/tutorials").glob("*.md") if p.name != "index.md"}
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text())
    assert not tutorials - {((ROOT / page).parent / link).resolve() for link in links}


def sessions(text: str) -> set[str]:
    """Return the sessions of nox that the commands of a text run."""
    found = set()
    for command in commands(text):
        for names in re.findall(r"\bnox -s ((?:[\w.()-]+ ?)+)", command):
            found |= {
                re.split(r"[-(]", name)[0]
                for name in names.partition(" -- ")[0].split()
                if name != "--"
            }
    return found


@pytest.mark.parametrize("page", [ROOT / "README.md", *GUIDES], ids=lambda p: p.name)
def test_every_session_that_a_page_names_exists(page):
    known = set(re.findall(r"^@nox\.session.*?\ndef (\w+)\(", NOXFILE, re.DOTALL | re.MULTILINE))
    assert sessions(page.read_text()) <= known


def test_sessions_are_found():
    text = "```sh\nnox -s tests-3.11(all)\n```\n`nox -s check pages`, `nox -s fuzz -- --dry`"
    assert sessions(text) == {"tests", "check", "pages", "fuzz"}


def test_every_extra_group_and_test_of_the_commands_exists():
    for command in commands(CHECKLISTS):
        extras = re.findall(r"\[([\w,]+)\]\"", command)
        assert {e for names in extras for e in names.split(",")} <= {
            *PROJECT["project"]["optional-dependencies"]
        }
        assert {*re.findall(r"--group (\w+)", command)} <= {*PROJECT["dependency-groups"]}
        assert all((ROOT / path).exists() for path in re.findall(r"pytest (tests/\S+)", command))


def test_every_command_of_the_package_exists():
    named = set(re.findall(r"python -m surrogates (\w+)", CHECKLISTS))
    run = subprocess.run(
        [sys.executable, "-m", "surrogates", "--help"],
        cwd=ROOT / "src",
        check=True,
        capture_output=True,
        text=True,
    )
    assert named
    assert named <= {*re.findall(r"^    (\w+) ", run.stdout, re.MULTILINE)}


def test_every_name_of_the_checklists_is_used_in_the_code():
    names = {s for s in spans(CHECKLISTS) if re.fullmatch(r"_?[A-Za-z]\w*", s)} - {"gpu", *MADE}
    code = "\n".join(
        p.read_text() for folder in ("src", "tests") for p in (ROOT / folder).rglob("*.py")
    )
    words = {*re.findall(r"\w+", code + NOXFILE + (ROOT / "pyproject.toml").read_text())}
    assert not names - words


def test_the_version_that_is_cited_is_that_of_the_package():
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited[1] == surrogates.__version__


def test_the_linter_before_a_commit_is_that_of_nox():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    pinned = re.search(r"^ruff==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert f"rev: v{pinned[1]} " in hooks
