"""Replace norse's `threshold`, which its neurons call by name, and put it back."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import Any

from .._surrogate import Surrogate
from ._library import installed

HOME = "norse.torch.functional.threshold"
_lock = threading.Lock()
_entered: list[Replaced] = []  # those in force; the last one holds
_original: list[Any] = []  # the library's own function, while one is in force


class Replaced:
    """A context in which norse's neurons spike by a surrogate, whatever their `method`.

    The function `threshold` is replaced in every module of norse that holds it, and put back at the
    end, also after an exception. Contexts may be nested: the inner one holds. A backward pass may
    come after the end. Entering and leaving is safe in threads, but what is replaced is replaced
    for all threads of the process: neurons that another thread runs meanwhile spike by the
    surrogate, too.

    Parameters
    ----------
    surrogate : Surrogate
        What emits the spikes. norse's refractory neurons ask the same function whether a count is
        above 0, so it must be 0 at 0 and 1 above.

    Raises
    ------
    ValueError
        If it emits anything but 1 where ``x > 0`` and 0 elsewhere.
    """

    def __init__(self, surrogate: Surrogate) -> None:
        if surrogate.comparison != "gt":
            raise ValueError(
                "norse's neurons spike where x > 0, and those with a refractory period would never "
                f"spike with another step; make the surrogate with at_threshold=0.0, got "
                f"{surrogate!r}"
            )
        self.surrogate = surrogate

    def __repr__(self) -> str:
        return f"<a context, for a with statement: norse's neurons spike by {self.surrogate!r}>"

    def __enter__(self) -> Replaced:
        home = installed(HOME)
        with _lock:
            if not _original:
                _original.append(home.threshold)
            _entered.append(self)
            _put(_Threshold(self.surrogate))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with _lock:
            # Contexts of several threads need not end in the order of their beginnings.
            place = max(i for i, other in enumerate(_entered) if other is self)
            del _entered[place]
            _put(_Threshold(_entered[-1].surrogate) if _entered else _original.pop())


class _Threshold:
    """What stands in place of norse's function."""

    def __init__(self, surrogate: Surrogate) -> None:
        self.surrogate = surrogate

    def __call__(self, x: Any, method: str, alpha: Any) -> Any:
        return self.surrogate(x)


def _put(function: Any) -> None:
    """Replace the library's own function by another, or one that replaced it already."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "norse" and module is not None:
            held = vars(module).get("threshold")
            if isinstance(held, _Threshold) or any(held is own for own in (*_original, function)):
                module.threshold = function  # type: ignore[attr-defined]
