"""The wrappers of the package, found from their classes, for what holds for all of them."""

from __future__ import annotations

import surrogates
from surrogates._wrappers.wrapper import Wrapper

WRAPPERS: list[type[Wrapper]] = [
    cls for cls in vars(surrogates).values() if isinstance(cls, type) and issubclass(cls, Wrapper)
]
# By the aspect that they change. docs/explanation/architecture.md says which; a test compares.
SHAPING = [cls for cls in WRAPPERS if cls._aspect is None]
EMITTING = [cls for cls in WRAPPERS if cls._aspect == "emission"]
DECIDING = [cls for cls in WRAPPERS if cls._aspect is not None]
