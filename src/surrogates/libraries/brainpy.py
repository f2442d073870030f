"""BrainPy: what its neurons take. Its names for surrogates are those of braintools."""

from __future__ import annotations

from ._adapters import unchanged
from ._library import Library

LIBRARY = Library("brainpy", "2.8.2", at_threshold=1.0)
LIBRARY.takes("spk_fun")(unchanged)
LIBRARY.names_in = "braintools"
