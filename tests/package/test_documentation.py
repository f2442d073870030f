"""Every example in the documentation runs, and every public name has one."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import inspect
import re
import sys
import types
from dataclasses import field
from pathlib import Path

import pytest

import site_pages
import surrogates
from surrogates import schedules
from surrogates.definitions import SURROGATES

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *site_pages.PAGES]
BLOCKS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]
PUBLIC = {name: getattr(surrogates, name) for name in surrogates.__all__ if name != "backends"}


@pytest.fixture
def jax_of_a_reader():
    """Let JAX compute in float32, its default: all other tests compute in float64."""
    if importlib.util.find_spec("jax") is None:
        yield
        return
    import jax

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", False)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.mark.usefixtures("jax_of_a_reader")
@pytest.mark.parametrize("block", BLOCKS)
def test_examples_of_the_pages(block):
    _require_imports(block)
    if ">>>" not in block:
        exec(compile(block, "example", "exec"), {})
        return
    _run(doctest.DocTestParser().get_doctest(block, {}, "example", None, 0))


def test_the_callback_for_lightning_anneals(monkeypatch):
    """With a stand-in, since no session installs Lightning; with 2.6.6 itself it did the same."""
    stand_in = types.SimpleNamespace(Callback=object)
    monkeypatch.setitem(sys.modules, "lightning", stand_in)
    (code,) = (block.values[0] for block in BLOCKS if "import lightning" in block.values[0])
    names = {}
    exec(compile(code, "example", "exec"), names)
    line = schedules.linear(1.0, 9.0)
    callback = names["Anneal"](surrogates.anneal(surrogates.Sigmoid(), alpha=line))
    model = types.SimpleNamespace()
    for epoch, alpha in enumerate((1.0, 5.0, 9.0)):
        trainer = types.SimpleNamespace(current_epoch=epoch, max_epochs=3)
        callback.on_train_epoch_start(trainer, model)
        assert model.surrogate == surrogates.Sigmoid(alpha)


def test_a_diagnosis_is_printed_as_the_page_shows_it():
    pytest.importorskip("torch")
    page = (ROOT / "docs" / "howto" / "gradients.md").read_text()
    (shown,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    block = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]
    names = {}
    exec("".join(line.source for line in doctest.DocTestParser().get_examples(block)), names)
    numbers = r"[\d.]+(?:e-\d+)?|-(?=\d)"  # which another machine may round otherwise
    texts = shown, str(names["diagnosis"])
    shown, printed = (re.sub(numbers, "", text).split() for text in texts)
    assert shown == printed


def test_only_the_sketches_of_a_backend_are_not_run():
    sketches = {str(page.relative_to(ROOT)): page.read_text().count("```py\n") for page in PAGES}
    assert {name: n for name, n in sketches.items() if n} == {"docs/howto/backends.md": 2}


def _require_imports(code):
    for names in re.findall(r"^(?:>>> )?import (\w+(?:, \w+)*)", code, re.MULTILINE):
        for library in names.split(", "):
            if importlib.util.find_spec(library) is None:
                pytest.skip(f"{library} is not installed")


OTHERS = [f"backends.{name}" for name in ("Backend", "of", "register", "supported")]
METHODS = ("__call__", "breakpoints", "surrogate_fun", "surrogate_grad")
OTHERS += [f"Surrogate.{name}" for name in METHODS]
OTHERS += [f"schedules.{name}" for name in schedules.__all__]
OTHERS += ["definitions.function_name", "testing.check_backend"]


@pytest.mark.usefixtures("jax_of_a_reader")
@pytest.mark.parametrize("name", [*PUBLIC, *OTHERS])
def test_every_docstring_has_an_example_that_runs(name):
    if name.startswith("testing."):
        pytest.importorskip("mpmath")
        importlib.import_module("surrogates.testing")  # which `import surrogates` leaves out
    target = surrogates
    for part in name.split("."):
        target = getattr(target, part)
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(target), {}, name, None, 0)
    assert test.examples
    _require_imports("".join(example.source for example in test.examples))
    _run(test)


def _run(test):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE, verbose=False)
    output = []
    runner.run(test, out=output.append)
    assert not runner.failures, "".join(output)


@pytest.mark.parametrize("name", SURROGATES)
def test_docstring_of_a_surrogate_is_complete(name):
    text = inspect.getdoc(SURROGATES[name])
    parts = ["g'(x) = ", "g(x) = ", "References\n", ">>>"]
    by_search = name in ("MultiGaussianGrad", "SoftLIF")
    parts.append("peak is" if by_search else "peak = ")
    if inspect.signature(SURROGATES[name]).parameters.keys() != {"at_threshold"}:
        parts += ["Parameters\n", "Raises\n"]
    for part in parts:
        assert part in text


@pytest.mark.parametrize("name", SURROGATES)
def test_docstring_states_an_accuracy_that_is_not_the_usual_one(name):
    text = " ".join(inspect.getdoc(SURROGATES[name]).split())
    accuracy = SURROGATES[name]().accuracy
    if name == "SquarewaveFourierSeries":
        assert "accurate to ``4 * n + 1`` ulp" in text
    elif name == "SoftLIF":
        assert "Accurate to ``9 + 2 * log(maximum(1, sigma))`` ulp" in text
    elif accuracy.of_peak:
        assert f"ccurate to {accuracy.ulp:g} ulp of" in text  # its own sentence, or the one added
    elif accuracy.per_efold:
        bound = f"Accurate to {accuracy.ulp:g} ulp, and {accuracy.per_efold:g} more for each factor"
        assert bound in text
    else:
        assert accuracy.ulp == 4 or f"Accurate to {accuracy.ulp:g} ulp." in text


class Documented(surrogates.Surrogate):
    """A surrogate of a user's.

    Parameters
    ----------
    beta : float
        Its sharpness.

    References
    ----------
    A book.
    """

    beta: float = surrogates.parameter(2.0, low=0.5)
    kind: str = field(default="a", metadata={"choices": ("a", "b")})
    accuracy = surrogates.Accuracy(ulp=7.0)

    def derivative(self, xp, x):
        return xp.exp(-self.beta * x**2)


def test_errors_and_accuracy_are_told_by_the_class():
    sections = inspect.getdoc(Documented).split("\n\n")
    assert [section.split("\n")[0] for section in sections[1:]] == [
        "Parameters",
        "Raises",
        "Notes",
        "References",
    ]
    assert sections[2].splitlines()[2:] == [
        "ValueError",
        "    If `beta` is not a finite number from 0.5 to 1e+15.",
        "    If `kind` is not one of 'a', 'b'.",
    ]
    assert sections[3].splitlines()[2:] == ["Accurate to 7 ulp."]


def test_other_docstrings_stay_as_they_are():
    class Plain(surrogates.Surrogate):
        """Says nothing of parameters."""

        beta: float = 2.0

    class Bare(surrogates.Surrogate):
        beta: float = 2.0

    assert Plain.__doc__ == "Says nothing of parameters."
    assert Bare.__doc__ is None  # @dataclass would write its signature


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_documented(name):
    assert len(inspect.getdoc(PUBLIC[name])) > 60
