"""What a case is held against, whichever way it takes: a `Run`, and which errors are stated."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from kinds import Kind, assert_like
from laws import LAWS
from laws.bases import Interval
from surrogates._parameters import parameters as declared

from . import cases
from .cases import Case, RefusedError
from .reference import Reference
from .refusals import decided, explained, required

MODEL = ("fuzz/reference.py", "fuzz/shapes.py", "fuzz/refusals.py", "support/laws/")
EVERYWHERE = cases.KINDS
PATHS: dict[str, Any] = {}
_CHECKS: dict[str, Callable[[Run], None]] = {}


class BrokenError(AssertionError):
    """A law is broken: which, and how."""

    def __init__(self, law: str, detail: str = "") -> None:
        super().__init__(f"{law}: {detail}" if detail else law)
        self.law = law


class Run:
    """A case that is built."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.kind = Kind[case["kind"]]
        self.x = cases.x_of(case)
        self.surrogate = cases.build(case)
        self.reference = Reference(case)

    def numpy(self, array: Any) -> np.ndarray:
        if "bfloat16" in str(array.dtype):  # which NumPy does not have
            array = self.kind.astype(array, "float32")
        return np.asarray(self.kind.numpy(array), np.float64)

    def like(self, array: Any, law: str) -> np.ndarray:
        """Return the values of an array that must be of the type, dtype and shape of x."""
        try:
            assert_like(array, self.x, self.kind)
        except AssertionError:
            got = f"{type(array).__name__} {array.dtype} {tuple(array.shape)}"
            raise BrokenError(f"{law} keeps type, dtype and shape of x", got) from None
        return self.numpy(array)

    def spikes(self, array: Any, law: str = "spikes") -> None:
        values, (low, high) = self.like(array, law), self.reference.spikes()
        unknown = np.isnan(low) | np.isnan(high)  # of a primitive
        if not np.all((low <= values) & (values <= high) | unknown):
            raise BrokenError(
                law, f"{values.tolist()} instead of {low.tolist()} to {high.tolist()}"
            )

    def derivative(self, array: Any, law: str = "derivative", factor: float = 1.0) -> None:
        """Check a derivative that was multiplied by `factor`."""
        self.within(self.like(array, law), self._derivative(law), law, factor)

    def _derivative(self, law: str) -> Interval:
        span = self.reference.derivative()
        residual, node = self.reference.residual_law
        return span if residual is None else residual.loosened(self, node, law, span)

    def within(self, values: np.ndarray, span: Interval, law: str, factor: float = 1.0) -> None:
        """Check values against an interval, in the precision of the dtype of x."""
        largest, least = self.reference.largest, self.reference.smallest
        eps = self.reference.spacing
        with np.errstate(all="ignore"):
            low, high = sorted_ends(*(factor * end for end in span))
            low, high = low - eps * np.abs(low) - least, high + eps * np.abs(high) + least
            low = np.where(low > largest * 0.99, largest * 0.99, low)
            high = np.where(high > largest * 0.99, np.inf, high)
            low = np.where(low < -largest * 0.99, -np.inf, low)
            high = np.where(high < -largest * 0.99, -largest * 0.99, high)
        is_number, known = ~np.isnan(self.reference.x), ~(np.isnan(low) | np.isnan(high))
        if self.reference.residual == "uint8" and self.surrogate.array_fields:
            known = known & ~np.isnan(values)  # as docs/howto/residuals.md states
        if np.any(np.isnan(values) & is_number & known):
            raise BrokenError(f"{law}: no NaN from a number", f"{values.tolist()}")
        if "forward" in law and self.kind is Kind.TORCH:  # arithmetic, which is 0 there
            known = known & ~np.isinf(self.reference.x)
        inside = ((low <= values) & (values <= high)) | ~known | ~is_number
        if not np.all(inside):
            raise BrokenError(
                law, f"{values.tolist()} instead of {low.tolist()} to {high.tolist()}"
            )


def sorted_ends(low: np.ndarray, high: np.ndarray) -> Interval:
    """Return the ends of an interval in order."""
    return np.minimum(low, high), np.maximum(low, high)


