"""The surrogates of the comparison page in Node, against NumPy: nox -s docs-js."""

from __future__ import annotations

import itertools
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import surrogates
from kinds import Kind
from surrogates._parameters import parameters
from surrogates.backends._compiler.graph import FUNCTIONS, Trace
from surrogates.backends._compiler.javascript import HELPERS, function_text
from surrogates.definitions import SURROGATES

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))
import comparison  # noqa: E402
import javascript  # noqa: E402

pytestmark = pytest.mark.docs_js
every_class = pytest.mark.parametrize("cls", SURROGATES.values(), ids=SURROGATES.keys())
EDGES = [0.0, -0.0, 5e-324, -5e-324, 1e-300, 1e300, -1e300, math.inf, -math.inf, math.nan]
# Whose gain the page may not know: it grows beyond the potentials, or oscillates too often in them.
UNTOLD = (
    surrogates.ExpEscape,
    surrogates.PeriodicExponential,
    surrogates.SquarewaveFourierSeries,
)
MATCHES = ("peak", "width", "area", "gain")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The modules of the page, the printed one among them, where Node finds them."""
    path = tmp_path_factory.mktemp("modules")
    for name, text in comparison.modules().items():
        (path / name).write_text(text)
    (path / "package.json").write_text('{"type": "module"}')
    return path


@pytest.fixture(scope="session")
def ask(folder, tmp_path_factory):
    node = shutil.which("node")
    if node is None:
        pytest.fail("node is not on PATH; `python -m nox -s docs-js` installs it")

    def answer(questions: list[dict[str, Any]]) -> list[Any]:
        place = tmp_path_factory.mktemp("asked")
        asked, answered = place / "asked.json", place / "answered.json"
        asked.write_text(json.dumps(questions))
        script = str(ROOT / "tests" / "site" / "shapes.mjs")
        subprocess.run([node, script, folder, asked, answered], check=True)
        return json.loads(answered.read_text())

    return answer


@pytest.fixture(scope="session")
def windows(ask):
    """What the sliders move in, by surrogate and parameter."""
    (found,) = ask([{"what": "windows"}])
    return found


def settings(surrogate: surrogates.Surrogate) -> dict[str, Any]:
    return {f.name: getattr(surrogate, f.name) for f in type(surrogate)._fields[1:]}


def numbers(cls: type) -> list[Any]:
    return [p for p in parameters(cls) if isinstance(getattr(cls(), p.name), float)]


def drawn_with(rng: np.random.Generator, declared: Any, window: dict[str, float]) -> float:
    """Return a random value of a slider."""
    low, high, start = window["low"], window["high"], declared.metadata["interval"].start
    if start is None:
        return float(rng.uniform(low, high))
    return float(start + np.exp(rng.uniform(np.log(low - start), np.log(high - start))))


def over_sliders(cls: type, windows: dict[str, Any], number: int) -> list[surrogates.Surrogate]:
    """Return each form at its defaults, at the ends of all sliders, and at random values."""
    rng, window = np.random.default_rng(0), windows[cls.__name__]
    found = []
    for _, form in javascript.forms_of(cls()):
        found.append(form)
        kept = {n: v for n, v in settings(form).items() if not isinstance(v, float)}
        for end in ("low", "high"):
            found.append(cls(**kept, **{p.name: window[p.name][end] for p in numbers(cls)}))
        for _ in range(number):
            values = {p.name: drawn_with(rng, p, window[p.name]) for p in numbers(cls)}
            found.append(cls(**kept, **values))
    return found


def over_ranges(cls: type) -> list[surrogates.Surrogate]:
    """Return the surrogate at the ends of the whole ranges of its parameters, in all corners."""
    ends = {p.name: [*p.metadata["interval"][:2]] for p in numbers(cls)}
    return [
        cls(**dict(zip(ends, values, strict=True))) for values in itertools.product(*ends.values())
    ]


def abscissae(surrogate: surrogates.Surrogate) -> np.ndarray:
    """Return places near the threshold, far from it, and where the formula changes."""
    rng = np.random.default_rng(1)
    width = surrogate.width if 0 < surrogate.width < math.inf else 1.0
    ends = [e for e in surrogate.support if math.isfinite(e)]
    around = [np.nextafter(e, to) for e in ends for to in (-math.inf, math.inf)]
    far = rng.normal(size=100) * 10.0 ** rng.uniform(-15, 15, 100)
    parts = (np.linspace(-10 * width, 10 * width, 201), np.linspace(-3, 3, 101), far)
    return np.concatenate([*parts, ends, around, surrogate.breakpoints, EDGES])


def in_json(value: float) -> Any:
    return float(value) if math.isfinite(value) else str(value).replace("inf", "Infinity")


def floats(values: list[Any]) -> np.ndarray:
    return np.asarray([float(v) for v in values])


def assert_alike(surrogate: surrogates.Surrogate, kind: str, x: np.ndarray, found: Any) -> None:
    """Assert that JavaScript is as exact as the surrogate states, twice: as for other libraries."""
    from stated import assert_as_stated  # which needs mpmath

    with np.errstate(all="ignore"):
        formula = "surrogate_grad" if kind == "derivative" else "surrogate_fun"
        exact, found = getattr(surrogate, formula)(x), floats(found)
        np.testing.assert_array_equal(np.isinf(found), np.isinf(exact))
        np.testing.assert_array_equal(found[np.isinf(exact)], exact[np.isinf(exact)])
        assert_as_stated(surrogate, kind, found, exact, Kind.CUPY)


@pytest.mark.parametrize("op", [op for op in FUNCTIONS if isinstance(FUNCTIONS[op], np.ufunc)])
def test_every_operation_is_that_of_numpy(op, tmp_path):
    """Where formulas hide what it does: at halves, zeros, infinities, NaN; whatever the signs."""
    function, trace = FUNCTIONS[op], Trace("float64")
    text = function_text(trace.apply(op, *map(trace.input, "ab"[: function.nin])), "a, b")
    values = [*np.arange(-9, 10) / 2, 0.49999999999999994, 2.0**52 + 1, *EDGES]
    places = [*itertools.product(values, repeat=function.nin)]
    if "logical" in function.__name__:  # of conditions alone
        places = [*itertools.product((False, True), repeat=function.nin)]
    asked = ", ".join(str([in_script(v) for v in place]) for place in places).replace("'", "")
    script = tmp_path / "operation.mjs"
    script.write_text(
        f"{HELPERS}\nconst f = {text};\nfor (const p of [{asked}]) console.log(+f(...p));"
    )
    run = subprocess.run(["node", script], check=True, capture_output=True, text=True)
    with np.errstate(all="ignore"):
        expected = function(*np.asarray(places).T).astype(float)
    np.testing.assert_allclose(floats(run.stdout.split()), expected, rtol=1e-14, err_msg=op)


def in_script(value: float) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(float(value)).replace("inf", "Infinity").replace("nan", "NaN")


@every_class
def test_values(cls, ask, windows):
    """Of all forms, over the sliders and at the ends of all ranges, to what the class states."""
    shapes = over_sliders(cls, windows, 4) + over_ranges(cls)
    places = [abscissae(s) for s in shapes]
    questions = [
        {"what": "values", "name": cls.__name__, "p": settings(s), "x": [in_json(v) for v in x]}
        for s, x in zip(shapes, places, strict=True)
    ]
    for surrogate, x, answer in zip(shapes, places, ask(questions), strict=True):
        for kind in ("derivative", "primitive"):
            assert_alike(surrogate, kind, x, answer[kind])


@every_class
def test_measures(cls, ask, windows):
    shapes = over_sliders(cls, windows, 4)
    questions = [{"what": "measures", "name": cls.__name__, "p": settings(s)} for s in shapes]
    for surrogate, found in zip(shapes, ask(questions), strict=True):
        low, high = surrogate.support
        expected = [surrogate.peak, surrogate.width, surrogate.area, low, high]
        np.testing.assert_allclose(
            floats(found.values()), expected, rtol=1e-9, err_msg=repr(surrogate)
        )


@every_class
def test_gain(cls, ask, windows):
    """Of normal potentials; a gain that the page cannot tell is NaN there, and never wrong."""
    laws = [(-1.0, 1.0), (0.0, 0.05), (2.0, 10.0)]
    cases = list(itertools.product(over_sliders(cls, windows, 2)[:12], laws))
    questions = [
        {"what": "gain", "name": cls.__name__, "p": settings(s), "mean": mean, "std": std}
        for s, (mean, std) in cases
    ]
    unknown = 0
    for (surrogate, (mean, std)), found in zip(cases, ask(questions), strict=True):
        try:
            rms = surrogates.gain(surrogate, mean=mean, std=std).rms
        except ArithmeticError:
            continue
        unknown += math.isnan(float(found))
        if not math.isnan(float(found)):
            np.testing.assert_allclose(
                float(found), rms, rtol=1e-7, err_msg=repr((surrogate, mean, std))
            )
    assert unknown == 0 or (cls in UNTOLD and unknown < len(cases))


@every_class
def test_the_python_code_gives_what_is_drawn(cls, ask):
    """Whatever it is scaled by; what cannot be scaled is drawn, and written, as it is."""
    x = np.linspace(-3, 3, 61)
    hashes = [f"#s=Sigmoid,alpha=2.5&s={cls.__name__}&match={by}&mean=-0.5" for by in MATCHES]
    hashes += [f"#s={cls.__name__}&s=ReluGrad,alpha=0.7&match={by}" for by in MATCHES]
    hashes += [f"#s={cls.__name__},{','.join(changes(cls))}&s=Boxcar,closed=left"]
    questions = [{"what": "page", "hash": h, "x": x.tolist()} for h in hashes]
    for by, page in zip([*MATCHES, *MATCHES, ""], ask(questions), strict=True):
        names: dict[str, Any] = {}
        exec(page["code"], names)
        assert len(names["compared"]) == 2
        for surrogate, found in zip(names["compared"], page["curves"], strict=True):
            with np.errstate(all="ignore"):
                for kind in ("grad", "fun"):
                    exact = getattr(surrogate, f"surrogate_{kind}")(x)
                    actual = floats(found["derivative" if kind == "grad" else "primitive"])
                    np.testing.assert_allclose(actual, exact, rtol=1e-7, atol=1e-9)
                expected = [surrogate.peak, surrogate.width, surrogate.area, *surrogate.support]
            actual = floats(
                [found["measures"][m] for m in ("peak", "width", "area", "lowest", "highest")]
            )
            np.testing.assert_allclose(actual, expected, rtol=1e-7, err_msg=repr(surrogate))
        if not page["curves"][1]["possible"] and cls is not surrogates.ExpEscape:
            first, second = names["compared"]
            law = {"mean": -0.5, "std": 1.0} if by == "gain" else {}
            with pytest.raises(ValueError, match="finite"):
                surrogates.matched(second, first, by, **law)


@every_class
def test_an_address_round_trips(cls, ask):
    text = f"s={cls.__name__},{','.join(changes(cls))}"
    hashes = [
        f"#{text}&match={by}&x=above&y=log&half=3&std=2&mean=1e-7" for by in ("none", *MATCHES)
    ]
    assert all(
        page["again"] for page in ask([{"what": "page", "hash": h, "x": []} for h in hashes])
    )


@pytest.mark.parametrize(
    "hash",
    ["", "#", "#s=Nope", "#s=Sigmoid,alpha=x&y=zzz&half=-1", "#s=constructor", "#s=ERF,alpha=1e99"],
)
def test_any_address_is_read(hash, ask):
    (page,) = ask([{"what": "page", "hash": hash, "x": [0.0]}])
    assert page["again"]
    assert page["curves"]
    exec(page["code"], {})


def changes(cls: type) -> list[str]:
    """Return other values than the default for all parameters, as an address has them."""
    found = [f"{p.name}={1.5 * getattr(cls(), p.name) + 0.25}" for p in numbers(cls)]
    for declared in cls._fields:
        if "choices" in declared.metadata:
            found.append(f"{declared.name}={declared.metadata['choices'][-1]}")
    return found
