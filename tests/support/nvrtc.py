"""What CuPy would compile for a device, compiled without one: NVRTC is a package of pip's."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from typing import Any
from unittest import mock

import cupy
import numpy as np
from cupy._core import _carray, _kernel
from cupy.cuda import compiler

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


def ptx_of(outputs: str, text: str, dtype: str, architecture: int) -> str:
    """Return the assembly of a kernel for a compute capability such as 80."""
    source, options = source_of(outputs, text, dtype)
    program = compiler._NVRTCProgram(source, "kernel.cu", method="ptx")
    ptx, _ = program.compile((*options, f"-arch=compute_{architecture}"))
    return ptx.decode() if isinstance(ptx, bytes) else ptx


def traffic(ptx: str) -> Counter[str]:
    """Return how often a kernel loads from and stores to global memory, and to the stack."""
    body: Any = ptx[ptx.index(".entry") :]
    names = ("ld.global", "st.global", "ld.local", "st.local")
    return Counter({name: len(re.findall(rf"\b{re.escape(name)}", body)) for name in names})
