"""Functors as C++ compiles them, all of a test in one library."""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surrogates.backends._compiler.kernel import Functor

# On every processor that has them; a device contracts a product and a sum, the tests do both.
CONTRACTED = ["-ffp-contract=fast", *(["-mfma"] if platform.machine() == "x86_64" else [])]
APART = ["-ffp-contract=off"]

_FUNCTION = """
namespace space_{place} {{ {text} }}
extern "C" void function_{place}(
    const {kind}* x, const {kind}* v, {kind}* out, const double* c, long n) {{
  for (long i = 0; i < n; i++)
    out[i] = space_{place}::surrogates_gradient<{kind}>(x[i], v[i]{numbers});
}}
"""


def can_contract() -> bool:
    """Return whether this processor runs what is compiled with `CONTRACTED`."""
    if platform.machine() != "x86_64":
        return True
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and " fma " in cpuinfo.read_text()


def compiled(
    functors: Iterable[Functor], folder: Path, options: list[str]
) -> Callable[[Functor], Callable[[Any, Any], Any]]:
    """Return what makes a function of arrays ``x, v`` of each of the functors."""
    compiler = shutil.which("g++") or pytest.skip("there is no C++ compiler")
    places = {text: place for place, text in enumerate(dict.fromkeys(f.text for f in functors))}
    counts = {f.text: len(f.numbers) for f in functors}
    code = "#include <cmath>\nusing namespace std;\n" + "".join(
        _FUNCTION.format(
            place=place,
            text=text,
            kind=_kind(text),
            numbers="".join(f", c[{i}]" for i in range(counts[text])),
        )
        for text, place in places.items()
    )
    (folder / "functors.cpp").write_text(code)
    files = ["-o", str(folder / "functors.so"), str(folder / "functors.cpp")]
    subprocess.run(
        [compiler, "-std=c++17", "-O1", "-shared", "-fPIC", *options, *files], check=True
    )
    library = ctypes.CDLL(str(folder / "functors.so"))

    def function(functor: Functor) -> Callable[[Any, Any], Any]:
        compute = getattr(library, f"function_{places[functor.text]}")
        numbers = np.asarray([*functor.numbers.values()], np.float64)
        dtype = {"float": np.float32, "double": np.float64}[_kind(functor.text)]

        def run(x: Any, v: Any) -> Any:
            x, v = (np.ascontiguousarray(a, dtype) for a in (x, v))
            out = np.empty_like(x)
            pointers = (a.ctypes.data_as(ctypes.c_void_p) for a in (x, v, out, numbers))
            compute(*pointers, ctypes.c_long(x.size))
            return out

        return run

    return function


def _kind(text: str) -> str:
    return "double" if "const double" in text else "float"
