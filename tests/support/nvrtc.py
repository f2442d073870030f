"""What CuPy and PyTorch would compile for a device, without one: NVRTC is a package of pip's."""

from __future__ import annotations

import contextlib
import io
import re
from collections import Counter
from typing import Any
from unittest import mock

import cupy
import numpy as np
from cupy._core import _carray, _kernel
from cupy.cuda import compiler

from cpp import name_of, operands_of
from surrogates.backends._compiler.kernel import Functor

# As cupy._core._kernel calls them.
_ARRAY, _INDEXER = 1, 2


def source_of(outputs: str, text: str, dtype: str) -> tuple[str, tuple[str, ...]]:
    """Return the source of an elementwise kernel ``T x -> outputs``, and CuPy's options for it."""
    parameters = (
        _kernel._get_param_info("T x", True)
        + _kernel._get_param_info(outputs, False)
        + _kernel._get_param_info("CIndexer _ind", False)
    )
    array = _kernel._ArgInfo(_ARRAY, cupy.ndarray, np.dtype(dtype), 1, True, True)
    indexer = _kernel._ArgInfo(_INDEXER, _carray.Indexer, None, 1, True, True)
    arguments = (*[array] * (len(parameters) - 1), indexer)
    types = _kernel._TypeMap((("T", np.dtype(dtype).type),))
    code = _kernel._get_elementwise_kernel_code(arguments, types, parameters, text, "kernel", "")
    # Up to where it would ask for a device.
    with (
        mock.patch.object(
            compiler, "_compile_module_with_cache", side_effect=InterruptedError
        ) as compiling,
        contextlib.suppress(InterruptedError),
    ):
        cupy._core.core.compile_with_cache(code, ())
    source, options = compiling.call_args.args[:2]
    return source, (*options, "-ftz=true", "--device-as-default-execution-space")


def elementwise(outputs: str, text: str, dtype: str, architecture: int) -> tuple[str, int]:
    """Return the assembly of CuPy's kernel for a capability such as 80, and its bytes of stack."""
    source, options = source_of(outputs, text, dtype)
    return _assembled(source, options, architecture)


def _assembled(source: str, options: tuple[str, ...], architecture: int) -> tuple[str, int]:
    program = compiler._NVRTCProgram(source, "kernel.cu", method="cubin")
    log = io.StringIO()
    # what is spilled stands in the report of the assembler alone
    asked = ("--ptxas-options=-v", f"--gpu-architecture=sm_{architecture}")
    program.compile((*options, *asked), log)
    ptx: Any = compiler.nvrtc.getPTX(program.ptr)
    stack = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores", log.getvalue())
    assert stack is not None, log.getvalue()
    return ptx.decode() if isinstance(ptx, bytes) else ptx, sum(map(int, stack.groups()))


def traffic(ptx: str) -> Counter[str]:
    """Return how often a kernel loads from and stores to global memory."""
    body: Any = ptx[ptx.index(".entry") :]
    names = ("ld.global", "st.global")
    return Counter({name: len(re.findall(rf"\b{re.escape(name)}", body)) for name in names})


# As PyTorch stores an element, and what it hands to a functor.
_TYPES = {
    "float16": ("Half", "float"),
    "bfloat16": ("BFloat16", "float"),
    "float32": ("float", "float"),
    "float64": ("double", "double"),
}
# The frame of PyTorch's jiterator, in short: a thread loads eight elements of each operand, four at
# once, and stores as many. Half precision is a class that turns into float and back.
_JITERATED = """
struct alignas(2) Half {{
  unsigned short bits;
  Half() = default;
  Half(float value) {{ asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value)); }}
  operator float() const {{
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
  }}
}};
struct alignas(2) BFloat16 {{
  unsigned short bits;
  BFloat16() = default;
  BFloat16(float value) {{ asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value)); }}
  operator float() const {{
    float value;
    asm("mov.b32 %0, {{0, %1}};" : "=f"(value) : "h"(bits));
    return value;
  }}
}};
struct alignas(4 * sizeof({stored})) Vector {{ {stored} values[4]; }};

{text}

extern "C" __global__ void kernel(Vector* out, const Vector* x, const Vector* v{parameters}) {{
  {stored} xs[8], vs[8], results[8];
  int place = blockIdx.x * 2 * blockDim.x + threadIdx.x;
  #pragma unroll
  for (int i = 0; i < 2; i++) {{
    Vector some_x = x[place + i * blockDim.x], some_v = v[place + i * blockDim.x];
    #pragma unroll
    for (int j = 0; j < 4; j++) {{
      xs[4 * i + j] = some_x.values[j];
      vs[4 * i + j] = some_v.values[j];
    }}
  }}
  #pragma unroll
  for (int j = 0; j < 8; j++) results[j] = {name}<{computed}>(xs[j], vs[j]{numbers});
  #pragma unroll
  for (int i = 0; i < 2; i++) {{
    Vector some;
    #pragma unroll
    for (int j = 0; j < 4; j++) some.values[j] = results[4 * i + j];
    out[place + i * blockDim.x] = some;
  }}
}}
"""
ELEMENTS = 8  # of a thread


def jiterated(functor: Functor, dtype: str, architecture: int) -> tuple[str, int]:
    """Return the assembly of a functor in a kernel like PyTorch's, and the bytes of its stack.

    Parameters that are arrays are numbers here: what they are loaded with is PyTorch's business.
    """
    stored, computed = _TYPES[dtype]
    arrays = [f"p{index}" for index in range(operands_of(functor) - 2)]
    source = _JITERATED.format(
        text=functor.text,
        name=name_of(functor),
        stored=stored,
        computed=computed,
        parameters="".join(f", double {name}" for name in (*arrays, *functor.numbers)),
        numbers="".join(f", ({computed}){name}" for name in (*arrays, *functor.numbers)),
    )
    # PyTorch's options
    return _assembled(source, ("--std=c++17", "-default-device", "-DNDEBUG"), architecture)


def moved(ptx: str) -> Counter[str]:
    """Return how many bytes a thread loads from global memory, and stores there."""
    body: Any = ptx[ptx.index(".entry") :]
    total: Counter[str] = Counter()
    for kind, vector, bits in re.findall(
        r"\b(ld|st)\.global(?:\.nc)?(?:\.v([248]))?\.[bfus](\d+)\b", body
    ):
        total[kind] += int(vector or 1) * int(bits) // 8
    return total