def path(*kinds: Kind) -> Any:
    """Declare a way to use a surrogate, for some kinds of array; for all by default."""

    def register(function: Callable[[Run], None]) -> Callable[[Run], None]:
        PATHS[function.__name__] = list(kinds or EVERYWHERE)
        _CHECKS[function.__name__] = function
        return function

    return register


def check(case: Case) -> None:
    """Raise BrokenError if a case breaks a law."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Of the frameworks' own.
        warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
        warnings.filterwarnings("ignore", ".* should not be instantiated", DeprecationWarning)
        warnings.filterwarnings("ignore", "Dynamo detected a call to a .functools.lru", UserWarning)
        warnings.filterwarnings("ignore", ".*functorch.*|.*vmap.*", UserWarning)
        if case["path"] in ("vjp", "jvp"):  # of what the caller multiplies with
            warnings.filterwarnings("ignore", "overflow encountered in multiply", RuntimeWarning)
        run = None
        try:
            run = Run(case)
            if required(case):
                raise BrokenError(required(case)[0])
            _CHECKS[case["path"]](run)
        except RefusedError as refused:
            _check_refusal(case, str(refused))
        except BrokenError:
            raise
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            if any(file in last.filename for file in MODEL):  # a bug of the model
                raise
            if run is None or not _is_stated(run, error):
                law = f"no {type(error).__name__} from {_place(error)}"
                raise BrokenError(law, f"{error}"[:300]) from error


def _place(error: BaseException) -> str:
    """Return the last function of ours that an error passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame.name for frame in frames if "surrogates" in frame.filename]
    return ours[-1] if ours else frames[-1].name


def _check_refusal(case: Case, message: str) -> None:
    if not explained(case, message):
        raise BrokenError("wrappers compose in any order", f"refused: {message[:200]}")
    if len(message) < 40:
        raise BrokenError("a refusal says what to do", message)


def _is_stated(run: Run, error: Exception) -> bool:
    """Return whether an error is a documented one."""
    nodes = cases.everything(run.reference.case["surrogate"])
    laws = [(LAWS[node["class"]], node) for node in nodes if node["class"] in LAWS]
    if any(law.states(run, node, error) for law, node in laws):
        return True
    text = str(error)
    if isinstance(error, NotImplementedError) and "has no gradient" in text:
        given = [p for law, _ in laws for p in declared(law.cls)]
        return any("without_gradient" in p.metadata for p in given)
    if run.case["path"] == "learned" and isinstance(error, (TypeError, ValueError)):
        if any(stated in text for stated in ("cannot be learned", "which are")):
            return True
        return explained(run.reference.case, text)  # of its start as a number, which is checked
    if run.case["path"] == "torch_export" and isinstance(error, StopIteration):
        return True  # PyTorch 2.13, where a tensor of the model is not used: S2NN's epsilon
    if run.case["path"] != "sample":
        return False
    if isinstance(error, TypeError) and "decides the emission" in text:
        return "emission" in decided(run.case["surrogate"])
    return isinstance(error, ValueError) and "be a density" in text


def cotangent(run: Run) -> Any:
    return cases.array(run.kind, np.full(run.x.shape, -1.5), run.case["dtype"])


def agree(run: Run, actual: Any, expected: Any, law: str, room: Any = 0.0) -> None:
    values, exact = run.numpy(actual), run.numpy(expected)
    rtol = {"float64": 1e-9, "float32": 1e-4}.get(run.case["dtype"], 0.1)
    # Further derivatives pass through what was kept, in its dtype and range.
    rtol = max(rtol, {"float16": 2.0**-8, "bfloat16": 2.0**-5}.get(run.reference.residual, 0.0))
    with np.errstate(all="ignore"):
        # an infinity among them must not excuse the others
        largest = np.max(np.abs(exact), initial=0.0, where=np.isfinite(exact))
        size = np.maximum(np.abs(exact), largest)
        close = np.abs(values - exact) <= rtol * size + room + 100 * run.reference.smallest
        close |= (values == exact) | ~np.isfinite(exact)
        if run.reference.residual == "float16":
            close |= (np.abs(exact) > 1e4) | (np.abs(values - exact) <= 2.0**-24)
    if not np.all(close):
        raise BrokenError(law, f"{values.tolist()} instead of {exact.tolist()}")
