"""CuPy's kernels, compiled for devices that are not here: `nox -s kernels`.

Each loads `x` once, stores each result once, and keeps nothing on the stack.
"""

from __future__ import annotations

import pytest

from surrogates.backends._cupy import kernel_of, step_of
from surrogates.definitions import SURROGATES

pytest.importorskip("cupy")
pytestmark = pytest.mark.kernels

import nvrtc  # noqa: E402

KERNELS = {
    "primitive": ("primitive", None, "T out"),
    "derivative": ("derivative", None, "T out"),
    "vjp": ("derivative", "ge", "T spikes, T out"),
    "vjp, 0 at the threshold": ("derivative", "gt", "T spikes, T out"),
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
    ptx, stack = nvrtc.elementwise(outputs, text, dtype, architecture)
    traffic = nvrtc.traffic(ptx)
    branches = 3 if (name, kernel, dtype) in IN_BRANCHES else 1
    assert traffic["st.global"] == branches * len(outputs.split(","))
    if name in BY_TABLE:
        return
    assert traffic["ld.global"] == branches
    assert stack == 0


@pytest.mark.parametrize("architecture", [80, 90])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("comparison", ["ge", "gt"])
def test_spikes_alone_touch_memory_as_little_as_possible(comparison, dtype, architecture):
    ptx, stack = nvrtc.elementwise("T out", step_of(comparison), dtype, architecture)
    assert nvrtc.traffic(ptx) == {"ld.global": 1, "st.global": 1}
    assert stack == 0


def test_a_second_load_and_a_stack_would_be_seen():
    text = "spikes = x >= (T)0;\nout = x * x;"
    ptx, stack = nvrtc.elementwise("T spikes, T out", text, "float32", 80)
    assert nvrtc.traffic(ptx)["ld.global"] == 2
    assert stack == 0
    text = "T many[64];\nfor (int j = 0; j < 64; j++) many[(int)(j * x) & 63] = j;\nout = many[7];"
    assert nvrtc.elementwise("T out", text, "float32", 80)[1] >= 256
