"""The checks: ``python -m nox`` runs those that a change must pass, ``nox --list`` names all."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.error_on_external_run = True

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
# What the sessions below install, at the versions that were tested together.
PINNED = ["-c", "constraints.txt"]
# For what is run by python -m.
TOOLS = {"PYTHONPATH": os.pathsep.join(("tests", "tests/support"))}
PROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = PROJECT["project"]["optional-dependencies"]
FRAMEWORKS = {
    "numpy": [],
    "torch": ["torch"],
    "jax": ["jax"],
    "cupy": ["cupy"],
    # what check and plot bring comes with the tests and the demo
    "all": [name for name in EXTRAS if name not in ("check", "plot")],
}

nox.options.sessions = ["lint", "package", f"tests-{THIS}(all)"]


def group(name: str) -> list[str]:
    """Return the requirements of a dependency group."""
    return nox.project.dependency_groups(PROJECT, name)


def install(session: nox.Session, *requirements: str) -> None:
    """Install what tests import: two workers compile that; pip would compile all, on one core."""
    session.install("--no-compile", *requirements)
    session.env["PYTHONDONTWRITEBYTECODE"] = ""  # where it is set, each process would compile anew


def pytest(session: nox.Session, *arguments: str, require: str = "") -> None:
    session.run(
        "python",
        "-m",
        "pytest",
        "-n",
        "2",
        # By file: what a fixture makes, and what XLA and Inductor compile, is made on one worker.
        "--dist=loadfile",
        "--durations=25",
        *arguments,
        *session.posargs,
        env={
            "SURROGATES_REQUIRE": require,
            **session.env,
        },  # a missing framework fails instead of being skipped
    )


@nox.session(python=PYTHONS)
@nox.parametrize("frameworks", [nox.param(name, id=name) for name in FRAMEWORKS])
def tests(session: nox.Session, frameworks: str) -> None:
    """Run the tests with some of the frameworks installed."""
    extras = FRAMEWORKS[frameworks]
    project = f".[{','.join(extras)}]" if extras else "."
    others = group("transforms") if frameworks == "all" else []
    install(session, *PINNED, "-e", project, *group("test"), *others)
    size = ["--quick"]
    if frameworks != "all":
        # That it works without the others: the same examples, and more, run with all of them.
        size = ["--quickest", "-m", "not symbolic"]
        session.env["HYPOTHESIS_PROFILE"] = "few"
    pytest(session, *size, require=",".join(extra for extra in extras if extra != "demo"))


@nox.session
def full(session: nox.Session) -> None:
    """Run every test for every surrogate, or with ``-- --rest`` those that ``nox`` leaves out.

    ``-- --rest --thin`` runs a tenth of the surrogates of each test, a third of other cases.
    """
    everything(session)
    pytest(session, require="torch,jax,dask")


@nox.session
def transforms(session: nox.Session) -> None:
    """Write the matrix of transforms, docs/reference/transforms.*, anew."""
    install(session, *PINNED, "-e", ".[torch,jax,cupy]", *group("test"), *group("transforms"))
    pytest(session, "tests/transforms", "--write-transforms", require="torch,jax,dask")


@nox.session
def distributed(session: nox.Session) -> None:
    """Train on two processes, against one; and the programs of docs/howto/scale.md."""
    session.install(*PINNED, "-e", ".[torch,jax,dask]", *group("test"), *group("scale"))
    # one worker: the tests start processes of their own
    pytest(session, "-n", "0", "-m", "distributed", require="torch,jax")


@nox.session
def kernels(session: nox.Session) -> None:
    """Compile CUDA kernels for devices that are not here, and count what they load and store."""
    session.install(*PINNED, "-e", ".[cupy]", *group("test"), *group("kernels"))
    pytest(session, "-m", "kernels")


@nox.session(python=PYTHONS)
def strict(session: nox.Session) -> None:
    """Run the definitions on the strictest implementation of the array API standard."""
    session.install(*PINNED, "-e", ".", *group("test"), *group("strict"))
    pytest(session, "-k", "strict", require="array_api_strict")


@nox.session(python="3.11")  # newer Pythons have no wheels of the oldest dependencies
def lowest(session: nox.Session) -> None:
    """Run the tests with the oldest dependencies that pyproject.toml admits."""
    requirements = [*PROJECT["project"]["dependencies"]]
    requirements += EXTRAS["jax"] + EXTRAS["check"]
    oldest = [requirement.replace(">=", "==") for requirement in requirements]
    install(session, *oldest, *[r.replace("jax==", "jaxlib==") for r in oldest if "jax" in r])
    install(session, "--no-deps", "-e", ".")
    install(session, *group("test"), *oldest)
    session.env["HYPOTHESIS_PROFILE"] = "few"  # with the newest they draw more
    pytest(session, "--quickest", require="jax")
    # and long ones that an older JAX could fail: its rule, what all promise, and private names
    files = ("backends/test_jax_tangent", "surrogates/test_testing", "package/test_private_names")
    chosen = ("-m", "long", "-k", "test_jax or without_a_private_name")
    pytest(session, *chosen, *(f"tests/{file}.py" for file in files), require="jax")


@nox.session
def check(session: nox.Session) -> None:
    """Check every surrogate on 100,000 points per parameter set, dtype and framework."""
    session.install(*PINNED, "-e", ".[torch,jax,check]")
    size = ("--points", "100000", "--jobs", "2", "--json", "docs/reference/accuracy.json")
    session.run("python", "-m", "surrogates", "check", *size, *session.posargs)


@nox.session
def pages(session: nox.Session) -> None:
    """Write the tables of docs that are made from the code, and from measurements."""
    session.install(*PINNED, "-e", ".[check]", *group("test"))
    session.run("python", "docs/pages.py")


@nox.session(name="docs-js")
def docs_js(session: nox.Session) -> None:
    """Compare the JavaScript of the site's comparison page with NumPy; test what makes the site."""
    install(session, *PINNED, "-e", ".[check]", *group("test"), *group("node"), *group("docs"))
    pytest(session, "--dist=load", "-m", "docs_js", "tests/site")  # one file takes all of the time
    pytest(session, "tests/package/test_site.py")  # other sessions have no Sphinx


