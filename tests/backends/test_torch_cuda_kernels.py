"""PyTorch's kernels on CUDA, compiled for devices that are not here: `nox -s kernels`.

Each loads `x` and the cotangent once, stores the gradient once, keeps nothing on the stack, and
computes in the precision that it should. The text is the one that PyTorch is given; the frame
around it is ours, as PyTorch's needs a device.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

from kinds import every_real_parameter
from surrogates import Relaxed
from surrogates.backends._compiler.graph import WORKING
from surrogates.backends._compiler.kernel import Functor, gradient_functor, slope_functor
from surrogates.definitions import SURROGATES

pytest.importorskip("cupy")
pytestmark = pytest.mark.kernels

import nvrtc  # noqa: E402

BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
# cos reduces a large argument by a table in global memory, with room on the stack.
BY_TABLE = {"SquarewaveFourierSeries"}


@pytest.mark.parametrize("architecture", [80, 90])
@pytest.mark.parametrize("dtype", BYTES)
@pytest.mark.parametrize("name", SURROGATES)
def test_a_gradient_touches_memory_as_little_as_possible(name, dtype, architecture):
    functor = gradient_functor(SURROGATES[name](), WORKING[dtype])
    ptx, stack = nvrtc.jiterated(functor, dtype, architecture)
    least = nvrtc.ELEMENTS * BYTES[dtype]
    assert nvrtc.moved(ptx)["st"] == least
    if name in BY_TABLE:
        return
    assert nvrtc.moved(ptx)["ld"] == 2 * least
    assert stack == 0
    if dtype != "float64":  # its numbers are handed over in double, and converted
        in_double = set(re.findall(r"\b\w[\w.]*\.f64\b", ptx)) - {"ld.param.f64", "cvt.rn.f32.f64"}
        assert not in_double


@pytest.mark.parametrize("architecture", [80, 90])
@pytest.mark.parametrize("dtype", BYTES)
@every_real_parameter
def test_gradients_of_parameters_touch_memory_as_little_as_possible(cls, name, dtype, architecture):
    value = np.asarray(float(getattr(cls(), name)))
    definition, _ = Relaxed(cls(**{name: value})).partition()
    working = WORKING[dtype]
    for functor in (
        gradient_functor(definition, working, 1),
        slope_functor(definition, working, 1, 0),
    ):
        ptx, stack = nvrtc.jiterated(functor, dtype, architecture)
        least = nvrtc.ELEMENTS * BYTES[dtype]
        assert nvrtc.moved(ptx)["st"] == least
        if cls.__name__ not in BY_TABLE:
            assert nvrtc.moved(ptx)["ld"] <= 2 * least  # a slope may not depend on x
            assert stack == 0


def test_a_stack_and_double_would_be_seen():
    text = """template <typename T> T surrogates_gradient(T x, T v) {
      T many[64];
      for (int i = 0; i < 64; i++) many[i] = i * v;
      return many[(int)x & 63] * (many[(int)v & 63] + (double)x);
    }"""
    ptx, stack = nvrtc.jiterated(Functor(text, {}), "float32", 80)
    assert stack >= 256
    assert re.search(r"\b\w[\w.]*\.f64\b", ptx)


def test_bytes_are_counted():
    ptx = "ld.global.f32; .entry; ld.global.f64; ld.global.nc.v2.b16; st.global.v4.u32; ld.param"
    assert nvrtc.moved(ptx) == {"ld": 12, "st": 16}
