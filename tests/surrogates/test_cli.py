"""The command line, and the demo's promises."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import surrogates
from surrogates._cli import main


def test_env_prints_versions(capsys):
    main(["env"])
    output = capsys.readouterr().out
    assert f"surrogates {surrogates.__version__}" in output
    assert f"numpy {np.__version__}" in output


def test_env_notices_the_other_owner_of_the_import_name(capsys, monkeypatch):
    owners = {"surrogates": ["surrogate-gradients", "surrogates"]}
    monkeypatch.setattr("importlib.metadata.packages_distributions", lambda: owners)
    assert main(["env"]) == 1
    assert "uninstall both" in capsys.readouterr().out


def test_env_says_which_libraries_were_not_tested(capsys, monkeypatch):
    owners = {"snntorch": ["snntorch"], "norse": ["norse"], "stork": ["stork"]}
    versions = {"snntorch": "0.9.4", "norse": "1.1.0", "stork": "3.2.1"}
    monkeypatch.setattr("importlib.metadata.packages_distributions", lambda: owners)
    monkeypatch.setattr("importlib.metadata.version", versions.get)
    assert main(["env"]) == 0
    output = capsys.readouterr().out
    assert "snntorch 0.9.4, not tested: 1.0.0 was\n" in output
    assert "norse 1.1.0\n" in output
    assert "stork" not in output


def test_docs_opens_the_site_that_was_built(tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(surrogates, "__file__", str(tmp_path / "src/surrogates/__init__.py"))
    assert main(["docs"]) == 2
    assert "not of the package" in capsys.readouterr().out
    (tmp_path / "docs/_build/html").mkdir(parents=True)
    (tmp_path / "docs/conf.py").touch()
    assert main(["docs"]) == 2
    assert "python -m nox -s docs" in capsys.readouterr().out
    assert not opened
    page = tmp_path / "docs/_build/html/index.html"
    page.touch()
    assert main(["docs"]) == 0
    assert opened == [page.as_uri()]
    assert capsys.readouterr().out == f"{page}\n"


def test_show_takes_a_surrogate_of_your_own(tmp_path, monkeypatch, capsys):
    code = """
        import surrogates
        class Tent(surrogates.Surrogate):
            '''A tent.'''
            peak = 1.0
            def derivative(self, xp, x):
                return xp.maximum(1 - xp.abs(x), xp.zeros_like(x))
    """
    (tmp_path / "tents.py").write_text(textwrap.dedent(code))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["show", "tents:Tent"]) == 0
    shown = capsys.readouterr().out
    assert "Tent()\n\nA tent.\n" in shown
    assert "At the defaults: peak 1, support (-inf, inf)\n" in shown


def test_module_is_a_command():
    path = f"import sys, runpy; sys.path[:0] = {sys.path!r}; sys.argv = ['surrogates', '--help']"
    code = f"{path}; runpy.run_module('surrogates', run_name='__main__')"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert b"demo" in output.stdout


def test_it_ends_quietly_where_nobody_reads_on():
    path = f"import sys, runpy; sys.path[:0] = {sys.path!r}; sys.argv = ['surrogates', 'list']"
    code = f"{path}; input(); runpy.run_module('surrogates', run_name='__main__')"
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        process.stdout.close()
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [["--epochs", "0"], ["--seed", "-1"], ["--surrogate", "no_such"], ["--backend", "theano"]],
)
def test_demo_refuses_nonsense(arguments, capsys):
    with pytest.raises(SystemExit):
        main(["demo", *arguments])
    assert arguments[0] in capsys.readouterr().err


def _demo(tmp_path):
    for library in ("sklearn", "matplotlib", "tqdm"):
        pytest.importorskip(library)
    import surrogates._demo as demo
    from surrogates._demo import training

    return demo, training.load_digits(seed=0), tmp_path / "demo.png"


def _run(monkeypatch, demo, *arguments):
    """Run the demo, and return the run of each framework."""
    runs = []
    original = demo.table
    monkeypatch.setattr(demo, "table", lambda r: runs.extend(r) or original(r))
    assert main(["demo", *arguments]) == 0
    return runs


@pytest.mark.long
def test_demo_reaches_its_accuracy_and_agrees(tmp_path, capsys, monkeypatch):
    demo, _, picture = _demo(tmp_path)
    libraries = [name for name in ("numpy", "torch", "jax") if importlib.util.find_spec(name)]
    runs = _run(monkeypatch, demo, "--out", str(picture))
    assert {*libraries} <= {run.framework for run in runs}  # and CuPy, where it has a device
    for run in runs:
        assert run.accuracy >= 0.95
        np.testing.assert_allclose(run.losses, runs[0].losses, rtol=0, atol=1e-10)
    assert picture.read_bytes().startswith(b"\x89PNG")
    output = capsys.readouterr()
    assert all(run.framework in output.out for run in runs)
    assert "100%" in output.err


def test_demo_trains_with_the_surrogate_and_the_framework_that_are_given(tmp_path, monkeypatch):
    demo, _, picture = _demo(tmp_path)
    pytest.importorskip("torch")
    arguments = ["--backend", "torch", "--epochs", "1", "--out", str(picture)]
    losses = []
    for surrogate in ("sigmoid", "gaussian_grad"):
        numpy, torch = _run(monkeypatch, demo, *arguments, "--surrogate", surrogate)
        assert torch.framework == "torch"
        np.testing.assert_allclose(torch.losses, numpy.losses, rtol=0, atol=1e-10)
        losses.append(torch.losses[-1])
    assert losses[0] != losses[1]


def test_gradients_of_the_numpy_network_are_those_of_torch(tmp_path):
    _, digits, _ = _demo(tmp_path)
    pytest.importorskip("torch")
    from surrogates._demo import frameworks, network

    gradients = []
    for framework in (frameworks.Numpy, frameworks.Torch):
        instance = framework(surrogates.InvSquareGrad())  # the steepest of all
        weights = [instance.array(w) for w in network.initial_weights(64, 10, seed=1)]
        images = instance.array(digits.train_images[:50])
        targets = instance.array(np.eye(10)[digits.train_labels[:50]])
        gradients.append(instance.loss_and_grads(weights, images, targets)[1])
    for ours, theirs in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-14)


def test_demo_says_what_is_missing_before_it_trains(tmp_path, capsys):
    _demo(tmp_path)
    assert main(["demo", "--out", str(tmp_path / "no" / "demo.png")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    cupy = pytest.importorskip("cupy")
    if not cupy.is_available():
        assert main(["demo", "--backend", "cupy"]) == 2
        output = capsys.readouterr()
        assert "no CUDA device" in output.err
        assert "batch" not in output.err
