"""Several values in one parameter: the surrogates of a mixture, and their weights."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, NamedTuple

from . import backends
from ._value import Value

_NOTHING: Any = MappingProxyType({})


class _Place(NamedTuple):
    """What a dataclass would call a field."""

    name: str
    metadata: Any
    default: float = 1.0


class Several(Value):
    """Values in order, to be read like a tuple: each is an attribute, named by its number.

    So a surrogate, a number or an array in it is found, taken out and put back in as one in a field
    of a surrogate is.
    """

    traceable = True

    count: int
    interval: Any  # in which the numbers lie, if an optimiser may move them

    def __init__(self, values: Any, interval: Any = None) -> None:
        for number, value in enumerate(values):
            object.__setattr__(self, str(number), value)
        object.__setattr__(self, "count", len(values))
        object.__setattr__(self, "interval", interval)
        # Checked by what holds it, which can name itself in an error.
        arrays = tuple(
            str(number)
            for number, value in enumerate(values)
            if (value.array_fields if isinstance(value, Value) else type(value) is not float)
        )
        parts = [value for value in values if isinstance(value, Value)]
        object.__setattr__(self, "array_fields", arrays)
        object.__setattr__(self, "is_fixed", not arrays and all(p.is_fixed for p in parts))
        object.__setattr__(self, "is_traceable", all(p.is_traceable for p in parts))
        object.__setattr__(self, "returns_new", all(p.returns_new for p in parts))

    def renewed(self) -> Several:
        """Return these values where some arrays became numbers: for hooks."""
        numbers = [float(v) if isinstance(v, (int, float)) else v for v in self]
        return Several(numbers, self.interval)

    @property
    def _fields(self) -> tuple[Any, ...]:  # type: ignore[override]
        metadata = _NOTHING if self.interval is None else {"interval": self.interval}
        return tuple(_Place(str(number), metadata) for number in range(self.count))

    def __iter__(self) -> Iterator[Any]:
        return iter([getattr(self, str(number)) for number in range(self.count)])

    def __len__(self) -> int:
        return int(self.count)

    def __getitem__(self, number: Any) -> Any:
        return tuple(self)[number]

    def __repr__(self) -> str:
        return repr(tuple(self))


backends.register_class(Several)