@nox.session(name="docs-page")
def docs_page(session: nox.Session) -> None:
    """Try the site that the session docs built, in headless Chromium."""
    site = pathlib.Path("docs/_build/html").resolve()
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        session.error("chromium is not on PATH: install it (Debian: apt-get install chromium)")
    if not (site / "index.html").exists():
        session.error("docs/_build/html is missing: run `python -m nox -s docs` first")
    session.install(*PINNED, *group("node"))
    tests = sorted(str(path) for path in pathlib.Path("tests/site").glob("*.test.mjs"))
    npm = ("npm", "--prefix", "tests/site", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    session.run(*npm, silent=True)
    env = {"SITE": str(site), "CHROMIUM": chromium}
    # one file at a time: a browser takes a core, and what a failing test leaves open ends with it
    options = ("--test", "--test-concurrency=1", "--test-force-exit", "--test-timeout=300000")
    session.run("node", *options, *session.posargs, *tests, env=env)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site from scratch, docs/_build/html, without a network where that can be had."""
    install(session, *PINNED, "-e", ".[torch,jax,dask,check,demo]", *group("docs"))
    for made in ("docs/_build", "docs/gallery", "docs/_static/generated"):
        shutil.rmtree(made, ignore_errors=True)
    build = ["sphinx-build", "-W", "--keep-going", "-q", "-d", "docs/_build/doctrees"]
    build += ["-b", "html", "docs", "docs/_build/html"]
    # A network of its own, in which is nothing but the loopback by which Jupyter reaches kernels.
    alone = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if shutil.which("unshare") and not subprocess.run([*alone, "true"], check=False).returncode:
        session.run(*alone, *build, external=True)
    else:
        session.run(*build)


@nox.session
def mutants(session: nox.Session) -> None:
    """Break the code in small ways, and print what no test noticed: ``-- --sample 200``."""
    everything(session, *group("measure"))
    session.run("python", "-m", "mutants", *session.posargs, env=TOOLS)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Search for cases that break a law, and save them for the tests: ``-- --examples 100000``."""
    everything(session)
    session.run("python", "-m", "fuzz", *session.posargs, env=TOOLS)


@nox.session
def thorough(session: nox.Session) -> None:
    """Run the property tests on 2,000 random examples each; ``.hypothesis`` keeps what failed."""
    everything(session)
    session.env["HYPOTHESIS_PROFILE"] = "thorough"
    # Those of the formulas, in NumPy; against it one dtype of the libraries with functions of
    # their own. All of them would take a day.
    elsewhere = "agrees_with_numpy and float32 and (torch or jax)"
    files = ("surrogates/test_definitions", "surrogates/test_wrappers", "backends/test_agreement")
    chosen = f"test_definitions or (test_wrappers and numpy) or ({elsewhere})"
    tests = [f"tests/{file}.py" for file in files]
    # "load": of three files one takes nearly all of the time
    pytest(session, "--dist=load", "-m", "hypothesis", "-k", chosen, *tests)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which branches of src the tests take; what only a GPU runs is in pyproject.toml."""
    everything(session, *group("measure"))
    session.env["COVERAGE_PROCESS_START"] = str(pathlib.Path("pyproject.toml").resolve())
    session.run("coverage", "erase")
    # Subprocesses and xdist's workers measure themselves: `patch` in pyproject.toml.
    session.run("coverage", "run", "-m", "pytest", "-n", "2", "--dist=loadfile", *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "report", "--fail-under", "98")


def everything(session: nox.Session, *others: str) -> None:
    """Install the project with all frameworks, and what its tests need."""
    project = f".[{','.join(FRAMEWORKS['all'])}]"
    install(session, *PINNED, "-e", project, *group("test"), *group("transforms"), *others)


@nox.session
def package(session: nox.Session) -> None:
    """Build sdist and wheel, install the wheel with run-time dependencies alone, and use it."""
    session.install(*PINNED, "build")
    dist = pathlib.Path(session.create_tmp()) / "dist"
    session.run("python", "-m", "build", "--outdir", str(dist), silent=True)
    session.run("python", "-m", "pip", "uninstall", "--yes", "build", silent=True)
    session.install(*PINNED, *(str(wheel) for wheel in dist.glob("*.whl")))
    session.chdir(session.create_tmp())
    session.run("python", "-c", "import surrogates; print(surrogates.slayer_grad(0.5))")
    session.run("python", str(pathlib.Path(__file__).parent / "tests/package/every_module.py"))
    session.run("python", str(pathlib.Path(__file__).parent / "tests/package/description.py"))
    session.run("python", "-m", "surrogates", "env")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install(*PINNED, *group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the installed package, and of a user's code against it."""
    # Not compiled, since nothing of it is run: that would take longer than the check.
    needed = (".[torch,jax,demo]", *group("types"), *group("transforms"))
    session.install("--no-compile", *PINNED, *needed)
    settings, user = (
        pathlib.Path(p).resolve() for p in ("pyproject.toml", "tests/package/typing_example.py")
    )
    session.chdir(session.create_tmp())  # away from src: the installed package is what users have
    session.run("mypy", "-n", "2", "--config-file", str(settings), "--package", "surrogates")
    session.run("mypy", "--config-file", str(settings), str(user))
    # The interpreter by name: pyright prefers a .venv that it finds next to the file.
    python = pathlib.Path(session.bin) / "python"
    session.run("basedpyright", "--pythonpath", str(python), "--level", "error", str(user))


@nox.session
def demo(session: nox.Session) -> None:
    """Train the demo's network in every framework."""
    session.install(*PINNED, "-e", ".[demo,torch,jax]")
    session.run("python", "-m", "surrogates", "demo", *session.posargs)


@nox.session(python="3.11")  # what the peers' own requirements allow
def bench(session: nox.Session) -> None:
    """Measure ours against the peers and write docs/explanation/benchmarks.*; ``--quick`` in short.

    ``-- --compare REF`` prints how long ours takes relative to a commit, and writes nothing.
    """
    gpu = shutil.which("nvidia-smi") is not None
    project = [".[torch,jax,dask,cupy]", "jax[cuda12]"] if gpu else [".[torch,jax,dask]"]
    pins = ["-c", "tests/bench/constraints.txt"]
    session.install(*pins, "-e", *project, *group("bench"))
    session.run("python", "-m", "bench", *session.posargs, env=TOOLS)


@nox.session(python="3.11")  # what the libraries' own requirements allow
def libraries(session: nox.Session) -> None:
    """Run the neurons of other libraries with our surrogates, their pages and examples."""
    pins = ["-c", "tests/libraries/constraints.txt"]
    install(session, *pins, "-e", ".[torch,jax]", *group("test"), *group("libraries"))
    # They ask for more than their neurons need; samna installs itself from another index.
    session.install("--no-deps", *pins, "rockpool", "sinabs", "slax")
    page = "tests/package/test_documentation.py"
    chosen = "libraries or README or neurons.md or from-your-library.md"  # the folder, and examples
    pytest(session, "-W", "ignore", "-k", chosen, "tests/libraries", page, require="torch,jax")
    plug_ins = ("test_tensorflow_example.py", "test_autograd_plugin.py")
    pytest(session, *(f"tests/backends/{name}" for name in plug_ins))


@nox.session(python="3.11")
def golden(session: nox.Session) -> None:
    """Record what other libraries compute, tests/golden/peers.json; see its record.py."""
    session.install("-c", "tests/bench/constraints.txt", *group("bench"), "chex", "jax", "torch")
    session.install("equinox", "jaxtyping", "mlx[cpu]")
    # They ask for more than their surrogates need. (sparxml asks for a newer Python.)
    record = ("python", "-m", "golden")
    asked = session.run(*record, "--requirements", *session.posargs, silent=True, env=TOOLS)
    if requirements := asked.split():
        session.install("--no-deps", *requirements)
    session.run(*record, *session.posargs, env=TOOLS)
