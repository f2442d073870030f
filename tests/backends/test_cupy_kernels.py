"""CuPy's kernels, compiled for devices that are not here: `nox -s kernels`.

Each loads `x` once, stores each result once, and keeps nothing on the stack.
"""

from __future__ import annotations

import pytest

from surrogates.backends._cupy import kernel_of
from surrogates.definitions import SURROGATES

pytest.importorskip("cupy")
pytestmark = pytest.mark.kernels

import nvrtc  # noqa: E402

KERNELS = {
    "primitive": ("primitive", None, "T out"),
    "derivative": ("derivative", None, "T out"),
    "vjp": ("derivative", "ge", "T spikes, T out"),
}
# cos and sin reduce a large argument by a table in global memory, with room on the stack.
BY_TABLE = {"SquarewaveFourierSeries"}
# The compiler splits it into branches, each of which loads and stores once.
IN_BRANCHES = {("Arctan", "primitive", "float32")}


@pytest.mark.parametrize("architecture", [80, 90])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", SURROGATES)
def test_a_kernel_touches_memory_as_little_as_possible(name, kernel, dtype, architecture):
    function, comparison, outputs = KERNELS[kernel]
    working = "float64" if dtype == "float64" else "float32"
    text = kernel_of(SURROGATES[name](), function, working, comparison)
    traffic = nvrtc.traffic(nvrtc.ptx_of(outputs, text, dtype, architecture))
    branches = 3 if (name, kernel, dtype) in IN_BRANCHES else 1
    assert traffic["st.global"] == branches * len(outputs.split(","))
    if name in BY_TABLE:
        return
    assert traffic["ld.global"] == branches
    assert traffic["ld.local"] == traffic["st.local"] == 0


def test_a_second_load_would_be_seen():
    text = "spikes = x >= (T)0;\nout = x * x;"
    assert nvrtc.traffic(nvrtc.ptx_of("T spikes, T out", text, "float32", 80))["ld.global"] == 2
