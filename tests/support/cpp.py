"""Functors as C++ compiles them, all of a test in one library."""

from __future__ import annotations

import ctypes
import platform
import re
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
    const {kind}* const* in, {kind}* out, const double* c, long n) {{
  for (long i = 0; i < n; i++) out[i] = space_{place}::{name}<{kind}>({arguments});
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
) -> Callable[[Functor], Callable[..., Any]]:
    """Return what makes a function of arrays ``x, v, p0, ...`` of each of the functors."""
    compiler = shutil.which("g++") or pytest.skip("there is no C++ compiler")
    by_text = {functor.text: functor for functor in functors}
    places = {text: place for place, text in enumerate(by_text)}
    code = "#include <cmath>\nusing namespace std;\n" + "".join(
        _FUNCTION.format(
            place=places[text],
            text=text,
            kind=_kind(text),
            name=name_of(functor),
            arguments=", ".join(
                [f"in[{i}][i]" for i in range(operands_of(functor))]
                + [f"c[{i}]" for i in range(len(functor.numbers))]
            ),
        )
        for text, functor in by_text.items()
    )
    (folder / "functors.cpp").write_text(code)
    files = ["-o", str(folder / "functors.so"), str(folder / "functors.cpp")]
    subprocess.run(
        [compiler, "-std=c++17", "-O1", "-shared", "-fPIC", *options, *files], check=True
    )
    library = ctypes.CDLL(str(folder / "functors.so"))

    def function(functor: Functor) -> Callable[..., Any]:
        compute = getattr(library, f"function_{places[functor.text]}")
        numbers = np.asarray([*functor.numbers.values()], np.float64)
        dtype = {"float": np.float32, "double": np.float64}[_kind(functor.text)]

        def run(*operands: Any) -> Any:
            assert len(operands) == operands_of(functor)
            operands = tuple(np.ascontiguousarray(a, dtype) for a in operands)
            out = np.empty_like(operands[0])
            pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (*operands, out, numbers)]
            several = (ctypes.c_void_p * len(operands))(*pointers[: len(operands)])
            compute(several, *pointers[len(operands) :], ctypes.c_long(out.size))
            return out

        return run

    return function


def name_of(functor: Functor) -> str:
    """Return what a functor is called."""
    found: Any = re.search(r"T (\w+)\(", functor.text)
    return found[1]


def operands_of(functor: Functor) -> int:
    """Return how many arrays a functor is a function of."""
    return functor.text[: functor.text.index(")")].count("T ") - 1 - len(functor.numbers)


def _kind(text: str) -> str:
    return "double" if "const double" in text else "float"
