"""``python -m surrogates check``: whether surrogates, your own among them, are what they say.

It prints three kinds of lines for each surrogate. *symbolic* is a proof by SymPy, piece by piece,
that the derivative is that of the primitive. *measured* is the same by difference quotients and
integrals, with no interval and no parameter left out; also peak, area and width, and what the
docstring states. And a line for each framework and dtype says how exact derivative and primitive
are, compared with 50 digits.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import platform
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import metadata
from itertools import chain, pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from .. import _recording as recording
from .._accuracy import Accuracy
from .._find import chosen
from .._surrogate import Surrogate
from .._wrappers.wrapper import Wrapper

try:
    from . import accuracy, formulas, frameworks, measures, pair, proof, variants
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"{error}; the check needs the extra 'check' of surrogate-gradients: python -m pip install "
        "gmpy2 mpmath sympy",
        name=error.name,
    ) from None

PROBES = 48  # points for each of the main parameter sets at which difference quotients are taken


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    surrogate: str
    framework: str
    dtype: str
    derivative: float
    """The largest error, in ulp."""
    primitive: float
    failure: str | None
    """What is wrong, or None."""
    note: str = "ok"
    """What to print where nothing is wrong."""


def run(
    classes: list[type[Surrogate]],
    points: int,
    names: list[str] | None = None,
    jobs: int = 1,
    file: Path | None = None,
) -> int:
    """Check `classes`, print the table, and return the exit status: 1 if anything fails.

    It runs in the frameworks of these `names`, or in all that are installed, in `jobs` processes.
    The rows are also written to `file`, as JSON; it keeps what it has of other surrogates, if that
    was measured on as many points, with the same versions.
    """
    rows = []
    titles = f"{'surrogate':<24} {'framework':<9} {'dtype':<8} {'derivative':>10} {'primitive':>10}"
    print(f"{titles}  verdict")
    failed = 0
    rows_of = partial(_rows, points=points, names=names)
    # spawned, since a forked process inherits the threads of the frameworks in an unknown state
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for row in chain.from_iterable((pool.map if jobs > 1 else map)(rows_of, classes)):
            failed += row.failure is not None
            rows.append(row)
            print(
                f"{row.surrogate:<24} {row.framework:<9} {row.dtype:<8} {_ulp(row.derivative):>10} "
                f"{_ulp(row.primitive):>10}  {row.failure or row.note}",
                flush=True,
            )
    if file is not None:
        _write(file, rows, points)
    print(
        f"{failed} of the lines above failed"
        if failed
        else "all hold: no error is larger than its class states (in ulp)"
    )
    return 1 if failed else 0


def _write(file: Path, rows: list[Row], points: int) -> None:
    tried = list(dict.fromkeys(row.framework for row in rows if row.dtype))
    versions = {name: metadata.version(name) for name in tried}
    facts = {"points": points, "python": platform.python_version(), "frameworks": versions}
    written = [
        {k: v for k, v in dataclasses.asdict(row).items() if v == v} for row in rows
    ]  # no NaN
    kept = _of_others(file, facts, {row.surrogate for row in rows})
    lines = ",\n".join(json.dumps(row) for row in kept + written)
    file.write_text(f'{json.dumps(facts)[:-1]}, "rows": [\n{lines}\n]}}\n')


def _of_others(file: Path, facts: dict[str, Any], checked: set[str]) -> list[dict[str, Any]]:
    """Return the rows that a file has of other surrogates, where the facts are the same."""
    rows: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    if file.is_file():
        with contextlib.suppress(ValueError, KeyError):  # it holds something else
            before = json.loads(file.read_text())
            rows = before.pop("rows")
    return [row for row in rows if row["surrogate"] not in checked] if before == facts else []


def _rows(cls: type[Surrogate], points: int, names: list[str] | None) -> list[Row]:
    try:
        return list(check(cls, points, names))
    except Exception as error:  # a user's own code may do anything
        failure = (
            f"cannot be checked: {type(error).__name__}: {error}. The check calls it on arrays of "
            "every framework, with infinities among them, and on numbers of 50 digits: write it in "
            "operators and in the functions of array_api_compat.array_namespace(x)"
        )
        return [Row(cls.__name__, "", "", math.nan, math.nan, failure)]


def _ulp(error: float) -> str:
    return "" if math.isnan(error) else f"{error:.1f}" if error < 1e6 else f"{error:.1e}"


def check(cls: type[Surrogate], points: int, names: list[str] | None = None) -> Iterator[Row]:
    """Yield the lines of the table for one class of surrogate."""
    first = variants.default(cls)
    with np.errstate(all="ignore"):
        first.surrogate_grad(np.float64(0.0))  # raises where there is nothing to check
    if not isinstance(first.accuracy, Accuracy):
        raise TypeError(
            f"{cls.__name__}: accuracy must be a surrogates.Accuracy, got {first.accuracy!r}"
        )
    with np.errstate(all="ignore"):
        subjects = [Subject(surrogate) for surrogate in variants.main(cls)]
        proven = _proof(cls, subjects)
    yield proven
    with np.errstate(all="ignore"):
        measured = _measured(cls, subjects)
    yield measured
    for dtype in frameworks.DTYPES:
        worst: dict[str, Row] = {}
        for subject in subjects:
            for row in _accuracy(subject, dtype, points, names):
                worst[row.framework] = _worse(worst.get(row.framework), row)
        yield from worst.values()


class Subject:
    """A surrogate under check, and where its formulas change."""

    def __init__(self, surrogate: Surrogate) -> None:
        self.surrogate = surrogate
        self.functions = accuracy.functions(surrogate)
        self.written = [n for n in self.functions if variants.written(type(surrogate), n)]
        self.is_pair = len(self.written) == len(self.functions) == 2

    @cached_property
    def scale(self) -> float:
        """The length on which it varies."""
        return accuracy.scale(self.surrogate)

    @cached_property
    def kinks(self) -> recording.Kinks:
        """Where a formula that is written down changes."""
        methods = [variants.METHODS[name] for name in self.written]
        return recording.kinks(self.surrogate, methods, self.scale)


def _worse(old: Row | None, new: Row) -> Row:
    if old is None:
        return new
    return dataclasses.replace(
        old,
        derivative=max(old.derivative, new.derivative),
        primitive=max(old.primitive, new.primitive, key=lambda e: -1.0 if math.isnan(e) else e),
        failure=old.failure or new.failure,
    )


def _proof(cls: type[Surrogate], subjects: list[Subject]) -> Row:
    """Prove symbolically, on every piece, that the derivative is that of the primitive."""
    known: dict[Any, proof.Verdict] = {}
    if not subjects[0].is_pair:
        note = "nothing to prove: there is no pair of primitive and derivative"
        return Row(cls.__name__, "symbolic", "", math.nan, math.nan, None, note)
    open_cases = []
    for subject in subjects:
        for point in _pieces(subject.kinks):
            at = f"around x = {point:.3g} of {subject.surrogate!r}"
            try:
                verdict = proof.compared(subject.surrogate, point, known)
            except Exception as error:  # a user's own formula may be more than SymPy can do
                note = f"not proven: it does not run on symbols {at}: {error!r}"
                return Row(cls.__name__, "symbolic", "", math.nan, math.nan, None, note)
            if verdict.relative > 1e-9:
                failure = f"primitive and derivative disagree {at} by {verdict.difference}"
                return Row(cls.__name__, "symbolic", "", math.nan, math.nan, failure)
            if not verdict.proven:
                open_cases.append(
                    f"{at}, where SymPy leaves {verdict.difference}, in numbers "
                    f"{verdict.relative:.1g} of the derivative"
                )
    note = f"proven, except {open_cases[0]}" if open_cases else "proven"
    return Row(cls.__name__, "symbolic", "", math.nan, math.nan, None, note)


def _pieces(kinks: recording.Kinks) -> list[float]:
    """Return a point on each piece between kinks, of many those nearest to 0, and beyond them."""
    edges = sorted(sorted(kinks.positions, key=abs)[:16])
    # not in the middle, where a periodic formula may be 0
    between = [
        a + 0.437 * (b - a) for a, b in pairwise(edges) if b - a > 1e-9 * max(abs(a), abs(b))
    ]
    outside = 3 * max(1.0, abs(edges[0]), abs(edges[-1]))
    return [-outside, *between, outside]


def _measured(cls: type[Surrogate], subjects: list[Subject]) -> Row:
    """Measure what the proof does not cover: every interval, kink and value of a parameter."""
    more = (Subject(surrogate) for surrogate in variants.more(cls))
    for number, of in ((PROBES, subjects), (PROBES // 4, more)):
        for subject in of:
            if found := _disagreements(subject, number):
                failure = f"{subject.surrogate!r}: {'; '.join(found[:3])}"
                return Row(cls.__name__, "measured", "", math.nan, math.nan, failure)
    is_step = cls.emit is Surrogate.emit
    note = "ok" if is_step else "ok; the spikes are of an `emit` of its own, and are not checked"
    return Row(cls.__name__, "measured", "", math.nan, math.nan, None, note)


def _disagreements(subject: Subject, number: int) -> list[str]:
    surrogate = subject.surrogate
    line = pair.Line(surrogate, subject.kinks, subject.scale)
    probes = pair.probes(subject.kinks, subject.scale, number)
    found = [line.between()] if variants.written(type(surrogate), "derivative") else []
    if subject.is_pair:
        found += [pair.quotients(surrogate, probes), line.disagreement()]
    if "primitive" in subject.functions:
        half = float(surrogate.surrogate_fun(np.float64(0.0)))
        if not abs(half - 0.5) <= 1e-14 * max(1.0, surrogate._largest_term):
            found.append(f"the primitive is {half} at 0, not 1/2")
    found += measures.failures(surrogate, line)
    if formulas.stated(type(surrogate)):
        found.append(_unlike_stated(surrogate, np.asarray([x for x, _ in probes])))
    found += [line.at_infinity(), measures.of_arrays(surrogate, [x for x, _ in probes])]
    return [failure for failure in found if failure]


def _unlike_stated(surrogate: Surrogate, x: np.ndarray[Any, Any]) -> str | None:
    """Compare roughly with the formulas of the docstring; `_accuracy` measures how exact it is."""
    for name, (method, formula) in accuracy.functions(surrogate).items():
        if formula not in formulas.stated(type(surrogate)):
            continue
        truth = accuracy.reference(surrogate, name, x)
        computed = getattr(surrogate, method)(x)
        of_bound, _ = accuracy.ulps(surrogate, name, computed, truth)
        at = int(of_bound.argmax())
        if not of_bound[at] <= 1000.0:
            return (
                f"the {name} at x = {x[at]:.9g} is {computed[at]:.9g}, "
                f"by the docstring {truth.exact[at]:.9g}"
            )
    return None


def _accuracy(subject: Subject, dtype: str, points: int, only: list[str] | None) -> Iterator[Row]:
    """Compare the functions in every framework with 50 digits, half precision with float64."""
    is_half = dtype in frameworks.HALF
    surrogate = formulas.held(subject.surrogate, "float32" if is_half else dtype)
    places = subject.kinks.positions
    places = sorted(places, key=lambda k: (k not in subject.kinks.single, abs(k)))[:12]
    x = accuracy.points(surrogate, dtype, min(points, 600) if is_half else points, 0, places)
    reference = accuracy.doubled if is_half else accuracy.reference
    truths = {name: reference(surrogate, name, x) for name in subject.functions}
    for framework in frameworks.installed(only):
        if dtype not in framework.dtypes:
            continue
        worst: dict[str, float] = {}
        failure = None
        for name, (method, _) in subject.functions.items():
            function = getattr(surrogate, method)
            try:
                computed = framework.evaluate(function, x, dtype)
            except FloatingPointError as warning:
                computed = framework.evaluate(function, x, dtype, strict=False)
                if not np.isnan(computed).any():
                    failure = f"{surrogate!r}: {name} makes NumPy warn: {warning}"
            of_bound, error = accuracy.ulps(
                surrogate, name, computed, truths[name], framework.flushes, dtype
            )
            if framework.flushes:
                subnormal = (x != 0) & (np.abs(x) < accuracy.limits(dtype).tiny)
                of_bound[subnormal] = error[subnormal] = 0.0
            worst[name] = float(error.max())
            at = int(of_bound.argmax())
            if failure is None and not of_bound[at] <= framework.allowance:
                failure = (
                    f"{surrogate!r}: {name} at x = {x[at]!s} is {computed[at]!s}, exactly "
                    f"{truths[name].exact[at]!s} ({error[at]:.3g} ulp)"
                )
                if not variants.is_built_in(type(surrogate)) and math.isfinite(error[at]):
                    failure += _ADVICE
            if failure is None and variants.written(type(surrogate), name):
                ends = np.asarray([-np.inf, np.inf], x.dtype)
                values = framework.evaluate(function, ends, dtype, strict=False)
                if np.isnan(values).any():
                    end = ends[np.isnan(values)][0]
                    failure = f"{surrogate!r}: {name} at x = {end} is NaN"
        yield Row(
            type(surrogate).__name__,
            framework.name,
            dtype,
            worst["derivative"],
            worst.get("primitive", math.nan),
            failure,
        )


_ADVICE = (
    "; if that is as exact as it should be, say so in the class: "
    "accuracy = surrogates.Accuracy(ulp=..., per_efold=..., of_peak=...)"
)


def find(name: str) -> type[Surrogate]:
    """Return the class that ``module:Class`` or the name of a surrogate of this package means.

    Raises
    ------
    LookupError
        If there is none, naming those there are.
    """
    found = chosen(name)
    if issubclass(found, Wrapper):
        raise LookupError(
            f"{name!r} is a wrapper: what it makes depends on the surrogate inside. Check that "
            "one, and test the wrapper by the laws of tests/surrogates/test_wrappers.py"
        )
    return found
